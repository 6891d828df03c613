//! Configurations in XML that are modelled in YANG: read, compared, changed by an `edit-config` (RFC 6241 section 7.2).
//!
//! A line of the tree is an element on one line; the header of a list entry holds its keys, so that it can be recognised:
//! `<interface><name>eth0</name>`. Printing adds the end tags, so that what people see is the XML itself.

mod lists;
mod edit;
mod plan;

use super::super::command::Remediation;
use super::super::dialect::Dialect;
use super::super::remediate::Scope;
use super::super::tree::{ConfigTree, Node};
use crate::domain::xml::{Element, NETCONF_BASE, XmlError, one_line, open_tag};
use lists::{Repeated, key_count};

/// Spaces per level.
const INDENT: usize = 2;
/// Elements around a configuration that are no part of it.
const WRAPPERS: [&str; 3] = ["rpc-reply", "data", "config"];

/// Reads a document; text that is none gives its lines, so that it is seen and never taken for an empty configuration.
pub(in super::super) fn parse(dialect: &Dialect, text: &str) -> ConfigTree {
    match crate::domain::xml::parse(text) {
        Ok(elements) => tree(dialect, &unwrapped(elements)),
        Err(_) => odd(text),
    }
}

/// Returns the elements of an edit or of a configuration, without what was wrapped around them.
///
/// # Errors
/// Says why the text is not XML.
pub fn elements(text: &str) -> Result<Vec<Element>, XmlError> {
    crate::domain::xml::parse(text).map(unwrapped)
}

/// Writes an edit for the wire, on one line: its operations get the namespace that RFC 6241 section 7.2 asks for.
///
/// # Errors
/// Says why the text is not XML.
pub fn wire(edit: &str) -> Result<String, XmlError> {
    let mut all = elements(edit)?;
    for element in &mut all {
        qualify(element);
    }
    Ok(all.iter().map(|element| one_line(element, NETCONF_BASE)).collect())
}

fn qualify(element: &mut Element) {
    for attribute in &mut element.attributes {
        if attribute.namespace.is_empty() && *attribute.local == *edit::OPERATION {
            attribute.namespace = NETCONF_BASE.into();
        }
    }
    element.children.iter_mut().for_each(qualify);
}

/// Reads an edit: like a document, with its operations.
pub(in super::super) fn parse_edit(dialect: &Dialect, text: &str) -> ConfigTree {
    match crate::domain::xml::parse(text) {
        Ok(elements) => {
            let nodes = unwrapped(elements).iter().map(|element| node(dialect, element, "")).collect();
            ConfigTree { children: nodes }
        }
        Err(_) => odd(text),
    }
}

fn odd(text: &str) -> ConfigTree {
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    ConfigTree { children: lines.map(|(index, line)| Node::leaf(line.trim(), number(index))).collect() }
}

fn unwrapped(mut elements: Vec<Element>) -> Vec<Element> {
    while elements.len() == 1
        && WRAPPERS.iter().any(|name| *elements[0].local == **name)
        && (elements[0].is_base(&elements[0].local) || elements[0].namespace.is_empty())
    {
        elements = elements.pop().map(|wrapper| wrapper.children).unwrap_or_default();
    }
    elements
}

/// Returns the tree of a document, without facts about the data (attributes with a prefix) and what the page drops.
fn tree(dialect: &Dialect, elements: &[Element]) -> ConfigTree {
    let plain: Vec<Element> = elements.iter().filter_map(|element| plain(dialect, element, "")).collect();
    ConfigTree { children: plain.iter().map(|element| node(dialect, element, "")).collect() }
}

fn plain(dialect: &Dialect, element: &Element, around: &str) -> Option<Element> {
    let mut own = Element { children: Vec::new(), ..element.clone() };
    own.attributes.retain(|attribute| attribute.namespace.is_empty());
    own.children = element.children.iter().filter_map(|child| plain(dialect, child, &own.namespace)).collect();
    let line = header(dialect, &own, around);
    (!dialect.drop.iter().any(|regex| regex.is_match(&line))).then_some(own)
}

/// The line of an element: all of it when nothing but keys is inside.
fn header(dialect: &Dialect, element: &Element, around: &str) -> String {
    let keys = key_count(&dialect.page.xml, element);
    if element.children.len() <= keys {
        return one_line(element, around);
    }
    let mut out = open_tag(element, around) + ">";
    for key in &element.children[..keys] {
        out.push_str(&one_line(key, &element.namespace));
    }
    out
}

fn node(dialect: &Dialect, element: &Element, around: &str) -> Node {
    let keys = key_count(&dialect.page.xml, element);
    let inside = if element.children.len() <= keys { &[] } else { &element.children[keys..] };
    let children = inside.iter().map(|child| node(dialect, child, &element.namespace)).collect();
    Node { text: header(dialect, element, around).into(), line: 0, children }
}

/// Prints the document.
pub(in super::super) fn print(tree: &ConfigTree) -> String {
    let mut out = String::new();
    for child in &tree.children {
        push(child, 0, &mut out);
    }
    out
}

fn push(node: &Node, depth: usize, out: &mut String) {
    let indent = " ".repeat(depth * INDENT);
    out.push_str(&format!("{indent}{}\n", node.text));
    if node.children.is_empty() {
        return;
    }
    for child in &node.children {
        push(child, depth + 1, out);
    }
    out.push_str(&format!("{indent}</{}>\n", name(&node.text)));
}

/// The name of the element that a line begins with.
fn name(line: &str) -> &str {
    let rest = line.trim_start_matches('<');
    rest.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default()
}

/// The document again; or the lines that are none.
fn document(tree: &ConfigTree) -> Result<Vec<Element>, Vec<String>> {
    let lines = || tree.children.iter().map(|node| node.text.to_string()).collect();
    crate::domain::xml::parse(&print(tree)).map_err(|_| lines())
}

/// Computes the edit.
pub(in super::super) fn remediate(
    dialect: &Dialect,
    running: &ConfigTree,
    intended: &ConfigTree,
    scope: &Scope,
) -> Remediation {
    match (document(running), document(intended)) {
        (Ok(running), Ok(intended)) => plan::remediate(dialect, &running, &intended, scope),
        (running, intended) => {
            let odd = running.err().into_iter().chain(intended.err()).flatten();
            Remediation { unproved: odd.collect(), ..Remediation::default() }
        }
    }
}

/// Says what the document is after an edit; what does not fit changes nothing.
pub(in super::super) fn predict(dialect: &Dialect, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
    let (Ok(mut elements), Ok(edits)) = (document(running), document(commands)) else { return running.clone() };
    let repeated = Repeated::of([&elements, &edits]);
    for edit in &edits {
        edit::apply(&dialect.page.xml, &repeated, &mut elements, edit);
    }
    tree(dialect, &elements)
}

/// Tells whether two documents mean the same.
pub(in super::super) fn same(dialect: &Dialect, a: &ConfigTree, b: &ConfigTree) -> bool {
    match (document(a), document(b)) {
        (Ok(a), Ok(b)) => plan::same(dialect, &a, &b),
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}
