//! Running and intended items in, commands out, each of them tried on the model.

use std::collections::{BTreeMap, BTreeSet};

use super::super::command::{Command, Kind, Remediation};
use super::super::dialect::{Dialect, Rule};
use super::super::flat::stable;
use super::super::page::Risk;
use super::super::remediate::Scope;
use super::model::{Live, Model, Values};
use super::text::{self, Item, Section, Verb};

/// Most times that the model is compared again.
const ROUNDS_MAX: usize = 3;

/// Most steps for placing items one by one; beyond it a section is written again as a whole.
const PLACING_STEPS_MAX: usize = 4_000_000;

/// Tells whether the place of an item in this section means something.
pub(super) fn is_ordered(dialect: &Dialect, path: &str) -> bool {
    dialect.page.items.ordered.iter().any(|section| section == path)
}

struct Plan<'a> {
    dialect: &'a Dialect,
    model: Model,
    merge: bool,
    commands: Vec<Command>,
}

/// Computes the commands.
pub(super) fn remediate(
    dialect: &Dialect,
    running: Vec<Section>,
    intended: Vec<Section>,
    scope: &Scope,
) -> Remediation {
    let owned = |path: &str| match scope {
        Scope::Replace | Scope::Merge => true,
        Scope::Owned(sections) => sections.iter().any(|section| {
            let section = format!("/{}", section.trim_start_matches('/').trim());
            super::super::pattern::has_words_prefix(path, &section) || section == "/"
        }),
    };
    let foreign: Vec<String> = running
        .iter()
        .filter(|section| !owned(&section.path))
        .flat_map(|section| section.items.iter().map(|item| format!("{} {}", section.path, item.text())))
        .collect();
    let intended = Model::new(dialect, intended);
    let mut seen: BTreeSet<Box<str>> = BTreeSet::new();
    let both = running
        .iter()
        .map(|section| section.path.clone())
        .chain(intended.sections().into_iter().map(|section| section.path));
    let mut paths: Vec<Box<str>> = both.filter(|path| owned(path) && seen.insert(path.clone())).collect();
    paths.sort_by_key(|path| place_in_order(dialect, path));
    let mut plan =
        Plan { dialect, model: Model::new(dialect, running), merge: *scope == Scope::Merge, commands: Vec::new() };
    let none = Live::default();
    for _ in 0..ROUNDS_MAX {
        let before = plan.commands.len();
        if !plan.merge {
            for path in paths.iter().rev().filter(|path| !is_ordered(dialect, path)) {
                plan.remove(path, intended.section(path).unwrap_or(&none));
            }
        }
        for path in &paths {
            let wanted = intended.section(path).unwrap_or(&none);
            if is_ordered(dialect, path) {
                plan.place(path, wanted);
            }
            plan.set(path, wanted);
        }
        if plan.commands.len() == before {
            break;
        }
    }
    let unproved = paths.iter().flat_map(|path| plan.missing(path, intended.section(path).unwrap_or(&none))).collect();
    Remediation { commands: plan.commands, unproved, foreign }
}

fn place_in_order(dialect: &Dialect, path: &str) -> usize {
    let order = &dialect.page.items.order;
    order.iter().position(|section| section == path).unwrap_or(order.len())
}

/// Returns the values that name an item.
fn name(dialect: &Dialect, path: &str, item: &Item) -> Values {
    let items = &dialect.page.items;
    let own = items.keys.iter().find(|keys| keys.section == path).map(|keys| &keys.keys);
    let sets = own.into_iter().flatten().chain(&items.default_keys);
    let found = sets.into_iter().find(|keys| keys.iter().all(|key| item.values.contains_key(&**key)));
    match found {
        Some(keys) => item
            .values
            .iter()
            .filter(|(name, _)| keys.iter().any(|key| **key == ***name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
        None => item.values.clone(),
    }
}

type Groups<'i> = BTreeMap<Values, Vec<&'i Item>>;

fn groups<'i>(dialect: &Dialect, path: &str, live: &'i Live) -> Groups<'i> {
    let mut out = Groups::new();
    for item in live.items().filter(|item| item.verb == Verb::Add) {
        out.entry(name(dialect, path, item)).or_default().push(item);
    }
    out
}

fn sorted_texts(items: &[&Item]) -> Vec<String> {
    let mut texts: Vec<String> = items.iter().map(|item| item.text()).collect();
    texts.sort_unstable();
    texts
}

