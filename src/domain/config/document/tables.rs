//! Two documents of tables in, the ordered steps of a patch out: nothing is made before what it refers to, nothing removed
//! while something refers to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::command::{Command, Kind, Remediation};
use super::super::dialect::{Dialect, Rule};
use super::super::page::{Risk, TablesPage};
use super::super::remediate::Scope;
use super::super::tree::ConfigTree;
use super::json::{Op, Step, apply, pointer, value};
use super::page::Quiesce;

/// A key of a table.
type Key = (String, String);

/// Computes the steps.
pub(super) fn remediate(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
    let ((running, odd_running), (intended, odd_intended)) = (value(running), value(intended));
    let owned = |table: &str, key: Option<&str>| owns(dialect, scope, table, key);
    let (mut wanted, mut foreign) = (Map::new(), Vec::new());
    // What is not owned stays as it runs; what is owned is as intended.
    for table in running.keys().chain(intended.keys()) {
        if wanted.contains_key(table) {
            continue;
        }
        let merged =
            merged_table(running.get(table), intended.get(table), |key| owned(table, key), *scope == Scope::Merge);
        if let Some(merged) = merged {
            wanted.insert(table.clone(), merged);
        }
    }
    if let Scope::Owned(_) = scope {
        foreign = foreign_keys(&running, owned);
    }
    let kept = if *scope == Scope::Merge { keep_created(dialect, &running, &mut wanted) } else { Vec::new() };
    let mut plan = Plan { dialect, model: Value::Object(running.clone()), commands: Vec::new() };
    let switched = plan.switched(&running, &wanted);
    if switched.is_empty() {
        plan.run(&running, &wanted);
    } else {
        plan.run_quietly(&running, &wanted, &switched);
    }
    let mut unproved: Vec<String> = odd_running.into_iter().chain(odd_intended).chain(kept).collect();
    if plan.model.as_object().is_some_and(|model| !same(model, &wanted)) {
        unproved.extend(differing(plan.model.as_object().unwrap_or(&Map::new()), &wanted));
    }
    Remediation { commands: plan.commands, unproved, foreign }
}

fn owns(dialect: &Dialect, scope: &Scope, table: &str, key: Option<&str>) -> bool {
    let Scope::Owned(sections) = scope else { return true };
    let separator = dialect.page.tables.separator.as_str();
    sections.iter().any(|section| {
        let (own_table, own_key) = match section.split_once(char::is_whitespace) {
            Some((table, key)) => (table, Some(key.trim())),
            None => (section.as_str(), None),
        };
        own_table == table
            && match (own_key, key) {
                (None, _) => true,
                (Some(own), Some(key)) => key
                    .strip_prefix(own)
                    .is_some_and(|rest| rest.is_empty() || !separator.is_empty() && rest.starts_with(separator)),
                (Some(_), None) => false,
            }
    })
}

fn foreign_keys(running: &Map<String, Value>, owned: impl Fn(&str, Option<&str>) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    for (table, value) in running {
        match value {
            Value::Object(keys) => {
                out.extend(keys.keys().filter(|key| !owned(table, Some(key))).map(|key| format!("{table} {key}")));
            }
            _ if !owned(table, None) => out.push(table.clone()),
            _ => {}
        }
    }
    out
}

/// Returns what a table shall be.
fn merged_table(
    running: Option<&Value>,
    intended: Option<&Value>,
    owned: impl Fn(Option<&str>) -> bool,
    merge: bool,
) -> Option<Value> {
    let object = |value: Option<&Value>| match value {
        Some(Value::Object(keys)) => Some(keys.clone()),
        _ => None,
    };
    if merge {
        return match (running, intended) {
            (Some(running), Some(intended)) => {
                let mut out = running.clone();
                overlay(&mut out, intended, 0);
                Some(out)
            }
            (running, intended) => running.or(intended).cloned(),
        };
    }
    if owned(None) && intended.is_none_or(|value| !value.is_object()) {
        return intended.cloned();
    }
    let (Some(own), Some(new)) = (object(running).or(Some(Map::new())), object(intended).or(Some(Map::new()))) else {
        return None;
    };
    if running.is_some_and(|value| !value.is_object()) {
        return if owned(None) { intended.cloned() } else { running.cloned() };
    }
    let mut out: Map<String, Value> = own.into_iter().filter(|(key, _)| !owned(Some(key))).collect();
    out.extend(new.into_iter().filter(|(key, _)| owned(Some(key))));
    let empty_on_purpose = intended.is_some() && owned(None);
    (!out.is_empty() || empty_on_purpose).then_some(Value::Object(out))
}

