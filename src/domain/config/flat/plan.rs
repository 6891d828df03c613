//! Running and intended paths in, commands out, each of them tried on a model before it is given out.

use super::super::command::{Command, Kind, Remediation};
use super::super::dialect::{Dialect, Rule};
use super::super::page::Risk;
use super::super::remediate::Scope;
use super::token::{Word, words};
use super::trie::{Flag, Id, Mark, ROOT, Trie};
use super::{apply, order};

/// Where a node stands to the owned sections.
#[derive(Clone, Debug)]
enum Place {
    /// Inside one of them.
    Inside,
    /// Above: what is left of the sections' paths.
    Above(Vec<Vec<Word>>),
    /// Beside.
    Outside,
}

impl Place {
    fn top(dialect: &Dialect, scope: &Scope) -> Self {
        match scope {
            Scope::Replace | Scope::Merge => Self::Inside,
            Scope::Owned(sections) => {
                let paths: Vec<Vec<Word>> = sections.iter().map(|section| words(dialect, section)).collect();
                if paths.iter().any(Vec::is_empty) { Self::Inside } else { Self::Above(paths) }
            }
        }
    }

    fn below(&self, key: &str) -> Self {
        let Self::Above(paths) = self else { return self.clone() };
        let rest: Vec<Vec<Word>> = paths
            .iter()
            .filter(|path| path.first().is_some_and(|word| *word.key == *key))
            .map(|path| path[1..].to_vec())
            .collect();
        if rest.is_empty() {
            Self::Outside
        } else if rest.iter().any(Vec::is_empty) {
            Self::Inside
        } else {
            Self::Above(rest)
        }
    }

    fn is_inside(&self) -> bool {
        matches!(self, Self::Inside)
    }
}

struct Plan<'a> {
    dialect: &'a Dialect,
    running: Trie,
    intended: &'a Trie,
    /// What the device holds after the commands so far.
    model: Trie,
    merge: bool,
    commands: Vec<Command>,
    foreign: Vec<String>,
}

/// Computes the commands.
pub(super) fn remediate(dialect: &Dialect, running: Trie, intended: &Trie, scope: &Scope) -> Remediation {
    let model = running.clone();
    let merge = *scope == Scope::Merge;
    let mut plan = Plan { dialect, running, intended, model, merge, commands: Vec::new(), foreign: Vec::new() };
    let top = Place::top(dialect, scope);
    if dialect.page.flat.flags {
        plan.unprotect(ROOT, &top);
    }
    if !merge {
        let from = plan.commands.len();
        plan.delete_below(ROOT, Some(ROOT), &top);
        // In the order of the text, like a person would.
        plan.commands[from..].sort_by_key(|command| command.weight);
    }
    let mut leaves = Vec::new();
    plan.wanted_leaves(ROOT, &top, &mut leaves);
    leaves.sort_by_key(|leaf| intended.line(*leaf));
    for leaf in leaves {
        plan.set(leaf);
    }
    plan.order_below(ROOT, &top);
    if dialect.page.flat.flags {
        plan.flags_below(ROOT, &top, Flag::Inactive);
        plan.flags_below(ROOT, &top, Flag::Protected);
    }
    let unproved = plan.unproved(&top);
    Remediation { commands: plan.commands, unproved, foreign: plan.foreign }
}

