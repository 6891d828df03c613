//! Hundreds of broken repositories: each is the template with one mistake, whose file and line are known. Every mistake is
//! told where it was made, and none makes the program panic.

use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use serde_json::Value;

use super::{Repository, template};

/// One mistake.
struct Case {
    name: String,
    /// The changed files; `None` removes one.
    changes: Vec<(String, Option<Vec<u8>>)>,
    told: Told,
}

/// Where it must be told.
enum Told {
    /// On this line.
    Line(String, usize),
    /// In this file, on some line.
    Somewhere(String),
    /// In this file, which as a whole is wrong.
    File(String),
    /// Where it does harm, with the place of the mistake in the hint.
    Hint(String, usize),
}

impl Told {
    fn is_in(&self, finding: &Value) -> bool {
        let place = &finding["place"];
        match self {
            Self::Line(path, line) => place["path"] == **path && place["line"] == *line,
            Self::Somewhere(path) => place["path"] == **path && place["line"].as_u64().is_some_and(|line| line > 0),
            Self::File(path) => place["path"] == **path,
            Self::Hint(path, line) => {
                let hint = finding["hint"].as_str().unwrap_or_default();
                hint.contains(&format!("{path}:{line}"))
            }
        }
    }
}

/// The files whose keys have a schema.
const TYPED: [&str; 6] = [
    "reconverge.yaml", "inventory/devices.yaml", "inventory/groups/all.yaml", "inventory/groups/leafs.yaml",
    "inventory/groups/routers.yaml", "checks/bgp.yaml",
];
const DATA: [&str; 8] = [
    "data/global.yaml", "data/site/ams.yaml", "data/site/fra.yaml", "data/device/r1.yaml", "data/device/r2.yaml",
    "data/device/r3.yaml", "data/device/leaf1.yaml", "data/device/leaf2.yaml",
];
const TEMPLATES: [&str; 3] = ["templates/frr/main.j2", "templates/arista_eos/main.j2", "templates/_lib/links.j2"];

fn text(path: &str) -> String {
    std::fs::read_to_string(template().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of a file with their numbers, without comments.
fn lines(path: &str) -> Vec<(usize, String)> {
    let text = text(path);
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned()));
    numbered.filter(|(_, line)| !line.trim_start().starts_with('#') && !line.trim().is_empty()).collect()
}

/// The file with another line, which may be several lines.
fn with_line(path: &str, number: usize, new: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let text = text(path);
    let changed: Vec<&str> =
        text.lines().enumerate().map(|(index, line)| if index + 1 == number { new } else { line }).collect();
    vec![(path.to_owned(), Some((changed.join("\n") + "\n").into_bytes()))]
}

fn on_line(kind: &str, path: &str, number: usize, new: &str) -> Case {
    Case {
        name: format!("{kind}: {path}:{number}: {new:?}"),
        changes: with_line(path, number, new),
        told: Told::Line(path.to_owned(), number),
    }
}

/// A line `key: value` of a typed file, and what it consists of: before the key, the key, behind it.
fn keyed(path: &str) -> Vec<(usize, String, String, String)> {
    let pattern = Regex::new(r"^(\s*(?:- )?)([a-z_]+)(:.*)$").expect("a pattern");
    // Names that the owner of the repository chose.
    let own = Regex::new(r"^(?:default|r\d|leaf\d)$").expect("a pattern");
    let mut found = Vec::new();
    for (number, line) in lines(path) {
        if let Some(parts) = pattern.captures(&line)
            && !own.is_match(&parts[2])
        {
            found.push((number, parts[1].to_owned(), parts[2].to_owned(), parts[3].to_owned()));
        }
    }
    found
}

fn typed_mistakes() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in TYPED {
        for (number, before, key, behind) in keyed(path) {
            cases.push(on_line("a key with a typo", path, number, &format!("{before}{key}x{behind}")));
            let value = behind.trim_start_matches(':').trim();
            if !value.is_empty() {
                cases.push(on_line("a wrong type", path, number, &format!("{before}{key}: {{no: [such, type]}}")));
                let twice = format!("{before}{key}{behind}\n{}{key}{behind}", " ".repeat(before.chars().count()));
                let case = on_line("a key twice", path, number, &twice);
                cases.push(Case { told: Told::Line(path.to_owned(), number + 1), ..case });
            }
        }
    }
    cases
}

