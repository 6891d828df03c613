//! Entries whose order means something, on platforms that can give an entry another place: `move 3 after 2`.

use super::command::{Command, Kind};
use super::dialect::{Dialect, Place, Rule};
use super::diff::command;
use super::flat::stable;
use super::model::Section;
use super::page::Ordered;
use super::tree::Node;

/// Returns the fewest moves after which the entries that shall be there stand in their order; new ones were added at the end.
pub(super) fn moves(dialect: &Dialect, place: Place<'_>, running: &[Node], intended: &[Node]) -> Vec<Command> {
    let there = |nodes: &[Node], text: &str| nodes.iter().any(|node| *node.text == *text);
    let kept = running.iter().filter(|node| there(intended, &node.text));
    let new = intended.iter().filter(|node| !there(running, &node.text));
    let mut current: Vec<&str> = kept.chain(new).map(|node| node.text.as_ref()).collect();
    let wanted: Vec<&str> = intended.iter().map(|node| node.text.as_ref()).collect();
    if current == wanted {
        return Vec::new();
    }
    let stays = stable(&current, &wanted);
    let mut out = Vec::new();
    for (index, text) in wanted.iter().enumerate().filter(|(index, _)| !stays[*index]) {
        current.retain(|other| other != text);
        let (word, anchor, at) = match index.checked_sub(1).map(|before| wanted[before]) {
            Some(before) => ("after", before, current.iter().position(|other| *other == before).map_or(0, |at| at + 1)),
            None => ("before", current.first().copied().unwrap_or_default(), 0),
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
    Some(section.shift(&format!("edit {entry}"), &format!("edit {anchor}"), before))
}

/// Returns the name of an entry: what stands behind its key word.
fn name(text: &str) -> &str {
    text.split_once(' ').map_or(text, |(_, name)| name)
}
