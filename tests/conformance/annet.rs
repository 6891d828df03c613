//! annet's patch cases: before and after, or a diff, and the commands that it sends.

use std::fmt::Write as _;
use std::path::Path;

use reconverge::domain::platform::Platform;
use serde::Deserialize;

use super::{Score, corpus};

#[derive(Debug, Deserialize)]
struct Case {
    vendor: String,
    #[serde(default)]
    before: Option<String>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    diff: Option<String>,
    patch: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum File {
    Many(Vec<Case>),
    One(Case),
}

/// Which of our platforms a vendor word means; other vendors are not ours.
fn platform(vendor: &str) -> Option<&'static str> {
    Some(match vendor.to_lowercase().split_whitespace().next()? {
        "arista" => "arista_eos",
        "cisco" | "b4com" => "cisco_iosxe",
        "nexus" => "cisco_nxos",
        "iosxr" => "cisco_iosxr",
        "huawei" => "huawei_vrp",
        "h3c" | "sitonica" => "hpe_comware",
        "juniper" | "ribbon" => "juniper_junos",
        "nokia" => "nokia_sros",
        "routeros" => "mikrotik_routeros",
        _ => return None,
    })
}

/// Turns a diff with `+` and `-` behind the indentation into both sides.
fn sides(diff: &str) -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    for line in diff.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        let (mark, text) = match text.as_bytes().first() {
            Some(b'+') => ('+', text[1..].trim_start()),
            Some(b'-') => ('-', text[1..].trim_start()),
            _ => (' ', text),
        };
        if mark != '+' {
            let _ = writeln!(before, "{:indent$}{text}", "");
        }
        if mark != '-' {
            let _ = writeln!(after, "{:indent$}{text}", "");
        }
    }
    (before, after)
}

impl Case {
    fn sides(&self) -> (String, String) {
        match &self.diff {
            Some(diff) => sides(diff),
            None => (self.before.clone().unwrap_or_default(), self.after.clone().unwrap_or_default()),
        }
    }
}

/// Returns the cases with the names of their files.
fn cases(folder: &Path) -> Vec<(String, Case)> {
    let entries = std::fs::read_dir(folder.join("test_patch")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut out = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = serde_yaml::from_str::<File>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let cases = match file {
            File::Many(cases) => cases,
            File::One(case) => vec![case],
        };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        out.extend(cases.into_iter().enumerate().map(|(index, case)| (format!("{name} #{}", index + 1), case)));
    }
    out
}

/// Returns both sides of every case of a platform.
pub(super) fn configurations(folder: &Path, name: &str) -> Vec<String> {
    let ours = cases(folder).into_iter().filter(|(_, case)| platform(&case.vendor) == Some(name));
    ours.map(|(_, case)| case.sides()).flat_map(|(before, after)| [before, after]).collect()
}

#[test]
fn annet_patches() {
    let Some(folder) = corpus("annet") else { return };
    let mut score = Score::default();
    for (name, case) in cases(&folder) {
        let Some(platform) = platform(&case.vendor).and_then(|name| Platform::built_in(name).ok()) else {
            score.skip();
            continue;
        };
        let (before, after) = case.sides();
        score.judge(&name, &platform.dialect, (&before, &after), &case.patch);
    }
    score.report("annet test_patch");
    score.assert(90.0, 95.0);
}
