//! YAML of users as a tree in which every value knows its file, line and column.
//!
//! Invariant: nothing is decided silently. What two YAML versions read differently is a finding, not a guess.

pub mod scalar;
pub mod suggest;
pub mod typed;

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::diagnostic::{Diagnostic, Place};
use super::limits::{YAML_ALIAS_NODES_MAX, YAML_DEPTH_MAX};

/// Where a value stands; line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The path inside the repository.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Mark {
    /// The file as a whole.
    pub fn whole(file: &str) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }

    /// Returns the place for a finding.
    pub fn place(&self) -> Place {
        Place { path: self.file.to_string(), line: self.line, column: self.column }
    }

    /// Returns the finding with this place.
    pub fn on(&self, finding: Diagnostic) -> Diagnostic {
        finding.at(&self.file, self.line, self.column)
    }
}

/// One value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub content: Content,
    /// Where it stands.
    pub mark: Mark,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// `null`, a truth value, a number or a text.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key; numbers and truth values became their text.
    pub key: Arc<str>,
    /// Where the key stands.
    pub mark: Mark,
    /// The value.
    pub value: Node,
}

impl Node {
    /// An empty map.
    pub fn empty_map(file: &str) -> Self {
        Self { content: Content::Map(Vec::new()), mark: Mark::whole(file) }
    }

    /// Returns the entries of a map; anything else has none.
    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Scalar(_) | Content::List(_) => &[],
        }
    }

    /// Returns the value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the entry of a key of a map.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// Returns the text of a text scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Tells whether it is `null` or an empty file.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// Names the kind of the value for messages.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Value::Null) => "nothing",
            Content::Scalar(Value::Bool(_)) => "a truth value",
            Content::Scalar(Value::Number(_)) => "a number",
            Content::Scalar(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// Returns the value without places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(nodes) => Value::Array(nodes.iter().map(Self::to_json).collect()),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.to_string(), e.value.to_json())).collect())
            }
        }
    }

    /// Calls the function for every scalar below, with its dotted path.
    pub fn each_leaf<'a>(&'a self, path: &str, visit: &mut impl FnMut(&str, &'a Self)) {
        match &self.content {
            Content::Scalar(_) => visit(path, self),
            Content::List(nodes) if nodes.is_empty() => visit(path, self),
            Content::Map(entries) if entries.is_empty() => visit(path, self),
            Content::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    node.each_leaf(&format!("{path}[{index}]"), visit);
                }
            }
            Content::Map(entries) => {
                for entry in entries {
                    let dot = if path.is_empty() { "" } else { "." };
                    entry.value.each_leaf(&format!("{path}{dot}{}", entry.key), visit);
                }
            }
        }
    }

    fn depth(&self) -> usize {
        let below = match &self.content {
            Content::Scalar(_) => None,
            Content::List(nodes) => nodes.iter().map(Self::depth).max(),
            Content::Map(entries) => entries.iter().map(|entry| entry.value.depth()).max(),
        };
        1 + below.unwrap_or(0)
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 1,
            Content::List(nodes) => 1 + nodes.iter().map(Self::size).sum::<usize>(),
            Content::Map(entries) => 1 + entries.iter().map(|e| e.value.size()).sum::<usize>(),
        }
    }
}

/// Reads one YAML document. The tree is missing when the text is not YAML; every other finding leaves a usable tree.
/// An empty file is `null`.
pub fn parse(file: &str, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut builder = Builder {
        file: file.into(),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        alias_nodes: 0,
        documents: 0,
        root: None,
        findings: Vec::new(),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if let Err(finding) = builder.take(event, span) {
                    builder.findings.push(finding);
                    return (None, builder.findings);
                }
            }
            Err(error) => {
                builder.findings.push(syntax_finding(file, text, error.marker(), error.info()));
                return (None, builder.findings);
            }
        }
    }
    let root = builder.root.take();
    let root = root.unwrap_or_else(|| Node { content: Content::Scalar(Value::Null), mark: Mark::whole(file) });
    (Some(root), builder.findings)
}

fn too_deep() -> Diagnostic {
    Diagnostic::error(format!("this file is nested deeper than {YAML_DEPTH_MAX} levels"))
}

