//! Configuration text as a tree: read it, compare it, compute the commands, predict what they lead to.
//!
//! The law that everything here keeps, for normalised trees `r` and `i`:
//! `predict(r, remediate(r, i)) == i` and `predict(i, remediate(i, r)) == r`.

#[path = "rules/page.rs"]
pub mod page;
#[path = "rules/pattern.rs"]
pub mod pattern;
pub mod tree;
#[path = "rules/dialect.rs"]
pub mod dialect;
mod syntax;
#[path = "rules/options.rs"]
mod options;
#[path = "rules/starts.rs"]
mod starts;
#[path = "rules/range.rs"]
mod range;
#[path = "rules/spelling.rs"]
mod spelling;
#[path = "nested/homes.rs"]
mod homes;
#[path = "nested/normalize.rs"]
mod normalize;
#[path = "nested/model.rs"]
mod model;
pub mod command;
#[path = "nested/diff.rs"]
mod diff;
#[path = "nested/range_commands.rs"]
mod range_commands;
#[path = "nested/remediate.rs"]
pub mod remediate;
pub mod text_diff;
#[path = "secrets/secret_words.rs"]
mod secret_words;
#[path = "secrets/secret_tokens.rs"]
mod secret_tokens;
#[path = "secrets/secret_line.rs"]
mod secret_line;
#[path = "secrets/mask.rs"]
pub mod mask;
pub mod flat;
pub mod routeros;
pub mod document;
#[path = "secrets/crypt.rs"]
pub mod crypt;
#[path = "secrets/secret_compare.rs"]
pub mod secret_compare;
mod words;
pub mod grouping;
pub mod management;

use command::Remediation;
use dialect::Dialect;
use page::Family;
use remediate::Scope;
use syntax::Purpose;
use tree::ConfigTree;

impl Dialect {
    /// Reads a configuration as the device prints it or as a person writes it. Never fails: what is odd stays a line.
    pub fn parse(&self, text: &str) -> ConfigTree {
        match self.page.family {
            Family::Braces | Family::Set => flat::parse(self, text),
            Family::Routeros => routeros::parse(self, text),
            Family::Json => document::parse_json(self, text),
            Family::Xml => document::xml::parse(self, text),
            Family::File => document::parse_file(self, text),
            Family::Context | Family::Indented | Family::Fortios => {
                normalize::normalize(self, self.read(text, Purpose::Configuration))
            }
        }
    }

    /// Reads commands as they are typed: like a configuration, without normalisation.
    pub fn parse_commands(&self, text: &str) -> ConfigTree {
        self.read(text, Purpose::Commands)
    }

    fn read(&self, text: &str, purpose: Purpose) -> ConfigTree {
        match self.page.family {
            Family::Context => syntax::parse_context(self, text, purpose),
            Family::Indented => syntax::parse_indented(self, text, purpose),
            Family::Fortios => syntax::parse_fortios(self, text, purpose),
            Family::Braces | Family::Set => flat::parse_commands(self, text),
            Family::Routeros => routeros::parse_commands(self, text),
            Family::Json => document::parse_patch(text),
            Family::Xml => document::xml::parse_edit(self, text),
            Family::File => document::parse_new_file(text),
        }
    }

    /// Prints a configuration in the platform's own syntax.
    pub fn print(&self, tree: &ConfigTree) -> String {
        match self.page.family {
            Family::Context | Family::Indented | Family::Fortios => syntax::print_indented(self, tree),
            Family::Braces | Family::Set => flat::print(self, tree),
            Family::Routeros => routeros::print(tree),
            Family::Json => document::print_json(tree),
            Family::Xml => document::xml::print(tree),
            Family::File => document::print_file(tree),
        }
    }

    /// Computes the commands that turn `running` into `intended` within the scope.
    pub fn remediate(&self, running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
        match self.page.family {
            Family::Context | Family::Indented | Family::Fortios => {
                remediate::remediate(self, running, intended, scope)
            }
            Family::Braces | Family::Set => flat::remediate(self, running, intended, scope),
            Family::Routeros => routeros::remediate(self, running, intended, scope),
            Family::Json => document::remediate_json(self, running, intended, scope),
            Family::Xml => document::xml::remediate(self, running, intended, scope),
            Family::File => document::remediate_file(running, intended, scope),
        }
    }

    /// Says what a device holds after these commands.
    pub fn predict(&self, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
        match self.page.family {
            Family::Context | Family::Indented | Family::Fortios => {
                normalize::normalize(self, remediate::predict(self, running, commands))
            }
            Family::Braces | Family::Set => flat::predict(self, running, commands),
            Family::Routeros => routeros::predict(self, running, commands),
            Family::Json => document::predict_json(self, running, commands),
            Family::Xml => document::xml::predict(self, running, commands),
            Family::File => document::predict_file(self, running, commands),
        }
    }

    /// Returns the commands as text to be read, or pasted into a session.
    pub fn commands_text(&self, remediation: &Remediation) -> String {
        match self.page.family {
            Family::Json => document::patch_text(remediation),
            Family::File => document::file_text(remediation),
            Family::Context
            | Family::Indented
            | Family::Fortios
            | Family::Braces
            | Family::Set
            | Family::Routeros
            | Family::Xml => remediation.text(self.page.indent.max(1)),
        }
    }

    /// Returns a unified diff for people.
    pub fn text_diff(&self, running: &ConfigTree, intended: &ConfigTree) -> String {
        if self.is_flat() {
            let (old, new) = flat::print_both(self, running, intended);
            return text_diff::unified(&old, &new);
        }
        text_diff::unified(&self.print(running), &self.print(intended))
    }

    /// Tells whether two configurations mean the same.
    pub fn same(&self, a: &ConfigTree, b: &ConfigTree) -> bool {
        match self.page.family {
            Family::Context | Family::Indented | Family::Fortios => {
                diff::level(self, self.top(), &a.children, &b.children).is_empty()
            }
            Family::Braces | Family::Set => flat::same(self, a, b),
            Family::Routeros => routeros::same(self, a, b),
            Family::Json => document::same_json(a, b),
            Family::Xml => document::xml::same(self, a, b),
            Family::File => document::same_file(a, b),
        }
    }
}
