//! Many devices, few changes: equal change sets are one group, changes of one shape are one group with a table of values.
//!
//! Groups never join changes that differ in kind, risk, rule, structure or any word that is not a name, an address or a number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::command::{Kind, Operation};
use super::page::Risk;
use super::words::{Piece, Shape, pieces};
use crate::domain::name::DeviceName;

/// The placeholder of the device's own name.
const OWN_NAME: &str = "{hostname}";
/// Out of how many devices one with a value of its own is remarkable.
const REMARKABLE_DEVICES_MIN: usize = 10;

/// Devices that get the same change, up to the values of placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The first 12 hexadecimal digits of the hash of the change; equal changes have equal ids in every plan.
    pub id: String,
    /// The devices.
    pub devices: Vec<DeviceName>,
    /// The change; differing words are placeholders: `{address1}`.
    pub operations: Vec<Operation>,
    /// The placeholders, in order of appearance; `{hostname}` is the device's own name and not among them.
    pub placeholders: Vec<String>,
    /// What the placeholders stand for on each device, in the same order; empty when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<DeviceName, Vec<String>>,
    /// The highest risk of the operations.
    pub risk: Risk,
    /// Whether it deserves a look of its own: a single device, a removal as a whole, or the way we reach the device.
    pub outlier: bool,
}

/// How much there is to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewLoad {
    /// Devices that change.
    pub devices: usize,
    /// Distinct changes.
    pub changes: usize,
    /// Lines of all distinct changes.
    pub lines: usize,
}

/// Groups the change sets of devices; devices without operations are left out. The texts have to be masked already.
pub fn group(changes: &BTreeMap<DeviceName, Vec<Operation>>) -> Vec<Group> {
    let changes: Vec<Change<'_>> =
        changes.iter().filter(|(_, operations)| !operations.is_empty()).map(Change::new).collect();
    let known: BTreeSet<&str> = changes.iter().map(|change| change.device.as_str()).collect();
    let mut exact: BTreeMap<[u8; 32], Vec<&Change<'_>>> = BTreeMap::new();
    for change in &changes {
        exact.entry(change.hash).or_default().push(change);
    }
    let mut shapes: BTreeMap<[u8; 32], Vec<Same<'_>>> = BTreeMap::new();
    for devices in exact.into_values() {
        let texts = devices[0].texts();
        let words: Vec<Piece> = texts.iter().flat_map(|text| pieces(text, &known)).collect();
        let shape = shape_hash(devices[0].operations, &words);
        shapes.entry(shape).or_default().push(Same { devices, words });
    }
    let mut groups: Vec<Group> = shapes.into_values().map(join).collect();
    groups.sort_by(|a, b| a.rank().cmp(&b.rank()));
    groups
}

/// Returns the name of the shape of operations: the same for operations that differ only in names, addresses and numbers, on
/// whatever device they are. 12 hexadecimal digits.
pub fn shape_id(operations: &[Operation]) -> String {
    let texts =
        operations.iter().flat_map(|operation| operation.path.iter().chain([&operation.command]).chain(&operation.old));
    let words: Vec<Piece> = texts.flat_map(|text| pieces(text, &BTreeSet::new())).collect();
    shape_hash(operations, &words).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The operations of one device, with its own name replaced.
struct Change<'a> {
    device: &'a DeviceName,
    operations: &'a [Operation],
    hash: [u8; 32],
}

/// Devices with exactly the same change.
struct Same<'a> {
    devices: Vec<&'a Change<'a>>,
    words: Vec<Piece>,
}

impl<'a> Change<'a> {
    fn new((device, operations): (&'a DeviceName, &'a Vec<Operation>)) -> Self {
        let mut change = Self { device, operations, hash: [0; 32] };
        let mut hash = Sha256::new();
        hash_frame(operations, &mut hash);
        for text in change.texts() {
            feed(&mut hash, text.as_bytes());
        }
        change.hash = hash.finalize().into();
        change
    }

    /// The texts of all operations in a fixed order.
    fn texts(&self) -> Vec<String> {
        let mut out = Vec::new();
        for operation in self.operations {
            let texts = operation.path.iter().chain([&operation.command]).chain(&operation.old);
            out.extend(texts.map(|text| with_own_name(text, self.device.as_str())));
        }
        out
    }
}

/// Everything about the operations but their words.
fn hash_frame(operations: &[Operation], hash: &mut Sha256) {
    for operation in operations {
        feed(
            hash,
            format!("{:?} {:?} {} {}", operation.kind, operation.risk, operation.path.len(), operation.old.is_some())
                .as_bytes(),
        );
        feed(hash, operation.rule.as_deref().unwrap_or_default().as_bytes());
    }
}

