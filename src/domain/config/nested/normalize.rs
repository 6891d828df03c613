//! Equal meaning, equal tree: duplicates, implied defaults, number sets, line numbers, things that cannot be empty.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};

use super::dialect::{Dialect, Place, Rule};
use super::homes::{homed, moved, presumed};
use super::options;
use super::page::{Ordered, RangePage};
use super::pattern::has_words_prefix;
use super::range::NumberSet;
use super::text::Text;
use super::tree::{ConfigTree, Node};

/// Brings a parsed tree into the one form in which trees are compared.
pub(super) fn normalize(dialect: &Dialect, tree: ConfigTree) -> ConfigTree {
    let children = moved(dialect, tree.children);
    let children = if dialect.sequences.is_empty() { children } else { sequenced(dialect, children) };
    ConfigTree { children: level(dialect, dialect.top(), children) }
}

/// Gives the entries of top-level lists the numbers that the device would give them.
fn sequenced(dialect: &Dialect, nodes: Vec<Node>) -> Vec<Node> {
    let mut largest: BTreeMap<String, u32> = BTreeMap::new();
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        if let Some((list, rest)) = node.text.split_once(" seq ")
            && let Some(number) = rest.split(' ').next().and_then(|word| word.parse::<u32>().ok())
        {
            if dialect.has_occupied && says_again(dialect, &node.text, &mut said) {
                continue;
            }
            let last = largest.entry(list.to_owned()).or_default();
            *last = number.max(*last);
        } else if let Some((found, step)) =
            dialect.sequences.iter().find_map(|(regex, step)| Some((regex.captures(&node.text)?, step)))
        {
            let last = largest.get(&found[1]).copied().unwrap_or_default().saturating_add(*step);
            let text = format!("{} seq {last} {}", &found[1], &found[2]);
            let list = found[1].to_owned();
            if dialect.has_occupied && says_again(dialect, &text, &mut said) {
                continue;
            }
            largest.insert(list, last);
            node.text = text.into();
        }
        out.push(node);
    }
    out
}

/// Tells whether an entry needs something that an earlier one has, so that the device ignores it.
fn says_again(dialect: &Dialect, text: &str, said: &mut BTreeSet<String>) -> bool {
    let Some(rule) = dialect.rule(dialect.top(), text).filter(|rule| !rule.page.occupies.is_empty()) else {
        return false;
    };
    let is_again = rule.prefixes(&rule.page.needs_free, text).iter().any(|name| said.contains(name));
    said.extend(rule.prefixes(&rule.page.occupies, text));
    is_again
}

fn level(dialect: &Dialect, place: Place<'_>, nodes: Vec<Node>) -> Vec<Node> {
    let header = place.header;
    match header.and_then(Rule::ordered) {
        Some(Ordered::Rewrite | Ordered::RemoveAndRewrite) => return nodes,
        Some(Ordered::Append) => {
            let nodes = numbered(header, nodes);
            return without_repeats(nodes.into_iter().map(|node| inner(dialect, place, node)).collect());
        }
        Some(Ordered::Move) | None => {}
    }
    let mut out: Vec<Line<'_>> = Vec::with_capacity(nodes.len());
    let mut contradicted = Contradicted::default();
    let mut ranges = Ranges::default();
    let mut key = String::new();
    for node in homed(dialect, place, numbered(header, nodes)) {
        let node = single_spaced(dialect, place, node);
        let (positive, negated) = dialect.positive(&node.text);
        let rule = dialect.rule(place, positive);
        if let Some(rule) = rule {
            if negated && !rule.shows_negation(positive) && rule.range().is_none_or(|range| !range.merge) {
                // Nobody shows this: it says that a value is not there, and so it takes one away that was written before.
                contradicted.before.insert(positive.into(), out.len());
                continue;
            }
            if node.children.is_empty() && rule.is_default(&node.text) && !rule.page.send_default {
                // It says that what was written before does not hold.
                let key = rule.pattern.key(positive).into_owned();
                contradicted.reset.insert((short(&key), key), out.len());
                continue;
            }
            if rule.page.keep && !rule.page.resets.is_empty() {
                let prefixes = rule.prefixes(&rule.page.resets, &node.text);
                contradicted.beside.extend(prefixes.into_iter().map(|prefix| (prefix, node.text.clone())));
            }
            if let Some(range) = rule.range() {
                if negated {
                    ranges.take(rule, range, positive, &mut out);
                } else {
                    ranges.add((dialect, rule, range), inner(dialect, place, node), &mut out);
                }
                continue;
            }
        }
        let mut node = match rule {
            Some(rule) if rule.page.options.is_some() => options::canonical(rule, node),
            _ => node,
        };
        if !node.children.is_empty() {
            node.children = level(dialect, dialect.inside(rule), node.children);
        }
        out.push(Line::new(dialect, node, rule, &mut key));
    }
    let mut out = last_wins(dialect, place, contradicted.remove(dialect, out));
    out.retain(|line| !line.rule.is_some_and(|rule| is_empty_permanent(dialect, rule, &line.node)));
    let mut out: Vec<Node> = out.into_iter().map(|line| line.node).collect();
    if dialect.has_lists {
        listed(dialect, place, &mut out);
    }
    presumed(dialect, place, &mut out);
    out
}

