//! `hier_config`'s own test suite, recorded: remediations and predictions as trees of `[depth, text]`.

use std::fmt::Write as _;
use std::path::Path;

use reconverge::domain::platform::Platform;
use serde::Deserialize;

use super::{Canonical, Score, corpus};
use crate::support::say;

#[derive(Debug, Deserialize)]
struct Vector {
    op: String,
    platform: String,
    stock_rules: bool,
    #[serde(default)]
    running: Vec<(usize, String)>,
    #[serde(default)]
    target: Vec<(usize, String)>,
    #[serde(default)]
    change: Vec<(usize, String)>,
    #[serde(default)]
    delta: Vec<(usize, String)>,
    #[serde(default)]
    result: Vec<(usize, String)>,
    #[serde(default)]
    test: String,
}

fn platform(name: &str) -> Option<&'static str> {
    Some(match name {
        "ARISTA_EOS" => "arista_eos",
        "CISCO_IOS" => "cisco_iosxe",
        "CISCO_NXOS" => "cisco_nxos",
        "CISCO_XR" => "cisco_iosxr",
        "FORTINET_FORTIOS" => "fortinet_fortios",
        "HP_COMWARE5" => "hpe_comware",
        "HP_PROCURVE" => "hpe_procurve",
        "HUAWEI_VRP" => "huawei_vrp",
        "JUNIPER_JUNOS" => "juniper_junos",
        "NOKIA_SRL" => "nokia_srlinux",
        "VYOS" => "vyos",
        _ => return None,
    })
}

fn text(tree: &[(usize, String)]) -> String {
    let mut out = String::new();
    for (depth, line) in tree {
        let _ = writeln!(out, "{:1$}{line}", "", depth * 2);
    }
    out
}

fn vectors(op: &str) -> Option<Vec<Vector>> {
    Some(recorded(&corpus("hier_config")?, op))
}

/// Returns the configurations that are compared for one platform.
pub(super) fn configurations(folder: &Path, name: &str) -> Vec<String> {
    let ours = recorded(folder, "config_to_get_to").into_iter().filter(|v| platform(&v.platform) == Some(name));
    ours.flat_map(|vector| [text(&vector.running), text(&vector.target)]).collect()
}

fn recorded(folder: &Path, op: &str) -> Vec<Vector> {
    let lines = std::fs::read_to_string(folder.join("vectors.jsonl")).unwrap();
    // Ordered deltas carry a weight as a third element, which nothing here reads.
    let read = |line: &str| serde_json::from_str::<Vector>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let wanted = |line: &&str| line.contains(&format!("\"op\": \"{op}\""));
    lines.lines().filter(wanted).map(read).filter(|vector| vector.op == op).collect()
}

#[test]
fn hier_config_remediations() {
    let Some(vectors) = vectors("config_to_get_to") else { return };
    let mut score = Score::default();
    for vector in vectors {
        let platform = platform(&vector.platform).and_then(|name| Platform::built_in(name).ok());
        let Some(platform) = platform.filter(|_| vector.stock_rules) else {
            score.skip();
            continue;
        };
        let name = format!("{} {}", vector.platform, vector.test);
        score.judge(&name, &platform.dialect, (&text(&vector.running), &text(&vector.target)), &text(&vector.delta));
    }
    score.report("hier_config config_to_get_to");
    score.assert(80.0, 90.0);
}

#[test]
fn hier_config_predictions() {
    let Some(vectors) = vectors("future") else { return };
    let (mut same, mut total, mut skipped) = (0, 0, 0);
    for vector in vectors {
        let known = platform(&vector.platform).and_then(|name| Platform::built_in(name).ok());
        // The recorded predictions take no line away on `delete`; `conformance_flat` judges them without those lines.
        let Some(platform) = known.filter(|platform| !platform.dialect.is_flat()) else {
            skipped += 1;
            continue;
        };
        let dialect = &platform.dialect;
        total += 1;
        let predicted =
            dialect.predict(&dialect.parse(&text(&vector.running)), &dialect.parse_commands(&text(&vector.change)));
        let expected = dialect.parse(&text(&vector.result));
        if dialect.same(&predicted, &expected) {
            same += 1;
        } else {
            println!(
                "missed {} {}\n ours:\n{} theirs:\n{}",
                vector.platform,
                vector.test,
                Canonical::read(&dialect.print(&predicted)),
                Canonical::read(&dialect.print(&expected))
            );
        }
    }
    assert!(same * 100 >= total * 85, "only {same} of {total} predictions are the same");
    say(&format!(
        "conformance hier_config future: {total} cases, {same} the same, {} missed, {skipped} skipped",
        total - same
    ));
}
