//! Findings in the forms that other programs read: JSON, GitHub annotations, SARIF.

use std::path::{Component, Path};

use serde_json::{Value, json};

use crate::domain::diagnostic::{Diagnostic, Place, Severity};
use crate::domain::intent::settings;

/// Counts and all findings.
pub(super) fn json(findings: &[Diagnostic], devices: usize) -> Value {
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    json!({
        "devices": devices,
        "errors": number(Severity::Error),
        "warnings": number(Severity::Warning),
        "findings": findings,
    })
}

/// One workflow command of GitHub Actions ("Workflow commands", `::error file=…`).
pub(super) fn github(finding: &Diagnostic, repo: &Path) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = &finding.place {
        properties.push(format!("file={}", escaped_property(&path_from_root(repo, place))));
        properties.extend((place.line > 0).then(|| format!("line={}", place.line)));
        properties.extend((place.column > 0).then(|| format!("col={}", place.column)));
    }
    let gap = if properties.is_empty() { "" } else { " " };
    format!("::{command}{gap}{}::{}", properties.join(","), escaped(&message(finding)))
}

/// A SARIF log with one run.
pub(super) fn sarif(findings: &[Diagnostic], repo: &Path) -> Value {
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, repo)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "reconverge",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [{"id": "intent", "shortDescription": {"text": "What keeps the repository from being deployed as meant"}}],
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Diagnostic, repo: &Path) -> Value {
    // Code scanning shows only results with a place.
    let nowhere = Place { path: settings::PATH.to_owned(), line: 0, column: 0 };
    let place = finding.place.as_ref().unwrap_or(&nowhere);
    let mut location = json!({"artifactLocation": {"uri": uri(&path_from_root(repo, place))}});
    if place.line > 0 {
        location["region"] = json!({"startLine": place.line, "startColumn": place.column.max(1)});
    }
    json!({
        "ruleId": "intent",
        "level": finding.severity,
        "message": {"text": message(finding)},
        "locations": [{"physicalLocation": location}],
    })
}

/// The finding without its place.
fn message(finding: &Diagnostic) -> String {
    let whole = Diagnostic { place: None, ..finding.clone() }.to_string();
    whole.split_once(": ").map_or(whole.clone(), |(_, message)| message.to_owned())
}

/// The path as the forge knows it: `--repo` may be a folder of the checkout.
fn path_from_root(repo: &Path, place: &Place) -> String {
    let mut parts = Vec::new();
    for component in repo.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            // A folder elsewhere: nobody can say where the checkout begins.
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return place.path.clone(),
        }
    }
    parts.push(place.path.clone());
    parts.join("/")
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

/// Percent-encodes what RFC 3986 does not allow in a path.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
