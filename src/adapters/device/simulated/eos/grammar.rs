//! Applies typed lines to a configuration tree by the rules of the table, and prints the tree as EOS does.

use super::table::{ACL, FREE, GLOBAL, INTERFACES, Kind, LOGICAL, PORT, PREFIX_LIST, RULES, Rule, interface_name};
use super::table::{Slot, short_name, words_of};
use super::values::{changed_vlans, hide_secret};
use crate::adapters::device::simulated::tree::{Node, Shape, natural};

pub(super) const INVALID: &str = "% Invalid input";
pub(super) const INCOMPLETE: &str = "% Incomplete command";
pub(super) const AMBIGUOUS: &str = "% Ambiguous command";

/// A section in which lines are typed.
#[derive(Clone, Debug)]
pub(super) struct Level {
    context: u32,
    node: Node,
    /// What stands in the prompt.
    pub(super) label: String,
}

/// What a line led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is done.
    Done,
    /// The lines until `EOF` belong to it.
    Text(Node),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plain,
    No,
    Default,
}

#[derive(Debug)]
struct Fit {
    rule: &'static Rule,
    text: String,
    key: String,
    words: Vec<String>,
    /// For each word, whether it is no abbreviation.
    spelled: Vec<bool>,
    exact: bool,
}

enum Found {
    Fit(Fit),
    Incomplete,
    Ambiguous,
    Nothing,
}

/// A configuration that is being typed into.
pub(super) struct Editor<'a> {
    /// The configuration.
    pub(super) tree: &'a mut Node,
    /// What stands in it when nothing was typed.
    pub(super) factory: &'a Node,
}

