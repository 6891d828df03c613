//! Commands that change a line with a range: only the members that come and go, in lines that the platform accepts.

use super::command::{Command, Kind};
use super::dialect::{Dialect, Rule};
use super::diff::command;
use super::pattern::fill;
use super::range::NumberSet;
use super::tree::Node;

/// Returns the commands that bring and take members; nothing when the line is no range.
pub(super) fn range_change(dialect: &Dialect, rule: Option<&Rule>, old: &Node, new: &Node) -> Option<Vec<Command>> {
    let rule = rule?;
    let range = rule.range().filter(|range| !range.add.is_empty())?;
    let value = |node: &Node| NumberSet::parse(node.text.get(rule.pattern.head(&node.text).len()..)?, range);
    let (before, after) = (value(old)?, value(new)?);
    if before.is_empty() || after.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let weight_removed =
        if range.sections.is_some() { rule.page.order_removed.unwrap_or(-rule.page.order) } else { rule.page.order };
    let parts =
        [(&range.add, after.minus(&before), rule.page.order), (&range.remove, before.minus(&after), weight_removed)];
    for (template, set, weight) in parts {
        for chunk in set.chunks(range, room(dialect, template)) {
            let text = fill(template, &new.text, &rule.pattern).replace("{}", &chunk);
            out.push(Command { old: Some(old.text.to_string()), weight, ..command(Some(rule), &text, Kind::Change) });
        }
    }
    Some(out)
}

/// Returns how many characters of numbers a command may hold; 0 means no limit.
fn room(dialect: &Dialect, template: &str) -> usize {
    match dialect.page.line_chars_max {
        0 => 0,
        limit => limit.saturating_sub(template.len()).max(8),
    }
}

/// A set that is shared by several lines is removed by its numbers.
pub(super) fn range_removal(dialect: &Dialect, rule: &Rule, old: &Node) -> Option<Vec<String>> {
    let range = rule.range().filter(|range| range.merge && !range.remove.is_empty())?;
    let set = NumberSet::parse(old.text.get(rule.pattern.head(&old.text).len()..)?, range)?;
    let template = fill(&range.remove, &old.text, &rule.pattern);
    Some(set.chunks(range, room(dialect, &template)).into_iter().map(|chunk| template.replace("{}", &chunk)).collect())
}

/// A set too long for one command is added in pieces.
pub(super) fn range_addition(dialect: &Dialect, rule: &Rule, new: &str) -> Option<Vec<String>> {
    let range = rule.range().filter(|range| !range.add.is_empty())?;
    let head = rule.pattern.head(new);
    let set = NumberSet::parse(new.get(head.len()..)?, range)?;
    let template = fill(&range.add, new, &rule.pattern);
    let chunks = set.chunks(range, room(dialect, &template));
    if chunks.len() < 2 {
        return None;
    }
    let text = |(index, chunk): (usize, String)| {
        if index == 0 { format!("{head} {chunk}") } else { template.replace("{}", &chunk) }
    };
    Some(chunks.into_iter().enumerate().map(text).collect())
}
