//! The tags of a template's source: which templates it uses, what is not allowed, where its lines begin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::environment::resolve;

/// A piece of a template's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text that is copied.
    Text(&'a str),
    /// `{% … %}` with its delimiters.
    Block(&'a str),
    /// `{{ … }}` with its delimiters.
    Expression(&'a str),
    /// `{# … #}` with its delimiters.
    Comment(&'a str),
}

/// Cuts a source into pieces; together they are the source. A tag without an end is text.
pub(super) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some(at) = next_tag(rest) {
        let end = match &rest[at..at + 2] {
            "{#" => rest[at..].find("#}").map(|end| at + end + 2),
            "{%" => end_of(rest, at, "%}"),
            _ => end_of(rest, at, "}}"),
        };
        let Some(end) = end else { break };
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        let tag = &rest[at..end];
        pieces.push(match &tag[..2] {
            "{#" => Piece::Comment(tag),
            "{%" => Piece::Block(tag),
            _ => Piece::Expression(tag),
        });
        rest = &rest[end..];
        if tag.starts_with("{%") && keyword(tag) == "raw" {
            let raw = end_of_raw(rest);
            if raw > 0 {
                pieces.push(Piece::Text(&rest[..raw]));
            }
            rest = &rest[raw..];
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn next_tag(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"].iter().filter_map(|open| text.find(open)).min()
}

/// The end of a tag; delimiters inside quotes do not count.
fn end_of(text: &str, start: usize, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut chars = text[start + 2..].char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            Some(_) if c == '\\' => drop(chars.next()),
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if text[start + 2 + at..].starts_with(close) => return Some(start + 2 + at + close.len()),
            None => {}
        }
    }
    None
}

fn end_of_raw(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find("{%").map(|at| from + at) {
        let is_end = end_of(text, at, "%}").is_some_and(|end| keyword(&text[at..end]) == "endraw");
        if is_end {
            return at;
        }
        from = at + 2;
    }
    text.len()
}

/// What stands between the delimiters of a tag.
pub(super) fn inside(tag: &str) -> &str {
    let inner = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    inner.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim()
}

/// The first word of a tag.
fn keyword(tag: &str) -> &str {
    let inner = inside(tag);
    &inner[..inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len())]
}

/// What a template uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Templates by path; they need not exist.
    pub templates: BTreeSet<String>,
    /// Whether a template's name is computed, so that any template may be used.
    pub any_template: bool,
    /// Whether it looks at other devices.
    pub inventory: bool,
}

/// Returns what a template and everything that it includes use.
pub(super) fn uses(main: &str, templates: &BTreeMap<String, Arc<str>>) -> Uses {
    let mut all = Uses { templates: BTreeSet::from([main.to_owned()]), ..Uses::default() };
    let mut open = vec![main.to_owned()];
    while let Some(path) = open.pop() {
        let Some(source) = templates.get(&path) else { continue };
        let direct = direct_uses(&path, source);
        all.inventory |= direct.inventory;
        if direct.any_template && !all.any_template {
            all.any_template = true;
            open.extend(templates.keys().filter(|path| !all.templates.contains(*path)).cloned().collect::<Vec<_>>());
            all.templates.extend(templates.keys().cloned());
        }
        for path in direct.templates {
            if all.templates.insert(path.clone()) {
                open.push(path);
            }
        }
    }
    all
}

fn direct_uses(path: &str, source: &str) -> Uses {
    let mut uses = Uses::default();
    for piece in pieces(source) {
        let (Piece::Block(tag) | Piece::Expression(tag)) = piece else { continue };
        uses.inventory |= tag.contains("inventory");
        let word = keyword(tag);
        if !matches!(piece, Piece::Block(_)) || !matches!(word, "include" | "import" | "from" | "extends") {
            continue;
        }
        match named(inside(tag)[word.len()..].trim()) {
            Some(name) => drop(uses.templates.insert(resolve(name, path))),
            None => uses.any_template = true,
        }
    }
    uses
}

/// Returns the name when it is a single literal, not a computed one.
fn named(rest: &str) -> Option<&str> {
    let quote = rest.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let (name, after) = rest[1..].split_once(quote)?;
    let next = after.split_whitespace().next();
    let plain = matches!(next, None | Some("ignore" | "as" | "import" | "with" | "without"));
    (plain && !name.contains('\\')).then_some(name)
}

/// Returns the line, from 1, at which a template switches the rule about line breaks off, if it tries.
pub(super) fn autoescape_line(source: &str) -> Option<usize> {
    let mut line = 1;
    for piece in pieces(source) {
        let (Piece::Text(text) | Piece::Block(text) | Piece::Expression(text) | Piece::Comment(text)) = piece;
        if matches!(piece, Piece::Block(tag) if keyword(tag) == "autoescape") {
            return Some(line);
        }
        line += text.matches('\n').count();
    }
    None
}
