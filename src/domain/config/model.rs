//! What a device makes of commands: one section at a time, with an index so that each command costs little.

use std::collections::BTreeMap;

use super::dialect::{Dialect, Place, Rule};
use super::normalize::{key, overrides};
use super::page::{Ordered, RangePage};
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
            .filter(|(text, _)| has_words_prefix(text, prefix))
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

    /// Removes every line with a word prefix, here and below.
    fn take_prefix_below(&mut self, prefix: &str) {
        for text in self.with_prefix(prefix) {
            self.take(&text);
        }
        let sections: Vec<Box<str>> = self
            .items
            .iter()
            .flatten()
            .filter(|item| !matches!(&item.body, Body::Plain(nodes) if nodes.is_empty()))
            .map(|item| item.text.clone())
            .collect();
        for text in sections {
            if let Some(section) = self.open(&text) {
                section.take_prefix_below(prefix);
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
    if rule.is_some_and(|rule| rule.page.toggle) && !removal_only {
        if section.has(command) {
            return Effect::Nothing;
        }
        section.take(positive);
        if rule.is_some_and(|rule| rule.is_default(command)) {
            return Effect::Removed;
        }
        section.push(Node::leaf(command, 0));
        return Effect::Set;
    }
    let targets = if section.has(positive) { vec![positive.into()] } else { section.with_prefix(positive) };
    if targets.is_empty() {
        if removal_only || section.has(command) {
            return Effect::Nothing;
        }
        section.push(Node::leaf(command, 0));
        return Effect::Set;
    }
    for text in targets {
        take_with_effects(dialect, place, section, &text);
    }
    Effect::Removed
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
        for text in section.with_prefix(&prefix) {
            section.take(&text);
        }
    }
    if removed {
        for prefix in rule.prefixes(&rule.page.removes, line) {
            match prefix.split_once(" *") {
                None => section.take_prefix_below(&prefix),
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
    if section.has(&negated) {
        section.take(&negated);
        if !rule.is_some_and(|rule| rule.page.toggle) || removal_only {
            return Effect::Removed;
        }
    }
    if removal_only {
        return Effect::Nothing;
    }
    if let Some(rule) = rule {
        if rule.is_default(line) {
            return set_default(dialect, place, section, rule, line);
        }
        if rule.has_value() {
            let explicit = format!("{}{}", dialect.page.negation, rule.pattern.head(line));
            if overrides(dialect, place, line, rule.pattern.head(line)) {
                section.take(&explicit);
            }
        }
    }
    if section.has(line) {
        if let Some(Ordered::Rewrite | Ordered::RemoveAndRewrite) = rule.and_then(Rule::ordered)
            && let Some(inner) = section.open(line)
        {
            *inner = Section::default();
        }
        return Effect::Set;
    }
    if let Some(rule) = rule
        && rule.has_value()
        && let Some(old) = same_key(dialect, place, section, rule, line)
    {
        replace(section, &old, line);
        side_effects((dialect, place), section, rule, line, false);
        return Effect::Set;
    }
    section.push(Node::leaf(line, 0));
    if let Some(rule) = rule {
        side_effects((dialect, place), section, rule, line, false);
    }
    Effect::Set
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
        let template = rule.page.negate.as_deref().unwrap_or_default();
        let (positive, _) = dialect.positive(command);
        let _ = pattern;
        let head = common_head(rule, positive);
        for text in section.with_prefix(&head) {
            let (line, _) = dialect.positive(&text);
            let named = dialect.rule(place, line).is_some_and(|found| std::ptr::eq(found, rule));
            if named && fill(template, line, &rule.pattern) == command {
                take_with_effects(dialect, place, section, &text);
                hit = true;
            }
        }
    }
    if hit { Some(Effect::Removed) } else { None }
}

/// Returns the literal words with which both the rule's lines and the command begin.
fn common_head(rule: &Rule, command: &str) -> String {
    let mut out = String::new();
    for (a, b) in rule.pattern.source().split_whitespace().zip(command.split_whitespace()) {
        if a != b {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(a);
    }
    out
}

/// Handles commands that add numbers to a set or take them away.
fn apply_range(dialect: &Dialect, place: Place<'_>, section: &mut Section, command: &str) -> Option<Effect> {
    let (rule, range, numbers, adds) = range_command(dialect, place, command)?;
    let set = NumberSet::parse(&numbers, range)?;
    let head = rule.pattern.head(command_head(rule, command).as_str()).to_owned();
    let current = section
        .with_prefix(&head)
        .into_iter()
        .find_map(|text| Some((NumberSet::parse(text.get(head.len()..)?, range)?, text)));
    let before = current.as_ref().map(|(set, _)| set.clone()).unwrap_or_default();
    let after = if adds { before.union(&set) } else { before.minus(&set) };
    if after == before {
        return Some(Effect::Nothing);
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

fn command_head(rule: &Rule, command: &str) -> String {
    // The templates of `add` and `remove` begin with the rule's own literal words, possibly negated.
    let words: Vec<&str> =
        rule.pattern.source().split_whitespace().take_while(|word| !matches!(*word, "..." | "_")).collect();
    let literal = words.join(" ");
    if words.iter().all(|word| !matches!(*word, "*" | "#")) { format!("{literal} 0") } else { command.to_owned() }
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
