//! One comparison of two trees: the commands that lead from one to the other if no command had side effects.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::command::{Command, Kind};
use super::dialect::{Dialect, Place, Rule};
use super::moves::moves;
use super::normalize::{key, overrides, section_number};
use super::options;
use super::page::{Change, Early, Ordered, Risk};
use super::pattern::{fill, has_words_prefix};
use super::range::NumberSet;
use super::range_commands::{range_addition, range_change, range_removal};
use super::tree::Node;

/// Compares two sections and returns what to type, in send order.
pub(super) fn level(dialect: &Dialect, place: Place<'_>, running: &[Node], intended: &[Node]) -> Vec<Command> {
    if place.header.and_then(Rule::ordered) == Some(Ordered::Append) {
        return appended(dialect, place, running, intended);
    }
    let mut out = Vec::new();
    let pairing = pair(dialect, place, running, intended);
    let beside = Beside::new(intended);
    let in_the_way = in_the_way(dialect, place, (running, intended), &pairing);
    for index in &in_the_way {
        let (from, before) = (out.len(), removal_order(dialect, place, &running[*index]));
        removal_before(dialect, place, &running[*index], &mut out);
        out[from..].iter_mut().for_each(|command| command.weight = command.weight.min(before));
    }
    for index in pairing.removed.into_iter().filter(|index| !in_the_way.contains(index)) {
        removal(dialect, place, &running[index], &beside, &mut out);
    }
    let mut rest = Vec::new();
    for (index, partner) in pairing.intended.into_iter().enumerate() {
        let new = &intended[index];
        // What is switched off comes before what is set: `no X` takes away what begins with `X`.
        let out = if dialect.positive(&new.text).1 { &mut out } else { &mut rest };
        match partner {
            Partner::Same(old) => entered(dialect, place, &running[old], new, out),
            Partner::Changed(old) if in_the_way.contains(&old) => addition(dialect, place, new, out),
            Partner::Changed(old) => changed(dialect, place, &running[old], new, out),
            Partner::None if is_silent(dialect, place, new) => {}
            Partner::None => addition(dialect, place, new, out),
        }
    }
    out.append(&mut rest);
    if place.header.and_then(Rule::ordered) == Some(Ordered::Move) {
        out.extend(moves(dialect, place, running, intended));
    }
    with_early_visits(dialect, place, &mut out);
    if out.iter().any(|command| command.weight != 0) {
        out.sort_by_key(|command| command.weight);
    }
    out
}

/// Returns the running lines that go away or change and have what a line to be typed needs for itself.
fn in_the_way(
    dialect: &Dialect,
    place: Place<'_>,
    (running, intended): (&[Node], &[Node]),
    pairing: &Pairing,
) -> BTreeSet<usize> {
    if !dialect.has_occupied {
        return BTreeSet::new();
    }
    let names = |text: &str, which: fn(&Rule) -> &[String]| {
        let rule = dialect.rule(place, text);
        rule.map(|rule| rule.prefixes(which(rule), text)).unwrap_or_default()
    };
    let typed = pairing.intended.iter().enumerate().filter(|(_, partner)| !matches!(partner, Partner::Same(_)));
    let needed: BTreeSet<String> =
        typed.flat_map(|(index, _)| names(&intended[index].text, |rule| &rule.page.needs_free)).collect();
    let changed = pairing.intended.iter().filter_map(|partner| match partner {
        Partner::Changed(old) => Some(*old),
        _ => None,
    });
    let gone = pairing.removed.iter().copied().chain(changed);
    gone.filter(|index| {
        names(&running[*index].text, |rule| rule.page.occupies.as_slice()).iter().any(|name| needed.contains(name))
    })
    .collect()
}

