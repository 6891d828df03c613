//! Entries whose order means something, on platforms that can give an entry another place: `move 3 after 2`.

use std::collections::BTreeSet;

use super::command::{Command, Kind};
use super::dialect::{Dialect, Place, Rule};
use super::diff::command;
use super::flat::stable;
use super::model::Section;
use super::page::Ordered;
use super::tree::Node;

/// What an entry begins with; other lines of such a section have no place.
const ENTRY: &str = "edit ";

/// Returns the fewest moves after which the entries that shall be there stand in their order; new ones were added at the end.
pub(super) fn moves(dialect: &Dialect, place: Place<'_>, running: &[Node], intended: &[Node]) -> Vec<Command> {
    let entries = |nodes: &'_ [Node]| -> Vec<String> {
        nodes.iter().map(|node| node.text.to_string()).filter(|text| text.starts_with(ENTRY)).collect()
    };
    let (old, wanted) = (entries(running), entries(intended));
    let (before, after): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), wanted.iter().collect());
    let kept = old.iter().filter(|text| after.contains(text));
    let mut current: Vec<&String> = kept.chain(wanted.iter().filter(|text| !before.contains(text))).collect();
    let wanted: Vec<&String> = wanted.iter().collect();
    if current == wanted {
        return Vec::new();
    }
    let stays = stable(&current, &wanted);
    let mut out = Vec::new();
    for (index, text) in wanted.iter().enumerate().filter(|(index, _)| !stays[*index]) {
        current.retain(|other| other != text);
        let place_of = |text: &str| current.iter().position(|other| *other == text).map_or(0, |at| at + 1);
        let (word, anchor, at) = match index.checked_sub(1).map(|before| wanted[before].as_str()) {
            Some(before) => ("after", before, place_of(before)),
            None => ("before", current.first().map_or("", |first| first.as_str()), 0),
        };
        current.insert(at, text);
        let rule = dialect.rule(place, text);
        let line = format!("move {} {word} {}", name(text), name(anchor));
        out.push(Command { exit: None, weight: i32::MAX, ..command(rule, &line, Kind::Move) });
    }
    out
}

/// Carries a move out, if the command is one; tells whether the entries are there.
pub(super) fn apply(place: Place<'_>, section: &mut Section, command: &str) -> Option<bool> {
    if place.header.and_then(Rule::ordered) != Some(Ordered::Move) {
        return None;
    }
    let rest = command.strip_prefix("move ")?;
    let (word, before) = if rest.contains(" before ") { (" before ", true) } else { (" after ", false) };
    let (entry, anchor) = rest.split_once(word)?;
    Some(section.shift(&format!("{ENTRY}{entry}"), &format!("{ENTRY}{anchor}"), before))
}

/// Returns the name of an entry: what stands behind its key word.
fn name(text: &str) -> &str {
    text.strip_prefix(ENTRY).unwrap_or(text)
}
