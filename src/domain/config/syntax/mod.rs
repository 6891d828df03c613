//! Text to tree and back, one file per syntax family.

mod context;
mod fortios;
mod indented;

use std::sync::Arc;

use super::dialect::{Dialect, Place, Rule};
use super::page::Family;
use super::spelling::canonical;
use super::text::Text;
use super::tree::{ConfigTree, Node};

pub(super) use context::parse as parse_context;
pub(super) use fortios::parse as parse_fortios;
pub(super) use indented::parse as parse_indented;

/// One line of input, cleaned: without indentation and trailing white space.
#[derive(Clone, Copy, Debug)]
struct Line<'a> {
    number: u32,
    indent: usize,
    text: &'a str,
}

/// Walks over the lines that mean something.
struct Lines<'a> {
    source: &'a Arc<str>,
    rest: std::iter::Enumerate<std::str::Lines<'a>>,
    purpose: Purpose,
}

/// What a text is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// What a device holds: lines that say nothing about it are dropped.
    Configuration,
    /// What is typed: every line counts.
    Commands,
}

impl<'a> Lines<'a> {
    fn new(source: &'a Arc<str>, purpose: Purpose) -> Self {
        Self { source, rest: source.lines().enumerate(), purpose }
    }

    /// Makes a line without children out of a line of the text.
    fn leaf(&self, line: Line<'a>) -> Node {
        Node::leaf(Text::within(self.source, line.text), line.number)
    }

    /// Returns the next line as it stands.
    fn raw(&mut self) -> Option<(u32, &'a str)> {
        let (index, line) = self.rest.next()?;
        Some((u32::try_from(index + 1).unwrap_or(u32::MAX), line.trim_end()))
    }

    fn next_line(&mut self) -> Option<Line<'a>> {
        loop {
            let (number, raw) = self.raw()?;
            let text = raw.trim_start();
            if !text.is_empty() {
                return Some(Line { number, indent: raw.len() - text.len(), text });
            }
        }
    }

    /// Takes a text that stands between two delimiters and may span lines.
    fn delimited(&mut self, first: &str, delimiter: &str, from: usize) -> String {
        let mut out = first.to_owned();
        if delimiter.is_empty() || first.get(from..).is_some_and(|rest| rest.contains(delimiter)) {
            return out;
        }
        while let Some((_, line)) = self.raw() {
            out.push('\n');
            out.push_str(line);
            if line.contains(delimiter) {
                return out;
            }
        }
        // The text ends before the delimiter: what it delimits ends there as well.
        out.push('\n');
        out.push_str(delimiter);
        out
    }

    /// Takes a verbatim block up to the line that ends it.
    fn block(&mut self, first: &str, end: &regex::Regex) -> String {
        let mut out = first.to_owned();
        while let Some((_, line)) = self.raw() {
            out.push('\n');
            out.push_str(line);
            if end.is_match(line.trim()) {
                return out;
            }
        }
        // The text ends inside the block, which ends there as well where its last line has one form only.
        if let Some(line) = end.as_str().strip_prefix('^').and_then(|rest| rest.strip_suffix('$'))
            && end.is_match(line)
        {
            out.push('\n');
            out.push_str(line);
        }
        out
    }
}

/// Cleans a line by the page: dropped lines give nothing, multi-line values come whole.
fn clean<'a>(dialect: &Dialect, line: Line<'a>, lines: &mut Lines<'a>) -> Option<Node> {
    if dialect.is_comment(line.text) {
        return None;
    }
    let (positive, negated) = dialect.positive(line.text);
    if !(dialect.is_special(line.text) || negated && dialect.is_special(positive)) {
        return Some(lines.leaf(line));
    }
    if lines.purpose == Purpose::Configuration && dialect.drop.iter().any(|regex| regex.is_match(line.text)) {
        return None;
    }
    for regex in &dialect.delimited {
        if let Some(found) = regex.captures(line.text)
            && let Some(delimiter) = found.get(1)
        {
            return Some(Node::leaf(lines.delimited(line.text, delimiter.as_str(), delimiter.end()), line.number));
        }
    }
    for (start, end) in &dialect.blocks {
        if start.is_match(line.text) {
            return Some(Node::leaf(lines.block(line.text, end), line.number));
        }
    }
    let text = canonical(dialect, line.text);
    let text = match dialect.positive(&text) {
        (positive, true) => format!("{}{}", dialect.page.negation, canonical(dialect, positive)),
        (_, false) => text,
    };
    let text = text.trim();
    if text == line.text {
        return Some(lines.leaf(line));
    }
    (!text.is_empty()).then(|| Node::leaf(text, line.number))
}

/// Prints a tree with indentation; sections that need it are closed by their own word.
pub(super) fn print_indented(dialect: &Dialect, tree: &ConfigTree) -> String {
    let mut out = String::new();
    print_nodes(dialect, dialect.top(), &tree.children, 0, &mut out);
    out
}

fn print_nodes(dialect: &Dialect, place: Place<'_>, nodes: &[Node], depth: usize, out: &mut String) {
    for node in nodes {
        let indent = depth * dialect.page.indent.max(1);
        push_line(out, indent, &node.text);
        if node.children.is_empty() && !opens(dialect, place, node) {
            continue;
        }
        let rule = dialect.rule(place, dialect.positive(&node.text).0);
        print_nodes(dialect, dialect.inside(rule), &node.children, depth + 1, out);
        let usual = (dialect.page.family == Family::Context).then_some(dialect.page.exit.as_str());
        if let Some(exit) = rule.and_then(|rule| rule.page.exit.as_deref().or(usual.filter(|_| rule.page.section))) {
            push_line(out, indent, exit);
        }
    }
}

fn opens(dialect: &Dialect, place: Place<'_>, node: &Node) -> bool {
    let is_closed = |rule: &Rule| dialect.page.family == Family::Context || rule.page.exit.is_some();
    dialect.rule(place, &node.text).is_some_and(|rule| rule.page.section && is_closed(rule))
}

fn push_line(out: &mut String, indent: usize, text: &str) {
    out.extend(std::iter::repeat_n(' ', indent));
    out.push_str(text);
    out.push('\n');
}
