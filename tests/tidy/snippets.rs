//! Proof that every rule can fail: bad snippets with the finding they must give, and good ones that must give none.

use super::rules::{self, Files};

fn files(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// A file with one bad text must give findings that all begin with `path:line:` and contain the word.
fn bad(rule: fn(&Files) -> Vec<String>, path: &str, text: &str, line: usize, word: &str) {
    let findings = rule(&files(&[(path, text)]));
    let start = format!("{path}:{line}: ");
    assert!(
        !findings.is_empty() && findings.iter().all(|finding| finding.starts_with(&start) && finding.contains(word)),
        "{path} {text:?} must be found at line {line} with {word:?}, got {findings:?}"
    );
}

fn good(rule: fn(&Files) -> Vec<String>, path: &str, text: &str) {
    let findings = rule(&files(&[(path, text)]));
    assert!(findings.is_empty(), "{path} {text:?} is fine, got {findings:?}");
}

#[test]
fn layers_can_fail() {
    let rule = rules::layers;
    bad(rule, "src/domain/plan/build.rs", "//! x\nuse crate::engine::worker;\n", 2, "domain must not use engine");
    bad(
        rule,
        "src/domain/plan/build.rs",
        "fn f() { crate::adapters::clock::now() }",
        1,
        "domain must not use adapters",
    );
    bad(rule, "src/adapters/git.rs", "use crate::{domain::name, engine::jobs};", 1, "adapters must not use engine");
    bad(
        rule,
        "src/adapters/git.rs",
        "use crate::{\n  domain::{name, plan},\n  cli,\n};",
        1,
        "adapters must not use cli",
    );
    bad(rule, "src/engine/mod.rs", "use super::server;", 1, "engine must not use server");
    bad(rule, "src/engine/services/plan.rs", "use super::super::super::cli::assemble;", 1, "engine must not use cli");
    bad(rule, "src/server/api/views.rs", "use crate::adapters::store::Store;", 1, "ask the engine");
    bad(
        rule,
        "src/domain/config/tree.rs",
        "use crate::domain::plan::Plan;",
        1,
        "domain::config must not use domain::plan",
    );
    bad(
        rule,
        "src/domain/config/tree.rs",
        "use super::super::plan::Plan;",
        1,
        "domain::config must not use domain::plan",
    );
    bad(rule, "src/domain/name.rs", "use super::{revision::Revision, report::Text};", 1, "must not use domain::report");
    bad(rule, "src/domain/gossip.rs", "//! x\n", 1, "has no place in the order");
    good(rule, "src/domain/plan/build.rs", "use crate::domain::{config, intent::Intent};\nuse super::Plan;\n");
    good(rule, "src/domain/plan/mod.rs", "mod build;\nuse super::name::DeviceName;\n");
    good(rule, "src/domain/name.rs", "use super::revision::Revision;\n//! [`crate::engine`] is a link\n");
    good(rule, "src/cli/assemble.rs", "use crate::{adapters::git, engine, server};");
    good(rule, "src/domain/name.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::engine::x;\n}\n");
}

#[test]
fn purity_can_fail() {
    let rule = rules::purity;
    for line in [
        "async fn f() {}", "    x.await;", "use tokio::time::sleep;", "use std::fs;", "std::env::var(\"X\");",
        "std::thread::spawn(f);", "use std::collections::HashMap;", "let s: HashSet<u8>;", "Timestamp::now()",
        "let t = Instant::now();", "rand::random()", "std::net::TcpStream::connect(a)",
    ] {
        bad(rule, "src/domain/x.rs", &format!("//! x\n{line}\n"), 2, "pure");
        good(rule, "src/adapters/x.rs", line);
        good(rule, "src/domain/x.rs", &format!("/// Not {line}\nfn f() {{}}\n"));
        good(rule, "src/domain/x.rs", &format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{line}\n}}\n"));
    }
    good(rule, "src/domain/x.rs", "use std::net::IpAddr;\nuse std::collections::BTreeMap;\nlet asynchronous = 1;\n");
}

#[test]
fn libraries_can_fail() {
    bad(rules::libraries, "src/engine/x.rs", "//! x\nuse clap::Parser;", 2, "engine must not know clap");
    bad(rules::libraries, "src/server/x.rs", "sqlx::query(q)", 1, "server must not know sqlx");
    good(rules::libraries, "src/adapters/store/mod.rs", "use sqlx::Pool;");
    good(rules::libraries, "src/lib.rs", "use clap::Parser;");
}

