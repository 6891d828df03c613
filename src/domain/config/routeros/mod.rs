//! RouterOS: `/path` sections with items that are added, set and removed.
//!
//! An item is found again by the parameters that name it, so that a change is one `set` and not a removal.

pub mod page;
mod text;
mod model;
mod plan;

use std::collections::BTreeSet;

use super::command::Remediation;
use super::dialect::Dialect;
use super::remediate::Scope;
use super::text::Text;
use super::tree::{ConfigTree, Node};
use model::Model;

/// Reads an export.
pub(super) fn parse(dialect: &Dialect, text: &str) -> ConfigTree {
    let mut model = Model::default();
    let mut path = "/".to_owned();
    for (line, number) in text::logical_lines(dialect, text) {
        let (at, words) = text::split_path(&line, &path);
        if !words.is_empty() {
            model.section_mut(&at).read(dialect, text::item(&words, number));
        }
        if line.starts_with('/') && words.is_empty() {
            path = at;
        }
    }
    text::tree(&model.sections())
}

/// Reads commands: one per line, each with its path.
pub(super) fn parse_commands(dialect: &Dialect, text: &str) -> ConfigTree {
    let mut path = "/".to_owned();
    let mut children = Vec::new();
    for (line, number) in text::logical_lines(dialect, text) {
        let (at, words) = text::split_path(&line, &path);
        if !words.is_empty() {
            children.push(Node::leaf(format!("{at} {}", words.join(" ")), number));
        }
        if line.starts_with('/') && words.is_empty() {
            path = at;
        }
    }
    ConfigTree { children }
}

/// Prints an export.
pub(super) fn print(tree: &ConfigTree) -> String {
    let mut out = String::new();
    for section in &tree.children {
        for line in std::iter::once(&section.text).chain(section.children.iter().map(|item| &item.text)) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Computes the commands.
pub(super) fn remediate(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
    let plan = plan::remediate(dialect, text::sections(running), text::sections(intended), scope);
    if *scope != Scope::Replace || !plan.unproved.is_empty() {
        return plan;
    }
    let reached = predict(dialect, running, &plan.tree());
    let unproved = if same(dialect, &reached, intended) { Vec::new() } else { different_items(&reached, intended) };
    Remediation { unproved, ..plan }
}

/// Returns the items that only one of two exports has; where they differ in order only, all items.
fn different_items(a: &ConfigTree, b: &ConfigTree) -> Vec<String> {
    let items = |tree: &ConfigTree| -> BTreeSet<String> {
        let item = |section: &Node| -> Vec<String> {
            section.children.iter().map(|item| format!("{} {}", section.text, item.text)).collect()
        };
        tree.children.iter().flat_map(item).collect()
    };
    let (a, b) = (items(a), items(b));
    let different: Vec<String> = a.symmetric_difference(&b).cloned().collect();
    if different.is_empty() { b.into_iter().collect() } else { different }
}

/// Says what a device holds after commands.
pub(super) fn predict(dialect: &Dialect, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
    let mut model = Model::new(dialect, text::sections(running));
    for command in &commands.children {
        let (path, words) = text::split_path(&command.text, "/");
        model.apply(dialect, &path, &words);
    }
    text::tree(&model.sections())
}

/// Tells whether two exports mean the same: items in any order, save where their place counts.
pub(super) fn same(dialect: &Dialect, a: &ConfigTree, b: &ConfigTree) -> bool {
    let lines = |tree: &ConfigTree| {
        let mut sections: Vec<(Text, Vec<Text>)> = tree
            .children
            .iter()
            .filter(|section| !section.children.is_empty())
            .map(|section| (section.text.clone(), section.children.iter().map(|item| item.text.clone()).collect()))
            .collect();
        for (path, items) in &mut sections {
            // Only the places of added items count.
            let place = |item: &str| plan::is_ordered(dialect, path) && item.starts_with("add ");
            items.sort_by(|a, b| {
                place(a).cmp(&place(b)).then_with(|| if place(a) { std::cmp::Ordering::Equal } else { a.cmp(b) })
            });
        }
        sections.sort_unstable();
        sections
    };
    lines(a) == lines(b)
}
