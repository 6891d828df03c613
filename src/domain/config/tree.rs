//! The one tree that every syntax family parses into: lines with children, order kept.

use serde::{Deserialize, Serialize};

use super::text::Text;

/// One line of configuration and the lines below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// The line without indentation; inner white space is kept as written.
    pub text: Text,
    /// Where it stood in the text it was read from, counting from 1; 0 when it was made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub line: u32,
    /// The lines of its section.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(line: &u32) -> bool {
    *line == 0
}

impl Node {
    /// Makes a line without children.
    pub fn leaf(text: impl Into<Text>, line: u32) -> Self {
        Self { text: text.into(), line, children: Vec::new() }
    }

    /// Counts the line and everything below it.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }
}

/// A configuration as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigTree {
    /// The lines at the top.
    pub children: Vec<Node>,
}

impl ConfigTree {
    /// Tells whether there is no line at all.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Counts all lines.
    pub fn count(&self) -> usize {
        self.children.iter().map(Node::count).sum()
    }

    /// Returns all lines with their depth, top to bottom.
    pub fn lines(&self) -> Vec<(usize, &str)> {
        let mut out = Vec::new();
        push_lines(&self.children, 0, &mut out);
        out
    }
}

fn push_lines<'a>(nodes: &'a [Node], depth: usize, out: &mut Vec<(usize, &'a str)>) {
    for node in nodes {
        out.push((depth, &node.text));
        push_lines(&node.children, depth + 1, out);
    }
}

/// Builds a tree from lines that arrive with their depth: a line may be at most one deeper than the open section.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    open: Vec<Node>,
    done: Vec<Node>,
}

impl TreeBuilder {
    /// Returns how many sections are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Returns the header of the innermost open section.
    pub fn header(&self) -> Option<&str> {
        self.open.last().map(|node| node.text.as_ref())
    }

    /// Adds a line at a depth and leaves it open for children; a depth that is too large is cut.
    pub fn push(&mut self, depth: usize, node: Node) {
        self.close_to(depth.min(self.open.len()));
        self.open.push(node);
    }

    /// Closes sections until only `depth` are open.
    pub fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let node = self.open.pop().expect("the length was checked");
            match self.open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => self.done.push(node),
            }
        }
    }

    /// Ends the tree.
    pub fn finish(mut self) -> ConfigTree {
        self.close_to(0);
        ConfigTree { children: self.done }
    }
}
