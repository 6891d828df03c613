//! Data in layers: `global → site → role → platform → groups by weight → device`.
//!
//! Maps merge deep, everything else replaces, unless `_merge` in the same map names a list: `_merge: {vlans: id}` joins its
//! elements by the key `id` (`_remove: true` in an element takes it away), `_merge: {servers: append}` puts them behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::inventory::{Device, Inventory};
use crate::domain::yaml::{Content, Entry, Node};

/// The folder of the data.
pub const FOLDER: &str = "data/";
/// The key that says how lists merge.
const MERGE: &str = "_merge";
/// The key that takes an element of a joined list away.
const REMOVE: &str = "_remove";
/// The word that puts elements behind.
const APPEND: &str = "append";
/// Names that templates get from us.
const RESERVED: [&str; 2] = ["device", "inventory"];

/// What one layer says about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The key, `bgp.neighbors[0].address`.
    pub key: String,
    /// Which layer: `global`, `site ams`, `group core`, `device r1`.
    pub layer: String,
    /// Where it stands.
    pub place: Place,
    /// What stands there.
    pub value: Value,
    /// Whether the device gets it, wholly or (a map, a joined list) in part.
    pub wins: bool,
}

/// Returns the layers of a device, weakest first: what it is, and the file that it would be.
pub fn layer_paths(device: &Device) -> Vec<(String, String)> {
    let mut layers = vec![("global".to_owned(), format!("{FOLDER}global.yaml"))];
    for kind in ["site", "role"] {
        if let Some(value) = device.label(kind) {
            layers.push((format!("{kind} {value}"), format!("{FOLDER}{kind}/{value}.yaml")));
        }
    }
    layers.push((format!("platform {}", device.platform), format!("{FOLDER}platform/{}.yaml", device.platform)));
    for group in &device.groups {
        layers.push((format!("group {group}"), format!("inventory/groups/{group}.yaml")));
    }
    layers.push((format!("device {}", device.name), format!("{FOLDER}device/{}.yaml", device.name)));
    layers
}

/// Returns the layers that a device really has.
fn layers<'a>(device: &Device, inventory: &'a Inventory, data: &'a BTreeMap<String, Node>) -> Vec<(String, &'a Node)> {
    let mut found = Vec::new();
    for (layer, path) in layer_paths(device) {
        let group = layer.strip_prefix("group ").and_then(|name| inventory.groups.get(&name.parse().ok()?));
        if let Some(node) = group.map(|group| &group.vars).or_else(|| data.get(&path)) {
            found.push((layer, node));
        }
    }
    found
}

/// Returns the data of a device; every value still knows where it comes from.
pub fn merged(device: &Device, inventory: &Inventory, data: &BTreeMap<String, Node>) -> Node {
    let mut result = joined(device, &layers(device, inventory, data));
    strip(&mut result);
    result
}

fn joined(device: &Device, layers: &[(String, &Node)]) -> Node {
    let empty = Node::empty_map(&format!("{FOLDER}device/{}.yaml", device.name));
    layers.iter().fold(empty, |below, (_, node)| merge(&below, node))
}

/// Returns what every layer says about a key, weakest first; without a key, the winning place of every leaf.
pub fn explain(device: &Device, inventory: &Inventory, data: &BTreeMap<String, Node>, key: Option<&str>) -> Vec<Layer> {
    let layers = layers(device, inventory, data);
    let mut result = joined(device, &layers);
    let Some(key) = key else {
        strip(&mut result);
        let mut found = Vec::new();
        result.each_leaf("", &mut |key, node| {
            let of_layer = layers.iter().rev().find(|(_, root)| root.mark.file == node.mark.file);
            let layer = of_layer.map_or_else(|| "global".to_owned(), |(name, _)| name.clone());
            found.push(Layer {
                key: key.to_owned(),
                layer,
                place: node.mark.place(),
                value: node.to_json(),
                wins: true,
            });
        });
        found.retain(|layer| !layer.key.is_empty());
        return found;
    };
    let winner = lookup(&result, key);
    let mut winning = BTreeSet::new();
    if let Some(winner) = winner {
        winner.each_leaf("", &mut |_, leaf| {
            winning.insert(leaf.mark.clone());
        });
    }
    let mut found = Vec::new();
    for (layer, root) in layers {
        let Some(node) = lookup_like(&result, root, key, None) else { continue };
        let mut wins = false;
        node.each_leaf("", &mut |_, leaf| wins |= winning.contains(&leaf.mark));
        found.push(Layer { key: key.to_owned(), layer, place: node.mark.place(), value: node.to_json(), wins });
    }
    found
}

/// Finds a key: parts are joined by dots, elements of lists are `[0]`; keys may themselves contain dots and slashes.
pub fn lookup<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    if key.is_empty() {
        return Some(node);
    }
    match &node.content {
        Content::Map(entries) => entries.iter().find_map(|entry| {
            let rest = key.strip_prefix(&*entry.key)?;
            match rest.strip_prefix('.') {
                Some(rest) if !rest.is_empty() => lookup(&entry.value, rest),
                _ if rest.is_empty() || rest.starts_with('[') => lookup(&entry.value, rest),
                _ => None,
            }
        }),
        Content::List(nodes) => {
            let (index, rest) = key.strip_prefix('[')?.split_once(']')?;
            lookup(nodes.get(index.parse::<usize>().ok()?)?, rest.strip_prefix('.').unwrap_or(rest))
        }
        Content::Scalar(_) => None,
    }
}