fn syntax_finding(file: &str, text: &str, marker: &Marker, info: &str) -> Diagnostic {
    let line = u32::try_from(marker.line()).unwrap_or(u32::MAX).max(1);
    let source = text.lines().nth(line as usize - 1).unwrap_or_default();
    let indent: String = source.chars().take_while(|c| c.is_whitespace()).collect();
    let finding = Diagnostic::error(format!("this is not YAML: {info}"));
    let finding = finding.at(file, line, u32::try_from(marker.col() + 1).unwrap_or(u32::MAX));
    if indent.contains('\t') || info.contains("tab") {
        return finding.hint("indent with spaces, not with tabs");
    }
    match source.find("{{") {
        Some(_) => finding.hint("a value that starts with '{' must be quoted"),
        None => finding.hint("check the indentation, quotes and colons of this line and the one above"),
    }
}

/// A list or map that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(Arc<str>, Mark, bool)>,
    /// Values of `<<`, applied when the map closes: own keys win.
    merges: Vec<Node>,
}

struct Builder {
    file: Arc<str>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    alias_nodes: usize,
    documents: usize,
    root: Option<Node>,
    findings: Vec<Diagnostic>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let mark = self.mark(span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(mark.on(Diagnostic::error("a second YAML document starts here")
                        .hint("write one document per file: remove the '---' line or split the file")));
                }
            }
            Event::Alias(anchor) => {
                let node = self.alias(anchor, &mark)?;
                self.put(node, 0);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_key = self.open.last().is_some_and(Open::wants_key);
                if is_key {
                    self.take_key(&text, style, &mark);
                } else {
                    let node = self.scalar(&text, style, tag.as_deref(), mark);
                    self.put(node, anchor);
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.enter(Content::List(Vec::new()), anchor, tag.as_deref(), mark)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.enter(Content::Map(Vec::new()), anchor, tag.as_deref(), mark)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(),
        }
        Ok(())
    }

    fn mark(&self, marker: Marker) -> Mark {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Mark { file: self.file.clone(), line: number(marker.line()).max(1), column: number(marker.col() + 1) }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Node {
        let value = match scalar::resolve(text, style == ScalarStyle::Plain, tag) {
            Ok(value) => value,
            Err(finding) => {
                self.findings.push(mark.on(finding));
                Value::String(text.to_owned())
            }
        };
        Node { content: Content::Scalar(value), mark }
    }

    fn take_key(&mut self, text: &str, style: ScalarStyle, mark: &Mark) {
        let merge = style == ScalarStyle::Plain && text == "<<";
        let key: Arc<str> = text.into();
        if text.is_empty() && style == ScalarStyle::Plain {
            let finding = Diagnostic::error("a key is missing before the ':'");
            self.findings.push(mark.on(finding).hint("write the key, or remove the line"));
        } else if text.starts_with(':') && style == ScalarStyle::Plain {
            let finding = Diagnostic::error(format!("the key {text:?} begins with a ':'"));
            self.findings.push(mark.on(finding).hint("remove the ':', or quote the key when it is meant"));
        }
        let Some(open) = self.open.last_mut() else { return };
        if !merge && let Some(first) = open.node.entry(&key) {
            let finding = Diagnostic::error(format!("the key {key:?} is there twice"))
                .hint(format!("the first one is in line {}", first.mark.line));
            self.findings.push(mark.on(finding));
        }
        open.key = Some((key, mark.clone(), merge));
    }

    fn alias(&mut self, anchor: usize, mark: &Mark) -> Result<Node, Diagnostic> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(mark.on(Diagnostic::error("this alias stands inside the value that it names")));
        };
        self.alias_nodes += node.size();
        if self.alias_nodes > YAML_ALIAS_NODES_MAX {
            return Err(mark.on(Diagnostic::error(format!(
                "the aliases of this file expand to more than {YAML_ALIAS_NODES_MAX} values"
            ))));
        }
        if self.open.len() + node.depth() > YAML_DEPTH_MAX {
            return Err(mark.on(too_deep()));
        }
        Ok(node.clone())
    }

    fn enter(&mut self, content: Content, anchor: usize, tag: Option<&Tag>, mark: Mark) -> Result<(), Diagnostic> {
        if self.open.len() >= YAML_DEPTH_MAX {
            return Err(mark.on(too_deep()));
        }
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            self.findings.push(mark.on(scalar::unknown_tag(tag)));
        }
        if self.open.last().is_some_and(Open::wants_key) {
            return Err(mark.on(Diagnostic::error("a key must be a text, not a list or a map")
                .hint("quote the key, or quote the value when it starts with '{' or '['")));
        }
        self.open.push(Open { node: Node { content, mark }, anchor, key: None, merges: Vec::new() });
        Ok(())
    }

    fn leave(&mut self) {
        let Some(mut open) = self.open.pop() else { return };
        for merge in std::mem::take(&mut open.merges) {
            self.merge(&mut open.node, merge);
        }
        self.put(open.node, open.anchor);
    }

    /// Applies `<<`: keys that the map does not have itself.
    fn merge(&mut self, node: &mut Node, merge: Node) {
        let sources = match merge.content {
            Content::List(nodes) => nodes,
            Content::Map(_) | Content::Scalar(_) => vec![merge],
        };
        for source in sources {
            let (Content::Map(own), Content::Map(theirs)) = (&mut node.content, &source.content) else {
                let finding = Diagnostic::error(format!("'<<' needs a map or a list of maps, not {}", source.kind()));
                self.findings.push(source.mark.on(finding));
                continue;
            };
            for entry in theirs {
                if !own.iter().any(|e| e.key == entry.key) {
                    own.push(entry.clone());
                }
            }
        }
    }

    fn put(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match (&mut open.node.content, open.key.take()) {
            (Content::List(nodes), _) => nodes.push(node),
            (Content::Map(_), Some((_, _, true))) => open.merges.push(node),
            (Content::Map(entries), Some((key, mark, false))) => match entries.iter_mut().find(|e| e.key == key) {
                Some(entry) => entry.value = node,
                None => entries.push(Entry { key, mark, value: node }),
            },
            (Content::Map(_) | Content::Scalar(_), _) => {
                // An alias as a key: `*name: value`.
                let key = scalar::key_text(&node);
                open.key = Some((key, node.mark, false));
            }
        }
    }
}

