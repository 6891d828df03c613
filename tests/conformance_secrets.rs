//! Masking against recorded configurations of many vendors: what is listed as a secret must not survive.
//!
//! The cases are read from the folder named by `RECONVERGE_CONFORMANCE`; without it the tests say that they were skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::page::DialectPage;

fn corpus(folder: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("RECONVERGE_CONFORMANCE") else {
        eprintln!("skipped: RECONVERGE_CONFORMANCE is not set");
        return None;
    };
    Some(Path::new(&root).join(folder)).filter(|path| path.is_dir())
}

/// A page that knows nothing: only what all vendors share is at work.
fn general() -> Dialect {
    Dialect::new(DialectPage::default()).unwrap()
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// The `fail:` list of a secret file: plain or quoted strings, one a line.
fn listed(text: &str) -> Vec<String> {
    let page: BTreeMap<String, Vec<String>> = serde_json::from_value(yaml(text)).unwrap_or_default();
    page.get("fail").cloned().unwrap_or_default()
}

fn yaml(text: &str) -> serde_json::Value {
    let mut lists = serde_json::Map::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(item) = line.trim_start().strip_prefix("- ") {
            let item = item.trim().trim_matches(|c| c == '\'' || c == '"');
            let list = lists.entry(name.clone()).or_insert_with(|| serde_json::json!([]));
            list.as_array_mut().unwrap().push(item.into());
        } else if let Some(key) = line.trim().strip_suffix(':') {
            name = key.to_owned();
        }
    }
    serde_json::Value::Object(lists)
}

/// Lines in which a listed string stands although it is no secret there: the name of a thing.
fn survivors(masked: &str, secret: &str) -> Vec<String> {
    masked.lines().filter(|line| line.contains(secret)).map(str::to_owned).collect()
}

#[test]
fn no_listed_secret_survives() {
    let Some(folder) = corpus("oxidized/data") else { return };
    let dialect = general();
    let (mut cases, mut secrets, mut failed) = (0, 0, Vec::new());
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(case) = name.strip_suffix("#secret.yaml") else { continue };
        cases += 1;
        let output = std::fs::read_to_string(folder.join(format!("{case}#output.txt"))).unwrap();
        let masked = dialect.mask(&output);
        assert_eq!(masked.lines().count(), output.lines().count());
        for secret in listed(&std::fs::read_to_string(&path).unwrap()) {
            secrets += output.matches(&secret).count();
            failed.extend(survivors(&masked, &secret).into_iter().map(|line| format!("{case}: {secret}: {line}")));
        }
    }
    println!("conformance secrets: {cases} cases, {secrets} occurrences listed, {} survive", failed.len());
    assert!(cases > 0, "no case found");
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn placeholders_of_recorded_configurations_are_masked() {
    let Some(folder) = corpus("oxidized/data") else { return };
    let dialect = general();
    let (mut seen, mut failed) = (0, Vec::new());
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    for path in paths.iter().filter(|path| path.to_string_lossy().ends_with("#output.txt")) {
        let text = std::fs::read_to_string(path).unwrap();
        // The recorded files carry this string wherever their authors removed a secret.
        seen += text.matches("AAAAAAAAAABBBBBBBBBB").count();
        failed.extend(survivors(&dialect.mask(&text), "AAAAAAAAAABBBBBBBBBB"));
    }
    println!("conformance secrets: {seen} removed secrets in recorded configurations, {} survive", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn sanitised_fixtures_are_masked_alike() {
    let Some(folder) = corpus("napalm") else { return };
    let dialect = general();
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut hashes, mut survive) = (0, Vec::new());
    let hash = regex::Regex::new(r"\$(?:1|5|6|8|9|2[aby])\$[A-Za-z0-9./$=-]{6,}|\b0x[0-9a-f]{32}\b").unwrap();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        hashes += hash.find_iter(&text).count();
        let masked = dialect.mask(&text);
        survive.extend(hash.find_iter(&masked).map(|found| format!("{}: {}", path.display(), found.as_str())));
    }
    println!("conformance secrets: {hashes} hashes in recorded outputs, {} survive", survive.len());
    assert!(survive.is_empty(), "{survive:#?}");
}

#[test]
fn masking_again_changes_nothing() {
    let Some(folder) = corpus("netutils/config") else { return };
    let dialect = general();
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut lines, mut touched) = (0, 0);
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let masked = dialect.mask(&text);
        lines += text.lines().count();
        touched += text.lines().zip(masked.lines()).filter(|(a, b)| a != b).count();
        assert_eq!(dialect.mask(&masked), masked, "{}", path.display());
        assert_eq!(masked.lines().count(), text.lines().count());
        if std::env::var_os("SHOW").is_some() {
            for (a, b) in text.lines().zip(masked.lines()).filter(|(a, b)| a != b) {
                println!("{a}\n      => {b}");
            }
        }
    }
    println!("conformance secrets: {touched} of {lines} lines of the parser and compliance cases hold a secret");
}
