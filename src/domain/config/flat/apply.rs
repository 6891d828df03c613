//! What a device makes of `set`, `delete`, `insert` and their kind.

use super::super::dialect::Dialect;
use super::token::{Word, words};
use super::trie::{Flag, Id, ROOT, Trie};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Set,
    Delete,
    Insert,
    Flag(Flag, bool),
}

/// Splits the verb off a command line.
pub(super) fn verb<'l>(dialect: &Dialect, line: &'l str) -> Option<(Verb, &'l str)> {
    let page = &dialect.page.flat;
    let insert = page.insert.split(' ').next().unwrap_or_default();
    let own = [(Verb::Delete, page.delete.as_str()), (Verb::Set, page.set.as_str()), (Verb::Insert, insert)];
    for (verb, word) in own {
        if !word.is_empty()
            && let Some(rest) = line.strip_prefix(word)
            && rest.starts_with(' ')
        {
            return Some((verb, rest.trim_start()));
        }
    }
    if !page.flags {
        return None;
    }
    let (word, rest) = line.split_once(' ')?;
    let verb = match word {
        "deactivate" => Verb::Flag(Flag::Inactive, true),
        "activate" => Verb::Flag(Flag::Inactive, false),
        "protect" => Verb::Flag(Flag::Protected, true),
        "unprotect" => Verb::Flag(Flag::Protected, false),
        _ => return None,
    };
    Some((verb, rest.trim_start()))
}

/// Applies one command line; a line without a verb is a path that is set.
pub(super) fn line(dialect: &Dialect, trie: &mut Trie, text: &str, number: u32) {
    let (verb, path) = verb(dialect, text).unwrap_or((Verb::Set, text));
    let path = words(dialect, path);
    let path = without_root(dialect, &path);
    match verb {
        Verb::Set => set(dialect, trie, path, number),
        Verb::Delete => {
            for path in expanded(path) {
                if let Some(id) = trie.find(&path).filter(|id| *id != ROOT) {
                    trie.remove(id);
                }
            }
        }
        Verb::Insert => insert(dialect, trie, path),
        Verb::Flag(..) => {
            if let Some(id) = trie.find(path).filter(|id| *id != ROOT) {
                set_flag(trie, id, verb);
            }
        }
    }
}

pub(super) fn set_flag(trie: &mut Trie, id: Id, verb: Verb) {
    if let Verb::Flag(flag, on) = verb {
        trie.set_flag(id, flag, on);
    }
}

/// Takes `/` and the word of the outer block off the beginning of a path.
fn without_root<'w>(dialect: &Dialect, path: &'w [Word]) -> &'w [Word] {
    let root = &dialect.page.flat.root;
    match path.split_first() {
        Some((first, rest)) if *first.key == *"/" => without_root(dialect, rest),
        Some((first, rest)) if !root.is_empty() && first.key.trim_start_matches('/') == root => rest,
        Some((first, rest)) if dialect.page.flat.around.iter().any(|name| **name == *first.key) => {
            without_root(dialect, rest)
        }
        _ => path,
    }
}

/// Writes `a [ b c ]` as `a b` and `a c`.
fn expanded(path: &[Word]) -> Vec<Vec<Word>> {
    let bracket = |text: &str| path.iter().position(|word| word.raw.is_none() && *word.key == *text);
    let (Some(from), Some(to)) = (bracket("["), bracket("]")) else { return vec![path.to_vec()] };
    if from > to || from == 0 {
        return vec![path.to_vec()];
    }
    let values = &path[from + 1..to];
    if values.is_empty() {
        return vec![path[..from].to_vec()];
    }
    values.iter().map(|value| path[..from].iter().chain([value]).cloned().collect()).collect()
}

/// Sets a path; a key word with one value loses its old one.
pub(super) fn set(dialect: &Dialect, trie: &mut Trie, path: &[Word], number: u32) {
    if path.is_empty() {
        return;
    }
    if path.iter().any(|word| word.raw.is_none() && *word.key == *"[") {
        let all = expanded(path);
        if all.len() > 1 || all[0].len() != path.len() {
            for path in all {
                set_one(dialect, trie, &path, number);
            }
            return;
        }
    }
    set_one(dialect, trie, path, number);
}

fn set_one(dialect: &Dialect, trie: &mut Trie, path: &[Word], number: u32) {
    if oneliner(dialect, trie, ROOT, path, number).is_some() {
        return;
    }
    let mut id = ROOT;
    let mut from = 0;
    for (at, word) in path.iter().enumerate() {
        if id != ROOT && trie.is_single(id, dialect) && !holds(trie, id, &path[at..]) {
            trie.clear(id);
        }
        let Some(child) = trie.child(id, &word.key).filter(|child| !trie.is_deep(*child)) else { break };
        id = child;
        from = at + 1;
    }
    trie.add_path(id, &path[from..], number);
}

/// Tells whether a path is all that there is below a node.
fn holds(trie: &Trie, from: Id, path: &[Word]) -> bool {
    let end = path.iter().try_fold(from, |id, word| trie.child(id, &word.key).filter(|_| trie.child_count(id) == 1));
    end.is_some_and(|end| trie.is_leaf(end))
}

/// Sets the statements that stand behind each other in one line, if it is such a line; returns the node above them.
pub(super) fn oneliner(dialect: &Dialect, trie: &mut Trie, from: Id, path: &[Word], number: u32) -> Option<Id> {
    if dialect.page.flat.oneliners.is_empty() || path.len() < 3 {
        return None;
    }
    let above: Vec<String> = trie.backwards(from).map(str::to_owned).collect();
    let found = (1..path.len() - 1).find_map(|end| {
        let backwards = path[..end].iter().rev().map(|word| &*word.key).chain(above.iter().map(String::as_str));
        dialect.flat.oneliners.find(backwards).map(|pattern| (end, pattern))
    });
    let (end, pattern) = found?;
    let parts = cut(&path[end..], &dialect.page.flat.oneliners.get(pattern)?.words)?;
    let key = trie.add_path(from, &path[..end], number);
    for part in parts {
        let word = trie.add(key, &part[0], number);
        trie.clear(word);
        trie.add_path(word, &part[1..], number);
    }
    Some(key)
}

fn cut<'w>(mut rest: &'w [Word], known: &std::collections::BTreeMap<String, usize>) -> Option<Vec<&'w [Word]>> {
    let mut out = Vec::new();
    while let Some(first) = rest.first() {
        let count = known.get(&*first.key)? + 1;
        if rest.len() < count {
            return None;
        }
        out.push(&rest[..count]);
        rest = &rest[count..];
    }
    Some(out)
}

/// Gives an entry another place: `insert LIST ENTRY before WORD ANCHOR`.
fn insert(dialect: &Dialect, trie: &mut Trie, path: &[Word]) {
    let named = dialect.page.flat.insert.contains("{word}");
    let count = if named { 3 } else { 2 };
    let Some(at) = path.len().checked_sub(count) else { return };
    let before = match &*path[at].key {
        "before" => true,
        "after" => false,
        _ => return,
    };
    let Some(entry) = trie.find(&path[..at]).filter(|id| *id != ROOT) else { return };
    let list = trie.parent(entry);
    if let Some(anchor) = path.last().and_then(|word| trie.child(list, &word.key)) {
        trie.shift(entry, anchor, before);
    }
}