impl Editor<'_> {
    /// Types one line in the section at the end of `path`, which follows the line.
    ///
    /// # Errors
    /// The device's answer to a line that it does not accept.
    pub(super) fn apply(&mut self, path: &mut Vec<Level>, line: &str) -> Result<Effect, String> {
        let words = words_of(line);
        let (sign, words) = match words.first().map(String::as_str) {
            Some("no") => (Sign::No, &words[1..]),
            Some("default") => (Sign::Default, &words[1..]),
            _ => (Sign::Plain, &words[..]),
        };
        if words.is_empty() {
            return Err(INCOMPLETE.to_owned());
        }
        let mut error = INVALID;
        for depth in (0..=path.len()).rev() {
            let context = path[..depth].last().map_or(GLOBAL, |level| level.context);
            if context == FREE && !known_outside(&path[..depth - 1], words, sign) {
                path.truncate(depth);
                self.free(path, words, sign);
                return Ok(Effect::Done);
            }
            match find(context, words, sign) {
                Found::Fit(fit) => {
                    path.truncate(depth);
                    return self.execute(path, &fit, sign);
                }
                Found::Incomplete if error == INVALID => error = INCOMPLETE,
                Found::Ambiguous if error == INVALID => error = AMBIGUOUS,
                Found::Incomplete | Found::Ambiguous | Found::Nothing => {}
            }
        }
        Err(error.to_owned())
    }

    /// Puts a text that ended with `EOF` where it belongs.
    pub(super) fn put_text(&mut self, mut node: Node, text: &str) {
        node.children = vec![Node::new(text, "text", "", Shape::Line)];
        self.tree.put(node);
    }

    fn node(&mut self, path: &[Level]) -> &mut Node {
        let mut node = &mut *self.tree;
        for level in path {
            if node.child(&level.node.key).is_none() {
                node.put(level.node.clone());
            }
            node = node.child_mut(&level.node.key).expect("the section was just put there");
        }
        node
    }

    fn execute(&mut self, path: &mut Vec<Level>, fit: &Fit, sign: Sign) -> Result<Effect, String> {
        match (fit.rule.kind, sign) {
            (Kind::Into(words), _) => return self.type_inside(fit, words, sign),
            (Kind::Section(context, label), Sign::Plain) => return self.enter(path, fit, context, label),
            (Kind::Section(..), Sign::No | Sign::Default) => self.remove_section(path, fit)?,
            (Kind::Text, Sign::Plain) => return Ok(Effect::Text(new_node(fit, &fit.text, Shape::Text))),
            (Kind::Numbered, Sign::Plain) => self.number(path, fit)?,
            (Kind::Unnumbered(word), _) => self.unnumbered(path, fit, word, sign),
            (Kind::Item | Kind::Exact, Sign::Plain) => self.item(path, fit),
            (Kind::Either | Kind::Loose, Sign::Plain) => self.node(path).put(new_node(fit, &fit.text, Shape::Line)),
            (Kind::On | Kind::Either, Sign::No) => {
                self.node(path).put(new_node(fit, &format!("no {}", fit.text), Shape::Line));
            }
            (Kind::On, Sign::Plain | Sign::Default) | (Kind::Either, Sign::Default) => {
                self.node(path).remove(&fit.key);
            }
            (Kind::Exact, Sign::No | Sign::Default) => {
                let node = self.node(path);
                if node.has(&fit.text) {
                    node.remove(&fit.key);
                }
            }
            (Kind::Item | Kind::Text | Kind::Numbered, Sign::No | Sign::Default) => {
                self.node(path).remove(&fit.key);
            }
            (Kind::Purge | Kind::Loose, _) => {
                self.node(path).purge(&fit.text);
            }
        }
        if sign != Sign::Plain {
            self.restore_factory();
        }
        Ok(Effect::Done)
    }

    fn item(&mut self, path: &[Level], fit: &Fit) {
        let text = match fit.words.first().map(String::as_str) {
            Some("username" | "enable" | "neighbor") => hide_secret(&fit.words),
            _ => fit.text.clone(),
        };
        let node = self.node(path);
        if fit.key == "vrf" && !node.has(&text) {
            // EOS removes the addresses of an interface that moves to another VRF.
            node.purge("ip address");
            node.purge("ipv6 address");
        }
        let text = match text.strip_prefix("switchport trunk allowed vlan ") {
            Some(change) => {
                let vlans = changed_vlans(node.value("switchport trunk allowed vlan"), change);
                format!("switchport trunk allowed vlan {vlans}")
            }
            None => text,
        };
        node.put(new_node(fit, &text, Shape::Line));
    }

    fn enter(&mut self, path: &mut Vec<Level>, fit: &Fit, context: u32, label: &str) -> Result<Effect, String> {
        let parent = self.node(path);
        if let Some(old) =
            parent.child(&fit.key).filter(|_| fit.key == "router bgp").filter(|old| *old.text != *fit.text)
        {
            let asn = old.text.trim_start_matches("router bgp ").to_owned();
            return Err(format!("% BGP is already running with AS number {asn}"));
        }
        let context = if context == PORT | LOGICAL { self.interface_context(fit)? } else { context };
        let node = new_node(fit, &fit.text, Shape::Section);
        self.node(path).put(node.clone());
        let mut text = label.trim_start_matches('+').to_owned();
        for (at, word) in fit.words.iter().enumerate() {
            text = text.replace(&format!("{{{at}}}"), &short_name(word));
        }
        let label = match path.last() {
            Some(outer) if label.starts_with('+') => format!("{}-{text}", outer.label),
            _ => text,
        };
        path.push(Level { context, node, label });
        Ok(Effect::Done)
    }

    /// Physical interfaces are those that the device has; others come and go.
    fn interface_context(&self, fit: &Fit) -> Result<u32, String> {
        let name = fit.words.last().map_or("", String::as_str);
        let parent = name.split_once('.').map_or(name, |(parent, _)| parent);
        let physical = name.starts_with("Ethernet") || name.starts_with("Management");
        if physical && self.factory.child(&format!("interface {parent}")).is_none() {
            return Err(INVALID.to_owned());
        }
        let port = (name.starts_with("Ethernet") || name.starts_with("Port-Channel")) && !name.contains('.');
        Ok(if port { PORT } else { LOGICAL })
    }

    fn remove_section(&mut self, path: &[Level], fit: &Fit) -> Result<(), String> {
        let parent = self.node(path);
        let other = parent
            .child(&fit.key)
            .filter(|old| fit.key == "router bgp" && fit.words.len() > 2 && *old.text != *fit.text);
        if let Some(other) = other {
            let asn = other.text.trim_start_matches("router bgp ");
            return Err(format!("% BGP is already running with AS number {asn}"));
        }
        parent.remove(&fit.key);
        Ok(())
    }

    fn number(&mut self, path: &[Level], fit: &Fit) -> Result<(), String> {
        let node = self.node(path);
        match node.child(&fit.key) {
            Some(old) if *old.text == *fit.text => Ok(()),
            Some(_) => Err("% Duplicate sequence number".to_owned()),
            None => {
                node.put(new_node(fit, &fit.text, Shape::Line));
                Ok(())
            }
        }
    }

    fn unnumbered(&mut self, path: &[Level], fit: &Fit, word: &str, sign: Sign) {
        let node = self.node(path);
        let rest =
            |text: &str| text.strip_prefix(word).and_then(|text| text.split_once(' ').map(|(_, rest)| rest.to_owned()));
        let same = node.children.iter().find(|child| rest(&child.text).as_deref() == Some(&fit.text));
        let same = same.map(|child| child.key.clone());
        match (sign, same) {
            (Sign::No | Sign::Default, Some(key)) => drop(node.remove(&key)),
            (Sign::Plain, None) => {
                let number = |key: &str| key.strip_prefix(word).and_then(|key| key.parse::<u64>().ok());
                let last = node.children.iter().filter_map(|child| number(&child.key)).max().unwrap_or(0);
                let key = format!("{word}{}", last + 10);
                let place = format!("{:04}0{}", fit.rule.rank - 1, natural(&key));
                node.put(Node::new(&format!("{key} {}", fit.text), &key, &place, Shape::Line));
            }
            (Sign::No | Sign::Default, None) | (Sign::Plain, Some(_)) => {}
        }
    }

    fn type_inside(&mut self, fit: &Fit, words: usize, sign: Sign) -> Result<Effect, String> {
        let (header, entry) = fit.words.split_at(words.min(fit.words.len()));
        let Found::Fit(section) = find(GLOBAL, header, Sign::Plain) else { return Err(INVALID.to_owned()) };
        let existed = self.tree.child(&section.key).is_some();
        if !existed && sign != Sign::Plain {
            return Ok(Effect::Done);
        }
        let Found::Fit(entry) = find(PREFIX_LIST, entry, sign) else { return Err(INVALID.to_owned()) };
        let mut path = Vec::new();
        self.enter(&mut path, &section, PREFIX_LIST, "")?;
        let result = self.execute(&mut path, &entry, sign);
        if result.is_err() && !existed {
            self.tree.remove(&section.key);
        }
        result
    }

    /// Sections whose lines are not understood take any line, and its negation.
    fn free(&mut self, path: &[Level], words: &[String], sign: Sign) {
        let text = words.join(" ");
        let place = natural(&text);
        let node = self.node(path);
        match sign {
            Sign::Plain => {
                let positive = *text != *"shutdown" || !node.remove("shutdown");
                if positive {
                    node.put(Node::new(&text, &text, &place, Shape::Line));
                }
            }
            Sign::No => {
                if !node.purge(&text) {
                    node.put(Node::new(&format!("no {text}"), &text, &place, Shape::Line));
                }
            }
            Sign::Default => drop(node.purge(&text) || node.remove(&text)),
        }
    }

    /// What a device always has comes back when it is removed.
    fn restore_factory(&mut self) {
        for node in &self.factory.children {
            if self.tree.child(&node.key).is_none() {
                self.tree.put(node.clone());
            }
        }
    }
}

