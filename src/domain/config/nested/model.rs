//! What a device makes of commands: one section at a time, with an index so that each command costs little.

use std::collections::BTreeMap;

use super::dialect::{Dialect, Place, Rule, is_slot};
use super::normalize::{key, overrides, section_number};
use super::options;
use super::page::RangePage;
use super::pattern::{fill, has_words_prefix};
use super::range::NumberSet;
use super::tree::Node;

/// The lines of one section while commands are applied to it.
#[derive(Debug, Default)]
pub(super) struct Section {
    items: Vec<Option<Item>>,
    index: BTreeMap<Box<str>, usize>,
}

#[derive(Debug)]
struct Item {
    text: Box<str>,
    line: u32,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// Not touched so far.
    Plain(Vec<Node>),
    /// Under change.
    Open(Box<Section>),
}

impl Section {
    /// Takes lines over.
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let mut section = Self::default();
        for node in nodes {
            section.push(node);
        }
        section
    }

    /// Replaces everything by the lines of a section whose order and repetitions matter.
    pub(super) fn rewrite(&mut self, nodes: Vec<Node>) {
        *self = Self::default();
        for node in nodes {
            self.items.push(Some(Item { text: node.text, line: 0, body: Body::Plain(node.children) }));
        }
    }

    /// Gives the lines back.
    pub(super) fn into_nodes(self) -> Vec<Node> {
        let node = |item: Item| Node {
            text: item.text,
            line: item.line,
            children: match item.body {
                Body::Plain(nodes) => nodes,
                Body::Open(section) => section.into_nodes(),
            },
        };
        self.items.into_iter().flatten().map(node).collect()
    }

    fn push(&mut self, node: Node) {
        self.index.insert(node.text.clone(), self.items.len());
        self.items.push(Some(Item { text: node.text, line: node.line, body: Body::Plain(node.children) }));
    }

    /// Tells whether a line stands here, word for word.
    pub(super) fn has(&self, text: &str) -> bool {
        self.index.contains_key(text)
    }

    /// Tells whether a line stands here, or one that a shortened form of it would mean.
    fn with_prefix(&self, prefix: &str) -> Vec<Box<str>> {
        self.index
            .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .take_while(|(text, _)| text.starts_with(prefix))
            .filter(|(text, _)| prefix.is_empty() || has_words_prefix(text, prefix))
            .map(|(text, _)| text.clone())
            .collect()
    }

    fn take(&mut self, text: &str) -> bool {
        match self.index.remove(text) {
            Some(at) => {
                self.items[at] = None;
                true
            }
            None => false,
        }
    }

    /// Opens the section below a line.
    pub(super) fn open(&mut self, text: &str) -> Option<&mut Self> {
        let at = *self.index.get(text)?;
        let item = self.items[at].as_mut()?;
        if let Body::Plain(nodes) = &mut item.body {
            item.body = Body::Open(Box::new(Self::new(std::mem::take(nodes))));
        }
        match &mut item.body {
            Body::Open(section) => Some(section),
            Body::Plain(_) => None,
        }
    }

    /// Removes every line with a word prefix, negated or not, here and below.
    fn take_prefix_below(&mut self, prefix: &str, negation: &str) {
        for text in self.with_prefix(prefix) {
            self.take(&text);
        }
        if !negation.is_empty() {
            for text in self.with_prefix(&format!("{negation}{prefix}")) {
                self.take(&text);
            }
        }
        self.in_sections(|section| section.take_prefix_below(prefix, negation));
    }

    /// Does something in every section that holds lines.
    fn in_sections(&mut self, what: impl Fn(&mut Self)) {
        let sections: Vec<Box<str>> = self
            .items
            .iter()
            .flatten()
            .filter(|item| !matches!(&item.body, Body::Plain(nodes) if nodes.is_empty()))
            .map(|item| item.text.clone())
            .collect();
        for text in sections {
            if let Some(section) = self.open(&text) {
                what(section);
            }
        }
    }
}