/// Writes one space between the words that name a thing; a value keeps its spaces, because it may be a text.
fn single_spaced(dialect: &Dialect, place: Place<'_>, mut node: Node) -> Node {
    if !node.text.contains("  ") || node.text.contains('\n') {
        return node;
    }
    let (positive, negated) = dialect.positive(&node.text);
    let head = dialect.rule(place, positive.trim_start()).map_or("", |rule| rule.pattern.head(positive));
    if head.contains("  ") {
        let words = head.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let negation = if negated { dialect.page.negation.as_str() } else { "" };
        node.text = format!("{negation}{words}{}", &positive[head.len()..]).into();
    }
    node
}

/// A line and what is known about it, so that nobody has to ask twice.
#[derive(Debug)]
struct Line<'a> {
    node: Node,
    rule: Option<&'a Rule>,
    /// Lines with the same key have the same one; other lines hardly ever.
    key: u64,
}

impl<'a> Line<'a> {
    /// Makes a line; `key` is a buffer for its key.
    fn new(dialect: &Dialect, node: Node, rule: Option<&'a Rule>, key: &mut String) -> Self {
        let (positive, _) = dialect.positive(&node.text);
        let short = match rule {
            Some(rule) if rule.has_value() => {
                key.clear();
                rule.pattern.write_key(positive, key);
                short(key)
            }
            _ => short(positive),
        };
        Self { node, rule, key: short }
    }

    fn key(&self, dialect: &Dialect) -> Cow<'_, str> {
        let (positive, _) = dialect.positive(&self.node.text);
        self.rule.map_or(Cow::Borrowed(positive), |rule| rule.pattern.key(positive))
    }
}

/// Returns a number for a key, so that most comparisons of keys are comparisons of numbers.
fn short(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish()
}

/// Returns neighbours among the lines of each key: first and second, second and third.
fn repeated(dialect: &Dialect, lines: &[Line<'_>]) -> Vec<(usize, usize)> {
    let mut keys: Vec<(u64, usize)> = lines.iter().enumerate().map(|(index, line)| (line.key, index)).collect();
    keys.sort_unstable();
    let mut out = Vec::new();
    for run in keys.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        let mut same: Vec<(Cow<'_, str>, usize)> =
            run.iter().map(|(_, index)| (lines[*index].key(dialect), *index)).collect();
        same.sort_unstable();
        out.extend(same.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1)));
    }
    out
}

/// Lines that other lines of the same section take away.
#[derive(Debug, Default)]
struct Contradicted {
    /// Lines that vanish when they stand before a place.
    before: BTreeMap<Box<str>, usize>,
    /// Keys of lines that vanish when they stand before a place.
    reset: BTreeMap<(u64, String), usize>,
    /// Lines that vanish when one beside them begins with certain words.
    beside: Vec<(String, Text)>,
}

impl Contradicted {
    fn remove<'a>(self, dialect: &Dialect, lines: Vec<Line<'a>>) -> Vec<Line<'a>> {
        let mut gone: BTreeSet<Text> = BTreeSet::new();
        if !self.beside.is_empty() {
            let texts: BTreeSet<&str> = lines.iter().map(|line| line.node.text.as_ref()).collect();
            let stands = |prefix: &str| texts.range(prefix..).next().is_some_and(|text| has_words_prefix(text, prefix));
            gone.extend(self.beside.into_iter().filter(|(prefix, _)| stands(prefix)).map(|(_, text)| text));
        }
        if gone.is_empty() && self.before.is_empty() && self.reset.is_empty() {
            return lines;
        }
        let stays = |(index, line): &(usize, Line<'_>)| {
            let text = &line.node.text;
            let is_reset = || {
                let mut known =
                    self.reset.range((line.key, String::new())..).take_while(|((key, _), _)| *key == line.key);
                known.any(|((_, key), end)| index < end && **key == *line.key(dialect))
            };
            !gone.contains(text) && self.before.get(text.as_str()).is_none_or(|end| index >= end) && !is_reset()
        };
        lines.into_iter().enumerate().filter(stays).map(|(_, line)| line).collect()
    }
}