impl Plan<'_> {
    fn send(&mut self, path: &str, command: &str, kind: Kind, old: Option<String>) {
        let line = format!("{path} {command}");
        let rule = self.dialect.rule(self.dialect.top(), &line);
        let risk = rule.and_then(Rule::risk).unwrap_or(Risk::ServiceAffecting);
        let rule = rule.map(|rule| rule.name().to_owned());
        let words = text::words(command);
        self.model.apply(self.dialect, path, &words);
        self.commands.push(Command { text: line, kind, old, rule, risk, exit: None, weight: 0, children: Vec::new() });
    }

    /// Removes the items that nobody wants, and those of which there are several with one name.
    fn remove(&mut self, path: &str, wanted: &Live) {
        let Some(live) = self.model.section(path) else { return };
        let wanted = groups(self.dialect, path, wanted);
        let gone: Vec<(Values, String)> = groups(self.dialect, path, live)
            .into_iter()
            .filter(|(name, items)| match wanted.get(name) {
                None => true,
                Some(new) => (items.len() > 1 || new.len() > 1) && sorted_texts(items) != sorted_texts(new),
            })
            .map(|(name, items)| (name, sorted_texts(&items).join("; ")))
            .collect();
        for (name, old) in gone {
            self.send(path, &format!("remove {}", text::find(&name)), Kind::Remove, Some(old));
        }
    }

    /// Sets and adds what is missing.
    fn set(&mut self, path: &str, wanted: &Live) {
        let groups = groups(self.dialect, path, wanted);
        for new in wanted.items() {
            match &new.verb {
                Verb::Set(selector) => self.settings(path, selector, &new.values),
                // What is no item is not understood: it is reported as unproved, never typed.
                Verb::Other(_) => {}
                Verb::Add if is_ordered(self.dialect, path) => {}
                Verb::Add => {
                    let name = name(self.dialect, path, new);
                    let alone = groups.get(&name).is_none_or(|group| group.len() == 1);
                    self.item(path, (new, &name, alone), wanted);
                }
            }
        }
        if self.merge {
            return;
        }
        let Some(live) = self.model.section(path) else { return };
        let gone: Vec<Box<str>> = live
            .items()
            .filter_map(|item| match &item.verb {
                Verb::Set(selector) => Some(selector.clone()),
                Verb::Add | Verb::Other(_) => None,
            })
            .filter(|selector| wanted.settings(selector).is_none())
            .collect();
        for selector in gone {
            self.settings(path, &selector, &Values::new());
        }
    }

    fn settings(&mut self, path: &str, selector: &str, new: &Values) {
        let none = Values::new();
        let old = self.model.section(path).and_then(|live| live.settings(selector)).unwrap_or(&none);
        let change = self.change(old, new);
        if change.is_empty() {
            return;
        }
        let text = Item { verb: Verb::Set(selector.into()), values: change, line: 0 }.text();
        let before = Item { verb: Verb::Set(selector.into()), values: old.clone(), line: 0 };
        let old = (!before.values.is_empty()).then(|| before.text());
        let kind = if old.is_some() { Kind::Change } else { Kind::Add };
        self.send(path, &text, kind, old);
    }

    /// Returns the values to set so that the old ones become the new ones.
    fn change(&self, old: &Values, new: &Values) -> Values {
        let mut out: Values = new
            .iter()
            .filter(|(name, value)| old.get(*name) != Some(value))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        if self.merge {
            return out;
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            match self.dialect.page.items.defaults.get(&**name) {
                Some(default) => out.insert(name.clone(), default.as_str().into()),
                None => out.insert(format!("!{}", name.trim_start()).into(), "".into()),
            };
        }
        out
    }

    /// Adds an item, or changes the one with its name.
    fn item(&mut self, path: &str, (new, name, alone): (&Item, &Values, bool), wanted: &Live) {
        let text = new.text();
        if self.model.section(path).map_or(0, |live| live.count(&text)) >= wanted.count(&text) {
            return;
        }
        let found = self.model.section(path).map(|live| live.find(name, 2)).unwrap_or_default();
        if let [old] = found[..]
            && alone
            && wanted.count(&old.text()) == 0
            && self::name(self.dialect, path, old) == *name
            && self.model.section(path).is_some_and(|live| live.settings(&text::find(name)).is_none())
        {
            let (change, old) = (self.change(&old.values, &new.values), old.text());
            if change.is_empty() {
                return;
            }
            self.send(
                path,
                &format!("set {} {}", text::find(name), text::values_text(&change)),
                Kind::Change,
                Some(old),
            );
            return;
        }
        if self.merge
            && found.iter().any(|old| new.values.iter().all(|(name, value)| old.values.get(name) == Some(value)))
        {
            return;
        }
        self.send(path, &text, Kind::Add, None);
    }

    /// Brings the items of an ordered section to their places.
    fn place(&mut self, path: &str, wanted: &Live) {
        let none = Live::default();
        let live = self.model.section(path).unwrap_or(&none);
        let (current, new) = (numbered(live), numbered(wanted));
        if current == new {
            return;
        }
        let stays = stable(&current, &new);
        let kept: BTreeSet<&(String, usize)> =
            new.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(text, _)| text).collect();
        let gone: Vec<String> =
            current.iter().filter(|item| !kept.contains(item)).map(|(text, _)| text.clone()).collect();
        let steps = (gone.len() + new.len() - kept.len()).saturating_mul(current.len() + new.len());
        let keep: Vec<String> = kept.iter().map(|(text, _)| text.clone()).collect();
        if self.merge {
            let present: BTreeSet<&(String, usize)> = current.iter().collect();
            for (text, _) in new.iter().filter(|item| !present.contains(item)) {
                self.send(path, text, Kind::Add, None);
            }
            return;
        }
        if steps > PLACING_STEPS_MAX || !self.place_each(path, (&gone, &keep), (&new, &stays)) {
            self.place_all(path, &new);
        }
    }

    /// Removes and adds single items. Tells whether every command meant exactly one item; if not, nothing is kept of it.
    fn place_each(
        &mut self,
        path: &str,
        (gone, keep): (&[String], &[String]),
        (new, stays): (&[(String, usize)], &[bool]),
    ) -> bool {
        let (model, count) = (self.model.clone(), self.commands.len());
        let wanted: BTreeSet<&str> = new.iter().map(|(text, _)| text.as_str()).collect();
        let mut right = true;
        for text in gone {
            let values = text::item(&text::words(text), 0).values;
            right &=
                self.model.section(path).is_some_and(|live| live.find(&values, 2).len() == 1) && !keep.contains(text);
            let kind = if wanted.contains(text.as_str()) { Kind::Move } else { Kind::Remove };
            self.send(path, &format!("remove {}", text::find(&values)), kind, Some(text.clone()));
        }
        let mut anchor: Option<&str> = None;
        let mut anchors = Vec::with_capacity(new.len());
        for ((text, _), stays) in new.iter().zip(stays).rev() {
            anchors.push(anchor);
            if *stays {
                anchor = Some(text);
            }
        }
        for (((text, _), stays), anchor) in new.iter().zip(stays).zip(anchors.into_iter().rev()) {
            if *stays {
                continue;
            }
            let mut command = text.clone();
            if let Some(anchor) = anchor {
                let values = text::item(&text::words(anchor), 0).values;
                right &= self.model.section(path).is_some_and(|live| live.find(&values, 2).len() == 1);
                command = format!("{command} place-before={}", text::find(&values));
            }
            let kind = if gone.contains(text) { Kind::Move } else { Kind::Add };
            self.send(path, &command, kind, None);
        }
        if !right {
            self.model = model;
            self.commands.truncate(count);
        }
        right
    }

    fn place_all(&mut self, path: &str, new: &[(String, usize)]) {
        if self.model.section(path).is_some_and(|live| live.items().any(|item| item.verb == Verb::Add)) {
            self.send(path, "remove [ find dynamic=no ]", Kind::Remove, Some(path.to_owned()));
        }
        for (text, _) in new {
            self.send(path, text, Kind::Add, None);
        }
    }

    /// Returns what the model still lacks or has too much.
    fn missing(&self, path: &str, wanted: &Live) -> Vec<String> {
        let none = Live::default();
        let live = self.model.section(path).unwrap_or(&none);
        let mut out = Vec::new();
        let mut differ = |here: &Live, there: &Live| {
            for item in here.items() {
                let text = item.text();
                let differs = match &item.verb {
                    Verb::Add | Verb::Other(_) => here.count(&text) > there.count(&text),
                    Verb::Set(selector) => there.settings(selector) != Some(&item.values),
                };
                if differs {
                    out.push(format!("{path} {text}"));
                }
            }
        };
        if !self.merge {
            differ(wanted, live);
            differ(live, wanted);
            if out.is_empty() && is_ordered(self.dialect, path) && numbered(live) != numbered(wanted) {
                out.push(path.to_owned());
            }
        }
        out
    }
}

/// Returns the added items with a count that tells equal ones apart.
fn numbered(live: &Live) -> Vec<(String, usize)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    live.items()
        .filter(|item| item.verb == Verb::Add)
        .map(|item| {
            let text = item.text();
            let count = seen.entry(text.clone()).or_default();
            *count += 1;
            (text, *count)
        })
        .collect()
}