fn feed(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// Replaces the device's own name where it stands as a word of its own or begins a domain name.
fn with_own_name(text: &str, name: &str) -> String {
    if !text.contains(name) || !name.contains(|c: char| c.is_ascii_alphabetic()) {
        return text.to_owned();
    }
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut out = String::with_capacity(text.len() + OWN_NAME.len());
    let mut from = 0;
    while let Some(at) = text[from..].find(name).map(|at| from + at) {
        let end = at + name.len();
        let inside = text[..at].ends_with(|c| part(c) || c == '.') || text[end..].starts_with(part);
        out.push_str(&text[from..at]);
        out.push_str(if inside { name } else { OWN_NAME });
        from = end;
    }
    out.push_str(&text[from..]);
    out
}

fn shape_hash(operations: &[Operation], words: &[Piece]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash_frame(operations, &mut hash);
    for piece in words {
        feed(&mut hash, piece.shape.skeleton(&piece.text).as_bytes());
        hash.update([u8::from(piece.last)]);
    }
    hash.finalize().into()
}

/// Makes one group of changes of one shape: what differs becomes a placeholder, equal columns share it.
fn join(mut members: Vec<Same<'_>>) -> Group {
    members.sort_by_key(|member| member.devices[0].device);
    let first = &members[0];
    let mut names: Vec<String> = Vec::new();
    let mut columns: Vec<Vec<&str>> = Vec::new();
    let mut by_column: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    let mut counts: BTreeMap<Shape, usize> = BTreeMap::new();
    let mut placeholders: Vec<Option<usize>> = Vec::with_capacity(first.words.len());
    for (at, piece) in first.words.iter().enumerate() {
        if members.iter().all(|member| member.words[at].text == piece.text) {
            placeholders.push(None);
            continue;
        }
        let column: Vec<&str> = members.iter().map(|member| member.words[at].text.as_str()).collect();
        let index = *by_column.entry(column).or_insert_with_key(|column| {
            let count = counts.entry(piece.shape).or_default();
            *count += 1;
            names.push(format!("{{{}{count}}}", piece.shape.name()));
            columns.push(column.clone());
            names.len() - 1
        });
        placeholders.push(Some(index));
    }
    let alone = members.len() == 1 && first.devices.len() == 1;
    let own_name = alone.then(|| first.devices[0].device.as_str());
    let mut texts = Texts { words: &first.words, placeholders: &placeholders, names: &names, own_name, at: 0 };
    let operations: Vec<Operation> =
        first.devices[0].operations.iter().map(|operation| texts.operation(operation)).collect();
    let mut values = BTreeMap::new();
    if !names.is_empty() {
        for (row, member) in members.iter().enumerate() {
            let line: Vec<String> = columns.iter().map(|column| column[row].to_owned()).collect();
            values.extend(member.devices.iter().map(|change| (change.device.clone(), line.clone())));
        }
    }
    let mut devices: Vec<DeviceName> =
        members.iter().flat_map(|member| member.devices.iter().map(|change| change.device.clone())).collect();
    devices.sort();
    let risk = operations.iter().map(|operation| operation.risk).max().unwrap_or_default();
    let outlier = devices.len() == 1 || risk >= Risk::Destructive;
    Group { id: group_id(&operations), devices, operations, placeholders: names, values, risk, outlier }
}

/// Writes the texts of operations again, with placeholders.
struct Texts<'a> {
    words: &'a [Piece],
    placeholders: &'a [Option<usize>],
    names: &'a [String],
    own_name: Option<&'a str>,
    at: usize,
}

impl Texts<'_> {
    fn operation(&mut self, operation: &Operation) -> Operation {
        Operation {
            path: operation.path.iter().map(|_| self.text()).collect(),
            command: self.text(),
            old: operation.old.as_ref().map(|_| self.text()),
            ..operation.clone()
        }
    }

    /// Takes the pieces up to the end of one text.
    fn text(&mut self) -> String {
        let mut out = String::new();
        while let Some(piece) = self.words.get(self.at) {
            match self.placeholders[self.at] {
                Some(index) => out.push_str(&self.names[index]),
                None => out.push_str(&piece.text),
            }
            self.at += 1;
            if piece.last {
                break;
            }
        }
        match self.own_name {
            Some(name) => out.replace(OWN_NAME, name),
            None => out,
        }
    }
}

