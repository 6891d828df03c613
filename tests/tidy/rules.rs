//! The rules. A rule takes all files (path to text) and returns one line per finding: `path:line: what is wrong`.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// The files of the project, by path.
pub(crate) type Files = BTreeMap<String, String>;

/// The layers, each using only what stands left of it.
const LAYERS: [&str; 5] = ["domain", "adapters", "engine", "server", "cli"];

/// Inside the domain: a module uses its own row and the rows above.
const DOMAIN_ORDER: [&[&str]; 9] = [
    &["name", "revision", "snapshot", "diagnostic", "secret", "limits", "yaml", "xml"],
    &["config"],
    &["platform", "parse"],
    &["inventory", "workflow", "schedule", "policy", "checks"],
    &["intent"],
    &["render"],
    &["deploy"],
    &["plan"],
    &["run", "reconcile", "report"],
];

/// What the domain must not even mention: waiting, I/O, clocks, randomness, unordered maps.
const IMPURE: [&str; 26] = [
    r"\basync\b", r"\.await\b", r"\btokio\b", r"\bfutures\b", r"\brussh\b", r"\bsqlx\b", r"\baxum\b", r"\bclap\b",
    r"\brand::", r"\banyhow\b", r"\btracing\b", r"\btempfile\b", r"std::fs\b", r"std::env\b", r"std::process\b",
    r"std::thread\b", r"std::io::std(in|out|err)\b", r"\bTcpStream\b", r"\bTcpListener\b", r"\bUdpSocket\b",
    r"\bHashMap\b", r"\bHashSet\b", r"\bSystemTime\b", r"\bInstant\b", r"Timestamp::now\b", r"Zoned::now\b",
];

/// Libraries that only some layers may know.
const LIBRARIES: [(&str, &[&str]); 4] =
    [("clap", &["cli"]), ("axum", &["server", "cli"]), ("sqlx", &["adapters"]), ("russh", &["adapters"])];

/// Most lines of a file before its tests.
const LINES_MAX: usize = 500;

/// Most files of a folder, subfolders apart.
const FOLDER_FILES_MAX: usize = 10;

/// The words that all of the domain uses are one small file each; a folder around them would only lengthen every import.
const FOLDER_FILES_MAX_DOMAIN: usize = 14;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are valid")
}

fn source(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    files
        .iter()
        .filter(|(path, _)| path.starts_with("src/") && path.ends_with(".rs"))
        .map(|(p, t)| (p.as_str(), t.as_str()))
}

/// Returns the part of a file before its unit tests.
fn production(text: &str) -> &str {
    match pattern(r"(?m)^#\[cfg\(test\)\]\s*\nmod ").find(text) {
        Some(tests) => &text[..tests.start()],
        None => text,
    }
}

/// Removes comments from a line of code.
fn code(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with("//") { "" } else { line.split_once(" // ").map_or(line, |(code, _)| code) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Finds a pattern in the code of the production part, line by line.
fn findings_in_code(path: &str, text: &str, pattern: &Regex, complaint: &str) -> Vec<String> {
    let lines = production(text).lines().enumerate();
    let bad = lines.filter(|(_, line)| pattern.is_match(code(line)));
    bad.map(|(index, line)| format!("{path}:{}: {complaint}: {}", index + 1, line.trim())).collect()
}

/// The module path of a file inside the crate: `src/domain/plan/build.rs` is `[domain, plan, build]`.
fn module_of(path: &str) -> Vec<&str> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    inner.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
}

/// Everything that a file names by `crate::…` or `super::…`, as absolute module paths of at most two parts with their offset.
fn uses(path: &str, text: &str) -> Vec<(usize, Vec<String>)> {
    let module = module_of(path);
    let start = pattern(r"\b(?:crate|(super)(?:::super)*)::");
    let mut found = Vec::new();
    for entry in start.captures_iter(text) {
        let head = entry.get(0).expect("group 0 always exists");
        let line = text[..head.start()].rfind('\n').map_or(0, |newline| newline + 1);
        if text[line..head.start()].contains("//") {
            continue;
        }
        let base: Vec<String> = match entry.get(1) {
            None => Vec::new(),
            Some(_) => {
                let ups = head.as_str().matches("super").count();
                module.iter().take(module.len().saturating_sub(ups)).map(ToString::to_string).collect()
            }
        };
        for names in first_names(&text[head.end()..], 2) {
            let full: Vec<String> = base.iter().cloned().chain(names).take(2).collect();
            found.push((head.start(), full));
        }
    }
    found
}

/// Reads the beginning of a path or of a group of paths: `a::b::c` gives `[a, b]`, `{a::b, c}` gives `[a, b]` and `[c]`.
fn first_names(text: &str, depth: usize) -> Vec<Vec<String>> {
    if depth == 0 {
        return vec![Vec::new()];
    }
    if let Some(group) = text.strip_prefix('{') {
        return group_members(group).iter().flat_map(|member| first_names(member.trim_start(), depth)).collect();
    }
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return Vec::new();
    }
    let rest = &text[name.len()..];
    let tails = rest.strip_prefix("::").map_or(vec![Vec::new()], |rest| first_names(rest, depth - 1));
    tails.into_iter().map(|tail| std::iter::once(name.clone()).chain(tail).collect()).collect()
}

