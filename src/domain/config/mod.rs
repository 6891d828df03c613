//! Configuration text as a tree: read it, compare it, compute the commands, predict what they lead to.
//!
//! The law that everything here keeps, for normalised trees `r` and `i`:
//! `predict(r, remediate(r, i)) == i` and `predict(i, remediate(i, r)) == r`.

pub mod page;
pub mod pattern;
pub mod tree;
pub mod dialect;
mod syntax;
mod options;
mod starts;
mod range;
mod normalize;
mod model;
pub mod command;
mod diff;
pub mod remediate;
pub mod text_diff;
mod secret_words;
mod secret_line;
pub mod mask;

use command::Remediation;
use dialect::Dialect;
use page::Family;
use remediate::Scope;
use syntax::Purpose;
use tree::ConfigTree;

impl Dialect {
    /// Reads a configuration as the device prints it or as a person writes it. Never fails: what is odd stays a line.
    pub fn parse(&self, text: &str) -> ConfigTree {
        normalize::normalize(self, self.read(text, Purpose::Configuration))
    }

    /// Reads commands as they are typed: like a configuration, without normalisation.
    pub fn parse_commands(&self, text: &str) -> ConfigTree {
        self.read(text, Purpose::Commands)
    }

    fn read(&self, text: &str, purpose: Purpose) -> ConfigTree {
        match self.page.family {
            Family::Context => syntax::parse_context(self, text, purpose),
            Family::Fortios => syntax::parse_fortios(self, text, purpose),
            _ => syntax::parse_indented(self, text, purpose),
        }
    }

    /// Prints a configuration in the platform's own syntax.
    pub fn print(&self, tree: &ConfigTree) -> String {
        syntax::print_indented(self, tree)
    }

    /// Computes the commands that turn `running` into `intended` within the scope.
    pub fn remediate(&self, running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
        remediate::remediate(self, running, intended, scope)
    }

    /// Says what a device holds after these commands.
    pub fn predict(&self, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
        normalize::normalize(self, remediate::predict(self, running, commands))
    }

    /// Returns the commands as text to be read, or pasted into a session.
    pub fn commands_text(&self, remediation: &Remediation) -> String {
        remediation.text(self.page.indent.max(1))
    }

    /// Returns a unified diff for people.
    pub fn text_diff(&self, running: &ConfigTree, intended: &ConfigTree) -> String {
        text_diff::unified(&self.print(running), &self.print(intended))
    }

    /// Tells whether two configurations mean the same.
    pub fn same(&self, a: &ConfigTree, b: &ConfigTree) -> bool {
        diff::level(self, self.top(), &a.children, &b.children).is_empty()
    }
}