/// What a command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The section is as before.
    Nothing,
    /// Something was removed.
    Removed,
    /// A line was added or replaced; when it is a section, the next commands go into it.
    Set,
}

/// Applies one command (without its children) to a section. `removal_only` forbids that an unknown negation becomes a line.
pub(super) fn apply(
    dialect: &Dialect,
    place: Place<'_>,
    section: &mut Section,
    command: &str,
    removal_only: bool,
) -> Effect {
    if let Some(effect) = apply_range(dialect, place, section, command) {
        return effect;
    }
    if let Some(effect) = apply_own_removal(dialect, place, section, command) {
        return effect;
    }
    let (positive, negated) = dialect.positive(command);
    if negated {
        return remove(dialect, place, section, positive, (command, removal_only));
    }
    set(dialect, place, section, command, removal_only)
}

fn remove(dialect: &Dialect, place: Place<'_>, section: &mut Section, positive: &str, command: (&str, bool)) -> Effect {
    let (command, removal_only) = command;
    let rule = dialect.rule(place, positive);
    if let Some(rule) = rule.filter(|rule| rule.page.toggle && !removal_only) {
        return toggle_off((dialect, place), section, rule, (positive, command));
    }
    let targets = if section.has(positive) { vec![positive.into()] } else { section.with_prefix(positive) };
    if targets.is_empty() {
        let is_state = rule.is_none_or(|rule| rule.shows_negation(positive));
        if removal_only || !is_state || section.has(command) {
            return Effect::Nothing;
        }
        section.push(Node::leaf(command, 0));
        return Effect::Set;
    }
    let is_whole = |text: &str| {
        let rule = dialect.rule(place, text);
        rule.is_some_and(|rule| {
            rule.page.whole.as_ref().is_some_and(|template| fill(template, text, &rule.pattern) == positive)
        })
    };
    let whole = targets.iter().any(|text| is_whole(text));
    for text in targets {
        take_with_effects(dialect, place, section, &text);
    }
    if whole {
        section.take_prefix_below(positive, &dialect.page.negation);
    }
    Effect::Removed
}

