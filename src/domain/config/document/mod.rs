//! Configurations that are documents: one JSON object of tables, changed by a patch; XML, changed by an edit; or a plain
//! file, replaced as a whole.

pub mod page;
mod json;
mod tables;
mod file;
pub mod xml;

use super::command::Remediation;
use super::dialect::Dialect;
use super::remediate::Scope;
use super::tree::{ConfigTree, Node};
use serde_json::Value;

/// Reads a JSON document.
pub(super) fn parse_json(dialect: &Dialect, text: &str) -> ConfigTree {
    normal(dialect, json::parse(text))
}

/// Leaves out what the page says is no configuration: empty tables, tables of volatile facts.
fn normal(dialect: &Dialect, mut tree: ConfigTree) -> ConfigTree {
    let page = &dialect.page;
    let empty = |node: &Node| page.tables.no_empty_table && node.children.is_empty() && node.text.ends_with(": {}");
    tree.children.retain(|node| !empty(node) && !dialect.drop.iter().any(|regex| regex.is_match(&node.text)));
    tree
}

/// Reads a JSON patch.
pub(super) fn parse_patch(text: &str) -> ConfigTree {
    ConfigTree { children: json::steps(text).into_iter().map(|step| Node::leaf(step, 0)).collect() }
}

/// Prints a JSON document.
pub(super) fn print_json(tree: &ConfigTree) -> String {
    json::print(tree)
}

/// Computes the patch.
pub(super) fn remediate_json(
    dialect: &Dialect,
    running: &ConfigTree,
    intended: &ConfigTree,
    scope: &Scope,
) -> Remediation {
    tables::remediate(dialect, running, intended, scope)
}

/// Says what the document is after the patch; a step that does not fit changes nothing.
pub(super) fn predict_json(dialect: &Dialect, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
    let (members, _) = json::value(running);
    let mut document = Value::Object(members);
    for command in &commands.children {
        if let Ok(step) = serde_json::from_str::<json::Step>(&command.text) {
            json::apply(&mut document, &step);
        }
    }
    normal(dialect, document.as_object().map(json::tree).unwrap_or_default())
}

/// Tells whether two documents mean the same.
pub(super) fn same_json(a: &ConfigTree, b: &ConfigTree) -> bool {
    json::value(a) == json::value(b)
}

/// Returns the commands as one patch document.
pub(super) fn patch_text(remediation: &Remediation) -> String {
    let steps: Vec<&str> = remediation.commands.iter().map(|command| command.text.as_str()).collect();
    json::patch(&steps)
}

/// Reads a file.
pub(super) fn parse_file(dialect: &Dialect, text: &str) -> ConfigTree {
    file::parse(dialect, text)
}

/// Takes a text as the new text of the file; no text at all is no command.
pub(super) fn parse_new_file(text: &str) -> ConfigTree {
    if text.is_empty() { ConfigTree::default() } else { ConfigTree { children: vec![Node::leaf(text, 0)] } }
}

/// Prints a file.
pub(super) fn print_file(tree: &ConfigTree) -> String {
    file::print(tree)
}

/// Computes the new text of the file.
pub(super) fn remediate_file(running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
    file::remediate(running, intended, scope)
}

/// Says what the file is after it was written.
pub(super) fn predict_file(dialect: &Dialect, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
    commands.children.last().map_or_else(|| running.clone(), |command| file::parse(dialect, &command.text))
}

/// Tells whether two files are the same.
pub(super) fn same_file(a: &ConfigTree, b: &ConfigTree) -> bool {
    file::same(a, b)
}

/// Returns the new text of the file.
pub(super) fn file_text(remediation: &Remediation) -> String {
    remediation.commands.iter().map(|command| command.text.as_str()).collect()
}