/// Sends removals that stand in the way of lines elsewhere in a visit of their own to their section, before everything else.
fn with_early_visits(dialect: &Dialect, place: Place<'_>, out: &mut Vec<Command>) {
    let mut visits = Vec::new();
    let removes = |command: &Command| {
        let line = command.old.as_deref().filter(|_| command.kind == Kind::Remove)?;
        let rule = dialect.rule(place, line)?;
        Some(rule.prefixes(&rule.page.removes, line))
    };
    let goes_anyway: Vec<String> = out.iter().filter_map(removes).flatten().collect();
    for command in out.iter_mut().filter(|command| command.kind == Kind::Enter) {
        let inside = dialect.inside(dialect.rule(place, &command.text));
        let is_early = |child: &Command| {
            let Some(line) = child.old.as_deref().filter(|_| child.kind == Kind::Remove) else {
                return is_visit(child) && goes_up(dialect, inside, child);
            };
            dialect.rule(inside, line).is_some_and(|rule| rule.page.removed_early.is_some())
                && !goes_anyway.iter().any(|prefix| has_words_prefix(line, prefix))
        };
        let (early, late): (Vec<Command>, Vec<Command>) = command.children.drain(..).partition(is_early);
        command.children = late;
        if !early.is_empty() {
            visits.push(Command { children: early, weight: i32::MIN, ..command.clone() });
        }
    }
    out.retain(|command| command.kind != Kind::Enter || !command.children.is_empty());
    out.splice(0..0, visits);
}

/// Tells whether a command is a visit that comes before everything else.
pub(super) fn is_visit(command: &Command) -> bool {
    command.kind == Kind::Enter && command.weight == i32::MIN
}

/// Tells whether a visit holds a removal that stands in the way of anything on the device.
fn goes_up(dialect: &Dialect, place: Place<'_>, visit: &Command) -> bool {
    let inside = dialect.inside(dialect.rule(place, &visit.text));
    visit.children.iter().any(|child| {
        let rule = child.old.as_deref().and_then(|line| dialect.rule(inside, line));
        is_visit(child) || rule.is_some_and(|rule| rule.page.removed_early == Some(Early::Device))
    })
}

/// A line that says what the device has anyway; it is only sent with a new section.
fn is_silent(dialect: &Dialect, place: Place<'_>, node: &Node) -> bool {
    node.children.is_empty()
        && dialect.rule(place, dialect.positive(&node.text).0).is_some_and(|rule| rule.is_default(&node.text))
}

/// The intended lines of a section, sorted when somebody asks what begins with certain words.
struct Beside<'a> {
    nodes: &'a [Node],
    sorted: OnceCell<Vec<&'a str>>,
}

impl<'a> Beside<'a> {
    fn new(nodes: &'a [Node]) -> Self {
        Self { nodes, sorted: OnceCell::new() }
    }

    fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = &'a str> {
        let sorted = self.sorted.get_or_init(|| {
            let mut texts: Vec<&str> = self.nodes.iter().map(|node| node.text.as_ref()).collect();
            texts.sort_unstable();
            texts
        });
        let from = sorted.partition_point(|text| *text < prefix);
        sorted[from..]
            .iter()
            .copied()
            .take_while(move |text| text.starts_with(prefix))
            .filter(move |text| has_words_prefix(text, prefix))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

enum Partner {
    Same(usize),
    Changed(usize),
    None,
}

struct Pairing {
    removed: Vec<usize>,
    intended: Vec<Partner>,
}

/// How far the search for the next common line looks, before the lines are sorted.
const AHEAD_MAX: usize = 8;

/// Finds for each intended line the running line it corresponds to: the same text, or the same key.
fn pair(dialect: &Dialect, place: Place<'_>, running: &[Node], intended: &[Node]) -> Pairing {
    let mut partners: Vec<Partner> = Vec::with_capacity(intended.len());
    let (old, new) = in_step(running, intended, &mut partners);
    let (old, new) = join(
        old.into_iter().map(|index| (Cow::Borrowed(running[index].text.as_str()), index)).collect(),
        new.into_iter().map(|index| (Cow::Borrowed(intended[index].text.as_str()), index)).collect(),
        |a, b| partners[b] = Partner::Same(a),
    );
    if old.is_empty() || new.is_empty() {
        return Pairing { removed: old, intended: partners };
    }
    let (old, _) = join(
        old.into_iter().map(|index| (key(dialect, place, &running[index].text), index)).collect(),
        new.into_iter().map(|index| (key(dialect, place, &intended[index].text), index)).collect(),
        |a, b| partners[b] = Partner::Changed(a),
    );
    Pairing { removed: old, intended: partners }
}

/// Walks along both sides, which mostly are the same, and returns the lines without a partner nearby.
fn in_step(running: &[Node], intended: &[Node], partners: &mut Vec<Partner>) -> (Vec<usize>, Vec<usize>) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let mut at = 0;
    for (index, node) in intended.iter().enumerate() {
        let rest = running.get(at..).unwrap_or_default();
        match rest.iter().take(AHEAD_MAX).position(|other| other.text == node.text) {
            Some(skipped) => {
                old.extend(at..at + skipped);
                at += skipped + 1;
                partners.push(Partner::Same(at - 1));
            }
            None => {
                let next = intended.get(index + 1..).unwrap_or_default();
                let is_new = rest.first().is_none_or(|other| next.iter().take(AHEAD_MAX).any(|n| n.text == other.text));
                if !is_new {
                    old.push(at);
                    at += 1;
                }
                new.push(index);
                partners.push(Partner::None);
            }
        }
    }
    old.extend(at..running.len());
    (old, new)
}

