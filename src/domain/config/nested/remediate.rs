//! Running and intended in, proved commands out: compare, try on the model, repair, until the model holds the intention.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::command::{Command, Kind, Remediation};
use super::dialect::{Dialect, Place, Rule};
use super::diff;
use super::model::{Effect, Section, apply};
use super::tree::{ConfigTree, Node};

/// Most times that the model is compared again; side effects of side effects do not go deeper on any platform.
const ROUNDS_MAX: usize = 6;

/// Which part of a device is managed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The whole device: what is not intended goes away.
    #[default]
    Replace,
    /// Nothing is ever removed.
    Merge,
    /// Only the sections whose first line begins with one of these words.
    Owned(Vec<String>),
}

/// Computes the commands for normalised trees.
pub(super) fn remediate(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree, scope: &Scope) -> Remediation {
    let mut foreign = Vec::new();
    let (mut current, wanted): (Vec<Node>, Cow<'_, [Node]>) = match scope {
        Scope::Owned(sections) => {
            let mut managed = Vec::new();
            for node in &running.children {
                if owns(dialect, sections, &node.text) {
                    managed.push(node.clone());
                } else {
                    foreign.push(node.text.to_string());
                }
            }
            (
                managed,
                Cow::Owned(
                    intended.children.iter().filter(|node| owns(dialect, sections, &node.text)).cloned().collect(),
                ),
            )
        }
        Scope::Replace | Scope::Merge => (running.children.clone(), Cow::Borrowed(intended.children.as_slice())),
    };
    let mut commands: Vec<Command> = Vec::new();
    let mut rounds = 0;
    while rounds < ROUNDS_MAX {
        let mut round = diff::level(dialect, dialect.top(), &current, &wanted);
        if *scope == Scope::Merge {
            round = without_removals(round);
        }
        if round.is_empty() {
            let commands = if rounds > 1 { folded(dialect, (running, &current), commands) } else { commands };
            return Remediation { commands, unproved: Vec::new(), foreign };
        }
        rounds += 1;
        let mut section = Section::new(current);
        let effective = execute(dialect, dialect.top(), &mut section, round);
        current = section.into_nodes();
        if effective.is_empty() {
            break;
        }
        commands.extend(effective);
    }
    let rest = diff::level(dialect, dialect.top(), &current, &wanted);
    let rest = if *scope == Scope::Merge { without_removals(rest) } else { rest };
    let unproved = Remediation { commands: rest, ..Remediation::default() };
    let unproved = unproved.operations().into_iter().map(|o| o.old.unwrap_or(o.command)).collect();
    Remediation { commands, unproved, foreign }
}

/// Brings commands for the same section together, when the model proves that this makes no difference.
fn folded(dialect: &Dialect, (running, reached): (&ConfigTree, &[Node]), commands: Vec<Command>) -> Vec<Command> {
    let together = fold(commands.clone());
    let mut section = Section::new(running.children.clone());
    let tree: Vec<Node> = together.iter().map(Command::node).collect();
    type_in(dialect, dialect.top(), &mut section, &tree);
    let after = super::normalize::normalize(dialect, ConfigTree { children: section.into_nodes() });
    let reached = super::normalize::normalize(dialect, ConfigTree { children: reached.to_vec() });
    if diff::level(dialect, dialect.top(), &after.children, &reached.children).is_empty() { together } else { commands }
}

fn fold(commands: Vec<Command>) -> Vec<Command> {
    let mut out: Vec<Command> = Vec::with_capacity(commands.len());
    let mut sections: BTreeMap<String, usize> = BTreeMap::new();
    for command in commands {
        let earlier = sections.get(&command.text).copied().filter(|_| command.kind == Kind::Enter);
        if let Some(at) = earlier {
            out[at].children.extend(command.children);
            out[at].children.sort_by_key(|child| child.weight);
            continue;
        }
        // A visit that comes before everything else is no place for what follows.
        if command.kind != Kind::Remove && !command.children.is_empty() && !diff::is_visit(&command) {
            sections.insert(command.text.clone(), out.len());
        }
        out.push(command);
    }
    for command in &mut out {
        command.children = fold(std::mem::take(&mut command.children));
    }
    out
}

/// Tells whether a top line belongs to the owned sections.
fn owns(dialect: &Dialect, sections: &[String], line: &str) -> bool {
    let (positive, _) = dialect.positive(line);
    sections.iter().any(|section| super::pattern::has_words_prefix(positive, section))
}

fn without_removals(commands: Vec<Command>) -> Vec<Command> {
    commands
        .into_iter()
        .filter(|command| command.kind != Kind::Remove)
        .filter_map(|mut command| {
            let had = !command.children.is_empty();
            command.children = without_removals(command.children);
            (command.kind != Kind::Enter || !had || !command.children.is_empty()).then_some(command)
        })
        .collect()
}

/// Applies commands to a section and returns those that had an effect.
fn execute(dialect: &Dialect, place: Place<'_>, section: &mut Section, commands: Vec<Command>) -> Vec<Command> {
    let mut out = Vec::with_capacity(commands.len());
    for mut command in commands {
        let removes = matches!(command.kind, Kind::Remove) || command.kind == Kind::Move && command.old.is_some();
        let existed = section.has(&command.text);
        if command.kind == Kind::Enter && !existed {
            // An earlier command took the section away; the next round sees what is missing.
            continue;
        }
        let effect = apply(dialect, place, section, &command.text, removes);
        if removes {
            if effect != Effect::Nothing {
                out.push(command);
            }
            continue;
        }
        let had_children = !command.children.is_empty();
        let mut rewritten = false;
        let rule = dialect.rule(place, dialect.positive(&command.text).0);
        if rule.is_some_and(Rule::is_rewritten) {
            if let Some(inner) = section.open(&command.text) {
                rewritten = true;
                inner.rewrite(command.children.iter().map(Command::node).collect());
            }
        } else if had_children && let Some(inner) = section.open(&command.text) {
            command.children = execute(dialect, dialect.inside(rule), inner, command.children);
        }
        let matters = match command.kind {
            Kind::Enter => !command.children.is_empty(),
            _ => effect == Effect::Removed || !existed || had_children || rewritten,
        };
        if matters {
            out.push(command);
        }
    }
    out
}

/// Says what a device holds after commands were typed.
pub(super) fn predict(dialect: &Dialect, running: &ConfigTree, commands: &ConfigTree) -> ConfigTree {
    let mut section = Section::new(running.children.clone());
    type_in(dialect, dialect.top(), &mut section, &commands.children);
    ConfigTree { children: section.into_nodes() }
}

fn type_in(dialect: &Dialect, place: Place<'_>, section: &mut Section, commands: &[Node]) {
    for command in commands {
        apply(dialect, place, section, &command.text, false);
        let (positive, negated) = dialect.positive(&command.text);
        let rule = dialect.rule(place, positive);
        if !negated
            && rule.is_some_and(Rule::is_rewritten)
            && let Some(inner) = section.open(&command.text)
        {
            inner.rewrite(command.children.clone());
        } else if !command.children.is_empty()
            && let Some(inner) = section.open(&command.text)
        {
            type_in(dialect, dialect.inside(rule), inner, &command.children);
        }
    }
}