fn broken_yaml() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in TYPED.iter().chain(&DATA) {
        let all = lines(path);
        for (kind, noise) in [
            ("an open bracket", "oops: ["),
            ("a tab", "\tx: 1"),
            ("an open quote", "oops: \"x"),
            ("two colons", "a: b: c"),
        ] {
            let (number, line) = &all[all.len() / 2];
            let case = on_line(kind, path, *number, &format!("{noise}\n{line}"));
            cases.push(Case { told: Told::Somewhere((*path).to_owned()), ..case });
        }
    }
    cases
}

/// Replaces a text on every line that has it, one case per line.
fn each_line(kind: &str, path: &str, from: &str, to: &str) -> Vec<Case> {
    let hits: Vec<(usize, String)> = lines(path).into_iter().filter(|(_, line)| line.contains(from)).collect();
    assert!(!hits.is_empty(), "{kind}: {from:?} is not in {path}");
    hits.into_iter().map(|(number, line)| on_line(kind, path, number, &line.replacen(from, to, 1))).collect()
}

fn wrong_names() -> Vec<Case> {
    let devices = "inventory/devices.yaml";
    let mut cases = Vec::new();
    for (kind, path, from, to) in [
        ("an unknown group", devices, "groups: [routers]", "groups: [routes]"),
        ("an unknown group", devices, "groups: [leafs]", "groups: [leaves]"),
        ("an unknown parent", "inventory/groups/leafs.yaml", "parents: [all]", "parents: [al]"),
        ("its own parent", "inventory/groups/all.yaml", "weight: 0", "parents: [all]"),
        ("an unknown platform", "inventory/groups/leafs.yaml", "arista_eos", "arista_eoss"),
        ("an unknown platform", "inventory/groups/routers.yaml", "platform: frr", "platform: quagga"),
        ("a bad host key", devices, "labels: {site: ams", "host_key: \"SHA256:abc\" #"),
        ("unknown credentials", devices, "labels: {site: fra", "credentials: nobody #"),
        ("a bad address", devices, "address: 198.18.0.11", "address: \"198.18.0.11; reload\""),
        ("a port that is none", devices, "labels: {site: ams", "port: 70000 #"),
        ("a mode without meaning", devices, "labels: {site: fra", "mode: owned #"),
        ("a bad name", devices, "leaf1:", "\"leaf 1\":"),
        ("a bad name", devices, "r3:", "../r3:"),
        ("a date that is none", devices, "labels: {site: fra", "suspended: {reason: x, until: 2026-02-30} #"),
        ("a time that is none", "reconverge.yaml", "confirm_timeout: 120s", "confirm_timeout: soon"),
        ("a share that is none", "reconverge.yaml", "batch: 25%", "batch: 250%"),
        ("a word that is none", "reconverge.yaml", "failure: rollback_run", "failure: rollback_rnu"),
        ("a word that is none", "reconverge.yaml", "apply: on_merge", "apply: sometimes"),
        ("a word that is none", "reconverge.yaml", "drift_in_plan: show", "drift_in_plan: hide"),
        (
            "a password in clear",
            "reconverge.yaml",
            "password: secret://env/RECONVERGE_DEVICE_PASSWORD",
            "password: hunter2",
        ),
        (
            "half a reference",
            "reconverge.yaml",
            "password: secret://env/RECONVERGE_DEVICE_PASSWORD",
            "password: secret://env",
        ),
        ("a bad pattern", "checks/bgp.yaml", "'BGP state = Established'", "'BGP (state'"),
        ("a filter that is none", "checks/bgp.yaml", "links | length", "links | lenght"),
        ("a variable that is none", "checks/bgp.yaml", "{{ links", "{{ lniks"),
    ] {
        // The checks are told at their first line.
        let told = each_line(kind, path, from, to).into_iter().map(|case| match path.starts_with("checks/") {
            true => Case { told: Told::Somewhere(path.to_owned()), ..case },
            false => case,
        });
        cases.extend(told);
    }
    for (number, line) in lines(devices).iter().filter(|(_, line)| line.contains("address: 198.18.0.")) {
        let other = if line.ends_with(".0.1") { "198.18.0.2" } else { "198.18.0.1" };
        let case = on_line("an address twice", devices, *number, &format!("  address: {other}"));
        cases.push(Case { told: Told::Somewhere(devices.to_owned()), ..case });
    }
    cases
}