impl Plan<'_> {
    fn rule(&self, path: &str) -> Option<&Rule> {
        self.dialect.rule(self.dialect.top(), path)
    }

    fn command(&self, verb: &str, path: &str, kind: Kind, old: Option<String>) -> Command {
        let rule = self.rule(path);
        Command {
            text: format!("{verb} {path}"),
            kind,
            old,
            rule: rule.map(|rule| rule.name().to_owned()),
            risk: rule.and_then(Rule::risk).unwrap_or(Risk::ServiceAffecting),
            exit: None,
            weight: 0,
            children: Vec::new(),
        }
    }

    fn delete(&mut self, id: Id) {
        let path = self.running.text(id);
        let mut command = self.command(&self.dialect.page.flat.delete, &path, Kind::Remove, Some(path.clone()));
        if !self.running.is_leaf(id) {
            command.risk = command.risk.max(Risk::Destructive);
        }
        command.weight = i32::try_from(self.running.line(id)).unwrap_or(i32::MAX);
        self.commands.push(command);
        self.model.remove(id);
    }

    /// Sends the deletions below a running node; `like` is the intended node at the same path.
    fn delete_below(&mut self, id: Id, like: Option<Id>, place: &Place) {
        for child in self.running.children(id).collect::<Vec<_>>() {
            let inside = place.below(self.running.key(child));
            if matches!(inside, Place::Outside) || !inside.is_inside() && self.running.is_leaf(child) {
                self.report_foreign(child);
                continue;
            }
            let partner = like.and_then(|like| self.intended.child(like, self.running.key(child)));
            if !inside.is_inside() {
                self.delete_below(child, partner, &inside);
                continue;
            }
            match partner {
                None => self.delete_whole(child),
                Some(partner) if self.must_rewrite(child, partner) => self.delete(child),
                Some(partner) if self.is_overwritten(child) && !self.intended.is_leaf(partner) => {}
                Some(partner) if self.is_oneliner(child) => self.delete_words(child, partner),
                Some(partner) => self.delete_below(child, Some(partner), &inside),
            }
        }
    }

    fn report_foreign(&mut self, id: Id) {
        for leaf in self.running.leaves(id) {
            self.foreign.push(self.running.text(leaf));
        }
    }

    /// Deletes a part at the highest ends of statements in it.
    fn delete_whole(&mut self, id: Id) {
        let is_entry =
            self.running.mark(id) == Mark::Inside && self.running.matches(id, &self.dialect.flat.entries).is_some();
        let whole = is_entry || self.is_overwritten(id) || self.is_oneliner(id);
        if whole || self.running.mark(id) == Mark::End || self.running.is_leaf(id) {
            self.delete(id);
            return;
        }
        for child in self.running.children(id).collect::<Vec<_>>() {
            self.delete_whole(child);
        }
    }

    /// Tells whether a key word is changed by setting alone; only what was read from blocks is sure to be one.
    fn is_overwritten(&self, id: Id) -> bool {
        let mark = self.running.mark(id);
        let known = mark == Mark::Single
            || matches!(mark, Mark::Inside | Mark::End)
                && self.running.matches(id, &self.dialect.flat.overwrite).is_some();
        known && !self.running.is_leaf(id)
    }

    /// Tells whether a node, read from blocks, is followed by several key words with their values.
    fn is_oneliner(&self, id: Id) -> bool {
        self.running.mark(id) != Mark::Unknown
            && !self.running.is_leaf(id)
            && self.running.matches(id, &self.dialect.flat.oneliners).is_some()
    }

    /// Deletes the key words of a line that are not there any more; the others get their values by setting.
    fn delete_words(&mut self, id: Id, partner: Id) {
        for child in self.running.children(id).collect::<Vec<_>>() {
            if self.intended.child(partner, self.running.key(child)).is_none() {
                self.delete(child);
            }
        }
    }

    /// Tells whether a thing is written in one line on one side, and differently.
    fn must_rewrite(&self, id: Id, partner: Id) -> bool {
        self.running.matches(id, &self.dialect.flat.rewrite).is_some()
            && (self.running.mark(id) == Mark::Inside || self.intended.mark(partner) == Mark::Inside)
            && self.running.mark(id) != Mark::Unknown
            && !self.running.same_below(id, self.intended, partner, self.dialect)
    }

    fn words(&self, id: Id) -> Vec<Word> {
        let word = |id: Id| {
            let (key, shown) = (self.intended.key(id), self.intended.shown(id));
            Word { key: key.into(), raw: (key != shown).then(|| shown.into()) }
        };
        self.intended.path(id).into_iter().map(word).collect()
    }

    /// Collects the ends of the intended paths that are managed.
    fn wanted_leaves(&self, id: Id, place: &Place, out: &mut Vec<Id>) {
        for child in self.intended.children(id) {
            let inside = place.below(self.intended.key(child));
            match inside {
                Place::Outside => {}
                Place::Inside if self.intended.is_leaf(child) => out.push(child),
                Place::Inside | Place::Above(_) => self.wanted_leaves(child, &inside, out),
            }
        }
    }

    /// Sets one intended path if the model does not have it.
    fn set(&mut self, leaf: Id) {
        if self.model.find_like(self.intended, leaf).is_some() {
            return;
        }
        let (mut words, mut path) = (self.words(leaf), self.intended.text(leaf));
        if let Some(line) = self.oneliner(leaf) {
            path = self.intended.text(line);
            words = self.words(line);
            for leaf in self.intended.leaves(line) {
                let part = self.words(leaf).split_off(words_of(self.intended, line));
                path.extend(part.iter().flat_map(|word| [" ", word.shown()]));
                words.extend(part);
            }
        }
        let old = self.old_value(leaf);
        let kind = if old.is_some() { Kind::Change } else { Kind::Add };
        let command = self.command(&self.dialect.page.flat.set, &path, kind, old);
        self.commands.push(command);
        apply::set(self.dialect, &mut self.model, &words, 0);
    }

    /// Returns the path that is written with everything below in one line.
    fn oneliner(&self, leaf: Id) -> Option<Id> {
        if self.dialect.page.flat.oneliners.is_empty() {
            return None;
        }
        let path = self.intended.path(leaf);
        path.into_iter()
            .rev()
            .skip(1)
            .take(2)
            .find(|id| self.intended.matches(*id, &self.dialect.flat.oneliners).is_some())
    }

    /// Returns the line that a value replaces.
    fn old_value(&self, leaf: Id) -> Option<String> {
        let key = self.intended.parent(leaf);
        if key == ROOT {
            return None;
        }
        let own = self.running.find_like(self.intended, key)?;
        if !self.running.is_single(own, self.dialect) {
            return None;
        }
        let old = self.running.leaves(own);
        (old.len() == 1 && old[0] != own).then(|| self.running.text(old[0]))
    }

    /// Brings ordered lists into their order, inner ones first.
    fn order_below(&mut self, id: Id, place: &Place) {
        for child in self.intended.children(id).collect::<Vec<_>>() {
            let inside = place.below(self.intended.key(child));
            if matches!(inside, Place::Outside) || self.intended.is_leaf(child) {
                continue;
            }
            self.order_below(child, &inside);
            if !inside.is_inside() {
                continue;
            }
            let moves = !self.dialect.page.flat.insert.is_empty();
            if self.intended.matches(child, &self.dialect.flat.ordered).is_some() {
                self.order(child, moves);
            } else if self.intended.matches(child, &self.dialect.flat.ordered_values).is_some() {
                self.order(child, false);
            }
        }
    }

    fn order(&mut self, list: Id, moves: bool) {
        let Some(own) = self.model.find_like(self.intended, list) else { return };
        let intended = self.intended;
        let wanted: Vec<&str> = intended.children(list).map(|id| intended.key(id)).collect();
        let current: Vec<String> = self
            .model
            .children(own)
            .map(|id| self.model.key(id))
            .filter(|key| intended.child(list, key).is_some())
            .map(str::to_owned)
            .collect();
        let current: Vec<&str> = current.iter().map(String::as_str).collect();
        if current == wanted || current.len() != wanted.len() {
            return;
        }
        if moves {
            self.insert(list, own, (&current, &wanted));
        } else if !self.merge {
            self.set_again(list, order::prefix(&current, &wanted));
        }
    }

    fn insert(&mut self, list: Id, own: Id, (current, wanted): (&[&str], &[&str])) {
        let stable = order::stable(current, wanted);
        let path = self.intended.text(list);
        let entries: Vec<Id> = self.intended.children(list).collect();
        for index in (0..wanted.len()).rev().filter(|index| !stable[*index]) {
            let (anchor, place) = match wanted.get(index + 1) {
                Some(next) => (*next, "before"),
                None => match current.last() {
                    Some(last) => (*last, "after"),
                    None => continue,
                },
            };
            let entry = self.intended.shown(entries[index]);
            let (Some(id), Some(beside)) = (self.model.child(own, wanted[index]), self.model.child(own, anchor)) else {
                continue;
            };
            let text = self
                .dialect
                .page
                .flat
                .insert
                .replace("{list}", &path)
                .replace("{entry}", entry)
                .replace("{place}", place)
                .replace("{word}", self.intended.shown(list))
                .replace("{anchor}", self.model.shown(beside));
            let old = Some(format!("{path} {entry}"));
            self.commands.push(Command { text, ..self.command("", &path, Kind::Move, old) });
            self.model.shift(id, beside, place == "before");
        }
    }

    /// Deletes the entries behind the first `stay` ones and sets them again in their order.
    fn set_again(&mut self, list: Id, stay: usize) {
        let entries: Vec<Id> = self.intended.children(list).skip(stay).collect();
        for entry in &entries {
            if let Some(own) = self.model.find_like(self.intended, *entry) {
                let path = self.model.text(own);
                let command = self.command(&self.dialect.page.flat.delete, &path, Kind::Move, Some(path.clone()));
                self.commands.push(command);
                self.model.remove(own);
            }
        }
        for entry in entries {
            for leaf in self.intended.leaves(entry) {
                self.set(leaf);
            }
        }
    }

    /// Lifts the protection of what has to change.
    fn unprotect(&mut self, id: Id, place: &Place) {
        for child in self.running.children(id).collect::<Vec<_>>() {
            let inside = place.below(self.running.key(child));
            if matches!(inside, Place::Outside) {
                continue;
            }
            if inside.is_inside() && self.running.flag(child, Flag::Protected) {
                let like = self.intended.find_like(&self.running, child);
                let changes = match like {
                    None => !self.merge,
                    Some(like) if self.merge => self.adds_below(child, like),
                    Some(like) => !self.running.same_below(child, self.intended, like, self.dialect),
                };
                if changes {
                    let path = self.running.text(child);
                    let command = self.command("unprotect", &path, Kind::Change, Some(path.clone()));
                    self.commands.push(command);
                    self.model.set_flag(child, Flag::Protected, false);
                }
            }
            self.unprotect(child, &inside);
        }
    }

    /// Tells whether merging changes anything in a part.
    fn adds_below(&self, id: Id, like: Id) -> bool {
        let wants = |flag| self.intended.flag(like, flag) && !self.running.flag(id, flag);
        wants(Flag::Inactive)
            || wants(Flag::Protected)
            || self.intended.children(like).any(|child| match self.running.child(id, self.intended.key(child)) {
                None => true,
                Some(own) => self.adds_below(own, child),
            })
    }

    /// Marks parts as inactive or protected, and takes such marks off.
    fn flags_below(&mut self, id: Id, place: &Place, flag: Flag) {
        for child in self.intended.children(id).collect::<Vec<_>>() {
            let inside = place.below(self.intended.key(child));
            if matches!(inside, Place::Outside) {
                continue;
            }
            if inside.is_inside()
                && let Some(own) = self.model.find_like(self.intended, child)
            {
                let (has, wants) = (self.model.flag(own, flag), self.intended.flag(child, flag));
                if has != wants && (wants || !self.merge) {
                    let verb = match (flag, wants) {
                        (Flag::Inactive, true) => "deactivate",
                        (Flag::Inactive, false) => "activate",
                        (Flag::Protected, true) => "protect",
                        (Flag::Protected, false) => "unprotect",
                    };
                    let path = self.intended.text(child);
                    let command = self.command(verb, &path, Kind::Change, Some(path.clone()));
                    self.commands.push(command);
                    self.model.set_flag(own, flag, wants);
                }
            }
            self.flags_below(child, &inside, flag);
        }
    }

    /// Returns the lines in which the model still differs from the intention.
    fn unproved(&self, top: &Place) -> Vec<String> {
        let missing = |from: &Trie, other: &Trie, out: &mut Vec<String>| {
            for leaf in from.leaves(ROOT) {
                let place = from.path(leaf).into_iter().fold(top.clone(), |place, id| place.below(from.key(id)));
                if place.is_inside() && other.find_like(from, leaf).is_none() {
                    out.push(from.text(leaf));
                }
            }
        };
        let mut out = Vec::new();
        missing(self.intended, &self.model, &mut out);
        if !self.merge {
            missing(&self.model, self.intended, &mut out);
        }
        out
    }
}

fn words_of(trie: &Trie, id: Id) -> usize {
    trie.path(id).len()
}