#[test]
fn headers_can_fail() {
    bad(rules::headers, "src/domain/x.rs", "use std::fmt;\n", 1, "//!");
    bad(rules::headers, "tests/x.rs", "//!\n", 1, "//!");
    bad(rules::headers, "tests/x.rs", "", 1, "//!");
    good(rules::headers, "src/x.rs", "//! What it is.\n");
    good(rules::headers, "docs/x.md", "# x\n");
}

#[test]
fn sizes_can_fail() {
    let long = "let x = 1;\n".repeat(501);
    bad(rules::sizes, "src/x.rs", &long, 501, "split it by noun");
    good(rules::sizes, "src/x.rs", &long[11..]);
    good(rules::sizes, "src/x.rs", &format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n"));
    good(rules::sizes, "tests/x.rs", &long);
    let folder = |name: &str, count: usize| -> Files {
        (0..count).map(|n| (format!("src/{name}/f{n}.rs"), "//! x\n".to_owned())).collect()
    };
    assert_eq!(rules::sizes(&folder("engine", 11)), ["src/engine:1: 11 files, 10 at most: make a subfolder"]);
    assert!(rules::sizes(&folder("engine", 10)).is_empty());
    assert_eq!(rules::sizes(&folder("domain", 15)), ["src/domain:1: 15 files, 14 at most: make a subfolder"]);
    assert!(rules::sizes(&folder("domain/platform/definitions", 11)).is_empty());
}

#[test]
fn banned_words_can_fail() {
    let rule = rules::banned_words;
    bad(rule, "src/x.rs", "//! x\ndbg!(y);", 2, "debugging print");
    bad(rule, "tests/x.rs", "todo!()", 1, "unfinished");
    bad(rule, "src/x.rs", "unimplemented!()", 1, "unfinished");
    bad(rule, "src/x.rs", "// FIXME later", 1, "unfinished");
    bad(rule, "src/x.rs", "#[allow(dead_code)]", 1, "expect");
    bad(rule, "src/x.rs", "#![allow(dead_code)]", 1, "expect");
    bad(rule, "tests/x.rs", "#[ignore = \"slow\"]", 1, "switched off");
    bad(rule, "src/x.rs", "x.unwrap();", 1, "unwrap");
    bad(rule, "src/x.rs", "#[cfg(test)]\nfn f() {}", 1, "cfg(test)");
    bad(rule, "src/x.rs", "if cfg!(not(test)) {}\n#[cfg(any(test, unix))]\n", 2, "cfg(test)");
    good(rule, "src/x.rs", "x.unwrap_or(1);\n/// Never `x.unwrap()`.\n#[cfg(test)]\nmod tests {\n x.unwrap();\n}\n");
    good(rule, "tests/x.rs", "x.unwrap();");
    good(rule, "src/x.rs", "#[expect(dead_code, reason = \"x\")]");
}

#[test]
fn links_can_fail() {
    let rule = rules::links;
    bad(rule, "docs/x.md", "one\n[a](missing.md)\n", 2, "missing.md does not exist");
    bad(rule, "README.md", "[a](docs/missing.md#x)", 1, "does not exist");
    bad(rule, "docs/x.md", "# Two words\n[a](#three-words)", 2, "no heading");
    good(rule, "docs/x.md", "# Two words!\n[a](#two-words) [b](https://example.net/x) [c](x.md#two-words)");
    let project = files(&[("README.md", "[a](docs/a.md) [b](docs) [c](docs/)"), ("docs/a.md", "[r](../README.md)")]);
    assert!(rules::links(&project).is_empty());
}

#[test]
fn machine_paths_can_fail() {
    let rule = rules::machine_paths;
    bad(rule, "docs/x.md", "x\nsee /work/shared", 2, "path of one machine");
    bad(rule, "tests/lab/x.sh", "cd \"/root/x\"", 1, "path of one machine");
    bad(rule, "README.md", "from crates.io", 1, "package registry");
    good(rule, "README.md", "home/work/x, ../work/x, /tmp/x, /workshop/x");
    good(rule, "Cargo.lock", "registry+https://github.com/rust-lang/crates.io-index");
}

#[test]
fn dependency_reasons_can_fail() {
    let rule = rules::dependency_reasons;
    bad(rule, "Cargo.toml", "[dependencies]\n# one\na = \"1\"\nb = \"1\"\n", 4, "b has no comment");
    bad(rule, "Cargo.toml", "[dev-dependencies]\nx = { version = \"1\" }\n", 2, "x has no comment");
    good(
        rule,
        "Cargo.toml",
        "[package]\nname = \"x\"\n[dependencies]\n# one\na = \"1\"\n\n# two\nb = \"1\"\n[lints]\nc = 1\n",
    );
}