fn group_id(operations: &[Operation]) -> String {
    let mut hash = Sha256::new();
    for operation in operations {
        feed(&mut hash, format!("{:?} {:?}", operation.kind, operation.risk).as_bytes());
        let texts = operation.path.iter().chain([&operation.command]).chain(&operation.old);
        texts.for_each(|text| feed(&mut hash, text.as_bytes()));
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

impl Group {
    /// Outliers first, then by risk, size and name.
    fn rank(&self) -> impl Ord + '_ {
        use std::cmp::Reverse;
        (!self.outlier, Reverse(self.risk), Reverse(self.devices.len()), &self.devices, &self.id)
    }

    /// Returns the change as lines to read: sections once, `-` what goes, `+` what comes.
    pub fn lines(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut open: &[String] = &[];
        for operation in &self.operations {
            let common = operation.path.iter().zip(open).take_while(|(a, b)| a == b).count();
            for (depth, header) in operation.path.iter().enumerate().skip(common) {
                out.push(format!("  {}{header}", "  ".repeat(depth)));
            }
            open = &operation.path;
            let indent = "  ".repeat(operation.path.len());
            let (old, command) = (operation.old.as_deref(), operation.command.as_str());
            match operation.kind {
                Kind::Enter => out.push(format!("  {indent}{command}")),
                Kind::Remove => out.push(format!("- {indent}{}", old.unwrap_or(command))),
                Kind::Add => out.push(format!("+ {indent}{command}")),
                Kind::Change | Kind::Move => {
                    out.extend(old.map(|old| format!("- {indent}{old}")));
                    out.push(format!("+ {indent}{command}"));
                }
            }
        }
        out
    }

    /// Returns the devices as ranges: `leaf-ams-[1-240]`.
    pub fn device_ranges(&self) -> Vec<String> {
        ranges(self.devices.iter().map(DeviceName::as_str))
    }

    /// Returns how often each value of a placeholder occurs, most frequent first.
    pub fn value_counts(&self, placeholder: usize) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for value in self.values.values().filter_map(|values| values.get(placeholder)) {
            *counts.entry(value).or_default() += 1;
        }
        let mut out: Vec<(String, usize)> =
            counts.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
        out.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        out
    }

    /// Returns devices with a value of their own where nearly all others agree, as (device, placeholder, value).
    pub fn remarkable(&self) -> Vec<(DeviceName, String, String)> {
        let mut out = Vec::new();
        for (index, name) in self.placeholders.iter().enumerate() {
            let counts = self.value_counts(index);
            let usual = counts.first().map_or(0, |(_, count)| *count);
            if self.devices.len() < REMARKABLE_DEVICES_MIN || usual * 10 < self.devices.len() * 9 {
                continue;
            }
            let usual = counts[0].0.clone();
            let others =
                self.values.iter().filter_map(|(device, values)| values.get(index).map(|value| (device, value)));
            out.extend(
                others
                    .filter(|(_, value)| **value != usual)
                    .map(|(device, value)| (device.clone(), name.clone(), value.clone())),
            );
        }
        out
    }
}

impl ReviewLoad {
    /// Counts what has to be read.
    pub fn of(groups: &[Group]) -> Self {
        Self {
            devices: groups.iter().map(|group| group.devices.len()).sum(),
            changes: groups.len(),
            lines: groups.iter().map(|group| group.lines().len()).sum(),
        }
    }
}

impl fmt::Display for ReviewLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let Self { devices, changes, lines } = *self;
        write!(
            f,
            "{devices} device{}, {changes} distinct change{}, {lines} line{} to read",
            s(devices),
            s(changes),
            s(lines)
        )
    }
}

/// Compresses names to ranges over their last number; names without a number stay as they are.
pub fn ranges<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // The width is part of the key when the number has leading zeros: 01 and 1 are different names.
    let mut sets: BTreeMap<(String, String, usize), BTreeSet<u64>> = BTreeMap::new();
    let mut out: BTreeSet<String> = BTreeSet::new();
    for name in names {
        let end = name.rfind(|c: char| c.is_ascii_digit()).map(|at| at + 1);
        let number = end.and_then(|end| {
            let start = name[..end]
                .rfind(|c: char| !c.is_ascii_digit())
                .map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
            let digits = &name[start..end];
            let width = if digits.len() > 1 && digits.starts_with('0') { digits.len() } else { 0 };
            digits.parse().ok().map(|number: u64| ((name[..start].to_owned(), name[end..].to_owned(), width), number))
        });
        match number {
            Some((key, number)) => {
                sets.entry(key).or_default().insert(number);
            }
            None => {
                out.insert(name.to_owned());
            }
        }
    }
    merge_widths(&mut sets);
    for ((prefix, suffix, width), numbers) in sets {
        let text = runs(&numbers, width);
        let many = numbers.len() > 1;
        out.insert(if many { format!("{prefix}[{text}]{suffix}") } else { format!("{prefix}{text}{suffix}") });
    }
    out.into_iter().collect()
}

/// `08, 09` and `10, 11` are one set: numbers that need all digits join the padded ones of that width.
fn merge_widths(sets: &mut BTreeMap<(String, String, usize), BTreeSet<u64>>) {
    let padded: Vec<(String, String, usize)> = sets.keys().filter(|key| key.2 > 0).cloned().collect();
    for key in padded {
        let Some(plain) = sets.get_mut(&(key.0.clone(), key.1.clone(), 0)) else { continue };
        let (same, rest) =
            std::mem::take(plain).into_iter().partition(|number: &u64| number.to_string().len() == key.2);
        *plain = rest;
        let moved: BTreeSet<u64> = same;
        sets.entry(key).or_default().extend(moved);
    }
    sets.retain(|_, numbers| !numbers.is_empty());
}

fn runs(numbers: &BTreeSet<u64>, width: usize) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(*number) => last.1 = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let texts: Vec<String> = runs
        .into_iter()
        .map(|(from, to)| if from == to { format!("{from:0width$}") } else { format!("{from:0width$}-{to:0width$}") })
        .collect();
    texts.join(",")
}