/// Numbers that stand in a list and have a section: a section that says something stands for its number, an empty one is a number.
fn listed(dialect: &Dialect, place: Place<'_>, nodes: &mut Vec<Node>) {
    let mut numbers: Vec<(String, u32, bool)> = Vec::new();
    nodes.retain(|node| {
        let list = dialect.rule(place, &node.text).and_then(|rule| rule.page.listed_in.clone());
        let Some((list, number)) = list.and_then(|list| Some((list, section_number(&node.text)?))) else { return true };
        numbers.push((list, number, node.children.is_empty()));
        !node.children.is_empty()
    });
    let mut lists: BTreeMap<String, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
    for (list, number, is_empty) in numbers {
        let (empty, full) = lists.entry(list).or_default();
        if is_empty { empty.push(number) } else { full.push(number) }
    }
    for (list, (empty, full)) in lists {
        let Some(range) = dialect.rule(place, &format!("{list} 1")).and_then(Rule::range) else { continue };
        let at = nodes.iter().position(|node| has_words_prefix(&node.text, &list));
        let before = at.map_or(Some(NumberSet::default()), |at| NumberSet::parse(&nodes[at].text[list.len()..], range));
        let Some(before) = before else { continue };
        let set = before.union(&NumberSet::of(&empty)).minus(&NumberSet::of(&full));
        let text = format!("{list} {}", set.print(range));
        match at {
            Some(at) if set.is_empty() => {
                nodes.remove(at);
            }
            Some(at) => nodes[at].text = text.into(),
            None if set.is_empty() => {}
            None => nodes.push(Node::leaf(text, 0)),
        }
    }
}

/// Returns the number that a section's header ends with.
pub(super) fn section_number(header: &str) -> Option<u32> {
    header.rsplit(' ').next()?.parse().ok()
}

/// Tells whether a section that always exists, or that is not shown without lines, says nothing: no line, or defaults only.
fn is_empty_permanent(dialect: &Dialect, rule: &Rule, node: &Node) -> bool {
    if rule.page.hidden_empty && node.children.is_empty() {
        return !dialect.positive(&node.text).1;
    }
    if node.children.len() > 4 || !rule.page.permanent || !rule.page.section {
        return false;
    }
    let inside = dialect.inside(Some(rule));
    node.children.iter().all(|child| {
        let rule = dialect.rule(inside, dialect.positive(&child.text).0);
        child.children.is_empty() && rule.is_some_and(|rule| rule.is_default(&child.text))
    })
}

fn inner(dialect: &Dialect, place: Place<'_>, mut node: Node) -> Node {
    if !node.children.is_empty() {
        let rule = dialect.rule(place, dialect.positive(&node.text).0);
        node.children = level(dialect, dialect.inside(rule), node.children);
    }
    node
}

/// Gives numbers to lines without one, as the device would.
fn numbered(header: Option<&Rule>, mut nodes: Vec<Node>) -> Vec<Node> {
    let Some(numbering) = header.and_then(|rule| rule.page.number.as_ref()) else { return nodes };
    let prefix = numbering.prefix.as_str();
    let number_of = |node: &Node| {
        let rest = node.text.strip_prefix(prefix)?;
        rest.split(' ').next()?.parse::<u32>().ok()
    };
    let mut next = numbering.first;
    for node in &mut nodes {
        if let Some(number) = number_of(node) {
            next = next.max(number.saturating_add(numbering.step));
            continue;
        }
        let first_word = node.text.split(' ').next().unwrap_or_default();
        if numbering.words.is_empty() || numbering.words.iter().any(|word| word == first_word) {
            node.text = format!("{prefix}{next} {}", node.text).into();
            next = next.saturating_add(numbering.step);
        }
    }
    nodes
}

/// Most lines that collapsed ones (`vlan 10-20`) are written out to in one section; what exceeds it stays as it is.
const EXPANDED_LINES_MAX: usize = 65_536;

/// The lines of a section while its number sets come together.
#[derive(Debug, Default)]
struct Ranges {
    /// Where the set of a head stands.
    places: BTreeMap<Box<str>, usize>,
    expanded: usize,
}

