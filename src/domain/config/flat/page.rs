//! The part of a platform page that only platforms with paths (`set a b c`, `a { b c; }`) have, and its path patterns.
//!
//! In a pattern `*` is any one word, `<a|b>` one of these, `**` at the beginning any number of words.

use std::collections::BTreeMap;

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
    /// Blocks at the top that are no part of any path either, one inside the other: `devices`, `localhost.localdomain`.
    pub around: Vec<String>,
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
    pub words: BTreeMap<String, usize>,
}

/// A set of path patterns, found by their last literal word.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathSet {
    by_word: BTreeMap<Box<str>, Vec<PathPattern>>,
}

#[derive(Clone, Debug)]
struct PathPattern {
    words: Vec<Word>,
    anywhere: bool,
    /// How many `*` stand behind the last literal word.
    behind: usize,
    value: usize,
}

#[derive(Clone, Debug)]
enum Word {
    Any,
    OneOf(Vec<Box<str>>),
}

impl PathSet {
    /// Compiles patterns; the error names the wrong one.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, String> {
        let mut set = Self::default();
        for (value, source) in patterns.iter().enumerate() {
            let anywhere = source.starts_with("** ");
            let words: Vec<Word> = source
                .split_whitespace()
                .skip(usize::from(anywhere))
                .map(|word| match word {
                    "*" => Word::Any,
                    _ => Word::OneOf(
                        word.trim_start_matches('<').trim_end_matches('>').split('|').map(Into::into).collect(),
                    ),
                })
                .collect();
            let behind = words.iter().rev().take_while(|word| matches!(word, Word::Any)).count();
            let Some(Word::OneOf(last)) = words.len().checked_sub(behind + 1).map(|at| words[at].clone()) else {
                return Err(format!("path {source:?}: a path needs a literal word"));
            };
            for word in last {
                let pattern = PathPattern { words: words.clone(), anywhere, behind, value };
                set.by_word.entry(word).or_default().push(pattern);
            }
        }
        Ok(set)
    }

    /// Tells whether a path, given from its last word backwards, matches; returns the number of the pattern.
    pub(crate) fn find<'a>(&self, backwards: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
        if self.by_word.is_empty() {
            return None;
        }
        (0..3).find_map(|behind| {
            let word = backwards.clone().nth(behind)?;
            let patterns = self.by_word.get(word)?;
            patterns
                .iter()
                .find(|pattern| pattern.behind == behind && pattern.matches(backwards.clone()))
                .map(|p| p.value)
        })
    }
}

impl PathPattern {
    fn matches<'a>(&self, mut backwards: impl Iterator<Item = &'a str>) -> bool {
        for word in self.words.iter().rev() {
            let Some(text) = backwards.next() else { return false };
            let fits = match word {
                Word::Any => true,
                Word::OneOf(words) => words.iter().any(|word| **word == *text),
            };
            if !fits {
                return false;
            }
        }
        self.anywhere || backwards.next().is_none()
    }
}

/// The compiled path knowledge of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlatRules {
    pub(super) single: PathSet,
    pub(super) overwrite: PathSet,
    pub(super) rewrite: PathSet,
    pub(super) entries: PathSet,
    pub(super) ordered: PathSet,
    pub(super) ordered_values: PathSet,
    pub(super) oneliners: PathSet,
}

impl FlatRules {
    /// Compiles the path lists of a page.
    pub(crate) fn new(page: &FlatPage) -> Result<Self, String> {
        let oneliners: Vec<String> = page.oneliners.iter().map(|line| line.path.clone()).collect();
        Ok(Self {
            single: PathSet::new(&page.single)?,
            overwrite: PathSet::new(&page.overwrite)?,
            rewrite: PathSet::new(&page.rewrite)?,
            entries: PathSet::new(&page.entries)?,
            ordered: PathSet::new(&page.ordered)?,
            ordered_values: PathSet::new(&page.ordered_values)?,
            oneliners: PathSet::new(&oneliners)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PathSet;

    fn finds(pattern: &str, path: &str) -> bool {
        let set = PathSet::new(&[pattern.to_owned()]).unwrap();
        let words: Vec<&str> = path.split(' ').collect();
        set.find(words.iter().rev().copied()).is_some()
    }

    #[test]
    fn paths_are_found_by_their_last_word() {
        assert!(finds("interfaces * mtu", "interfaces ge-0/0/0 mtu"));
        assert!(!finds("interfaces * mtu", "interfaces ge-0/0/0 unit mtu"));
        assert!(finds("** rib * <static|aggregate> route *", "routing-options rib inet.0 static route 10.0.0.0/8"));
        assert!(!finds("rib * static route *", "routing-options rib inet.0 static route 10.0.0.0/8"));
        assert!(finds("** term", "a b term"));
        assert!(PathSet::new(&["* *".to_owned()]).is_err());
    }
}
