//! The shape of the source: layers, purity, sizes, banned words, links. Each finding names file and line.
//!
//! `rules` holds the rules, each a function from texts to findings, so that `snippets` can prove that each of them can fail.

mod rules;
mod snippets;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every text file that git tracks or would add, by its path from the root.
fn project() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git can be run");
    assert!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    let mut files = BTreeMap::new();
    for path in String::from_utf8_lossy(&listing.stdout).split_terminator('\0') {
        // A file that was just deleted is still listed; a file that is not text has no lines to judge.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.insert(path.to_owned(), text);
        }
    }
    assert!(files.contains_key("Cargo.toml") && files.keys().any(|path| path.starts_with("src/")), "an empty listing");
    files
}

fn check(rule: fn(&BTreeMap<String, String>) -> Vec<String>) {
    let findings = rule(&project());
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn imports_follow_the_layers() {
    check(rules::layers);
}

#[test]
fn the_domain_is_pure() {
    check(rules::purity);
}

#[test]
fn libraries_stay_in_their_layer() {
    check(rules::libraries);
}

#[test]
fn every_file_says_what_it_is() {
    check(rules::headers);
}

#[test]
fn files_and_folders_are_small() {
    check(rules::sizes);
}

#[test]
fn banned_words_do_not_occur() {
    check(rules::banned_words);
}

#[test]
fn links_lead_somewhere() {
    check(rules::links);
}

#[test]
fn nothing_points_at_one_machine() {
    check(rules::machine_paths);
}

#[test]
fn dependencies_say_what_for() {
    check(rules::dependency_reasons);
}
