//! `diff` and `predict`: text files in, commands or a configuration out.

use serde_json::Value;

use crate::support::folder;
use crate::support::program::{Finished, Program};

const RUNNING: &str =
    "hostname a\n!\ninterface Ethernet1\n   description old\n!\ninterface Ethernet2\n   shutdown\n!\nend\n";
const INTENDED: &str = "hostname a\n!\ninterface Ethernet1\n   description new\n!\nend\n";

fn run(arguments: &[&str]) -> Finished {
    let folder = folder();
    std::fs::write(folder.path().join("running.cfg"), RUNNING).expect("written");
    std::fs::write(folder.path().join("intended.cfg"), INTENDED).expect("written");
    std::fs::write(folder.path().join("commands.txt"), "interface Ethernet1\n   description new\n").expect("written");
    Program::reconverge(folder.path(), arguments).finish()
}

fn diff(more: &[&str]) -> Finished {
    run(&[&["diff", "--platform", "arista_eos"], more, &["running.cfg", "intended.cfg"]].concat())
}

#[test]
fn diff_prints_commands_and_says_that_there_are_changes() {
    let finished = diff(&[]);
    finished.expect_code(2);
    assert!(finished.stdout.contains("interface Ethernet1\n   description new\n"), "{}", finished.stdout);
    assert!(finished.stdout.contains("Ethernet2"), "replace leaves nothing behind: {}", finished.stdout);
    let merge = diff(&["--mode", "merge"]);
    merge.expect_code(2);
    assert!(!merge.stdout.contains("Ethernet2"), "merge removes nothing: {}", merge.stdout);
}

#[test]
fn diff_without_a_difference_is_done() {
    let finished = run(&["diff", "--platform", "arista_eos", "running.cfg", "running.cfg"]);
    finished.expect_code(0);
    assert_eq!(finished.stdout, "");
}

#[test]
fn diff_has_a_text_form_and_json() {
    let text = diff(&["--format", "diff"]);
    text.expect_code(2);
    for line in ["-   description old\n", "+   description new\n", "-interface Ethernet2\n"] {
        assert!(text.stdout.contains(line), "{line:?}: {}", text.stdout);
    }
    for arguments in [&["--format", "json"][..], &["--output", "json"]] {
        let finished = diff(arguments);
        finished.expect_code(2);
        let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
        for key in ["platform", "mode", "changed", "risk", "operations", "commands", "unproved"] {
            assert!(value.get(key).is_some(), "{key}: {value}");
        }
        assert_eq!((&value["platform"], &value["changed"]), (&"arista_eos".into(), &true.into()));
        let operation = &value["operations"][0];
        for key in ["path", "kind", "risk", "command"] {
            assert!(operation.get(key).is_some(), "{key}: {operation}");
        }
    }
}

#[test]
fn predict_types_the_commands() {
    let finished = run(&["predict", "--platform", "arista_eos", "running.cfg", "commands.txt"]);
    finished.expect_code(0);
    let wanted = "description new";
    assert!(finished.stdout.contains(wanted) && !finished.stdout.contains("old"), "{}", finished.stdout);
    assert!(finished.stdout.contains("Ethernet2"), "what is not typed about stays: {}", finished.stdout);
    let json = run(&["predict", "--platform", "arista_eos", "--output", "json", "running.cfg", "commands.txt"]);
    let value: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(value["platform"], "arista_eos");
    assert_eq!(value["predicted"], finished.stdout.as_str());
}

#[test]
fn an_unknown_platform_is_an_error_that_lists_the_known() {
    for arguments in [
        ["diff", "--platform", "quux", "running.cfg", "intended.cfg"],
        ["predict", "--platform", "quux", "running.cfg", "commands.txt"],
    ] {
        let finished = run(&arguments);
        finished.expect_code(1);
        assert!(finished.stderr.contains("\"quux\"") && finished.stderr.contains("arista_eos"), "{}", finished.stderr);
    }
}