/// Splits the inside of braces at its own commas; the text begins behind the opening brace.
fn group_members(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0_usize, 0, Vec::new());
    for (index, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(&text[start..index]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    members
}

/// A layer uses only layers left of it, the server no adapters; inside the domain only modules above or beside.
pub(crate) fn layers(files: &Files) -> Vec<String> {
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let row = |name: &str| DOMAIN_ORDER.iter().position(|row| row.contains(&name));
    let mut findings = Vec::new();
    for (path, text) in source(files) {
        let module = module_of(path);
        let Some(own) = module.first().and_then(|layer| rank(layer)) else { continue };
        let own_row = module.get(1).filter(|_| own == 0).map(|name| (name, row(name)));
        if let Some((name, None)) = own_row {
            findings
                .push(format!("{path}:1: {name} has no place in the order of the domain (DOMAIN_ORDER in tests/tidy)"));
        }
        let text = production(text);
        for (offset, used) in uses(path, text) {
            let line = line_of(text, offset);
            let Some(theirs) = used.first().and_then(|layer| rank(layer)) else { continue };
            if theirs > own {
                findings.push(format!("{path}:{line}: {} must not use {}", LAYERS[own], LAYERS[theirs]));
            }
            if (LAYERS[own], LAYERS[theirs]) == ("server", "adapters") {
                findings.push(format!("{path}:{line}: server must not use adapters: ask the engine"));
            }
            let their_row = used.get(1).filter(|_| theirs == 0).and_then(|name| row(name).map(|row| (name, row)));
            if let (Some((own_name, Some(own_row))), Some((name, their_row))) = (own_row, their_row)
                && their_row > own_row
            {
                findings.push(format!(
                    "{path}:{line}: domain::{own_name} must not use domain::{name}, which stands below it"
                ));
            }
        }
    }
    findings
}

/// The domain neither waits nor does I/O nor depends on chance.
pub(crate) fn purity(files: &Files) -> Vec<String> {
    let impure = pattern(&IMPURE.join("|"));
    let domain = source(files).filter(|(path, _)| path.starts_with("src/domain/"));
    domain.flat_map(|(path, text)| findings_in_code(path, text, &impure, "the domain is pure")).collect()
}

/// A library that belongs to a layer is not named in another one.
pub(crate) fn libraries(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in source(files) {
        let Some(layer) = module_of(path).first().copied().filter(|layer| LAYERS.contains(layer)) else { continue };
        for (library, allowed) in LIBRARIES {
            if !allowed.contains(&layer) {
                let named = pattern(&format!(r"\b{library}::"));
                findings.extend(findings_in_code(path, text, &named, &format!("{layer} must not know {library}")));
            }
        }
    }
    findings
}

/// Every Rust file opens with its sentence.
pub(crate) fn headers(files: &Files) -> Vec<String> {
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let bad = rust.filter(|(_, text)| !text.starts_with("//! "));
    bad.map(|(path, _)| format!("{path}:1: the first line must be `//!` and a sentence: what the file is")).collect()
}

/// Files and folders stay small.
pub(crate) fn sizes(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("src/")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.ends_with("/definitions") {
            *folders.entry(folder).or_default() += 1;
        }
        let lines = production(text).lines().count();
        if path.ends_with(".rs") && lines > LINES_MAX {
            findings.push(format!(
                "{path}:{}: {lines} lines before the tests, {LINES_MAX} at most: split it by noun",
                LINES_MAX + 1
            ));
        }
    }
    for (folder, count) in folders {
        let most = if folder == "src/domain" { FOLDER_FILES_MAX_DOMAIN } else { FOLDER_FILES_MAX };
        if count > most {
            findings.push(format!("{folder}:1: {count} files, {most} at most: make a subfolder"));
        }
    }
    findings
}