/// Joins two lists of indices by their texts, and returns what found no partner, in index order.
fn join<'a>(
    mut old: Vec<(Cow<'a, str>, usize)>,
    mut new: Vec<(Cow<'a, str>, usize)>,
    mut found: impl FnMut(usize, usize),
) -> (Vec<usize>, Vec<usize>) {
    old.sort_unstable();
    new.sort_unstable();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut others = new.into_iter().peekable();
    for (text, index) in old {
        while let Some((_, other)) = others.next_if(|(other, _)| *other < text) {
            right.push(other);
        }
        match others.next_if(|(other, _)| *other == text) {
            Some((_, other)) => found(index, other),
            None => left.push(index),
        }
    }
    right.extend(others.map(|(_, index)| index));
    left.sort_unstable();
    right.sort_unstable();
    (left, right)
}

/// A section that stands on both sides.
fn entered(dialect: &Dialect, place: Place<'_>, old: &Node, new: &Node, out: &mut Vec<Command>) {
    if same_lines(&old.children, &new.children) {
        return;
    }
    let rule = dialect.rule(place, dialect.positive(&new.text).0);
    let whole = |kind| Command { children: verbatim(&new.children), ..command(rule, &new.text, kind) };
    match rule.and_then(Rule::ordered) {
        Some(Ordered::Rewrite) => out.push(whole(Kind::Change)),
        Some(Ordered::RemoveAndRewrite) => {
            removal_before(dialect, place, old, out);
            out.push(whole(Kind::Add));
        }
        Some(Ordered::Append | Ordered::Move) | None => {
            let children = level(dialect, dialect.inside(rule), &old.children, &new.children);
            if !children.is_empty() {
                out.push(Command { children, ..command(rule, &new.text, Kind::Enter) });
            }
        }
    }
}

fn same_lines(a: &[Node], b: &[Node]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.text == b.text && same_lines(&a.children, &b.children))
}

fn verbatim(nodes: &[Node]) -> Vec<Command> {
    nodes
        .iter()
        .map(|node| Command { children: verbatim(&node.children), ..command(None, &node.text, Kind::Add) })
        .collect()
}

/// The same thing with another value, or turned from on to off.
fn changed(dialect: &Dialect, place: Place<'_>, old: &Node, new: &Node, out: &mut Vec<Command>) {
    let (positive, negated) = dialect.positive(&new.text);
    let (_, was_negated) = dialect.positive(&old.text);
    let rule = dialect.rule(place, positive);
    let toggle = rule.is_some_and(|rule| rule.page.toggle);
    if let Some(commands) = range_change(dialect, rule, old, new).or_else(|| option_change(rule, old, new)) {
        out.extend(commands);
        return;
    }
    let in_place = rule.is_some_and(|rule| rule.change() == Change::Replace && rule.has_value());
    let has_section = !old.children.is_empty() || !new.children.is_empty();
    if toggle || (in_place && negated == was_negated && !negated) {
        let children =
            if has_section { level(dialect, dialect.inside(rule), &old.children, &new.children) } else { Vec::new() };
        out.push(Command { old: Some(old.text.to_string()), children, ..command(rule, &new.text, Kind::Change) });
        return;
    }
    removal_before(dialect, place, old, out);
    addition(dialect, place, new, out);
}