/// Builds the tree of a device that has these lines and interfaces when nothing was typed.
pub(super) fn factory(lines: &[String], interfaces: &[String]) -> Node {
    let mut tree = Node::root();
    let interfaces = interfaces.iter().filter_map(|name| interface_name(name)).map(|name| format!("interface {name}"));
    for line in lines.iter().cloned().chain(interfaces) {
        let positive = line.strip_prefix("no ").unwrap_or(&line);
        if let Found::Fit(fit) = find(GLOBAL, &words_of(positive), Sign::Plain) {
            let shape = if matches!(fit.rule.kind, Kind::Section(..)) { Shape::Section } else { Shape::Line };
            let text = if line.starts_with("no ") { format!("no {}", fit.text) } else { fit.text.clone() };
            tree.put(new_node(&fit, &text, shape));
        }
    }
    tree
}

/// Types configuration text; lines without indentation are typed at the top.
pub(super) fn load(tree: &mut Node, factory: &Node, text: &str) -> Result<(), (String, String)> {
    let mut editor = Editor { tree, factory };
    let mut path = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if !line.starts_with(' ') {
            path.clear();
        }
        match trimmed {
            "" | "end" => continue,
            "exit" => drop(path.pop()),
            _ if trimmed.starts_with('!') => continue,
            _ => {
                let effect = editor.apply(&mut path, trimmed).map_err(|answer| (trimmed.to_owned(), answer))?;
                if let Effect::Text(node) = effect {
                    let text: Vec<_> = lines.by_ref().take_while(|line| *line != "EOF").collect();
                    editor.put_text(node, &text.join("\n"));
                }
            }
        }
    }
    Ok(())
}

