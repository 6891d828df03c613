//! The part of a platform page that only platforms with paths (`set a b c`, `a { b c; }`) have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How paths are written, and what is known about some of them.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlatPage {
    /// The words that set a path: `set`.
    pub set: String,
    /// The words that delete a path: `delete`.
    pub delete: String,
    /// The command that gives an entry of an ordered list another place: `{list}` the path of the list, `{word}` its last
    /// word, `{entry}` the entry, `{place}` `before` or `after`, `{anchor}` the entry beside it. Empty: entries are typed again.
    pub insert: String,
    /// What ends a statement that has no block.
    pub terminator: Terminator,
    /// The block around everything, not part of any path: `configure`.
    pub root: String,
    /// Blocks at the top that are no configuration.
    pub skip: Vec<String>,
    /// Whether `'` quotes as well.
    pub single_quotes: bool,
    /// Whether commands pass through a shell: values with its special characters are put into `'`.
    pub shell: bool,
    /// Whether `inactive:` and `protect:` mark parts, changed by `activate`, `deactivate`, `protect`, `unprotect`.
    pub flags: bool,
    /// Whether the device writes IPv6 addresses in their short form, whatever was typed.
    pub ipv6: bool,
    /// Whether a statement without a block is a key word with one value, so that a list is always `[ ]` or blocks.
    pub leaf_values: bool,
    /// Whether the configuration may also be read as a YAML or JSON document.
    pub document: bool,
    /// Paths of key words that hold one value: another value takes its place.
    pub single: Vec<String>,
    /// Paths of key words that hold one value, changed by setting and deleted without naming the value.
    pub overwrite: Vec<String>,
    /// Paths of things that are deleted and set again when one side writes them in one line.
    pub rewrite: Vec<String>,
    /// Paths of things that exist on their own: they are deleted without what stands behind them in the same line.
    pub entries: Vec<String>,
    /// Paths of key words whose entries have an order that means something.
    pub ordered: Vec<String>,
    /// The same for plain values: they are deleted and set again to change the order.
    pub ordered_values: Vec<String>,
    /// Several statements that are written in one line.
    pub oneliners: Vec<Oneliner>,
}

/// What ends a statement that has no block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Terminator {
    /// `;`
    #[default]
    Semicolon,
    /// The end of the line.
    Newline,
}

/// A path after which several key words with their values may stand in one line: `vlan-tags outer 1 inner 2`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oneliner {
    /// The path.
    pub path: String,
    /// The key words, and how many words of value follow each.
    pub words: std::collections::BTreeMap<String, usize>,
}
