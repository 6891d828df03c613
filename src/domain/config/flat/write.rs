//! Tries to trees and text: blocks where the ends of statements are known, lines otherwise.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::dialect::Dialect;
use super::super::tree::{ConfigTree, Node};
use super::page::Terminator;
use super::token::quoted;
use super::trie::{Flag, Id, Mark, ROOT, Trie};

/// Returns the tree in which a trie is handed around.
pub(super) fn tree(dialect: &Dialect, trie: &Trie) -> ConfigTree {
    let mut out = Vec::new();
    if trie.has_blocks() {
        let writer = Writer { dialect, trie };
        writer.below(ROOT, &mut out);
        // A tree without any block would be taken for lines, which says less but the same.
        return ConfigTree { children: out };
    }
    for (text, line) in lines(trie) {
        out.push(Node::leaf(text, line));
    }
    ConfigTree { children: out }
}

/// Returns all paths as they are typed behind `set`, and the marked ones behind `deactivate` and `protect`.
fn lines(trie: &Trie) -> Vec<(String, u32)> {
    let mut out = Vec::new();
    push_lines(trie, ROOT, &mut String::new(), &mut out);
    out
}

fn push_lines(trie: &Trie, id: Id, path: &mut String, out: &mut Vec<(String, u32)>) {
    let length = path.len();
    if id != ROOT {
        if !path.is_empty() {
            path.push(' ');
        }
        path.push_str(trie.shown(id));
        if trie.is_leaf(id) {
            out.push((path.clone(), trie.line(id)));
        }
    }
    for child in trie.children(id) {
        push_lines(trie, child, path, out);
    }
    if id != ROOT {
        for (flag, word) in [(Flag::Inactive, "deactivate"), (Flag::Protected, "protect")] {
            if trie.flag(id, flag) {
                out.push((format!("{word} {path}"), trie.line(id)));
            }
        }
    }
    path.truncate(length);
}

/// Prints lines that can be typed.
pub(super) fn flat(dialect: &Dialect, trie: &Trie) -> String {
    let mut out = String::new();
    for (text, _) in lines(trie) {
        let is_flag = dialect.page.flat.flags && (text.starts_with("deactivate ") || text.starts_with("protect "));
        if !is_flag {
            out.push_str(&dialect.page.flat.set);
            out.push(' ');
        }
        out.push_str(&text);
        out.push('\n');
    }
    out
}

/// Prints blocks.
pub(super) fn blocks(dialect: &Dialect, tree: &ConfigTree) -> String {
    let mut out = String::new();
    let root = &dialect.page.flat.root;
    if root.is_empty() {
        print(dialect, &tree.children, 0, &mut out);
    } else {
        let _ = writeln!(out, "{root} {{");
        print(dialect, &tree.children, 1, &mut out);
        out.push_str("}\n");
    }
    out
}

fn print(dialect: &Dialect, nodes: &[Node], depth: usize, out: &mut String) {
    let end = if dialect.page.flat.terminator == Terminator::Semicolon { ";" } else { "" };
    for node in nodes {
        let indent = depth * dialect.page.indent.max(1);
        out.extend(std::iter::repeat_n(' ', indent));
        if let Some(text) = node.text.strip_suffix(" {}") {
            let _ = writeln!(out, "{text} {{\n{:indent$}}}", "");
        } else if node.children.is_empty() {
            let _ = writeln!(out, "{}{end}", node.text);
        } else {
            let _ = writeln!(out, "{} {{", node.text);
            print(dialect, &node.children, depth + 1, out);
            let _ = writeln!(out, "{:indent$}}}", "");
        }
    }
}

struct Writer<'a> {
    dialect: &'a Dialect,
    trie: &'a Trie,
}

