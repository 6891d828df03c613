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
    let has_indentation = text.lines().any(|line| line.starts_with(' '));
    let is_indented = purpose == Purpose::Commands && has_indentation;
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
        // The innermost section that knows the line decides, as in the device's own shell.
        let known = (0..=open.len()).rev().find_map(|depth| {
            let place = place(dialect, &open[..depth]);
            let is_reached = depth == 0 || line.indent == 0 || line.indent > open[depth - 1].indent;
            let rule =
                dialect.rule(place, positive).filter(|rule| is_reached && belongs(dialect, place, rule, positive));
            rule.map(|rule| (depth, rule))
        });
        let leaves = dialect.has_leaving && dialect.rule(dialect.top(), positive).is_some_and(|rule| rule.page.leaves);
        if leaves && known.is_none_or(|(depth, _)| depth == 0) {
            open.clear();
        }
        let section = known.filter(|(_, rule)| rule.page.section);
        let negated = positive.len() != node.text.len();
        match section {
            Some((depth, rule)) if !negated => {
                open.truncate(depth);
                builder.push(depth, node);
                open.push(Open { rule, indent: line.indent });
            }
            _ => {
                let depth = leaf_depth(dialect, &open, (line.indent, is_indented, has_indentation), positive);
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
fn leaf_depth(
    dialect: &Dialect,
    open: &[Open<'_>],
    (indent, is_indented, has_indentation): (usize, bool, bool),
    line: &str,
) -> usize {
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
    // Without indentation a line stays in the innermost section that knows it, otherwise it goes to the top if that knows it
    // or if the text shows by its other lines that it is indented.
    let knows = |depth: usize| {
        let rules = place(dialect, &open[..depth]);
        dialect.rule(rules, line).is_some_and(|rule| belongs(dialect, rules, rule, line))
    };
    (1..=open.len()).rev().find(|depth| knows(*depth)).unwrap_or(if knows(0) || has_indentation {
        0
    } else {
        open.len()
    })
}