/// Prints a tree: three spaces a level, `!` between the parts.
pub(super) fn print(tree: &Node) -> String {
    let mut out = String::new();
    let mut before: Option<&Node> = None;
    for node in &tree.children {
        if before.is_some_and(|before| !together(before, node)) {
            out.push_str("!\n");
        }
        print_node(&mut out, node, 0);
        before = Some(node);
    }
    out
}

fn print_node(out: &mut String, node: &Node, depth: usize) {
    let indent = "   ".repeat(depth);
    if node.shape == Shape::Section && depth > 0 {
        out.push_str(&format!("{indent}!\n"));
    }
    out.push_str(&format!("{indent}{}\n", node.text));
    for child in &node.children {
        match node.shape {
            Shape::Text => out.push_str(&format!("{}\nEOF\n", child.text)),
            Shape::Line | Shape::Section => print_node(out, child, depth + 1),
        }
    }
}

/// Whether two lines stand together without `!` between them.
fn together(before: &Node, node: &Node) -> bool {
    let head = |node: &Node| {
        let text = node.text.strip_prefix("no ").unwrap_or(&node.text).to_owned();
        let words = if text.starts_with("ip") { 2 } else { 1 };
        text.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
    };
    before.shape == Shape::Line && node.shape == Shape::Line && head(before) == head(node)
}

/// The keywords that may stand first in a section.
pub(super) fn first_words(path: &[Level], partial: &str) -> Vec<&'static str> {
    candidates(path.last().map_or(GLOBAL, |level| level.context), partial)
}

fn known_outside(outer: &[Level], words: &[String], sign: Sign) -> bool {
    let contexts = outer.iter().map(|level| level.context).chain(std::iter::once(GLOBAL));
    contexts.filter(|context| *context != FREE).any(|context| match find(context, words, sign) {
        Found::Fit(fit) => fit.exact,
        Found::Incomplete | Found::Ambiguous | Found::Nothing => false,
    })
}

