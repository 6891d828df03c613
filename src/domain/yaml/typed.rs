//! From a spanned tree to a typed value: every unknown key and wrong type is a finding on its line, all in one pass.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{Content, Mark, Node, suggest};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::limits::YAML_FINDINGS_MAX;

/// Reads a typed value. What does not fit is reported, left out and the rest is read again, so that one pass finds all.
/// Returns nothing when the rest is not enough.
pub fn read<T: DeserializeOwned>(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<T> {
    let mut value = node.to_json();
    let mut left_out: Vec<String> = Vec::new();
    for _ in 0..YAML_FINDINGS_MAX {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(typed) => return Some(typed),
            Err(error) => error,
        };
        let message = error.inner().to_string();
        let path: Vec<Segment> = error.path().iter().cloned().collect();
        if let Some(name) = quoted(&message, "missing field ") {
            if !left_out.iter().any(|key| key == name) {
                let (mark, _) = find(node, &path);
                findings.push(mark.on(Diagnostic::error(format!("the key {name:?} is missing"))));
            }
            return None;
        }
        let path = blamed(&path, &message);
        findings.push(finding(node, &path, &message));
        match leave_out(&mut value, &path) {
            Some(key) => left_out.push(key),
            None => return None,
        }
    }
    None
}

/// The path of the key to blame: an unknown field is the map's child.
fn blamed(path: &[Segment], message: &str) -> Vec<Segment> {
    let mut path: Vec<Segment> = path.iter().filter(|s| !matches!(s, Segment::Enum { .. })).cloned().collect();
    if let Some(name) = quoted(message, "unknown field ") {
        let is_there = matches!(path.last(), Some(Segment::Map { key }) if key == name);
        if !is_there {
            path.push(Segment::Map { key: name.to_owned() });
        }
    }
    path
}

