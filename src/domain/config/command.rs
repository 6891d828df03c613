//! What is sent to a device, and what each command means.

use serde::{Deserialize, Serialize};

use super::page::Risk;
use super::tree::{ConfigTree, Node};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only opens a section that stays as it is.
    Enter,
    /// A line that was not there.
    Add,
    /// A line that goes away.
    Remove,
    /// A line whose value becomes another, or a section that is typed again as a whole.
    Change,
    /// A line that gets another place in an ordered section.
    Move,
}

/// One command and the commands typed inside the section it opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What is typed, without indentation.
    pub text: String,
    /// What it does.
    pub kind: Kind,
    /// The line that it removes or changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The pattern of the rule that says how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What it can do to traffic.
    pub risk: Risk,
    /// How its section is left, when that has to be typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// Send order among its siblings.
    #[serde(skip)]
    pub(super) weight: i32,
    /// The commands inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
}

/// One operation for people and policies: where, what, how risky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The headers of the sections around it.
    pub path: Vec<String>,
    /// What it does.
    pub kind: Kind,
    /// What is typed.
    pub command: String,
    /// The line that it removes or changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// How risky it is.
    pub risk: Risk,
    /// The rule that produced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// The ordered commands that turn running into intended within the owned scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remediation {
    /// What to type, in order.
    pub commands: Vec<Command>,
    /// Lines that differ and that no command of this platform can bring about; empty means proved on the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproved: Vec<String>,
    /// Lines outside the owned scope that stand on the device; they are never touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
}

/// One line to type: text, depth, whether it opens a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendLine {
    /// The text without indentation.
    pub text: String,
    /// How many sections deep.
    pub depth: usize,
    /// Whether the next line is typed inside.
    pub enters: bool,
}

impl Remediation {
    /// Tells whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.unproved.is_empty()
    }

    /// Returns every operation, top to bottom.
    pub fn operations(&self) -> Vec<Operation> {
        let mut out = Vec::new();
        let mut path = Vec::new();
        push_operations(&self.commands, &mut path, &mut out);
        out
    }

    /// Returns the commands as indented text, ready to be read or pasted.
    pub fn text(&self, indent: usize) -> String {
        let mut out = String::new();
        push_text(&self.commands, 0, indent, &mut out);
        out
    }

    /// Returns the lines to type, every section left by its own word.
    pub fn send_lines(&self, exit: &str) -> Vec<SendLine> {
        let mut out = Vec::new();
        push_send(&self.commands, 0, exit, &mut out);
        out
    }

    /// Returns the highest risk of all operations.
    pub fn risk(&self) -> Risk {
        self.operations().iter().map(|operation| operation.risk).max().unwrap_or_default()
    }

    /// Returns the commands as a tree, for prediction.
    pub fn tree(&self) -> ConfigTree {
        ConfigTree { children: self.commands.iter().map(Command::node).collect() }
    }
}

impl Command {
    /// Returns the command as a plain tree.
    pub(super) fn node(&self) -> Node {
        Node { text: self.text.as_str().into(), line: 0, children: self.children.iter().map(Self::node).collect() }
    }
}

fn push_operations(commands: &[Command], path: &mut Vec<String>, out: &mut Vec<Operation>) {
    for command in commands {
        if command.kind != Kind::Enter {
            out.push(Operation {
                path: path.clone(),
                kind: command.kind,
                command: command.text.clone(),
                old: command.old.clone(),
                risk: command.risk,
                rule: command.rule.clone(),
            });
        }
        if !command.children.is_empty() {
            path.push(command.text.clone());
            push_operations(&command.children, path, out);
            path.pop();
        }
    }
}

fn push_text(commands: &[Command], depth: usize, indent: usize, out: &mut String) {
    for command in commands {
        let spaces = depth * indent;
        push_line(out, spaces, &command.text);
        push_text(&command.children, depth + 1, indent, out);
        if let Some(exit) = command.exit.as_ref().filter(|_| command.opens()) {
            push_line(out, spaces, exit);
        }
    }
}

fn push_line(out: &mut String, spaces: usize, text: &str) {
    out.extend(std::iter::repeat_n(' ', spaces));
    out.push_str(text);
    out.push('\n');
}

impl Command {
    fn opens(&self) -> bool {
        !self.children.is_empty() || self.kind != Kind::Remove && self.exit.is_some()
    }
}

fn push_send(commands: &[Command], depth: usize, exit: &str, out: &mut Vec<SendLine>) {
    for command in commands {
        let opens = command.opens();
        out.push(SendLine { text: command.text.clone(), depth, enters: opens });
        push_send(&command.children, depth + 1, exit, out);
        if opens {
            let word = command.exit.as_deref().unwrap_or(exit);
            out.push(SendLine { text: word.to_owned(), depth: depth + 1, enters: false });
        }
    }
}