/// Finds a key of the result in one layer: an element of a joined list is where the layer has the element of that id.
fn lookup_like<'a>(result: &Node, layer: &'a Node, key: &str, rule: Option<&str>) -> Option<&'a Node> {
    if key.is_empty() {
        return Some(layer);
    }
    let Content::List(nodes) = &result.content else {
        return result.entries().iter().find_map(|entry| {
            let rest = key.strip_prefix(&*entry.key)?;
            let rest = match rest.strip_prefix('.') {
                Some(rest) if !rest.is_empty() => rest,
                _ if rest.is_empty() || rest.starts_with('[') => rest,
                _ => return None,
            };
            let rule = result.get(MERGE).and_then(|rules| rules.get(&entry.key)).and_then(Node::text);
            lookup_like(&entry.value, layer.get(&entry.key)?, rest, rule)
        });
    };
    let (index, rest) = key.strip_prefix('[')?.split_once(']')?;
    let index = index.parse::<usize>().ok()?;
    let element = nodes.get(index)?;
    let Content::List(own) = &layer.content else { return None };
    let node = match rule {
        None => own.get(index),
        Some(APPEND) => own.iter().find(|node| node.mark == element.mark),
        Some(id) => own.iter().find(|node| {
            node.get(id).map(Node::to_json).is_some_and(|value| element.get(id).map(Node::to_json) == Some(value))
        }),
    };
    lookup_like(element, node?, rest.strip_prefix('.').unwrap_or(rest), None)
}

/// Reports what cannot be data: something else than a map, reserved names, `_merge` that says nothing.
pub fn check(path: &str, root: &Node, findings: &mut Vec<Diagnostic>) {
    if root.is_null() {
        return;
    }
    if !matches!(root.content, Content::Map(_)) {
        findings.push(root.mark.on(Diagnostic::error(format!("{path} must be a map of keys, not {}", root.kind()))));
    }
    for name in RESERVED {
        if let Some(entry) = root.entry(name) {
            let finding =
                Diagnostic::error(format!("the key {name:?} is the name of something that templates get from us"));
            findings.push(entry.mark.on(finding.hint("use another name")));
        }
    }
    check_rules(root, findings);
}

fn check_rules(node: &Node, findings: &mut Vec<Diagnostic>) {
    match &node.content {
        Content::Scalar(_) => {}
        Content::List(nodes) => nodes.iter().for_each(|node| check_rules(node, findings)),
        Content::Map(entries) => {
            for entry in entries {
                if &*entry.key == MERGE {
                    let texts = entry.value.entries();
                    if texts.is_empty() || texts.iter().any(|e| e.value.text().is_none()) {
                        let finding = Diagnostic::error(format!("{MERGE} is a map from the name of a list to its key"));
                        let hint = "write _merge: {vlans: id} or _merge: {servers: append}";
                        findings.push(entry.mark.on(finding.hint(hint)));
                    }
                }
                check_rules(&entry.value, findings);
            }
        }
    }
}

fn merge(base: &Node, over: &Node) -> Node {
    let (Content::Map(below), Content::Map(above)) = (&base.content, &over.content) else {
        // An empty file says nothing.
        return if over.is_null() && matches!(base.content, Content::Map(_)) { base.clone() } else { over.clone() };
    };
    let rules = rules(below, above);
    let mut entries = below.clone();
    for entry in above {
        let Some(old) = entries.iter_mut().find(|old| old.key == entry.key) else {
            entries.push(entry.clone());
            continue;
        };
        let value = match (&old.value.content, &entry.value.content) {
            (Content::Map(_), Content::Map(_)) => merge(&old.value, &entry.value),
            (Content::List(old_nodes), Content::List(new_nodes)) => match rules.get(&entry.key) {
                Some(rule) => {
                    Node { content: Content::List(join(old_nodes, new_nodes, rule)), mark: entry.value.mark.clone() }
                }
                None => entry.value.clone(),
            },
            _ => entry.value.clone(),
        };
        *old = Entry { key: entry.key.clone(), mark: entry.mark.clone(), value };
    }
    Node { content: Content::Map(entries), mark: over.mark.clone() }
}

fn rules(below: &[Entry], above: &[Entry]) -> BTreeMap<Arc<str>, String> {
    let declared = [below, above].into_iter().flatten().filter(|entry| &*entry.key == MERGE);
    let texts = declared.flat_map(|entry| entry.value.entries());
    texts.filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned()))).collect()
}

/// Joins two lists: by the value of a key of their elements, or one behind the other.
fn join(below: &[Node], above: &[Node], rule: &str) -> Vec<Node> {
    let mut nodes = below.to_vec();
    for node in above {
        let id = if rule == APPEND { None } else { node.get(rule).map(Node::to_json) };
        let same =
            id.and_then(|id| nodes.iter().position(|old| old.get(rule).map(Node::to_json).as_ref() == Some(&id)));
        let removed = node.get(REMOVE).is_some_and(|flag| flag.to_json() == Value::Bool(true));
        match same {
            Some(index) if removed => drop(nodes.remove(index)),
            Some(index) => nodes[index] = merge(&nodes[index], node),
            None if removed => {}
            None => nodes.push(node.clone()),
        }
    }
    nodes
}

/// Removes our own keys.
fn strip(node: &mut Node) {
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::List(nodes) => nodes.iter_mut().for_each(strip),
        Content::Map(entries) => {
            entries.retain(|entry| &*entry.key != MERGE && &*entry.key != REMOVE);
            entries.iter_mut().for_each(|entry| strip(&mut entry.value));
        }
    }
}
