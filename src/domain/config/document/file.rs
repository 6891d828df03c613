//! Plain files: replaced as a whole, shown as a diff. A block is a line at the margin and the indented lines below it.

use std::collections::BTreeMap;

use super::super::command::{Command, Kind, Remediation};
use super::super::dialect::Dialect;
use super::super::page::Risk;
use super::super::pattern::has_words_prefix;
use super::super::remediate::Scope;
use super::super::tree::{ConfigTree, Node};

/// Reads a file; only white space at the ends of lines and of the file is lost.
pub(super) fn parse(dialect: &Dialect, text: &str) -> ConfigTree {
    let mut children: Vec<Node> = Vec::new();
    for (index, line) in text.trim_end().lines().enumerate() {
        let line = line.trim_end();
        if dialect.drop.iter().any(|regex| regex.is_match(line)) {
            continue;
        }
        let node = Node::leaf(line, u32::try_from(index + 1).unwrap_or(u32::MAX));
        let continues = line.is_empty() || line.starts_with([' ', '\t', '}', ')']);
        match children.last_mut() {
            Some(block) if continues => block.children.push(node),
            _ => children.push(node),
        }
    }
    ConfigTree { children }
}

/// Prints the file.
pub(super) fn print(tree: &ConfigTree) -> String {
    let mut out = String::new();
    for block in &tree.children {
        push(block, &mut out);
    }
    out
}

fn push(block: &Node, out: &mut String) {
    for node in std::iter::once(block).chain(&block.children) {
        out.push_str(&node.text);
        out.push('\n');
    }
}

/// Tells whether two files have the same lines.
pub(super) fn same(a: &ConfigTree, b: &ConfigTree) -> bool {
    print(a).trim_end() == print(b).trim_end()
}

/// Returns the one operation: the new text.
pub(super) fn remediate(running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
    let mut result = Remediation::default();
    let wanted = match scope {
        Scope::Replace => intended.clone(),
        Scope::Merge => {
            let lost = lost_lines(running, intended);
            if !lost.is_empty() {
                result.unproved = lost;
                return result;
            }
            intended.clone()
        }
        Scope::Owned(sections) => {
            let owned = |node: &Node| sections.iter().any(|section| has_words_prefix(&node.text, section));
            result.foreign =
                running.children.iter().filter(|node| !owned(node)).map(|node| node.text.to_string()).collect();
            let at = running.children.iter().position(owned).unwrap_or(running.children.len());
            let mut children: Vec<Node> = running.children.iter().filter(|node| !owned(node)).cloned().collect();
            let new: Vec<Node> = intended.children.iter().filter(|node| owned(node)).cloned().collect();
            children.splice(at..at, new);
            ConfigTree { children }
        }
    };
    if same(running, &wanted) {
        return result;
    }
    let text = print(&wanted).trim_end().to_owned();
    let risk = if text.is_empty() { Risk::Destructive } else { Risk::ServiceAffecting };
    result.commands.push(Command {
        // Even an empty file is said in words, so that it is not taken for no command.
        text: text + "\n",
        kind: Kind::Change,
        old: Some(print(running)),
        rule: None,
        risk,
        exit: None,
        weight: 0,
        children: Vec::new(),
    });
    result
}

/// Returns the lines of one file that the other does not have.
fn lost_lines(running: &ConfigTree, intended: &ConfigTree) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, line) in intended.lines() {
        *left.entry(line).or_default() += 1;
    }
    let mut lost = Vec::new();
    for (_, line) in running.lines() {
        match left.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ if line.trim().is_empty() => {}
            _ => lost.push(line.to_owned()),
        }
    }
    lost
}
