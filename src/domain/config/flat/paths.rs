//! Patterns over paths: which key words hold one value, which lists have an order.
//!
//! `*` is any one word, `<a|b>` one of these, `**` at the beginning any number of words.

use std::collections::BTreeMap;

use super::page::FlatPage;

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
                    _ => Word::OneOf(word.trim_start_matches('<').trim_end_matches('>').split('|').map(Into::into).collect()),
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
            patterns.iter().find(|pattern| pattern.behind == behind && pattern.matches(backwards.clone())).map(|p| p.value)
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