impl Ranges {
    /// Takes numbers away that an explicit negation names.
    fn take(&self, rule: &Rule, range: &RangePage, positive: &str, out: &mut [Line<'_>]) {
        let head = rule.pattern.head(positive);
        let Some(gone) = NumberSet::parse(positive.get(head.len()..).unwrap_or_default(), range) else { return };
        let Some(node) = self.places.get(head).and_then(|at| out.get_mut(*at)).map(|line| &mut line.node) else {
            return;
        };
        if let Some(set) = NumberSet::parse(&node.text[head.len()..], range) {
            let rest = set.minus(&gone);
            if !rest.is_empty() {
                node.text = format!("{head} {}", rest.print(range)).into();
            }
        }
    }

    fn add<'a>(
        &mut self,
        (dialect, rule, range): (&Dialect, &'a Rule, &RangePage),
        node: Node,
        out: &mut Vec<Line<'a>>,
    ) {
        let line = |node| Line::new(dialect, node, Some(rule), &mut String::new());
        let head = rule.pattern.head(&node.text);
        let value = node.text.get(head.len()..).unwrap_or_default().trim();
        let (value, added) = value.strip_prefix("add ").map_or((value, false), |rest| (rest, true));
        let set = NumberSet::parse(value, range).filter(|_| self.expanded < EXPANDED_LINES_MAX);
        let Some(set) = set else {
            out.push(line(node));
            return;
        };
        if range.separator.is_empty() {
            // The numbers are things of their own: one line for each.
            for number in set.numbers() {
                let node = Node { text: format!("{head} {number}").into(), ..node.clone() };
                out.push(line(node));
                self.expanded += 1;
            }
            return;
        }
        if let Some(other) = self.places.get(head).and_then(|at| out.get_mut(*at)).map(|line| &mut line.node)
            && (added || range.merge)
            && let Some(before) = NumberSet::parse(&other.text[head.len()..], range)
        {
            other.text = format!("{head} {}", before.union(&set).print(range)).into();
            return;
        }
        self.places.insert(head.into(), out.len());
        let node = Node { text: format!("{head} {}", set.print(range)).into(), ..node };
        out.push(line(node));
    }
}

/// Of lines that replace each other the last one stays; sections of the same name become one.
fn last_wins<'a>(dialect: &'a Dialect, place: Place<'a>, lines: Vec<Line<'a>>) -> Vec<Line<'a>> {
    if lines.len() < 2 {
        return lines;
    }
    let merged = repeated(dialect, &lines);
    let inert = inert_negations(dialect, place, &lines);
    if merged.is_empty() && inert.is_empty() {
        return lines;
    }
    let mut slots: Vec<Option<Line<'_>>> = lines.into_iter().map(Some).collect();
    let mut joined: BTreeSet<usize> = BTreeSet::new();
    for (early, late) in merged {
        let Some(before) = slots[early].take() else { continue };
        if let Some(Line { node, .. }) = &mut slots[late]
            && (node.text == before.node.text || !node.children.is_empty())
            && !before.node.children.is_empty()
        {
            let mut children = before.node.children;
            children.append(&mut node.children);
            node.children = children;
            joined.insert(late);
            joined.remove(&early);
        }
    }
    for late in joined {
        if let Some(Line { node, rule, .. }) = &mut slots[late] {
            node.children = level(dialect, dialect.inside(*rule), std::mem::take(&mut node.children));
        }
    }
    for index in inert {
        slots[index] = None;
    }
    slots.into_iter().flatten().collect()
}

/// Returns the lines `no P` beside a line of which `P` is the part before the value: the device keeps only one of them.
fn inert_negations(dialect: &Dialect, place: Place<'_>, lines: &[Line<'_>]) -> Vec<usize> {
    let mut out = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let (positive, negated) = dialect.positive(&line.node.text);
        if !negated {
            continue;
        }
        if texts.is_empty() {
            texts = lines.iter().map(|line| line.node.text.as_ref()).collect();
            texts.sort_unstable();
        }
        let from = texts.partition_point(|text| *text < positive);
        let mut beside = texts[from..].iter().take_while(|text| text.starts_with(positive));
        if beside.any(|text| overrides(dialect, place, text, positive)) {
            out.push(index);
        }
    }
    out
}

/// Tells whether setting `line` takes an explicit `no positive` away.
pub(super) fn overrides(dialect: &Dialect, place: Place<'_>, line: &str, positive: &str) -> bool {
    line == positive
        || has_words_prefix(line, positive)
            && dialect.rule(place, line).is_some_and(|rule| rule.has_value() && rule.pattern.head(line) == positive)
}

/// Returns what names the thing that a line is about, whether negated or not.
pub(super) fn key<'a>(dialect: &Dialect, place: Place<'_>, line: &'a str) -> Cow<'a, str> {
    let (positive, _) = dialect.positive(line);
    match dialect.rule(place, positive) {
        Some(rule) => rule.pattern.key(positive),
        None => Cow::Borrowed(positive),
    }
}

fn without_repeats(nodes: Vec<Node>) -> Vec<Node> {
    let mut seen = BTreeSet::new();
    let keep: Vec<bool> = nodes.iter().map(|node| seen.insert(node.text.clone())).collect();
    nodes.into_iter().zip(keep).filter_map(|(node, keep)| keep.then_some(node)).collect()
}