/// Finds the rule that a line means: keywords spelled out win over abbreviations, known values over loose words.
fn find(context: u32, words: &[String], sign: Sign) -> Found {
    let rules = || RULES.iter().filter(move |rule| rule.contexts & context != 0);
    let loose = |rule: &Rule| rule.kind == Kind::Loose;
    let mut fits: Vec<Fit> = Vec::new();
    let mut incomplete = false;
    if abbreviates_many(context, words) {
        return Found::Ambiguous;
    }
    for rule in rules().filter(|rule| !loose(rule) && (rule.kind != Kind::Purge || sign != Sign::Plain)) {
        match fit(rule, words, true) {
            Ok(fit) => fits.push(fit),
            Err(too_short) => incomplete |= too_short,
        }
    }
    if sign != Sign::Plain && fits.is_empty() {
        fits.extend(rules().filter(|rule| !loose(rule)).filter_map(|rule| fit(rule, words, false).ok()));
    }
    if fits.is_empty() && (!incomplete || sign != Sign::Plain) {
        // Words that are not understood must at least be spelled out where they are known.
        let spelled = rules().filter(|rule| loose(rule)).filter_map(|rule| fit(rule, words, true).ok());
        fits.extend(spelled.filter(|fit| fit.exact));
    }
    // Word by word, a keyword that is spelled out wins over abbreviations of others.
    for at in 0..words.len() {
        let spelled = |fit: &Fit| fit.spelled.get(at).copied().unwrap_or(false);
        if fits.iter().any(spelled) {
            fits.retain(spelled);
        }
    }
    match fits.first() {
        Some(first) if !first.exact && fits.iter().any(|fit| fit.text != first.text) => Found::Ambiguous,
        Some(_) => Found::Fit(fits.swap_remove(0)),
        None if incomplete => Found::Incomplete,
        None => Found::Nothing,
    }
}

/// Whether the first word is short for more than one keyword.
fn abbreviates_many(context: u32, words: &[String]) -> bool {
    let Some(first) = words.first().map(|word| word.to_ascii_lowercase()) else { return false };
    let candidates = candidates(context, &first);
    candidates.len() > 1 && !candidates.contains(&first.as_str())
}

/// The keywords that may stand first and begin so, sorted.
fn candidates(context: u32, partial: &str) -> Vec<&'static str> {
    let rules = RULES.iter().filter(|rule| rule.contexts & context != 0);
    let literals = rules.filter_map(|rule| match &rule.words.first()?.slot {
        Slot::Literal(words) => Some(words.iter().copied()),
        _ => None,
    });
    let mut words: Vec<_> = literals.flatten().filter(|word| word.starts_with(partial)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether the words fit a rule, with or without its values; the error says whether more words could make them fit.
fn fit(rule: &'static Rule, typed: &[String], values: bool) -> Result<Fit, bool> {
    let mut fit =
        Fit { rule, text: String::new(), key: String::new(), words: Vec::new(), spelled: Vec::new(), exact: true };
    let mut key: Vec<String> = Vec::new();
    let mut left = typed.iter();
    for word in rule.words.iter().filter(|word| values || !word.value) {
        let Some(first) = left.next() else { return Err(true) };
        let rest: Vec<&String> = if matches!(word.slot, Slot::Rest) { left.by_ref().collect() } else { Vec::new() };
        for typed in std::iter::once(first).chain(rest) {
            let (canonical, exact) = word.slot.accept(typed).ok_or(false)?;
            fit.exact &= exact;
            fit.spelled.push(exact);
            if !word.value {
                key.push(canonical.clone());
            }
            fit.words.push(canonical);
        }
    }
    if left.next().is_some() {
        return Err(false);
    }
    fit.text = fit.words.join(" ");
    fit.key = key.join(" ");
    Ok(fit)
}

fn new_node(fit: &Fit, text: &str, shape: Shape) -> Node {
    let rank = fit.rule.rank;
    let entity = match (fit.rule.cluster, fit.words.first().map(String::as_str)) {
        (Some(_), _) => {
            let peer = fit.words.get(1).map_or("", String::as_str);
            format!("{}{}", u8::from(peer.parse::<std::net::IpAddr>().is_ok()), natural(peer))
        }
        (None, Some("interface")) => {
            let name = fit.words.last().map_or("", String::as_str);
            let kind = INTERFACES.iter().position(|(kind, _)| name.starts_with(kind)).unwrap_or(INTERFACES.len());
            format!("{kind}")
        }
        (None, _) => String::new(),
    };
    // Entries with a number sort after the lines of their kind that have none.
    let place = format!("{:04}{entity} {rank:04}{}", fit.rule.cluster.unwrap_or(rank), natural(&fit.key));
    let place = if fit.rule.contexts & (ACL | PREFIX_LIST) != 0 && fit.rule.kind == Kind::Numbered {
        format!("{rank:04}0{}", natural(&fit.key))
    } else {
        place
    };
    Node::new(text, &fit.key, &place, shape)
}