impl Writer<'_> {
    fn below(&self, id: Id, out: &mut Vec<Node>) {
        for child in self.trie.children(id) {
            self.walk(child, &mut String::new(), (false, false), out);
        }
    }

    /// Writes the statements that begin with some words and go on at a node.
    fn walk(&self, id: Id, words: &mut String, above: (bool, bool), out: &mut Vec<Node>) {
        let trie = self.trie;
        let length = words.len();
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&self.shown(id));
        let own = (trie.flag(id, Flag::Inactive), trie.flag(id, Flag::Protected));
        let is_value = self.is_value(id);
        let is_end = trie.mark(id) == Mark::End && !(trie.is_leaf(id) && is_value);
        let flagged_key = own != (false, false) && !is_end && !trie.is_leaf(id);
        let takes_flags = flagged_key && (self.is_list(id) || self.single_value(id).is_some());
        let flags = if takes_flags || above != (false, false) { (own.0 || above.0, own.1 || above.1) } else { own };
        if is_end && (!trie.is_leaf(id) || self.dialect.page.flat.leaf_values) {
            let mut children = Vec::new();
            self.below(id, &mut children);
            let empty = if children.is_empty() { " {}" } else { "" };
            let text = format!("{}{words}{empty}", prefix(flags));
            out.push(Node { text: text.into(), line: trie.line(id), children });
        } else if trie.is_leaf(id) {
            let block = if self.dialect.page.flat.leaf_values && !is_value && words.contains(' ') { " {}" } else { "" };
            out.push(Node::leaf(format!("{}{words}{block}", prefix(flags)), trie.line(id)));
        } else if self.is_list(id) {
            let values: Vec<Cow<'_, str>> = trie.children(id).map(|child| self.shown(child)).collect();
            out.push(Node::leaf(format!("{}{words} [ {} ]", prefix(flags), values.join(" ")), trie.line(id)));
        } else {
            for child in trie.children(id) {
                self.walk(child, words, if takes_flags { flags } else { (false, false) }, out);
            }
            if flagged_key && !takes_flags {
                let both = [(own.0, "deactivate"), (own.1, "protect")].into_iter().filter(|(on, _)| *on);
                out.extend(both.map(|(_, word)| Node::leaf(format!("{word} {words}"), trie.line(id))));
            }
        }
        words.truncate(length);
    }

    /// Returns a word as it stands in a block, where more characters mean something than in a line.
    fn shown(&self, id: Id) -> Cow<'_, str> {
        let (key, shown) = (self.trie.key(id), self.trie.shown(id));
        let special = |c: char| matches!(c, '{' | '}' | '[' | ']' | ';');
        let is_comment = self.dialect.is_comment(key) || key.starts_with("/*");
        if key == shown && (is_comment || key.contains(special)) {
            Cow::Owned(quoted(key))
        } else {
            Cow::Borrowed(shown)
        }
    }

    /// Tells whether a node is the value of a key word that stands in one statement with it.
    fn is_value(&self, id: Id) -> bool {
        let parent = self.trie.parent(id);
        parent != ROOT && matches!(self.trie.mark(parent), Mark::Single | Mark::List)
    }

    fn is_list(&self, id: Id) -> bool {
        let trie = self.trie;
        let plain =
            |child: Id| trie.is_leaf(child) && !trie.flag(child, Flag::Inactive) && !trie.flag(child, Flag::Protected);
        trie.mark(id) == Mark::List
            && (trie.child_count(id) > 1 || self.dialect.page.flat.leaf_values)
            && trie.children(id).all(plain)
    }

    /// Returns the value of a key word that is known to hold one.
    fn single_value(&self, id: Id) -> Option<Id> {
        let value = self.trie.children(id).next()?;
        (self.trie.is_single(id, self.dialect) && self.trie.child_count(id) == 1 && self.trie.is_leaf(value))
            .then_some(value)
    }
}

fn prefix((inactive, protected): (bool, bool)) -> &'static str {
    match (inactive, protected) {
        (true, true) => "inactive: protect: ",
        (true, false) => "inactive: ",
        (false, true) => "protect: ",
        (false, false) => "",
    }
}
