//! Platforms whose configuration is a set of paths, written as blocks or as `set` lines, and changed by `set` and `delete`.
//!
//! Both forms of one platform give the same paths. Blocks also say where statements end: a part that goes away
//! completely is deleted at its highest such end; without that knowledge each line is deleted on its own.

pub mod page;
mod token;
mod trie;
mod apply;
mod document;
mod read;
mod write;
mod order;
mod plan;

pub(super) use order::stable;

use std::collections::BTreeSet;

use super::command::Remediation;
use super::dialect::Dialect;
use super::remediate::Scope;
use super::tree::{ConfigTree, Node};

/// Reads a configuration in any of the platform's forms.
pub(super) fn parse(dialect: &Dialect, text: &str) -> ConfigTree {
    write::tree(dialect, &read::text(dialect, text))
}

/// Reads command lines; blocks are taken as what would be set.
pub(super) fn parse_commands(dialect: &Dialect, text: &str) -> ConfigTree {
    let children = match read::form(dialect, text) {
        read::Form::Lines => read::lines(dialect, text),
        read::Form::Blocks | read::Form::Document => {
            let text = write::flat(dialect, &read::text(dialect, text));
            text.lines().map(|line| Node::leaf(line, 0)).collect()
        }
    };
    ConfigTree { children }
}

/// Prints blocks where they are known, lines otherwise.
pub(super) fn print(dialect: &Dialect, tree: &ConfigTree) -> String {
    if prints_blocks(dialect, tree) {
        write::blocks(dialect, tree)
    } else {
        write::flat(dialect, &read::tree(dialect, tree))
    }
}

/// Prints two configurations in the same form, for a diff.
pub(super) fn print_both(dialect: &Dialect, a: &ConfigTree, b: &ConfigTree) -> (String, String) {
    let blocks = |tree: &ConfigTree| tree.is_empty() || prints_blocks(dialect, tree);
    if blocks(a) && blocks(b) {
        return (write::blocks(dialect, a), write::blocks(dialect, b));
    }
    let lines = |tree| write::flat(dialect, &read::tree(dialect, tree));
    (lines(a), lines(b))
}

fn prints_blocks(dialect: &Dialect, tree: &ConfigTree) -> bool {
    !dialect.page.flat.document && read::is_nested(tree)
}

/// Computes the commands.
pub(super) fn remediate(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
    let (held, wanted) = both(dialect, running, intended);
    let plan = plan::remediate(dialect, held, &wanted, scope);
    if *scope != Scope::Replace || !plan.unproved.is_empty() {
        return plan;
    }
    let reached = predict(dialect, running, &plan.tree());
    let unproved =
        if same(dialect, &reached, intended) { Vec::new() } else { different_lines(dialect, &reached, intended) };
    Remediation { unproved, ..plan }
}

/// Returns the lines that only one of two configurations has; where they differ in order only, all lines.
fn different_lines(dialect: &Dialect, a: &ConfigTree, b: &ConfigTree) -> Vec<String> {
    let lines = |tree| -> BTreeSet<String> {
        write::flat(dialect, &read::tree(dialect, tree)).lines().map(str::to_owned).collect()
    };
    let (a, b) = (lines(a), lines(b));
    let different: Vec<String> = a.symmetric_difference(&b).cloned().collect();
    if different.is_empty() { b.into_iter().collect() } else { different }
}

/// Says what a device holds after commands.
pub(super) fn predict(dialect: &Dialect, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
    let mut trie = read::tree(dialect, running);
    for command in &commands.children {
        apply::line(dialect, &mut trie, &command.text, command.line);
    }
    trie.forget_lines();
    write::tree(dialect, &trie)
}

/// Tells whether a configuration means the same as what a device holds.
pub(super) fn same(dialect: &Dialect, a: &ConfigTree, b: &ConfigTree) -> bool {
    let (a, b) = both(dialect, a, b);
    a.same_below(trie::ROOT, &b, trie::ROOT, dialect)
}

/// Reads two trees: what a device holds, and what it is compared with. Where the device shows that a key word holds one value,
/// the last of several written values is the one that it would hold.
fn both(dialect: &Dialect, a: &ConfigTree, b: &ConfigTree) -> (trie::Trie, trie::Trie) {
    let (a, mut b) = (read::tree(dialect, a), read::tree(dialect, b));
    b.keep_last_values(&a, dialect);
    (a, b)
}
