//! YAML and JSON documents as paths: every key is a word, a scalar is the value of the key above it.

use serde_json::Value;

use super::token::Word;
use super::trie::{Id, Mark, ROOT, Trie};
use crate::domain::limits::CONFIG_DEPTH_MAX;

/// Reads a document; text that is none gives no path.
pub(super) fn read(text: &str, trie: &mut Trie) {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => Some(value),
        Err(_) if is_too_deep(text) => None,
        Err(_) => serde_yaml::from_str::<Value>(text).ok(),
    };
    match value {
        // `nv config show` wraps the configuration into a list of parts, of which `set` is the one that counts.
        Some(Value::Array(parts)) => {
            for set in parts.iter().filter_map(|part| part.get("set")) {
                add(trie, ROOT, set);
            }
        }
        Some(Value::Object(mut object)) if object.len() == 1 && object.contains_key("set") => {
            add(trie, ROOT, &object.remove("set").unwrap_or_default());
        }
        Some(value) => add(trie, ROOT, &value),
        None => {
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                trie.add(ROOT, &word(line.trim()), u32::try_from(index + 1).unwrap_or(u32::MAX));
            }
        }
    }
}

/// Tells whether a text nests deeper than any configuration, so that no YAML reader should spend its time on it.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    for line in text.lines() {
        let dashes = line.trim_start().split(' ').take_while(|word| *word == "-").count();
        for byte in line.bytes() {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > CONFIG_DEPTH_MAX {
                return true;
            }
        }
        if dashes > CONFIG_DEPTH_MAX {
            return true;
        }
    }
    false
}

fn add(trie: &mut Trie, at: Id, value: &Value) {
    if trie.is_deep(at) {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let id = trie.add(at, &word(key), 0);
                trie.set_mark(id, if value.is_object() || value.is_null() { Mark::End } else { Mark::Inside });
                add(trie, id, value);
            }
        }
        Value::Array(items) => {
            trie.set_mark(at, Mark::List);
            for item in items {
                add(trie, at, item);
            }
        }
        Value::Null => {}
        Value::String(text) => scalar(trie, at, text),
        Value::Bool(_) | Value::Number(_) => scalar(trie, at, &value.to_string()),
    }
}

fn scalar(trie: &mut Trie, at: Id, text: &str) {
    if trie.mark(at) != Mark::List {
        trie.set_mark(at, Mark::Single);
    }
    let id = trie.add(at, &word(text), 0);
    trie.set_mark(id, Mark::End);
}

fn word(text: &str) -> Word {
    let plain =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\"'$`\\!&|;<>()*?~#{}[]".contains(c));
    let raw = (!plain).then(|| {
        let quoted = if text.contains('\'') {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            format!("'{text}'")
        };
        quoted.into()
    });
    Word { key: text.into(), raw }
}
