//! Export text to sections and items, and back.

use std::collections::BTreeMap;

use super::super::dialect::Dialect;
use super::super::tree::{ConfigTree, Node};
use super::super::words::is_quote_open;

/// One item, or the settings of a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) verb: Verb,
    /// Names and values; a value is kept as it is meant, without quotes.
    pub(super) values: BTreeMap<Box<str>, Box<str>>,
    pub(super) line: u32,
}

/// How an item came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    /// It was added.
    #[default]
    Add,
    /// It is always there: the settings of a section, or `[ find default-name=ether1 ]`, `0`, `www`.
    Set(Box<str>),
    /// A line that is none of these.
    Other(Box<str>),
}

/// The items of one section.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    pub(super) path: Box<str>,
    pub(super) items: Vec<Item>,
}

/// Cuts a text into lines that mean something: lines that end in `\` go on, comments are left out.
pub(super) fn logical_lines(dialect: &Dialect, text: &str) -> Vec<(String, u32)> {
    let mut out: Vec<(String, u32)> = Vec::new();
    let (mut open, mut quoted, mut broken) = (false, false, false);
    let lines: Vec<&str> = text.lines().collect();
    for (index, raw) in lines.iter().enumerate() {
        let trimmed = raw.trim();
        let slashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
        // `\\` at the end is a written backslash.
        let goes_on = slashes % 2 == 1;
        let part = if goes_on { &trimmed[..trimmed.len() - 1] } else { trimmed };
        if !open {
            let dropped = trimmed.is_empty()
                || dialect.is_comment(trimmed)
                || dialect.drop.iter().any(|regex| regex.is_match(trimmed));
            if dropped {
                continue;
            }
            out.push((String::new(), u32::try_from(index + 1).unwrap_or(u32::MAX)));
            quoted = false;
        }
        quoted = is_quote_open(part, quoted);
        let Some((line, _)) = out.last_mut() else { continue };
        if std::mem::take(&mut broken) {
            // A text in quotes may have lines of its own; an export writes their ends in this way.
            line.push_str("\\n");
        }
        line.push_str(part);
        broken = quoted && !goes_on && lines[index + 1..].iter().take(QUOTED_LINES_MAX).any(|line| line.contains('"'));
        open = goes_on || broken;
    }
    out
}

/// Most lines of a text in quotes; a quotation mark without a partner within them is a sign like others.
const QUOTED_LINES_MAX: usize = 64;

/// Cuts a line into words; white space inside quotes and brackets does not count.
pub(super) fn words(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut from, mut quoted, mut depth, mut escaped) = (None, false, 0_u32, false);
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c.is_whitespace() && !quoted && depth == 0 {
            if let Some(from) = from.take() {
                out.push(&line[from..at]);
            }
        } else if from.is_none() {
            from = Some(at);
        }
    }
    if let Some(from) = from {
        out.push(&line[from..]);
    }
    out
}

/// Returns a value without its quotes.
pub(super) fn unquote(text: &str) -> Box<str> {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").into(),
        None => text.into(),
    }
}

/// Returns a value as it is typed.
pub(super) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,+*@!%~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('"', "\\\""))
    }
}

/// Reads `name=value` words; what is none counts as a switch.
pub(super) fn values(words: &[&str]) -> BTreeMap<Box<str>, Box<str>> {
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some((name, value)) if !name.starts_with('"') && !name.contains(['[', ']']) => {
                (name.into(), unquote(value))
            }
            // A word without a value is kept apart from one with an empty value by a space.
            _ if word.starts_with('!') => ((*word).into(), "".into()),
            _ => (format!(" {word}").into(), "".into()),
        })
        .collect()
}

/// Prints `name=value` words.
pub(super) fn values_text(values: &BTreeMap<Box<str>, Box<str>>) -> String {
    let word = |name: &str, value: &str| {
        if name.starts_with([' ', '!']) { name.trim().to_owned() } else { format!("{name}={}", quote(value)) }
    };
    values.iter().map(|(name, value)| word(name, value)).collect::<Vec<_>>().join(" ")
}

/// Writes a selector in one way: `[find  a=b ]` is `[ find a=b ]`.
pub(super) fn selector(word: &str) -> String {
    let Some(inner) = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return word.to_owned() };
    let inner = words(inner);
    match inner.split_first() {
        Some((&"find", rest)) => find(&values(rest.strip_prefix(&["where"]).unwrap_or(rest))),
        _ => format!("[ {} ]", inner.join(" ")),
    }
}

/// Returns the selector of the items with some values.
pub(super) fn find(values: &BTreeMap<Box<str>, Box<str>>) -> String {
    if values.is_empty() { "[ find ]".into() } else { format!("[ find {} ]", values_text(values)) }
}

/// Returns the values that a `[ find … ]` asks for.
pub(super) fn found_values(selector: &str) -> Option<BTreeMap<Box<str>, Box<str>>> {
    let inner = selector.strip_prefix('[')?.strip_suffix(']')?;
    let inner = words(inner);
    let (first, rest) = inner.split_first()?;
    (*first == "find").then(|| values(rest))
}

/// Splits a line that begins with a path into the path and the command behind it.
pub(super) fn split_path<'l>(line: &'l str, current: &str) -> (String, Vec<&'l str>) {
    let words = words(line);
    if !line.starts_with('/') {
        return (current.to_owned(), words);
    }
    let is_verb = |word: &&str| {
        matches!(*word, "add" | "set" | "remove" | "unset" | "move" | "enable" | "disable" | "print" | "reset")
    };
    let at = words.iter().position(is_verb).unwrap_or(words.len());
    let path = words[..at].join(" ").replace('/', " ");
    let path = format!("/{}", path.split_whitespace().collect::<Vec<_>>().join(" "));
    (path, words[at..].to_vec())
}

/// Reads an item line of a configuration.
pub(super) fn item(words: &[&str], line: u32) -> Item {
    let (verb, rest) = match words {
        ["add", rest @ ..] => (Verb::Add, rest),
        ["set", first, rest @ ..] if first.starts_with('[') || !first.contains('=') && !first.starts_with('!') => {
            (Verb::Set(selector(first).into()), rest)
        }
        ["set", rest @ ..] => (Verb::Set("".into()), rest),
        _ => (Verb::Other(words.join(" ").into()), &[][..]),
    };
    Item { verb, values: values(rest), line }
}

impl Item {
    /// Prints the line.
    pub(super) fn text(&self) -> String {
        let values = values_text(&self.values);
        let text = match &self.verb {
            Verb::Add => format!("add {values}"),
            Verb::Set(selector) if selector.is_empty() => format!("set {values}"),
            Verb::Set(selector) => format!("set {selector} {values}"),
            Verb::Other(line) => line.to_string(),
        };
        text.trim_end().to_owned()
    }
}

/// Returns the tree in which sections are handed around.
pub(super) fn tree(sections: &[Section]) -> ConfigTree {
    let children = sections.iter().filter(|section| !section.items.is_empty()).map(|section| Node {
        text: section.path.as_ref().into(),
        line: section.items.first().map_or(0, |item| item.line),
        children: section.items.iter().map(|item| Node::leaf(item.text(), item.line)).collect(),
    });
    ConfigTree { children: children.collect() }
}

/// Reads a tree that this family made.
pub(super) fn sections(tree: &ConfigTree) -> Vec<Section> {
    let items = |node: &Node| node.children.iter().map(|child| item(&words(&child.text), child.line)).collect();
    tree.children.iter().map(|node| Section { path: node.text.as_str().into(), items: items(node) }).collect()
}
