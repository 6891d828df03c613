//! One JSON document: as a tree, as text, and as the steps of a patch (RFC 6902).

use serde_json::{Map, Value};

use super::super::tree::{ConfigTree, Node};

/// Deepest nesting that is kept as a tree; what is deeper stays a value in one line.
const DEPTH_MAX: usize = 32;

/// Reads a document; text that is none gives its lines, so that it is seen and never taken for an empty configuration.
pub(super) fn parse(text: &str) -> ConfigTree {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => ConfigTree { children: nodes(&members, 0) },
        Ok(other) => ConfigTree { children: vec![Node::leaf(other.to_string(), 1)] },
        Err(_) => {
            let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            ConfigTree { children: lines.map(|(index, line)| Node::leaf(line.trim(), number(index))).collect() }
        }
    }
}

fn nodes(members: &Map<String, Value>, depth: usize) -> Vec<Node> {
    members
        .iter()
        .map(|(key, value)| match value {
            Value::Object(inner) if !inner.is_empty() && depth < DEPTH_MAX => {
                Node { text: quoted(key).into(), line: 0, children: nodes(inner, depth + 1) }
            }
            _ => Node::leaf(format!("{}: {value}", quoted(key)), 0),
        })
        .collect()
}

fn quoted(key: &str) -> String {
    Value::String(key.to_owned()).to_string()
}

/// Makes the document again; the lines that are no member are left out and returned.
pub(super) fn value(tree: &ConfigTree) -> (Map<String, Value>, Vec<String>) {
    let mut odd = Vec::new();
    let members = members(&tree.children, &mut odd);
    (members, odd)
}

fn members(nodes: &[Node], odd: &mut Vec<String>) -> Map<String, Value> {
    let mut out = Map::new();
    for node in nodes {
        if !node.children.is_empty()
            && let Ok(key) = serde_json::from_str::<String>(&node.text)
        {
            out.insert(key, Value::Object(members(&node.children, odd)));
        } else if let Ok(Value::Object(member)) = serde_json::from_str::<Value>(&format!("{{{}}}", node.text)) {
            out.extend(member);
        } else {
            odd.push(node.text.to_string());
        }
    }
    out
}

/// Returns the tree of a document.
pub(super) fn tree(members: &Map<String, Value>) -> ConfigTree {
    ConfigTree { children: nodes(members, 0) }
}

/// Prints a document with four spaces per level, as SONiC does.
pub(super) fn print(tree: &ConfigTree) -> String {
    let (members, odd) = value(tree);
    if members.is_empty() && !odd.is_empty() {
        return odd.join("\n") + "\n";
    }
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    if serde::Serialize::serialize(&members, &mut serializer).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&out).into_owned() + "\n"
}

/// One step of a patch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub(super) value: Option<Value>,
}

/// Reads a value that may be `null` and is there all the same.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Op {
    Add,
    Remove,
    Replace,
}

impl Step {
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Returns a JSON pointer (RFC 6901).
pub(super) fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

/// Applies a step; tells whether its path was there.
pub(super) fn apply(document: &mut Value, step: &Step) -> bool {
    let Some((parent, last)) = step.path.rsplit_once('/') else {
        // The whole document.
        if let (Op::Add | Op::Replace, Some(value)) = (step.op, &step.value) {
            *document = value.clone();
            return true;
        }
        return false;
    };
    let last = last.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Object(members)) => match (step.op, &step.value) {
            (Op::Remove, _) => members.shift_remove(&last).is_some(),
            (Op::Replace, _) if !members.contains_key(&last) => false,
            (Op::Add | Op::Replace, Some(value)) => {
                members.insert(last, value.clone());
                true
            }
            (Op::Add | Op::Replace, None) => false,
        },
        Some(Value::Array(items)) => {
            let index = if last == "-" { Some(items.len()) } else { last.parse::<usize>().ok() };
            match (index, step.op, &step.value) {
                (Some(at), Op::Remove, _) if at < items.len() => {
                    items.remove(at);
                    true
                }
                (Some(at), Op::Add, Some(value)) if at <= items.len() => {
                    items.insert(at, value.clone());
                    true
                }
                (Some(at), Op::Replace, Some(value)) if at < items.len() => {
                    items[at] = value.clone();
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Reads the steps of a patch: a JSON list, or one step per line.
pub(super) fn steps(text: &str) -> Vec<String> {
    if let Ok(steps) = serde_json::from_str::<Vec<Value>>(text) {
        return steps.iter().map(Value::to_string).collect();
    }
    text.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Prints the steps as one patch.
pub(super) fn patch(steps: &[&str]) -> String {
    if steps.is_empty() { String::new() } else { format!("[\n{}\n]\n", steps.join(",\n")) }
}
