//! What a RouterOS device makes of `add`, `set` and `remove`, with an index so that each command costs little.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dialect::Dialect;
use super::text::{self, Item, Section, Verb};

/// Names and values of an item.
pub(super) type Values = BTreeMap<Box<str>, Box<str>>;

/// The sections of a device while commands are applied.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    live: Vec<Live>,
    index: BTreeMap<Box<str>, usize>,
}

/// One section.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    path: Box<str>,
    slots: Vec<Option<Item>>,
    order: Vec<usize>,
    by_value: BTreeMap<(Box<str>, Box<str>), BTreeSet<usize>>,
    sets: BTreeMap<Box<str>, usize>,
    texts: BTreeMap<String, usize>,
}

impl Model {
    pub(super) fn new(dialect: &Dialect, sections: Vec<Section>) -> Self {
        let mut model = Self::default();
        for section in sections {
            let live = model.section_mut(&section.path);
            for item in section.items {
                live.read(dialect, item);
            }
        }
        model
    }

    pub(super) fn section(&self, path: &str) -> Option<&Live> {
        self.index.get(path).map(|index| &self.live[*index])
    }

    pub(super) fn section_mut(&mut self, path: &str) -> &mut Live {
        let index = *self.index.entry(path.into()).or_insert(self.live.len());
        if index == self.live.len() {
            self.live.push(Live { path: path.into(), ..Live::default() });
        }
        &mut self.live[index]
    }

    /// Returns the sections that are not empty.
    pub(super) fn sections(&self) -> Vec<Section> {
        let all =
            self.live.iter().map(|live| Section { path: live.path.clone(), items: live.items().cloned().collect() });
        all.filter(|section| !section.items.is_empty()).collect()
    }

    /// Applies a command.
    pub(super) fn apply(&mut self, dialect: &Dialect, path: &str, words: &[&str]) {
        let live = self.section_mut(path);
        match words {
            ["add", rest @ ..] => live.add(dialect, rest),
            ["remove", selector, ..] => live.remove(selector),
            ["set", ..] => live.set(dialect, words),
            _ => live.read(dialect, text::item(words, 0)),
        }
    }
}

