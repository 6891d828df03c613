//! Paths as a tree of words: one node per word, order kept, with what is known about where statements end.

use std::collections::BTreeMap;

use super::super::dialect::Dialect;
use super::page::PathSet;
use super::token::Word;

/// Index of a node; the root is 0.
pub(super) type Id = u32;

/// No node.
pub(super) const NONE: Id = u32::MAX;

/// The root.
pub(super) const ROOT: Id = 0;

/// Longest path, in words; what is longer keeps its rest as one word.
const PATH_WORDS_MAX: u16 = 128;

/// What the text said about a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// Nothing: it was read from a line.
    #[default]
    Unknown,
    /// The statement goes on behind it.
    Inside,
    /// A key word with one value.
    Single,
    /// A key word with a list of values.
    List,
    /// A statement ends here.
    End,
}

#[derive(Clone, Debug)]
struct Entry {
    key: Box<str>,
    raw: Option<Box<str>>,
    parent: Id,
    first: Id,
    last: Id,
    next: Id,
    previous: Id,
    line: u32,
    depth: u16,
    mark: Mark,
    inactive: bool,
    protected: bool,
    children: BTreeMap<Box<str>, Id>,
}

/// The tree of words.
#[derive(Clone, Debug)]
pub(super) struct Trie {
    entries: Vec<Entry>,
}

/// A switch that a part of the configuration may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// It is there and has no effect.
    Inactive,
    /// It must not be changed.
    Protected,
}

impl Trie {
    /// Makes an empty tree.
    pub(super) fn new() -> Self {
        Self { entries: vec![Entry::new("".into(), None, NONE, 0)] }
    }

    fn entry(&self, id: Id) -> &Entry {
        &self.entries[id as usize]
    }

    fn entry_mut(&mut self, id: Id) -> &mut Entry {
        &mut self.entries[id as usize]
    }

    pub(super) fn parent(&self, id: Id) -> Id {
        self.entry(id).parent
    }

    pub(super) fn key(&self, id: Id) -> &str {
        &self.entry(id).key
    }

    pub(super) fn shown(&self, id: Id) -> &str {
        let entry = self.entry(id);
        entry.raw.as_deref().unwrap_or(&entry.key)
    }

    pub(super) fn line(&self, id: Id) -> u32 {
        self.entry(id).line
    }