/// Removes a line right before the place where its successor is typed.
fn removal_before(dialect: &Dialect, place: Place<'_>, old: &Node, out: &mut Vec<Command>) {
    let from = out.len();
    removal(dialect, place, old, &Beside::new(&[]), out);
    let weight = dialect.rule(place, dialect.positive(&old.text).0).map_or(0, |rule| rule.page.order);
    for command in &mut out[from..] {
        command.weight = weight;
    }
}

/// The commands for a value made of options.
fn option_change(rule: Option<&Rule>, old: &Node, new: &Node) -> Option<Vec<Command>> {
    let rule = rule.filter(|rule| rule.page.options.is_some())?;
    let commands = options::change(rule, &old.text, &new.text)?;
    let change = |text: String| Command { old: Some(old.text.to_string()), ..command(Some(rule), &text, Kind::Change) };
    Some(commands.into_iter().map(change).collect())
}

/// A line that goes away. Nothing when the platform does that together with something else.
fn removal(dialect: &Dialect, place: Place<'_>, old: &Node, beside: &Beside<'_>, out: &mut Vec<Command>) {
    let (positive, negated) = dialect.positive(&old.text);
    let rule = dialect.rule(place, positive);
    if negated && beside.with_prefix(positive).any(|new| overrides(dialect, place, new, positive)) {
        return;
    }
    let Some(known) = rule else {
        out.push(removed(None, old, dialect.negate(None, &old.text)));
        return;
    };
    if old.children.is_empty() && (known.page.keep || known.is_default(&old.text)) {
        return;
    }
    if !negated && (known.page.permanent || is_listed(dialect, place, known, old, beside)) {
        let children = level(dialect, dialect.inside(rule), &old.children, &[]);
        if !children.is_empty() {
            out.push(Command { children, ..command(rule, &old.text, Kind::Enter) });
        }
        return;
    }
    let whole =
        known.page.whole.as_ref().filter(|_| !negated).map(|template| fill(template, &old.text, &known.pattern));
    if let Some(prefix) = whole.filter(|prefix| beside.with_prefix(prefix).next().is_none()) {
        out.push(removed(rule, old, format!("{}{prefix}", dialect.page.negation)));
        return;
    }
    if let Some(commands) = options::remove_each(known, &old.text).or_else(|| range_removal(dialect, known, old)) {
        out.extend(commands.into_iter().map(|text| removed(rule, old, text)));
        return;
    }
    let text = dialect.negate(rule, &old.text);
    if !text.is_empty() {
        let removal = removed(rule, old, text);
        out.extend(cleared(dialect, known, old).map(|visit| Command { weight: removal.weight, ..visit }));
        out.push(removal);
    }
}

/// The visit in which lines go away that would delay or forbid the removal of their section.
fn cleared(dialect: &Dialect, rule: &Rule, old: &Node) -> Option<Command> {
    let before = |child: &&Node| rule.page.removed_after.iter().any(|prefix| has_words_prefix(&child.text, prefix));
    let mut children = Vec::new();
    for child in old.children.iter().filter(before) {
        removal_before(dialect, dialect.inside(Some(rule)), child, &mut children);
    }
    (!children.is_empty()).then(|| Command { children, ..command(Some(rule), &old.text, Kind::Enter) })
}

/// Tells whether a section goes on as a number of the intended list, so that it is emptied and not removed.
fn is_listed(dialect: &Dialect, place: Place<'_>, rule: &Rule, old: &Node, beside: &Beside<'_>) -> bool {
    let Some((list, number)) = rule.page.listed_in.as_ref().and_then(|list| Some((list, section_number(&old.text)?)))
    else {
        return false;
    };
    beside.with_prefix(list).any(|line| {
        let range = dialect.rule(place, line).and_then(Rule::range);
        range.and_then(|range| NumberSet::parse(&line[list.len()..], range)).is_some_and(|set| set.contains(number))
    })
}

fn removal_order(dialect: &Dialect, place: Place<'_>, old: &Node) -> i32 {
    dialect.rule(place, dialect.positive(&old.text).0).and_then(|rule| rule.page.order_removed).unwrap_or(i32::MAX)
}