/// Leaves fields alone that could only be changed by making their key again, which merging never does; returns them.
fn keep_created(dialect: &Dialect, running: &Map<String, Value>, wanted: &mut Map<String, Value>) -> Vec<String> {
    let mut kept = Vec::new();
    for (table, fields) in &dialect.page.tables.create_only {
        let (Some(old), Some(new)) =
            (running.get(table).and_then(Value::as_object), wanted.get_mut(table).and_then(Value::as_object_mut))
        else {
            continue;
        };
        for (key, new) in new.iter_mut() {
            let (Some(old), Some(new)) = (old.get(key), new.as_object_mut()) else { continue };
            for field in fields {
                if old.get(field) == new.get(field) {
                    continue;
                }
                kept.push(format!("{table} {key} {field}"));
                match old.get(field) {
                    Some(value) => new.insert(field.clone(), value.clone()),
                    None => new.shift_remove(field),
                };
            }
        }
    }
    kept
}

fn overlay(under: &mut Value, over: &Value, depth: usize) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) if depth < 8 => {
            for (key, value) in over {
                match under.get_mut(key) {
                    Some(own) => overlay(own, value, depth + 1),
                    None => {
                        under.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(under), Value::Array(over)) => {
            for item in over {
                if !under.contains(item) {
                    under.push(item.clone());
                }
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// Compares documents without regard to the order of keys.
pub(super) fn same(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    // `Map` compares as a set of members.
    a == b
}

fn differing(model: &Map<String, Value>, wanted: &Map<String, Value>) -> Vec<String> {
    model.keys().chain(wanted.keys()).filter(|key| model.get(*key) != wanted.get(*key)).cloned().collect()
}

struct Plan<'a> {
    dialect: &'a Dialect,
    model: Value,
    commands: Vec<Command>,
}

fn keys(document: &Map<String, Value>) -> impl Iterator<Item = (Key, &Value)> {
    document.iter().flat_map(|(table, value)| {
        value.as_object().into_iter().flatten().map(move |(key, value)| ((table.clone(), key.clone()), value))
    })
}

impl Plan<'_> {
    fn page(&self) -> &TablesPage {
        &self.dialect.page.tables
    }

    fn rank(&self, table: &str) -> usize {
        let order = &self.page().order;
        order.iter().position(|other| other == table).unwrap_or(order.len())
    }

    fn run(&mut self, running: &Map<String, Value>, wanted: &Map<String, Value>) {
        let new: BTreeMap<Key, &Value> = keys(wanted).collect();
        let old: BTreeMap<Key, &Value> = keys(running).collect();
        let mut gone: BTreeSet<Key> = old.keys().filter(|key| !new.contains_key(*key)).cloned().collect();
        let remade: BTreeSet<Key> =
            old.iter().filter(|(key, value)| self.is_remade(key, value, &new)).map(|(key, _)| key.clone()).collect();
        gone.extend(remade);
        let (gone, freed) = self.with_dependents(gone, &old);
        for (key, field) in freed {
            self.free(&key, &field, &gone, new.get(&key).copied());
        }
        let mut removals: Vec<&Key> = gone.iter().collect();
        removals.sort_by(|a, b| {
            self.rank(&b.0).cmp(&self.rank(&a.0)).then(self.depth(&b.1).cmp(&self.depth(&a.1))).then(a.cmp(b))
        });
        for (table, key) in removals {
            self.remove_key(table, key, wanted);
        }
        self.plain_members(running, wanted);
        let mut sorted: Vec<(Key, &Value)> = keys(wanted).collect();
        sorted.sort_by_key(|((table, key), _)| (self.rank(table), self.depth(key)));
        for ((table, key), value) in sorted {
            self.put_key(&table, &key, value);
        }
    }

    /// Returns the keys that run now or later and have to be off while entries that name them change.
    fn switched(&self, running: &Map<String, Value>, wanted: &Map<String, Value>) -> BTreeSet<String> {
        let Some(quiesce) = &self.page().quiesce else { return BTreeSet::new() };
        let separator = self.page().separator.as_str();
        let mut out = BTreeSet::new();
        for table in &quiesce.during {
            let of = |document: &Map<String, Value>| {
                document.get(table).and_then(Value::as_object).cloned().unwrap_or_default()
            };
            let (old, new) = (of(running), of(wanted));
            for key in old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key)) {
                let names = key.split(separator).next().unwrap_or_default().split(',');
                out.extend(names.filter(|name| runs(wanted, quiesce, name)).map(str::to_owned));
            }
        }
        out
    }

    /// Does everything with some keys switched off, and switches them on at the end.
    fn run_quietly(&mut self, running: &Map<String, Value>, wanted: &Map<String, Value>, switched: &BTreeSet<String>) {
        let Some(quiesce) = self.page().quiesce.clone() else { return };
        let mut quiet = wanted.clone();
        let mut on = Vec::new();
        for key in switched {
            let path = pointer(&[&quiesce.table, key, &quiesce.field]);
            if runs(running, &quiesce, key) {
                let value = Some(Value::String(quiesce.off.clone()));
                self.send(Step { op: Op::Replace, path: path.clone(), value }, Kind::Change);
            }
            let was_there = running.get(&quiesce.table).and_then(|table| table.get(key));
            let Some(port) = quiet.get_mut(&quiesce.table).and_then(|table| table.get_mut(key)?.as_object_mut()) else {
                continue;
            };
            let Some(value) = port.get(&quiesce.field).cloned() else { continue };
            let op = if was_there.is_some_and(|port| port.get(&quiesce.field).is_none()) {
                port.shift_remove(&quiesce.field);
                Op::Add
            } else {
                port.insert(quiesce.field.clone(), Value::String(quiesce.off.clone()));
                Op::Replace
            };
            on.push(Step { op, path, value: Some(value) });
        }
        let running = self.model.as_object().cloned().unwrap_or_default();
        self.run(&running, &quiet);
        for step in on {
            self.send(step, Kind::Change);
        }
    }

    fn depth(&self, key: &str) -> usize {
        let separator = &self.page().separator;
        if separator.is_empty() { 0 } else { key.matches(separator.as_str()).count() }
    }

    /// Tells whether a key differs in a field that only a new key can have.
    fn is_remade(&self, key: &Key, old: &Value, new: &BTreeMap<Key, &Value>) -> bool {
        let (Some(fields), Some(new)) = (self.page().create_only.get(&key.0), new.get(key)) else { return false };
        fields.iter().any(|field| old.get(field) != new.get(field))
    }

    /// Adds the keys whose own key names a removed one, and finds the fields whose value does.
    fn with_dependents(
        &self,
        gone: BTreeSet<Key>,
        old: &BTreeMap<Key, &Value>,
    ) -> (BTreeSet<Key>, BTreeSet<(Key, String)>) {
        let mut all = gone.clone();
        let mut new = gone;
        while !new.is_empty() {
            let names: BTreeSet<(&str, &str)> = new.iter().map(|(table, key)| (table.as_str(), key.as_str())).collect();
            let hit: BTreeSet<Key> =
                old.keys().filter(|key| !all.contains(*key) && self.key_names(key, &names)).cloned().collect();
            all.extend(hit.iter().cloned());
            new = hit;
        }
        let names: BTreeSet<(&str, &str)> = all.iter().map(|(table, key)| (table.as_str(), key.as_str())).collect();
        let mut freed = BTreeSet::new();
        for (key, value) in old.iter().filter(|(key, _)| !all.contains(*key)) {
            let Some(tables) = self.page().references.get(&key.0) else { continue };
            for (field, value) in value.as_object().into_iter().flatten() {
                let named = |text: &str| tables.iter().any(|table| names.contains(&(table.as_str(), text)));
                if texts(value).any(named) {
                    freed.insert((key.clone(), field.clone()));
                }
            }
        }
        (all, freed)
    }

    fn key_names(&self, (table, key): &Key, names: &BTreeSet<(&str, &str)>) -> bool {
        let separator = self.page().separator.as_str();
        if separator.is_empty() {
            return false;
        }
        let own = key.match_indices(separator).any(|(at, _)| names.contains(&(table.as_str(), &key[..at])));
        let others = self.page().references.get(table);
        own || others.is_some_and(|tables| {
            tables.iter().any(|other| key.split(separator).any(|part| names.contains(&(other.as_str(), part))))
        })
    }

    /// Takes references to keys that go away out of a field.
    fn free(&mut self, (table, key): &Key, field: &str, gone: &BTreeSet<Key>, wanted: Option<&Value>) {
        let path = pointer(&[table, key, field]);
        let Some(value) = self.model.pointer(&path) else { return };
        let tables = self.page().references.get(table).cloned().unwrap_or_default();
        let is_gone = |text: &str| tables.iter().any(|other| gone.contains(&(other.clone(), text.to_owned())));
        let left = match value {
            Value::Array(items) => {
                let left: Vec<Value> =
                    items.iter().filter(|item| !item.as_str().is_some_and(is_gone)).cloned().collect();
                (!left.is_empty()).then_some(Value::Array(left))
            }
            _ => None,
        };
        // A reference to something that stays can be set at once.
        let next = wanted.and_then(|wanted| wanted.get(field)).filter(|next| {
            texts(next).all(|text| {
                !is_gone(text) && tables.iter().any(|table| self.model.pointer(&pointer(&[table, text])).is_some())
            })
        });
        let step = match next.cloned().or(left) {
            Some(value) => Step { op: Op::Replace, path, value: Some(value) },
            None => Step { op: Op::Remove, path, value: None },
        };
        self.send(step, Kind::Change);
    }

    fn remove_key(&mut self, table: &str, key: &str, wanted: &Map<String, Value>) {
        let keys = self.model.get(table).and_then(Value::as_object).map_or(0, Map::len);
        let stays_empty = !self.page().no_empty_table && wanted.get(table).is_some();
        let path = if keys == 1 && !stays_empty { pointer(&[table]) } else { pointer(&[table, key]) };
        self.send(Step { op: Op::Remove, path, value: None }, Kind::Remove);
    }

    /// Members of the document that are no tables, and tables that come or go without keys.
    fn plain_members(&mut self, running: &Map<String, Value>, wanted: &Map<String, Value>) {
        for table in running.keys().filter(|table| !wanted.contains_key(*table)) {
            if self.model.get(table).is_some() {
                self.send(Step { op: Op::Remove, path: pointer(&[table]), value: None }, Kind::Remove);
            }
        }
        for (table, value) in wanted {
            let own = self.model.get(table);
            let is_table = value.as_object().is_some_and(|keys| !keys.is_empty());
            if own == Some(value) || is_table && own.is_none_or(Value::is_object) {
                continue;
            }
            if is_table {
                self.send(Step { op: Op::Remove, path: pointer(&[table]), value: None }, Kind::Remove);
                continue;
            }
            let op = if own.is_some() { Op::Replace } else { Op::Add };
            self.send(Step { op, path: pointer(&[table]), value: Some(value.clone()) }, Kind::Change);
        }
    }

    /// Makes a key what it shall be.
    fn put_key(&mut self, table: &str, key: &str, value: &Value) {
        let Some(own) = self.model.get(table) else {
            let keys = Map::from_iter([(key.to_owned(), value.clone())]);
            self.send(Step { op: Op::Add, path: pointer(&[table]), value: Some(Value::Object(keys)) }, Kind::Add);
            return;
        };
        let Some(own) = own.get(key) else {
            self.send(Step { op: Op::Add, path: pointer(&[table, key]), value: Some(value.clone()) }, Kind::Add);
            return;
        };
        let (Some(old), Some(new)) = (own.as_object(), value.as_object()) else {
            if own != value {
                self.send(
                    Step { op: Op::Replace, path: pointer(&[table, key]), value: Some(value.clone()) },
                    Kind::Change,
                );
            }
            return;
        };
        let old = old.clone();
        for field in old.keys().filter(|field| !new.contains_key(*field)) {
            self.send(Step { op: Op::Remove, path: pointer(&[table, key, field]), value: None }, Kind::Remove);
        }
        for (field, value) in new.iter().filter(|(field, value)| old.get(*field) != Some(value)) {
            let known = old.contains_key(field);
            let (op, kind) = if known { (Op::Replace, Kind::Change) } else { (Op::Add, Kind::Add) };
            self.send(Step { op, path: pointer(&[table, key, field]), value: Some(value.clone()) }, kind);
        }
    }

    fn send(&mut self, step: Step, kind: Kind) {
        let words = step.path.trim_start_matches('/').replace('/', " ");
        let rule = self.dialect.rule(self.dialect.top(), &words);
        let mut risk = rule.and_then(Rule::risk).unwrap_or(Risk::ServiceAffecting);
        let old = self.model.pointer(&step.path).map(ToString::to_string);
        if kind == Kind::Remove && step.path.matches('/').count() < 3 {
            risk = risk.max(Risk::Destructive);
        }
        let rule = rule.map(|rule| rule.name().to_owned());
        apply(&mut self.model, &step);
        self.commands.push(Command {
            text: step.text(),
            kind,
            old,
            rule,
            risk,
            exit: None,
            weight: 0,
            children: Vec::new(),
        });
    }
}

/// Tells whether a key is there and switched on.
fn runs(document: &Map<String, Value>, quiesce: &Quiesce, key: &str) -> bool {
    let state = document.get(&quiesce.table).and_then(|table| table.get(key)?.get(&quiesce.field));
    state.is_some_and(|state| *state != *quiesce.off)
}

/// Returns the texts of a value: itself, the members of a list, the parts of a list with commas.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let own = value.as_str().into_iter().flat_map(|text| text.split(','));
    let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    own.chain(items)
}