/// Words that must not be left behind.
pub(crate) fn banned_words(files: &Files) -> Vec<String> {
    let everywhere = [
        (r"\bdbg!", "a debugging print"),
        (r"\btodo!|\bunimplemented!", "unfinished code"),
        (r"#!?\[allow\b", "use #[expect(…, reason = \"…\")]"),
        (r"#\[ignore\b", "a test that is switched off"),
    ];
    let unfinished = pattern(r"\bFIXME\b|\bXXX\b");
    let unwrap = pattern(r"\.unwrap\(\)");
    let test_code = pattern(r"\bcfg\(.*\btest\b");
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs") && !path.starts_with("tests/tidy/")) {
        for (index, line) in text.lines().enumerate() {
            for (word, complaint) in everywhere {
                if pattern(word).is_match(code(line)) {
                    findings.push(format!("{path}:{}: {complaint}: {}", index + 1, line.trim()));
                }
            }
            if unfinished.is_match(line) {
                findings.push(format!("{path}:{}: unfinished code: {}", index + 1, line.trim()));
            }
        }
        if path.starts_with("src/") {
            findings.extend(findings_in_code(path, text, &unwrap, "unwrap() outside tests"));
            findings.extend(findings_in_code(path, text, &test_code, "cfg(test) is for `mod tests` only"));
        }
    }
    findings
}

/// Links between documents of the project lead to a file or folder, and anchors to a heading.
pub(crate) fn links(files: &Files) -> Vec<String> {
    let link = pattern(r"\]\(([^)\s]+)\)");
    let folders: BTreeSet<&str> =
        files.keys().flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end])).collect();
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for found in link.captures_iter(text) {
            let (whole, target) = (found.get(0).expect("group 0 always exists"), &found[1]);
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let full = if file.is_empty() { path.clone() } else { resolve(path, file) };
            let line = line_of(text, whole.start());
            if !files.contains_key(&full) && !folders.contains(full.as_str()) {
                findings.push(format!("{path}:{line}: {target} does not exist"));
            } else if !anchor.is_empty() && !files.get(&full).is_some_and(|text| has_heading(text, anchor)) {
                findings.push(format!("{path}:{line}: {full} has no heading #{anchor}"));
            }
        }
    }
    findings
}

/// Resolves a relative link against the file that holds it.
fn resolve(from: &str, to: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Tells whether a document has a heading with this anchor, made as forges make it.
fn has_heading(text: &str, anchor: &str) -> bool {
    let slug = |heading: &str| -> String {
        let kept = heading.trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .collect::<String>()
            .replace(' ', "-")
    };
    text.lines().filter_map(|line| line.strip_prefix('#')).any(|line| slug(line.trim_start_matches('#')) == anchor)
}

/// No path of one developer's machine, no address of a package registry.
pub(crate) fn machine_paths(files: &Files) -> Vec<String> {
    let machine = pattern(r"(^|[^A-Za-z0-9_.])/(work|root|farm|tmp/wt)/");
    let registry = pattern(r"\b(crates\.io|pypi\.org|registry\.npmjs\.org|deb\.debian\.org|proxy\.golang\.org)\b");
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| *path != "Cargo.lock" && !path.starts_with("tests/tidy/")) {
        for (index, line) in text.lines().enumerate() {
            if machine.is_match(line) {
                findings.push(format!("{path}:{}: a path of one machine: {}", index + 1, line.trim()));
            }
            if registry.is_match(line) {
                findings.push(format!("{path}:{}: the name of a package registry: {}", index + 1, line.trim()));
            }
        }
    }
    findings
}

/// Each dependency stands below a comment that says what it is for.
pub(crate) fn dependency_reasons(files: &Files) -> Vec<String> {
    let text = files.get("Cargo.toml").map_or("", String::as_str);
    let (mut inside, mut explained, mut findings) = (false, false, Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]");
        } else if inside && !line.trim().is_empty() && !line.starts_with('#') && !explained {
            let name = line.split('=').next().unwrap_or(line).trim();
            findings.push(format!("Cargo.toml:{}: {name} has no comment above it that says what it is for", index + 1));
        }
        explained = line.starts_with('#');
    }
    findings
}