    /// Forgets the line numbers, because the tree is not any more what the text said.
    pub(super) fn forget_lines(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.line = 0);
    }

    pub(super) fn mark(&self, id: Id) -> Mark {
        self.entry(id).mark
    }

    /// Adds knowledge about a node; better knowledge stays.
    pub(super) fn set_mark(&mut self, id: Id, mark: Mark) {
        let own = &mut self.entry_mut(id).mark;
        *own = mark.max(*own);
    }

    pub(super) fn flag(&self, id: Id, flag: Flag) -> bool {
        match flag {
            Flag::Inactive => self.entry(id).inactive,
            Flag::Protected => self.entry(id).protected,
        }
    }

    pub(super) fn set_flag(&mut self, id: Id, flag: Flag, on: bool) {
        match flag {
            Flag::Inactive => self.entry_mut(id).inactive = on,
            Flag::Protected => self.entry_mut(id).protected = on,
        }
    }

    pub(super) fn is_leaf(&self, id: Id) -> bool {
        self.entry(id).children.is_empty()
    }

    pub(super) fn child(&self, id: Id, key: &str) -> Option<Id> {
        self.entry(id).children.get(key).copied()
    }

    pub(super) fn child_count(&self, id: Id) -> usize {
        self.entry(id).children.len()
    }

    /// Returns the children in order.
    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let next = |id: Id| (id != NONE).then_some(id);
        std::iter::successors(next(self.entry(id).first), move |id| next(self.entry(*id).next))
    }

    /// Returns the keys from a node up to the root.
    pub(super) fn backwards(&self, id: Id) -> impl Iterator<Item = &str> + Clone {
        let up = |id: Id| (id != ROOT && id != NONE).then_some(id);
        std::iter::successors(up(id), move |id| up(self.parent(*id))).map(|id| self.key(id))
    }

    /// Tells whether a path set has the path of a node, and which of its patterns.
    pub(super) fn matches(&self, id: Id, set: &PathSet) -> Option<usize> {
        set.find(self.backwards(id))
    }

    /// Returns the nodes from below the root to a node.
    pub(super) fn path(&self, id: Id) -> Vec<Id> {
        let up = |id: Id| (id != ROOT && id != NONE).then_some(id);
        let mut path: Vec<Id> = std::iter::successors(up(id), |id| up(self.parent(*id))).collect();
        path.reverse();
        path
    }

    /// Returns the path as it is typed.
    pub(super) fn text(&self, id: Id) -> String {
        let words: Vec<&str> = self.path(id).into_iter().map(|id| self.shown(id)).collect();
        words.join(" ")
    }

    /// Finds the node at a path.
    pub(super) fn find(&self, words: &[Word]) -> Option<Id> {
        let (words, rest) = self.fitting(ROOT, words);
        let found = words.iter().try_fold(ROOT, |id, word| self.child(id, &word.key))?;
        match rest {
            Some(rest) => self.child(found, &rest.key),
            None => Some(found),
        }
    }

    /// Finds the node of another tree here.
    pub(super) fn find_like(&self, other: &Self, id: Id) -> Option<Id> {
        other.path(id).into_iter().try_fold(ROOT, |own, id| self.child(own, other.key(id)))
    }

    /// Cuts a path that is too long: the rest becomes one word.
    fn fitting<'w>(&self, from: Id, words: &'w [Word]) -> (&'w [Word], Option<Word>) {
        let room = usize::from(PATH_WORDS_MAX.saturating_sub(self.entry(from).depth)).max(1);
        if words.len() <= room {
            return (words, None);
        }
        let rest: Vec<&str> = words[room - 1..].iter().map(Word::shown).collect();
        (&words[..room - 1], Some(Word { key: rest.join(" ").into(), raw: None }))
    }

    /// Tells whether nothing should be put below a node any more.
    pub(super) fn is_deep(&self, id: Id) -> bool {
        self.entry(id).depth >= PATH_WORDS_MAX
    }

    /// Goes to the child with this word, which is made when it is not there.
    pub(super) fn add(&mut self, id: Id, word: &Word, line: u32) -> Id {
        if let Some(child) = self.child(id, &word.key) {
            return child;
        }
        let new = Id::try_from(self.entries.len()).expect("a text of at most 64 MiB has fewer words than 2^32");
        let depth = self.entry(id).depth.saturating_add(1);
        let mut entry = Entry::new(word.key.clone(), word.raw.clone(), id, depth);
        entry.line = line;
        self.entries.push(entry);
        self.entry_mut(id).children.insert(word.key.clone(), new);
        self.link_last(id, new);
        new
    }

    /// Goes down a path, which is made where it is not there.
    pub(super) fn add_path(&mut self, from: Id, words: &[Word], line: u32) -> Id {
        let (words, rest) = self.fitting(from, words);
        let end = words.iter().fold(from, |id, word| self.add(id, word, line));
        match rest {
            Some(rest) => self.add(end, &rest, line),
            None => end,
        }
    }

    fn link_last(&mut self, parent: Id, id: Id) {
        let last = self.entry(parent).last;
        self.link_between(parent, id, (last, NONE));
    }

    fn link_between(&mut self, parent: Id, id: Id, (previous, next): (Id, Id)) {
        let entry = self.entry_mut(id);
        (entry.previous, entry.next) = (previous, next);
        match previous {
            NONE => self.entry_mut(parent).first = id,
            previous => self.entry_mut(previous).next = id,
        }
        match next {
            NONE => self.entry_mut(parent).last = id,
            next => self.entry_mut(next).previous = id,
        }
    }

    fn unlink(&mut self, id: Id) {
        let Entry { parent, previous, next, .. } = *self.entry(id);
        match previous {
            NONE => self.entry_mut(parent).first = next,
            previous => self.entry_mut(previous).next = next,
        }
        match next {
            NONE => self.entry_mut(parent).last = previous,
            next => self.entry_mut(next).previous = previous,
        }
    }

    /// Puts a node before or behind one of its siblings.
    pub(super) fn shift(&mut self, id: Id, anchor: Id, before: bool) {
        let parent = self.parent(id);
        if id == anchor || parent != self.parent(anchor) || parent == NONE {
            return;
        }
        self.unlink(id);
        let Entry { previous, next, .. } = *self.entry(anchor);
        self.link_between(parent, id, if before { (previous, anchor) } else { (anchor, next) });
    }

    /// Takes a node away with everything below.
    pub(super) fn cut(&mut self, id: Id) {
        let parent = self.parent(id);
        if parent == NONE {
            return;
        }
        self.unlink(id);
        let key = self.entry(id).key.clone();
        let parent = self.entry_mut(parent);
        parent.children.remove(&key);
    }

    /// Takes a node away, and the nodes above it that have no other child, up to where a statement ends.
    pub(super) fn remove(&mut self, id: Id) {
        let mut id = id;
        loop {
            let parent = self.parent(id);
            self.cut(id);
            if parent == NONE || parent == ROOT || !self.is_leaf(parent) || self.mark(parent) == Mark::End {
                return;
            }
            id = parent;
        }
    }

    /// Takes everything below a node away.
    pub(super) fn clear(&mut self, id: Id) {
        let entry = self.entry_mut(id);
        (entry.first, entry.last) = (NONE, NONE);
        entry.children.clear();
    }

    /// Returns the ends of all paths below a node, in order.
    pub(super) fn leaves(&self, id: Id) -> Vec<Id> {
        let mut out = Vec::new();
        self.push_leaves(id, &mut out);
        out
    }

    fn push_leaves(&self, id: Id, out: &mut Vec<Id>) {
        if self.is_leaf(id) && id != ROOT {
            out.push(id);
        }
        for child in self.children(id) {
            self.push_leaves(child, out);
        }
    }

    /// Tells whether any statement end is known.
    pub(super) fn has_blocks(&self) -> bool {
        self.has_blocks_below(ROOT)
    }

    fn has_blocks_below(&self, id: Id) -> bool {
        self.children(id).any(|child| self.mark(child) == Mark::End || self.has_blocks_below(child))
    }

    /// Tells whether everything below two nodes means the same.
    pub(super) fn same_below(&self, id: Id, other: &Self, theirs: Id, dialect: &Dialect) -> bool {
        let flags = |flag| self.flag(id, flag) == other.flag(theirs, flag);
        if self.child_count(id) != other.child_count(theirs) || !flags(Flag::Inactive) || !flags(Flag::Protected) {
            return false;
        }
        let equal = self.children(id).all(|child| {
            other.child(theirs, self.key(child)).is_some_and(|their| self.same_below(child, other, their, dialect))
        });
        equal
            && (!self.is_ordered(id, dialect)
                || self.children(id).map(|c| self.key(c)).eq(other.children(theirs).map(|c| other.key(c))))
    }

    /// Where the other tree shows that a key word holds one value, only the last of several values is kept.
    pub(super) fn keep_last_values(&mut self, other: &Self, dialect: &Dialect) {
        self.keep_last_values_below(ROOT, other, ROOT, dialect);
    }

    fn keep_last_values_below(&mut self, id: Id, other: &Self, theirs: Id, dialect: &Dialect) {
        for child in self.children(id).collect::<Vec<_>>() {
            let Some(their) = other.child(theirs, self.key(child)) else { continue };
            let last = self.entry(child).last;
            if self.child_count(child) > 1
                && other.is_single(their, dialect)
                && self.children(child).all(|value| self.is_leaf(value))
            {
                let early: Vec<Id> = self.children(child).filter(|value| *value != last).collect();
                early.into_iter().for_each(|value| self.cut(value));
            }
            self.keep_last_values_below(child, other, their, dialect);
        }
    }

    /// Tells whether the order of a node's children means something.
    pub(super) fn is_ordered(&self, id: Id, dialect: &Dialect) -> bool {
        self.matches(id, &dialect.flat.ordered).is_some() || self.matches(id, &dialect.flat.ordered_values).is_some()
    }

    /// Tells whether a node is a key word that holds one value.
    pub(super) fn is_single(&self, id: Id, dialect: &Dialect) -> bool {
        let rules = &dialect.flat;
        // The entries of an ordered list are many, also where an empty one looks like a value.
        self.mark(id) == Mark::Single && self.matches(id, &rules.ordered).is_none()
            || self.matches(id, &rules.single).is_some()
            || self.matches(id, &rules.overwrite).is_some()
    }
}