impl Live {
    /// Returns the items in their order.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.order.iter().filter_map(|slot| self.slots[*slot].as_ref())
    }

    /// Tells how often an item that is no setting stands here, word for word.
    pub(super) fn count(&self, text: &str) -> usize {
        self.texts.get(text).copied().unwrap_or_default()
    }

    /// Returns the settings of one thing.
    pub(super) fn settings(&self, selector: &str) -> Option<&Values> {
        self.sets.get(selector).and_then(|slot| self.slots[*slot].as_ref()).map(|item| &item.values)
    }

    /// Returns the added items that have all these values, at most `limit` of them.
    pub(super) fn find(&self, wanted: &Values, limit: usize) -> Vec<&Item> {
        self.slots_with(wanted, limit).into_iter().filter_map(|slot| self.slots[slot].as_ref()).collect()
    }

    fn slots_with(&self, wanted: &Values, limit: usize) -> Vec<usize> {
        let pairs =
            wanted.iter().filter(|(name, _)| ***name != *"dynamic").map(|(name, value)| (name.clone(), value.clone()));
        let mut rarest: Option<&BTreeSet<usize>> = None;
        for pair in pairs {
            let Some(slots) = self.by_value.get(&pair) else { return Vec::new() };
            if rarest.is_none_or(|rarest| slots.len() < rarest.len()) {
                rarest = Some(slots);
            }
        }
        let fits = |slot: &usize| self.slots[*slot].as_ref().is_some_and(|item| fits(item, wanted));
        match rarest {
            Some(slots) => slots.iter().copied().filter(fits).take(limit).collect(),
            None => self.order.iter().copied().filter(fits).take(limit).collect(),
        }
    }

    /// Reads an item of a configuration: settings of one thing become one item.
    pub(super) fn read(&mut self, dialect: &Dialect, mut item: Item) {
        if let Verb::Set(selector) = &item.verb
            && let Some(slot) = self.sets.get(selector).copied()
        {
            self.put(dialect, slot, &item.values);
            return;
        }
        clean(dialect, &mut item);
        if matches!(item.verb, Verb::Set(_)) && item.values.is_empty() {
            return;
        }
        let at = self.order.len();
        self.insert(at, item);
    }

    fn insert(&mut self, at: usize, item: Item) {
        let slot = self.slots.len();
        if let Verb::Set(selector) = &item.verb {
            self.sets.insert(selector.clone(), slot);
        }
        self.slots.push(None);
        self.order.insert(at, slot);
        self.fill(slot, item);
    }

    fn fill(&mut self, slot: usize, item: Item) {
        if !matches!(item.verb, Verb::Set(_)) {
            *self.texts.entry(item.text()).or_default() += 1;
        }
        if item.verb == Verb::Add {
            for (name, value) in &item.values {
                self.by_value.entry((name.clone(), value.clone())).or_default().insert(slot);
            }
        }
        self.slots[slot] = Some(item);
    }

    /// Takes an added item out.
    fn take(&mut self, slot: usize) -> Option<Item> {
        let item = self.slots[slot].take()?;
        if let Some(count) = self.texts.get_mut(&item.text()) {
            *count = count.saturating_sub(1);
        }
        for (name, value) in &item.values {
            if let Some(slots) = self.by_value.get_mut(&(name.clone(), value.clone())) {
                slots.remove(&slot);
            }
        }
        Some(item)
    }

    fn put(&mut self, dialect: &Dialect, slot: usize, values: &Values) {
        if let Some(Item { verb: Verb::Set(selector), values: own, .. }) = &mut self.slots[slot] {
            change(dialect, own, values);
            if own.is_empty() {
                let selector = selector.clone();
                self.sets.remove(&selector);
                self.slots[slot] = None;
            }
            return;
        }
        if let Some(mut item) = self.take(slot) {
            change(dialect, &mut item.values, values);
            self.fill(slot, item);
        }
    }

    fn add(&mut self, dialect: &Dialect, words: &[&str]) {
        let mut values = text::values(words);
        let anchor = values.remove("place-before").and_then(|anchor| text::found_values(&anchor));
        let at = anchor
            .and_then(|wanted| self.slots_with(&wanted, 1).first().copied())
            .and_then(|slot| self.order.iter().position(|other| *other == slot))
            .unwrap_or(self.order.len());
        let mut item = Item { verb: Verb::Add, values, line: 0 };
        clean(dialect, &mut item);
        self.insert(at, item);
    }

    fn remove(&mut self, selector: &str) {
        let wanted = text::found_values(selector).unwrap_or_else(|| Values::from([("name".into(), selector.into())]));
        for slot in self.slots_with(&wanted, usize::MAX) {
            self.take(slot);
        }
    }

    fn set(&mut self, dialect: &Dialect, words: &[&str]) {
        let change = text::item(words, 0);
        let Verb::Set(selector) = &change.verb else { return };
        if let Some(slot) = self.sets.get(selector).copied() {
            self.put(dialect, slot, &change.values);
            return;
        }
        let found = text::found_values(selector).map(|wanted| self.slots_with(&wanted, usize::MAX)).unwrap_or_default();
        if found.is_empty() {
            let mut item = Item { verb: change.verb.clone(), ..Item::default() };
            item.values = change.values.into_iter().filter(|(name, _)| !name.starts_with('!')).collect();
            self.read(dialect, item);
            return;
        }
        for slot in found {
            self.put(dialect, slot, &change.values);
        }
    }
}

/// Tells whether an added item has all these values.
fn fits(item: &Item, wanted: &Values) -> bool {
    item.verb == Verb::Add
        && wanted
            .iter()
            .all(|(name, value)| **name == *"dynamic" || item.values.get(name).is_some_and(|own| own == value))
}

/// Sets values; `!name` takes one away.
fn change(dialect: &Dialect, own: &mut Values, values: &Values) {
    for (name, value) in values {
        let unset = name.strip_prefix('!');
        if unset.is_some() || is_default(dialect, name, value) {
            own.remove(unset.unwrap_or(name));
        } else {
            own.insert(name.clone(), value.clone());
        }
    }
}

/// Tells whether the device does not show a value because it is so anyway.
fn is_default(dialect: &Dialect, name: &str, value: &str) -> bool {
    dialect.page.items.defaults.get(name).is_some_and(|default| default == value)
}

/// Takes away what the device does not show.
fn clean(dialect: &Dialect, item: &mut Item) {
    item.values.retain(|name, value| !is_default(dialect, name, value));
}
