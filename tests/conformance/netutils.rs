//! netutils' cases: lines with their parents, headers that are left out, comparison without order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::tree::{ConfigTree, Node};
use reconverge::domain::platform::Platform;
use serde::Deserialize;
use serde_json::Value;

use super::{corpus, is_framing};
use crate::support::say;

/// A line as netutils reads it: what stands above it, from the outside in.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    config_line: String,
    parents: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Lines {
    data: Vec<Line>,
}

/// A path of lines, each with one space between its words.
type LinePath = Vec<String>;

fn platform(folder: &Path) -> Option<Platform> {
    let name = folder.file_name()?.to_str()?;
    Platform::built_in(if name == "hp_comware" { "hpe_comware" } else { name }).ok()
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    out.sort();
    out
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the lines of a tree with their parents; a text of several lines stands below its first line.
fn paths(nodes: &[Node], above: &[String], out: &mut Vec<LinePath>) {
    for node in nodes {
        let (first, rest) = node.text.split_once('\n').unwrap_or((&node.text, ""));
        let path: LinePath = above.iter().cloned().chain([words(first)]).collect();
        out.push(path.clone());
        if !rest.is_empty() {
            out.push(path.iter().cloned().chain([words(rest)]).collect());
        }
        paths(&node.children, &path, out);
    }
}

/// What is on neither side of a comparison.
struct Agreement {
    total: usize,
    missing: Vec<String>,
}

/// Compares the lines of a nested platform with their parents.
fn nested(dialect: &Dialect, sent: &str, expected: &[Line]) -> Agreement {
    let mut ours: Vec<LinePath> = Vec::new();
    paths(&dialect.parse_commands(sent).children, &[], &mut ours);
    let mut counts: BTreeMap<LinePath, usize> = BTreeMap::new();
    for path in ours {
        *counts.entry(path).or_default() += 1;
    }
    let mut agreement = Agreement { total: 0, missing: Vec::new() };
    for line in expected {
        let last = words(&line.config_line);
        if is_framing(&last) || last == "return" || dialect.is_comment(&last) {
            continue;
        }
        agreement.total += 1;
        let path: LinePath = line.parents.iter().map(|parent| words(parent)).chain([last]).collect();
        match counts.get_mut(&path) {
            Some(count) if *count > 0 => *count -= 1,
            _ => agreement.missing.push(path.join(" > ")),
        }
    }
    agreement
}

/// Returns what has to be typed for a configuration.
fn typed(dialect: &Dialect, text: &str) -> Vec<String> {
    let all = dialect.remediate(&ConfigTree::default(), &dialect.parse(text), &Scope::Replace);
    all.operations().into_iter().map(|operation| operation.command).collect()
}

/// Compares the statements of a platform of paths or items: each line means something that the whole text means.
fn flat(dialect: &Dialect, sent: &str, expected: &[Line]) -> Agreement {
    let ours = typed(dialect, sent);
    let mut agreement = Agreement { total: 0, missing: Vec::new() };
    for (index, line) in expected.iter().enumerate() {
        // The end of a text with several lines is counted with its beginning.
        if !line.parents.is_empty() {
            continue;
        }
        agreement.total += 1;
        let mut text = line.config_line.clone();
        if let Some(rest) = expected.get(index + 1).filter(|next| next.parents.first() == Some(&line.config_line)) {
            text = format!("{text}\n{}", rest.config_line);
        }
        if !typed(dialect, &text).iter().all(|line| ours.contains(line)) {
            agreement.missing.push(line.config_line.clone());
        }
    }
    agreement
}

#[test]
fn netutils_parents() {
    let Some(root) = corpus("netutils") else { return };
    let (mut total, mut agreed, mut files) = (0, 0, 0);
    let mut missing = String::new();
    for folder in folders(&root.join("config/parser/base")) {
        let Some(Platform { dialect, .. }) = platform(&folder) else { continue };
        for path in folders(&folder).into_iter().filter(|path| path.to_string_lossy().ends_with("_sent.txt")) {
            let expected = path.to_string_lossy().replace("_sent.txt", "_received.json");
            let lines: Lines = serde_json::from_str(&read(Path::new(&expected))).unwrap();
            let is_nested = !dialect.is_flat() && !folder.ends_with("mikrotik_routeros");
            let compare = if is_nested { nested } else { flat };
            let agreement = compare(&dialect, &read(&path), &lines.data);
            files += 1;
            total += agreement.total;
            agreed += agreement.total - agreement.missing.len();
            for line in agreement.missing {
                missing += &format!("{}: {line}\n", path.file_name().unwrap().to_string_lossy());
            }
        }
    }
    say(&format!("conformance netutils parser: {files} files, {total} lines, {agreed} with the same parents"));
    println!("{missing}");
    assert!(
        files > 8 && agreed * 1000 >= total * 995,
        "only {agreed} of {total} lines have the same parents\n{missing}"
    );
}

#[test]
fn netutils_cleaning() {
    let Some(root) = corpus("netutils") else { return };
    let folder = root.join("config/clean");
    let dialect = Platform::built_in("cisco_iosxe").unwrap().dialect;
    let [sent, received] = ["sent", "received"].map(|name| read(&folder.join(format!("standard_{name}.txt"))));
    let (sent, received) = (dialect.parse(&sent), dialect.parse(&received));
    let same = |a: &ConfigTree, b: &ConfigTree| dialect.remediate(a, b, &Scope::Replace).is_empty();
    assert!(!sent.is_empty() && same(&sent, &received) && same(&received, &sent));
    assert!(!dialect.print(&sent).contains("Current configuration"));
    say("conformance netutils clean: 1 case, 1 the same");
}

/// One comparison: what is there, what should be there, and whether both are the same in any order.
type Comparison = (String, &'static str, String, String, bool);

fn comparisons(root: &Path) -> Vec<Comparison> {
    let mut out = Vec::new();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut push = |name: String, platform: &'static str, value: &Value| {
        if let Some(same) = value["unordered_compliant"].as_bool() {
            out.push((name, platform, text(value, "actual"), text(value, "intended"), same));
        }
    };
    for path in folders(&root.join("feature_compliance")) {
        if path.to_string_lossy().ends_with("_received.json") {
            let value: Value = serde_json::from_str(&read(&path)).unwrap();
            push(path.file_name().unwrap().to_string_lossy().into_owned(), "cisco_iosxe", &value["data"]);
        }
    }
    for (folder, platform) in [("hp_comware", "hpe_comware"), ("mikrotik_routeros", "mikrotik_routeros")] {
        for path in folders(&root.join("compliance").join(folder)) {
            if path.to_string_lossy().ends_with("_received.json") {
                let value: Value = serde_json::from_str(&read(&path)).unwrap();
                for (feature, value) in value.as_object().into_iter().flatten() {
                    push(format!("{} {feature}", path.file_name().unwrap().to_string_lossy()), platform, value);
                }
            }
        }
    }
    for path in folders(&root.join("find_unordered_cfg_lines")) {
        let shown = path.to_string_lossy().into_owned();
        if let Some(start) = shown.strip_suffix("_received.json") {
            let value: Value = serde_json::from_str(&read(&path)).unwrap();
            let [actual, intended] = ["actual", "intended"].map(|name| read(Path::new(&format!("{start}_{name}.txt"))));
            let same = value["data"][0].as_bool().unwrap();
            out.push((path.file_name().unwrap().to_string_lossy().into_owned(), "cisco_iosxe", actual, intended, same));
        }
    }
    out
}

#[test]
fn netutils_comparisons_without_order() {
    let Some(root) = corpus("netutils") else { return };
    let all = comparisons(&root.join("config/compliance"));
    let mut other = Vec::new();
    for (name, platform, actual, intended, expected) in &all {
        let dialect = Platform::built_in(platform).unwrap().dialect;
        let (actual, intended) = (dialect.parse(actual), dialect.parse(intended));
        let ours = dialect.remediate(&actual, &intended, &Scope::Replace).is_empty();
        if ours != *expected {
            other.push(format!("{name}: the same here {ours}, there {expected}"));
        }
    }
    let agreed = all.len() - other.len();
    say(&format!("conformance netutils compliance: {} comparisons without order, {agreed} agree", all.len()));
    println!("{}", other.join("\n"));
    assert!(all.len() > 10 && agreed * 100 >= all.len() * 95, "{agreed} of {} agree\n{}", all.len(), other.join("\n"));
}
