//! A small configuration tree of the simulated devices, kept apart from the product's own so that it can judge it.
//!
//! The tree knows nothing about any platform: the grammar gives every node its key (what a new line replaces) and
//! its place (where the device prints it).

use std::cmp::Ordering;

/// How a node is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One line.
    Line,
    /// A line that opens a section.
    Section,
    /// A line, and a text that is printed as it was typed (banners).
    Text,
}

/// One line of a configuration and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The line as the device prints it, without indentation.
    pub(super) text: Box<str>,
    /// Two lines with the same key in the same section replace each other.
    pub(super) key: Box<str>,
    /// Where the line stands among its siblings.
    pub(super) place: Box<str>,
    /// How it is printed.
    pub(super) shape: Shape,
    /// The lines of the section, sorted by `place`.
    pub(super) children: Vec<Self>,
}

impl Node {
    /// The root of an empty configuration.
    pub(super) fn root() -> Self {
        Self::new("", "", "", Shape::Section)
    }

    /// A node without children.
    pub(super) fn new(text: &str, key: &str, place: &str, shape: Shape) -> Self {
        Self { text: text.into(), key: key.into(), place: place.into(), shape, children: Vec::new() }
    }

    /// The child with this key.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.children.iter().find(|child| &*child.key == key)
    }

    /// The child with this key, to change it.
    pub(super) fn child_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.children.iter_mut().find(|child| &*child.key == key)
    }

    /// Puts a line in its place; one with the same key is replaced, but a section keeps what stands in it.
    pub(super) fn put(&mut self, mut node: Self) {
        if let Some(at) = self.children.iter().position(|child| child.key == node.key) {
            let old = self.children.remove(at);
            if node.shape == Shape::Section && old.shape == Shape::Section {
                node.children = old.children;
            }
        }
        let at = self.children.partition_point(|child| child.place.cmp(&node.place) != Ordering::Greater);
        self.children.insert(at, node);
    }

    /// Removes the child with this key; whether there was one.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let before = self.children.len();
        self.children.retain(|child| &*child.key != key);
        before != self.children.len()
    }

    /// Removes every child whose text begins with these words; whether there was one.
    pub(super) fn purge(&mut self, words: &str) -> bool {
        let before = self.children.len();
        self.children.retain(|child| !begins_with(&child.text, words));
        before != self.children.len()
    }

    /// What follows these words in the first child line that begins with them.
    pub(super) fn value<'a>(&'a self, words: &str) -> Option<&'a str> {
        self.children.iter().find_map(|child| after(&child.text, words)).filter(|rest| !rest.is_empty())
    }

    /// Whether a child line has exactly this text.
    pub(super) fn has(&self, text: &str) -> bool {
        self.children.iter().any(|child| &*child.text == text)
    }
}

/// What follows these words in a line that begins with them.
pub(super) fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(words)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

/// Whether a line begins with these whole words.
pub(super) fn begins_with(text: &str, words: &str) -> bool {
    after(text, words).is_some()
}

/// Makes a text that sorts as people count: `Ethernet2` before `Ethernet10`, `10.0.2.0` before `10.0.10.0`.
pub(super) fn natural(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut digits = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            out.push_str(&format!("{digits:0>10}"));
            digits.clear();
        }
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

/// The unified diff of two printed configurations with three lines of context, without file headers; empty if equal.
pub(super) fn unified_diff(old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().context_radius(3).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_replaces_the_one_with_its_key_and_keeps_its_place() {
        let mut root = Node::root();
        root.put(Node::new("mtu 9000", "mtu", "2", Shape::Line));
        root.put(Node::new("description a", "description", "1", Shape::Line));
        root.put(Node::new("mtu 1500", "mtu", "2", Shape::Line));
        let texts: Vec<_> = root.children.iter().map(|c| &*c.text).collect();
        assert_eq!(texts, ["description a", "mtu 1500"]);
        assert!(root.remove("mtu") && !root.remove("mtu"));
    }

    #[test]
    fn words_are_whole_and_numbers_count() {
        assert!(begins_with("neighbor 10.0.0.1 remote-as 1", "neighbor 10.0.0.1"));
        assert!(!begins_with("neighbor 10.0.0.10 remote-as 1", "neighbor 10.0.0.1"));
        assert!(natural("Ethernet2") < natural("Ethernet10"));
    }
}