/// Types `no X` of something that a device shows in both states: what is shown is not the default, so its opposite is hidden.
fn toggle_off(
    (dialect, place): (&Dialect, Place<'_>),
    section: &mut Section,
    rule: &Rule,
    (positive, command): (&str, &str),
) -> Effect {
    if section.has(command) {
        return Effect::Nothing;
    }
    let other = if rule.has_value() { same_key(dialect, place, section, rule, positive) } else { None };
    let was_shown = section.take(positive) | other.is_some_and(|old| section.take(&old));
    if rule.is_default(command) || was_shown && !rule.page.keep && rule.page.default.is_none() {
        return Effect::Removed;
    }
    section.push(Node::leaf(command, 0));
    Effect::Set
}

/// Removes a line and everything that goes with it.
fn take_with_effects(dialect: &Dialect, place: Place<'_>, section: &mut Section, text: &str) {
    let rule = dialect.rule(place, dialect.positive(text).0);
    section.take(text);
    if let Some(rule) = rule {
        side_effects((dialect, place), section, rule, text, true);
    }
}

fn side_effects(
    (dialect, place): (&Dialect, Place<'_>),
    section: &mut Section,
    rule: &Rule,
    line: &str,
    removed: bool,
) {
    for prefix in rule.prefixes(&rule.page.resets, line) {
        for text in section.with_prefix(&prefix).into_iter().filter(|text| **text != *line) {
            section.take(&text);
        }
    }
    if !removed {
        for prefix in rule.prefixes(&rule.page.resets_below, line) {
            section.in_sections(|inner| inner.take_prefix_below(&prefix, &dialect.page.negation));
        }
    }
    for rest in rule.page.leaves_behind.iter().filter(|_| removed).map(|template| fill(template, line, &rule.pattern)) {
        if section.with_prefix(&rest).is_empty() {
            section.push(Node::leaf(rest, 0));
        }
    }
    let has_heir =
        || rule.prefixes(&rule.page.removes_unless, line).iter().any(|prefix| !section.with_prefix(prefix).is_empty());
    if removed && !has_heir() {
        for prefix in rule.prefixes(&rule.page.removes, line) {
            match prefix.split_once(" *") {
                None => section.take_prefix_below(&prefix, &dialect.page.negation),
                Some((head, _)) => {
                    let Ok(pattern) = super::pattern::Pattern::new(&prefix) else { continue };
                    for text in section.with_prefix(head).into_iter().filter(|text| pattern.matches(text)) {
                        take_with_effects(dialect, place, section, &text);
                    }
                }
            }
        }
    }
}

fn set(dialect: &Dialect, place: Place<'_>, section: &mut Section, line: &str, removal_only: bool) -> Effect {
    let rule = dialect.rule(place, line);
    let negated = format!("{}{line}", dialect.page.negation);
    if !dialect.page.negation.is_empty() && section.has(&negated) {
        section.take(&negated);
        if removal_only || !rule.is_some_and(|rule| rule.page.toggle && (rule.page.keep || rule.page.default.is_some()))
        {
            return Effect::Removed;
        }
    }
    if let Some(rule) = rule.filter(|rule| rule.has_value() && !dialect.page.negation.is_empty()) {
        let head = rule.pattern.head(line);
        let explicit = format!("{}{head}", dialect.page.negation);
        if overrides(dialect, place, line, head) && section.take(&explicit) && (removal_only || rule.is_default(line)) {
            return Effect::Removed;
        }
    }
    if removal_only {
        return Effect::Nothing;
    }
    if let Some(rule) = rule.filter(|rule| rule.is_default(line)) {
        return set_default(dialect, place, section, rule, line);
    }
    if section.has(line) {
        return Effect::Set;
    }
    if let Some(rule) = rule
        && rule.has_value()
        && let Some(old) = same_key(dialect, place, section, rule, line)
    {
        let merged = options::merged(rule, &old, line);
        replace(section, &old, merged.as_deref().unwrap_or(line));
        side_effects((dialect, place), section, rule, line, false);
        return Effect::Set;
    }
    section.push(Node::leaf(line, 0));
    if let Some(rule) = rule {
        side_effects((dialect, place), section, rule, line, false);
        leave_list((dialect, place), section, rule, line);
    }
    Effect::Set
}

/// A section of its own stands for its number, which leaves the list.
fn leave_list((dialect, place): (&Dialect, Place<'_>), section: &mut Section, rule: &Rule, line: &str) {
    let Some((list, number)) = rule.page.listed_in.as_ref().and_then(|list| Some((list, section_number(line)?))) else {
        return;
    };
    for text in section.with_prefix(list) {
        let Some(range) = dialect.rule(place, &text).and_then(Rule::range) else { continue };
        let Some(set) = NumberSet::parse(&text[list.len()..], range).filter(|set| set.contains(number)) else {
            continue;
        };
        let rest = set.minus(&NumberSet::of(&[number]));
        if rest.is_empty() {
            section.take(&text);
        } else {
            replace(section, &text, &format!("{list} {}", rest.print(range)));
        }
    }
}

fn set_default(dialect: &Dialect, place: Place<'_>, section: &mut Section, rule: &Rule, line: &str) -> Effect {
    if let Some(old) = same_key(dialect, place, section, rule, line) {
        section.take(&old);
        return Effect::Removed;
    }
    Effect::Nothing
}

fn same_key(dialect: &Dialect, place: Place<'_>, section: &Section, rule: &Rule, line: &str) -> Option<Box<str>> {
    let wanted = rule.pattern.key(line);
    section
        .with_prefix(rule.pattern.head(line))
        .into_iter()
        .find(|text| key(dialect, place, text) == wanted && **text != *line)
}

/// Gives a line a new text; what stands below it stays.
fn replace(section: &mut Section, old: &str, new: &str) {
    if let Some(at) = section.index.remove(old)
        && let Some(item) = section.items[at].as_mut()
    {
        item.text = new.into();
        section.index.insert(new.into(), at);
    }
}

/// Handles removal commands that a rule words in its own way.
fn apply_own_removal(dialect: &Dialect, place: Place<'_>, section: &mut Section, command: &str) -> Option<Effect> {
    let rules = dialect.removed_by(place, command);
    if rules.is_empty() {
        return None;
    }
    let mut hit = false;
    for (rule, pattern) in rules {
        let (positive, _) = dialect.positive(command);
        let _ = pattern;
        let head = common_head(rule, positive);
        for text in section.with_prefix(&head) {
            let (line, negated) = dialect.positive(&text);
            if negated || !dialect.rule(place, line).is_some_and(|found| std::ptr::eq(found, rule)) {
                continue;
            }
            if dialect.negate(Some(rule), line) == command {
                take_with_effects(dialect, place, section, &text);
                hit = true;
            } else if let Some(rest) = options::without(rule, line, command) {
                hit = true;
                if rest == rule.pattern.head(line) {
                    take_with_effects(dialect, place, section, &text);
                } else {
                    replace(section, &text, &rest);
                }
            }
        }
    }
    if hit { Some(Effect::Removed) } else { None }
}

/// Returns the words with which every line of the rule begins that the command can mean; empty when any line can.
fn common_head(rule: &Rule, command: &str) -> String {
    let mut out = String::new();
    let mut said = command.split_ascii_whitespace();
    let mut together = true;
    for word in rule.pattern.source().split_ascii_whitespace() {
        let said = said.next();
        together = together && said.is_some();
        let word = match (is_slot(word), said) {
            (false, _) => {
                together = together && said == Some(word);
                word
            }
            (true, Some(said)) if together && !matches!(word, "_" | "..." | "**") && !word.starts_with("_/") => said,
            _ => break,
        };
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Handles commands that add numbers to a set or take them away.
fn apply_range(dialect: &Dialect, place: Place<'_>, section: &mut Section, command: &str) -> Option<Effect> {
    let (rule, range, numbers, adds) = range_command(dialect, place, command)?;
    let set = NumberSet::parse(&numbers, range)?;
    let head = rule.pattern.head(dialect.positive(command).0).to_owned();
    let current = section
        .with_prefix(&head)
        .into_iter()
        .find_map(|text| Some((NumberSet::parse(text.get(head.len()..)?, range)?, text)));
    let before = current.as_ref().map(|(set, _)| set.clone()).unwrap_or_default();
    let after = if adds { before.union(&set) } else { before.minus(&set) };
    let mut vanished = false;
    if let Some(template) = range.sections.as_ref().filter(|_| !adds) {
        for number in set.numbers() {
            vanished |= section.take(&template.replace("{}", &number.to_string()));
        }
    }
    if after == before {
        return match (adds, vanished) {
            (true, _) => Some(Effect::Nothing),
            (false, true) => Some(Effect::Removed),
            (false, false) => None,
        };
    }
    let line = format!("{head} {}", after.print(range));
    match current {
        Some((_, text)) if after.is_empty() && range.none.is_none() => {
            section.take(&text);
        }
        Some((_, text)) => replace(section, &text, line.trim_end()),
        None => section.push(Node::leaf(line.trim_end(), 0)),
    }
    Some(if adds { Effect::Set } else { Effect::Removed })
}

fn range_command<'a>(
    dialect: &'a Dialect,
    place: Place<'a>,
    command: &str,
) -> Option<(&'a Rule, &'a RangePage, String, bool)> {
    let (positive, _) = dialect.positive(command);
    let rule = dialect.rule(place, positive)?;
    let range = rule.range().filter(|range| !range.separator.is_empty())?;
    for (template, adds) in [(&range.remove, false), (&range.add, true)] {
        let template = fill(template, positive, &rule.pattern);
        if let Some(rest) = template.strip_suffix("{}").and_then(|start| command.strip_prefix(start)) {
            // A plain assignment looks like an addition where the platform has one word for both.
            if adds && !range.merge && template.trim_end_matches("{}").trim() == rule.pattern.head(command) {
                return None;
            }
            return Some((rule, range, rest.to_owned(), adds));
        }
    }
    None
}