fn bad_selectors() -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, line) in lines("checks/bgp.yaml").into_iter().filter(|(_, line)| line.contains("select:")) {
        for bad in [
            "platfrom=frr", "platform=", "platform in (frr", "site=ams &&", "group=routerz", "platform=frrr", "'='",
            "!!", "role=spine",
        ] {
            let selected = line.split("select:").next().unwrap_or_default();
            let case = on_line("a bad selector", "checks/bgp.yaml", number, &format!("{selected}select: {bad}"));
            cases.push(Case { told: Told::Somewhere("checks/bgp.yaml".to_owned()), ..case });
        }
    }
    let canary = each_line("a bad canary", "reconverge.yaml", "canary: 1", "canary: \"site in (ams\"");
    cases.extend(canary);
    cases
}

fn template_mistakes() -> Vec<Case> {
    // What stands in loops over lists that are empty is not reached.
    let unreached = ["route.", "{{ network }}", "rule", "entry.action", "line }}", "route_map", "{{ name }}"];
    let variable = Regex::new(r"\{\{ ([a-z_]+)").expect("a pattern");
    let filter = Regex::new(r"\| ?([a-z_]+)").expect("a pattern");
    let mut cases = Vec::new();
    for path in TEMPLATES {
        let reached = |line: &str| !unreached.iter().any(|word| line.contains(word));
        for (number, line) in lines(path) {
            if reached(&line) && variable.is_match(&line) {
                let changed = variable.replace(&line, "{{ ${1}q");
                cases.push(on_line("an unknown variable", path, number, &changed));
            }
            if reached(&line) && filter.is_match(&line) && line.contains("{{") {
                let changed = filter.replace(&line, "| ${1}q");
                cases.push(on_line("an unknown filter", path, number, &changed));
            }
            if line.starts_with("{%") {
                let case = on_line("an open tag", path, number, &line.replacen("%}", "", 1));
                cases.push(Case { told: Told::Somewhere(path.to_owned()), ..case });
            }
            if line.starts_with("{% end") {
                let case = on_line("a missing end", path, number, "");
                cases.push(Case { told: Told::Somewhere(path.to_owned()), ..case });
            }
        }
    }
    cases
}

fn removed_and_odd_files() -> Vec<Case> {
    let removed = |path: &str, told: Told| Case {
        name: format!("{path} is missing"),
        changes: vec![(path.to_owned(), None)],
        told,
    };
    let devices = "inventory/devices.yaml";
    let mut cases = vec![
        removed("reconverge.yaml", Told::File("reconverge.yaml".to_owned())),
        removed("templates/frr/main.j2", Told::Line(devices.to_owned(), 7)),
        removed("templates/arista_eos/main.j2", Told::Line(devices.to_owned(), 21)),
        removed("templates/_lib/links.j2", Told::Line("templates/frr/main.j2".to_owned(), 5)),
        removed("inventory/groups/leafs.yaml", Told::Somewhere(devices.to_owned())),
        removed("inventory/groups/all.yaml", Told::Somewhere("inventory/groups/leafs.yaml".to_owned())),
    ];
    let odd = |kind: &str, path: &str, content: Vec<u8>| Case {
        name: format!("{kind}: {path}"),
        changes: vec![(path.to_owned(), Some(content))],
        told: Told::File(path.to_owned()),
    };
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    for path in ["reconverge.yaml", devices, "data/device/r1.yaml", "templates/frr/main.j2", "checks/bgp.yaml"] {
        cases.push(odd("not UTF-8", path, b"asn: \xff\xfe\n".to_vec()));
        cases.push(odd("a NUL byte", path, b"asn: 1\0\n".to_vec()));
        cases.push(odd("too large", path, vec![b'#'; (1 << 20) + 1]));
        cases.push(odd("a pointer", path, pointer.as_bytes().to_vec()));
    }
    for path in ["data/device/r1.yaml", devices, "checks/bgp.yaml"] {
        cases.push(odd("only a word", path, b"nothing\n".to_vec()));
    }
    for (path, near) in [
        ("data/device/r01.yaml", "a: 1\n"),
        ("data/sites/ams.yaml", "a: 1\n"),
        ("data/device/r1.yml.txt", "x\n"),
        ("templates/eos/main.j2", "x\n"),
    ] {
        cases.push(odd("a file that nobody reads", path, near.into()));
    }
    cases
}

