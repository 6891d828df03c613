//! Lines that are typed in one place and shown in another, or shown as several lines.

use std::collections::BTreeSet;

use super::dialect::{Dialect, Place};
use super::page::Presumed;
use super::pattern::{fill, has_words_prefix};
use super::text::Text;
use super::tree::Node;

/// Moves lines of the top and of the sections there into the sections at the top to which they belong.
pub(super) fn moved(dialect: &Dialect, nodes: Vec<Node>) -> Vec<Node> {
    if dialect.moves.is_empty() {
        return nodes;
    }
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut movers: Vec<(String, Node)> = Vec::new();
    for mut node in nodes {
        if let Some(target) = target(dialect, "", &node) {
            movers.push(target);
            continue;
        }
        if dialect.moves.iter().any(|(from, _)| !from.as_str().is_empty() && from.is_match(&node.text)) {
            let header = node.text.clone();
            let (gone, stays) = node
                .children
                .into_iter()
                .map(|child| target(dialect, &header, &child).ok_or(child))
                .partition::<Vec<_>, _>(Result::is_ok);
            movers.extend(gone.into_iter().filter_map(Result::ok));
            node.children = stays.into_iter().filter_map(Result::err).collect();
        }
        out.push(node);
    }
    for (section, node) in movers {
        if section.is_empty() {
            out.push(node);
            continue;
        }
        match out.iter_mut().find(|other| *other.text == *section) {
            Some(home) => home.children.push(node),
            None => out.push(Node { text: section.into(), line: node.line, children: vec![node] }),
        }
    }
    out
}

/// Returns where a line of a section belongs, and how it is written there.
fn target(dialect: &Dialect, header: &str, node: &Node) -> Option<(String, Node)> {
    let (positive, negated) = dialect.positive(&node.text);
    let with_negation = |text: String| if negated { format!("{}{text}", dialect.page.negation) } else { text };
    for ((from, line), page) in dialect.moves.iter().zip(&dialect.page.moves) {
        let is_here =
            if page.from.is_empty() { header.is_empty() } else { !header.is_empty() && from.is_match(header) };
        let Some(found) = is_here.then(|| line.captures(positive)).flatten() else { continue };
        let (mut section, mut text) = (String::new(), String::new());
        found.expand(&page.section, &mut section);
        found.expand(&page.with, &mut text);
        return Some((
            section,
            Node { text: with_negation(text).into(), line: node.line, children: node.children.clone() },
        ));
    }
    None
}

/// Moves lines into the section below to which they belong, and writes several lines where the device shows several.
pub(super) fn homed(dialect: &Dialect, place: Place<'_>, nodes: Vec<Node>) -> Vec<Node> {
    if !dialect.has_homes {
        return nodes;
    }
    let rule = |node: &Node| {
        let rule = dialect.rule(place, dialect.positive(&node.text).0)?;
        (rule.page.belongs.is_some() || !rule.page.stands_for.is_empty()).then_some(rule)
    };
    if !nodes.iter().any(|node| rule(node).is_some()) {
        return nodes;
    }
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut moved: Vec<(String, Node)> = Vec::new();
    for node in nodes {
        let Some(rule) = rule(&node) else {
            out.push(node);
            continue;
        };
        if !rule.page.stands_for.is_empty() {
            let (positive, negated) = dialect.positive(&node.text);
            let negation = if negated { dialect.page.negation.as_str() } else { "" };
            let lines = rule
                .page
                .stands_for
                .iter()
                .map(|template| format!("{negation}{}", fill(template, positive, &rule.pattern)));
            out.extend(lines.map(|text| Node::leaf(text, node.line)));
            continue;
        }
        match rule.page.belongs.clone().filter(|_| place.header.is_some()) {
            Some(section) => moved.push((section, node)),
            None => out.push(node),
        }
    }
    for (section, node) in moved {
        match out.iter_mut().find(|other| *other.text == *section) {
            Some(home) => home.children.push(node),
            None => out.push(Node { text: section.into(), line: node.line, children: vec![node] }),
        }
    }
    out
}

/// Writes down what things have without saying so, where a rule of the section's header knows it.
pub(super) fn presumed(dialect: &Dialect, place: Place<'_>, nodes: &mut Vec<Node>) {
    let Some(header) = place.header else { return };
    for page in &header.page.presumed {
        let is_on = nodes.iter().all(|node| *node.text != *page.unless);
        let mut things: Vec<(String, Option<String>)> = Vec::new();
        for node in nodes.iter() {
            let Some(rule) =
                dialect.rule(place, &node.text).filter(|rule| page.by.iter().any(|line| line == rule.name()))
            else {
                continue;
            };
            let words = rule.pattern.captures(&node.text);
            let Some(name) = words.first().map(ToString::to_string) else { continue };
            let like = words.get(1).filter(|_| page.like.as_deref() == Some(rule.name())).map(ToString::to_string);
            match things.iter_mut().find(|(other, _)| *other == name) {
                Some((_, known)) => *known = like.or(known.take()),
                None => things.push((name, like)),
            }
        }
        if !things.is_empty() {
            say(dialect, nodes, page, (&things, is_on));
        }
        if !page.hidden.is_empty() && things.iter().any(|(_, like)| like.is_some()) {
            hide(dialect, place, nodes, (page, &things));
        }
    }
}

fn say(
    dialect: &Dialect,
    nodes: &mut Vec<Node>,
    page: &Presumed,
    (things, is_on): (&[(String, Option<String>)], bool),
) {
    if !page.only_like && nodes.iter().all(|node| *node.text != *page.inside) {
        nodes.push(Node::leaf(page.inside.as_str(), 0));
    }
    let positive = |name: &str| page.line.replace("{1}", name);
    let negative = |name: &str| format!("{}{}", dialect.page.negation, positive(name));
    for section in nodes.iter_mut().filter(|node| has_words_prefix(&node.text, &page.inside)) {
        let said: BTreeSet<Text> = section.children.iter().map(|node| node.text.clone()).collect();
        let own = |name: &str| match said.contains(positive(name).as_str()) {
            true => Some(true),
            false => said.contains(negative(name).as_str()).then_some(false),
        };
        for (name, like) in things.iter().filter(|(name, _)| own(name).is_none()) {
            let inherited = like.as_ref().and_then(|other| own(other));
            let value =
                if page.only_like { inherited.filter(|value| *value) } else { Some(inherited.unwrap_or(is_on)) };
            let text = value.map(|value| if value { positive(name) } else { negative(name) });
            section.children.extend(text.map(|text| Node::leaf(text, 0)));
        }
    }
}

/// Takes lines away that say of a thing what another thing says for it.
fn hide(
    dialect: &Dialect,
    place: Place<'_>,
    nodes: &mut [Node],
    (page, things): (&Presumed, &[(String, Option<String>)]),
) {
    for section in nodes.iter_mut().filter(|node| !node.children.is_empty()) {
        let inside = dialect.inside(dialect.rule(place, &section.text));
        let said: BTreeSet<Text> = section.children.iter().map(|node| node.text.clone()).collect();
        section.children.retain(|node| {
            let Some(rule) =
                dialect.rule(inside, &node.text).filter(|rule| page.hidden.iter().any(|line| line == rule.name()))
            else {
                return true;
            };
            let words = rule.pattern.captures(&node.text);
            let like = words.first().and_then(|name| {
                things.iter().find(|(other, _)| other == name)?.1.as_deref().map(|like| (*name, like))
            });
            like.is_none_or(|(name, like)| !said.contains(node.text.replacen(name, like, 1).as_str()))
        });
    }
}
