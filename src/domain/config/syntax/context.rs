//! FRR: sections are recognised by their first words, because its output is not reliably indented.
//!
//! The rules marked `section` say which lines open a section where; indentation only decides when the words do not.

use super::super::dialect::{Dialect, Place, Rule};
use super::super::tree::{ConfigTree, TreeBuilder};
use super::{Lines, Purpose, clean};

struct Open<'a> {
    rule: &'a Rule,
    indent: usize,
}

/// Reads a text whose sections begin with known words and end with `exit…`, or with a line that belongs further out.
pub(in super::super) fn parse(dialect: &Dialect, text: &str, purpose: Purpose) -> ConfigTree {
    let mut lines = Lines::new(text, purpose);
    let mut builder = TreeBuilder::default();
    // Commands that we print are indented; what a device prints is not always.
    let is_indented = purpose == Purpose::Commands && text.lines().any(|line| line.starts_with(' '));
    let mut open: Vec<Open<'_>> = Vec::new();
    while let Some(line) = lines.next_line() {
        if dialect.page.enders.iter().any(|ender| *ender == line.text) {
            open.clear();
            builder.close_to(0);
            continue;
        }
        if dialect.page.closers.iter().any(|closer| *closer == line.text) {
            open.pop();
            builder.close_to(open.len());
            continue;
        }
        let Some(node) = clean(dialect, line, &mut lines) else { continue };
        let positive = dialect.positive(&node.text).0;
        let section = (0..=open.len()).rev().find_map(|depth| {
            let place = place(dialect, &open[..depth]);
            dialect
                .rule(place, positive)
                .filter(|rule| rule.page.section && belongs(dialect, place, rule, positive))
                .map(|rule| (depth, rule))
        });
        let negated = positive.len() != node.text.len();
        match section {
            Some((depth, rule)) if !negated => {
                open.truncate(depth);
                builder.push(depth, node);
                open.push(Open { rule, indent: line.indent });
            }
            _ => {
                let depth = leaf_depth(dialect, &open, (line.indent, is_indented), positive);
                open.truncate(depth);
                builder.push(depth, node);
            }
        }
    }
    builder.finish()
}

fn place<'a>(dialect: &'a Dialect, open: &[Open<'a>]) -> Place<'a> {
    match open.last() {
        Some(last) => dialect.inside(Some(last.rule)),
        None => dialect.top(),
    }
}

/// A rule found through `anywhere` does not open a section.
fn belongs(dialect: &Dialect, place: Place<'_>, rule: &Rule, line: &str) -> bool {
    place.rules.is_some() && dialect.rule(place, line).is_some_and(|found| std::ptr::eq(found, rule))
}

/// Decides to which open section a plain line belongs.
fn leaf_depth(dialect: &Dialect, open: &[Open<'_>], (indent, is_indented): (usize, bool), line: &str) -> usize {
    if indent > 0 {
        let mut depth = open.len();
        while depth > 1 && open[depth - 1].indent >= indent {
            depth -= 1;
        }
        return depth;
    }
    if is_indented {
        return 0;
    }
    // Without indentation a line stays in the innermost section that knows it, otherwise it goes to the top if that knows it.
    let knows = |depth: usize| {
        let rules = place(dialect, &open[..depth]);
        dialect.rule(rules, line).is_some_and(|rule| belongs(dialect, rules, rule, line))
    };
    (1..=open.len()).rev().find(|depth| knows(*depth)).unwrap_or(if knows(0) { 0 } else { open.len() })
}