fn removed(rule: Option<&Rule>, old: &Node, text: String) -> Command {
    let weight = rule.map_or(0, |rule| rule.page.order_removed.unwrap_or(-rule.page.order));
    let risk = risk(rule, old, Kind::Remove);
    Command { old: Some(old.text.to_string()), weight, risk, exit: None, ..command(rule, &text, Kind::Remove) }
}

/// A line that was not there, with everything in it.
fn addition(dialect: &Dialect, place: Place<'_>, new: &Node, out: &mut Vec<Command>) {
    let rule = dialect.rule(place, dialect.positive(&new.text).0);
    if let Some(texts) = rule.and_then(|rule| range_addition(dialect, rule, &new.text)) {
        out.extend(texts.iter().map(|text| command(rule, text, Kind::Add)));
        return;
    }
    let inside = dialect.inside(rule);
    let mut children: Vec<Command> = Vec::with_capacity(new.children.len());
    match rule.and_then(Rule::ordered) {
        Some(Ordered::Rewrite | Ordered::RemoveAndRewrite) => children = verbatim(&new.children),
        Some(Ordered::Append) => new.children.iter().for_each(|child| addition(dialect, inside, child, &mut children)),
        Some(Ordered::Move) | None => {
            let (off, on): (Vec<&Node>, Vec<&Node>) =
                new.children.iter().partition(|child| dialect.positive(&child.text).1);
            off.into_iter().chain(on).for_each(|child| addition(dialect, inside, child, &mut children));
        }
    }
    if children.iter().any(|child| child.weight != 0) {
        children.sort_by_key(|child| child.weight);
    }
    out.push(Command { children, ..command(rule, &new.text, Kind::Add) });
}

pub(super) fn command(rule: Option<&Rule>, text: &str, kind: Kind) -> Command {
    Command {
        text: text.to_owned(),
        kind,
        old: None,
        rule: rule.map(|rule| rule.name().to_owned()),
        risk: match (kind, rule.and_then(Rule::risk).unwrap_or(Risk::ServiceAffecting)) {
            (Kind::Enter, _) => Risk::Routine,
            // Losing a whole section is destructive; a new one is judged by its lines.
            (Kind::Add, Risk::Destructive) if rule.is_some_and(|rule| rule.page.section) => Risk::ServiceAffecting,
            (_, risk) => risk,
        },
        exit: rule.and_then(|rule| rule.page.exit.clone()),
        weight: rule.map_or(0, |rule| rule.page.order),
        children: Vec::new(),
    }
}

fn risk(rule: Option<&Rule>, node: &Node, kind: Kind) -> Risk {
    let own = rule.and_then(Rule::risk).unwrap_or(Risk::ServiceAffecting);
    if kind == Kind::Remove && !node.children.is_empty() { own.max(Risk::Destructive) } else { own }
}

/// An ordered section where new lines go to the end: what stands before the first difference stays.
fn appended(dialect: &Dialect, place: Place<'_>, running: &[Node], intended: &[Node]) -> Vec<Command> {
    let mut kept: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    for (index, new) in intended.iter().enumerate() {
        let Some(at) = running[from..].iter().position(|old| old.text == new.text) else { break };
        kept.push((from + at, index));
        from += at + 1;
    }
    let mut out = Vec::new();
    let stays = |index: usize| kept.binary_search_by_key(&index, |(old, _)| *old).is_ok();
    let wanted: std::collections::BTreeSet<&str> = intended.iter().map(|new| new.text.as_ref()).collect();
    for (index, old) in running.iter().enumerate() {
        if stays(index) {
            continue;
        }
        let moves = wanted.contains(old.text.as_ref());
        let from = out.len();
        removal(dialect, place, old, &Beside::new(&[]), &mut out);
        for command in &mut out[from..] {
            command.kind = if moves && command.kind == Kind::Remove { Kind::Move } else { command.kind };
            command.weight = 0;
        }
    }
    for (index, new) in intended.iter().enumerate() {
        match kept.get(index) {
            Some((old, _)) => entered(dialect, place, &running[*old], new, &mut out),
            None => addition(dialect, place, new, &mut out),
        }
    }
    out
}