impl Entry {
    fn new(key: Box<str>, raw: Option<Box<str>>, parent: Id, depth: u16) -> Self {
        Self {
            key,
            raw,
            parent,
            first: NONE,
            last: NONE,
            next: NONE,
            previous: NONE,
            line: 0,
            depth,
            mark: Mark::Unknown,
            inactive: false,
            protected: false,
            children: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        Word { key: text.into(), raw: None }
    }

    fn path(text: &str) -> Vec<Word> {
        text.split(' ').map(word).collect()
    }

    #[test]
    fn removal_goes_up_to_the_last_statement_end() {
        let mut trie = Trie::new();
        let leaf = trie.add_path(ROOT, &path("a b c d"), 1);
        let b = trie.find(&path("a b")).unwrap();
        trie.set_mark(b, Mark::End);
        trie.remove(leaf);
        assert_eq!(trie.leaves(ROOT), [b]);
        trie.remove(b);
        assert!(trie.is_leaf(ROOT));
    }

    #[test]
    fn siblings_change_places() {
        let mut trie = Trie::new();
        let ids: Vec<Id> = ["a", "b", "c"].iter().map(|text| trie.add_path(ROOT, &path(text), 1)).collect();
        trie.shift(ids[2], ids[0], true);
        trie.shift(ids[0], ids[1], false);
        let order: Vec<&str> = trie.children(ROOT).map(|id| trie.key(id)).collect();
        assert_eq!(order, ["c", "b", "a"]);
    }

    #[test]
    fn long_paths_keep_their_rest() {
        let mut trie = Trie::new();
        let long = path(&vec!["x"; 5000].join(" "));
        let leaf = trie.add_path(ROOT, &long, 1);
        assert_eq!(trie.path(leaf).len(), usize::from(PATH_WORDS_MAX));
        assert_eq!(trie.find(&long), Some(leaf));
        assert_eq!(trie.text(leaf).split(' ').count(), 5000);
    }
}