impl Open {
    fn wants_key(&self) -> bool {
        matches!(self.node.content, Content::Map(_)) && self.key.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Value, Vec<String>) {
        let (node, findings) = parse("f.yaml", text);
        (node.map_or(Value::Null, |n| n.to_json()), findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_trap_is_a_finding_with_its_line() {
        let cases = [
            ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: error: the key \"a\" is there twice"),
            ("a:\n\tb: 1\n", "f.yaml:2:"),
            ("a: 007\n", "f.yaml:1:4: error: 007 is"),
            ("a: 1.10\n", "f.yaml:1:4: error: 1.10 would"),
            ("a: !vault x\n", "f.yaml:1:4: error: the tag !vault"),
            ("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second"),
            ("a: {{ x }}\n", "f.yaml:1:"),
            ("a: &x [*x]\n", "f.yaml:1:"),
            ("a: *nope\n", "f.yaml:1:"),
            ("a: [1, 2\nb: 3\n", "f.yaml:2:"),
            ("<<: 3\n", "f.yaml:1:5: error: '<<' needs"),
        ];
        for (text, expected) in cases {
            let findings = read(text).1;
            assert!(findings.first().is_some_and(|f| f.starts_with(expected)), "{text:?}: {findings:?}");
        }
    }

    #[test]
    fn words_stay_words_and_merge_keys_yield() {
        let (value, findings) = read("a: yes\nb: &m {x: 1, y: 0x10}\nc: {<<: *m, x: 2}\n10: [~, 1.5, '007', 65000]\n");
        assert_eq!(findings, Vec::<String>::new());
        let expected = serde_json::json!({"a": "yes", "b": {"x": 1, "y": 16}, "c": {"x": 2, "y": 16},
            "10": [null, 1.5, "007", 65000]});
        assert_eq!(value, expected);
    }

    #[test]
    fn bombs_end_early() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..12 {
            let refs = vec![format!("*a{}", i - 1); 10].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        assert!(read(&bomb).1[0].contains("aliases of this file expand"));
        let mut chain = String::from("a0: &a0 x\n");
        for i in 1..200 {
            chain.push_str(&format!("a{i}: &a{i} [[[*a{}]]]\n", i - 1));
        }
        assert!(read(&chain).1[0].contains("nested deeper"));
        for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(5000), "? ".repeat(3000)] {
            assert!(!read(&deep).1.is_empty());
        }
    }
}