fn data_mistakes() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in &DATA[3..] {
        for (number, line) in lines(path) {
            let Some((key, _)) = line.split_once(':').filter(|(key, _)| matches!(*key, "asn" | "loopback")) else {
                continue;
            };
            let case = on_line("no value", path, number, &format!("{key}:"));
            cases.push(Case { told: Told::Hint((*path).to_owned(), number), ..case });
            let case = on_line("a value of two lines", path, number, &format!("{key}: \"1\\n shutdown\""));
            cases.push(Case { told: Told::Hint((*path).to_owned(), number), ..case });
            let case = on_line("a password in clear", path, number, &format!("{line}\npassword: hunter2"));
            cases.push(Case { told: Told::Line((*path).to_owned(), number + 1), ..case });
            cases.push(on_line("a reserved name", path, number, &format!("device: 1 # {line}")));
        }
    }
    cases.extend(each_line(
        "a merge rule that says nothing", "data/site/fra.yaml", "_merge: {vlans: id}", "_merge: vlans",
    ));
    cases
}

/// Returns what is wrong with how the program took the mistake.
fn problem(case: &Case) -> Option<String> {
    let repository = Repository::new();
    for (path, content) in &case.changes {
        match content {
            Some(content) => repository.write(path, content),
            None => std::fs::remove_file(repository.path().join(path)).expect("removed"),
        }
    }
    let finished = repository.run(&["validate", "--output", "json"]);
    let value: Value = serde_json::from_str(&finished.stdout).unwrap_or_default();
    let findings = value["findings"].as_array().cloned().unwrap_or_default();
    let all: Vec<String> = findings.iter().map(Value::to_string).collect();
    let shown = format!("exit code {}\n  {}\n  {}", finished.code, all.join("\n  "), finished.stderr);
    let errors = findings.iter().any(|finding| finding["severity"] == "error");
    if finished.stderr.contains("panicked") || finished.code != i32::from(errors) {
        return Some(format!("{}: a wrong end: {shown}", case.name));
    }
    if !findings.iter().any(|finding| case.told.is_in(finding)) {
        return Some(format!("{}: not told where it is: {shown}", case.name));
    }
    if shown.contains("hunter2") {
        return Some(format!("{}: the password is shown: {shown}", case.name));
    }
    None
}

#[test]
fn every_mistake_is_told_where_it_was_made() {
    let mut cases = typed_mistakes();
    for more in
        [broken_yaml(), wrong_names(), bad_selectors(), template_mistakes(), removed_and_odd_files(), data_mistakes()]
    {
        cases.extend(more);
    }
    assert!(cases.len() >= 200, "only {} cases", cases.len());
    let next = AtomicUsize::new(0);
    let work = || -> Vec<String> {
        let mine = std::iter::from_fn(|| cases.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.filter_map(problem).collect()
    };
    let problems: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    assert!(problems.is_empty(), "{} of {} mistakes:\n{}", problems.len(), cases.len(), problems.join("\n"));
}