fn finding(node: &Node, path: &[Segment], message: &str) -> Diagnostic {
    let (mark, value) = find(node, path);
    if let Some(name) = quoted(message, "unknown field ") {
        let finding = Diagnostic::error(format!("the key {name:?} is not known here"));
        return mark.on(finding.hint(suggest::hint(name, expected(message))));
    }
    let value_mark = value.map_or(&mark, |node| &node.mark);
    let key = path.iter().rev().find_map(|s| match s {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    let named = key.map(|key| format!("the value of {key:?}: ")).unwrap_or_default();
    if let Some(name) = quoted(message, "unknown variant ") {
        let finding = Diagnostic::error(format!("{named}{name:?} is not a choice"));
        return value_mark.on(finding.hint(suggest::hint(name, expected(message))));
    }
    // A value may be a secret that somebody wrote in clear: its text is never repeated for such keys.
    if let Some(key) = key.filter(|key| is_secret_key(key)) {
        let kind = value.map_or("something else", Node::kind);
        return value_mark.on(Diagnostic::error(format!("{key:?} needs a reference secret://STORE/PATH, not {kind}")));
    }
    let finding = Diagnostic::error(format!("{named}{}", plain_words(message)));
    value_mark.on(match value.map(|n| &n.content) {
        Some(Content::Scalar(Value::String(text))) if matches!(text.as_str(), "yes" | "no" | "on" | "off") => {
            finding.hint("write true or false")
        }
        Some(Content::Scalar(Value::Number(number))) if message.contains("expected a string") => {
            finding.hint(format!("quote it: \"{number}\""))
        }
        _ => finding,
    })
}

/// Tells whether a key of this name usually holds a secret.
pub fn is_secret_key(key: &str) -> bool {
    const WORDS: [&str; 12] = [
        "password", "passwd", "passphrase", "secret", "psk", "token", "community", "private_key", "pre_shared_key",
        "key_string", "auth_key", "api_key",
    ];
    let key = key.to_ascii_lowercase().replace(['-', ' '], "_");
    WORDS.iter().any(|word| key == *word || key.strip_suffix(word).is_some_and(|rest| rest.ends_with('_')))
}

fn find<'a>(node: &'a Node, path: &[Segment]) -> (Mark, Option<&'a Node>) {
    let mut mark = node.mark.clone();
    let mut here = node;
    for segment in path {
        let next = match (segment, &here.content) {
            (Segment::Seq { index }, Content::List(nodes)) => nodes.get(*index).map(|n| (n.mark.clone(), n)),
            (Segment::Map { key }, Content::Map(_)) => here.entry(key).map(|e| (e.mark.clone(), &e.value)),
            _ => None,
        };
        let Some((next_mark, next_node)) = next else { return (mark, None) };
        (mark, here) = (next_mark, next_node);
    }
    (mark, Some(here))
}

/// Removes the blamed key; an element of a list cannot be removed without moving the others.
fn leave_out(value: &mut Value, path: &[Segment]) -> Option<String> {
    let (last, parents) = path.split_last()?;
    let mut here = value;
    for segment in parents {
        here = match segment {
            Segment::Seq { index } => here.get_mut(*index)?,
            Segment::Map { key } => here.get_mut(key.as_str())?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    let Segment::Map { key } = last else { return None };
    here.as_object_mut()?.shift_remove(key).map(|_| key.clone())
}

/// Returns the word in backquotes after the prefix.
fn quoted<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}

/// Returns the words in backquotes after `expected`.
fn expected(message: &str) -> impl Iterator<Item = &str> {
    let rest = message.split_once("expected").map_or("", |(_, rest)| rest);
    rest.split('`').skip(1).step_by(2)
}

/// Puts serde's words into the words of our users.
fn plain_words(message: &str) -> String {
    let message = message.replace("invalid type: ", "").replace("invalid value: ", "");
    let message = message.replace("string \"", "\"").replace("a string", "a text").replace("boolean", "truth value");
    let message = message.replace("sequence", "list").replace("unit value", "nothing").replace("null", "nothing");
    match message.split_once(", expected ") {
        Some((found, expected)) => format!("{found} stands where {} is needed", number_words(expected)),
        None => message,
    }
}

fn number_words(expected: &str) -> &str {
    match expected {
        "u8" => "a number from 0 to 255",
        "u16" => "a number from 0 to 65535",
        "u32" | "u64" | "usize" => "a number that is not negative",
        "i32" | "i64" => "a whole number",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::yaml;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors matter")]
    struct Device {
        platform: String,
        port: Option<u16>,
        on: Option<bool>,
        kind: Option<Kind>,
        inner: Option<Inner>,
        password: Option<String>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors matter")]
    struct Inner {
        a: Vec<u8>,
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Spine,
        Leaf,
    }

    #[test]
    fn all_findings_in_one_pass() {
        let text = "platfrom: frr\nport: 70000\non: yes\nkind: leef\ninner:\n  a: [1, x]\n  b: 2\npassword: 12345\n";
        let mut findings = Vec::new();
        let node = yaml::parse("f.yaml", text).0.expect("YAML");
        assert!(read::<Device>(&node, &mut findings).is_none());
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            "f.yaml:1:1: error: the key \"platfrom\" is not known here (did you mean \"platform\"?)",
            "f.yaml:2:7: error: the value of \"port\": integer `70000` stands where a number from 0 to 65535 is needed",
            "f.yaml:3:5: error: the value of \"on\": \"yes\" stands where a truth value is needed (write true or false)",
            "f.yaml:4:7: error: the value of \"kind\": \"leef\" is not a choice (did you mean \"leaf\"?)",
            "f.yaml:6:10: error: the value of \"a\": \"x\" stands where a number from 0 to 255 is needed",
        ];
        assert_eq!(found, expected);
        let node = yaml::parse("f.yaml", "platform: frr\npassword: 12345\n").0.expect("YAML");
        let mut findings = Vec::new();
        assert!(read::<Device>(&node, &mut findings).is_some());
        assert!(!findings[0].to_string().contains("12345"), "{findings:?}");
    }
}
