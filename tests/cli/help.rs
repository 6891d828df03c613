//! Names and flags: what scripts rely on.

use crate::support::folder;
use crate::support::program::Program;

/// Every command of the contract that exists, with its own flags and arguments.
const COMMANDS: [(&str, &[&str]); 8] = [
    ("init", &["<DIR>", "--no-git"]),
    ("validate", &["--format", "text", "json", "github", "sarif"]),
    ("render", &["[DEVICE]", "--out <DIR>"]),
    ("explain", &["<DEVICE>", "[KEY]"]),
    ("test", &["[DEVICE]", "--accept"]),
    ("diff", &["--platform", "--mode", "--format", "<RUNNING>", "<INTENDED>"]),
    ("predict", &["--platform", "<RUNNING>", "<COMMANDS>"]),
    ("parse", &["--template", "--platform", "--command", "--templates", "<FILE>"]),
];

fn help(command: &str) -> String {
    let folder = folder();
    let finished = Program::reconverge(folder.path(), &[command, "--help"]).finish();
    finished.expect_code(0);
    finished.stdout
}

#[test]
fn every_command_has_its_flags_and_an_example() {
    for (command, words) in COMMANDS {
        let text = help(command);
        for word in words.iter().chain(&["--repo", "--output", "--select", "Example"]) {
            assert!(text.contains(word), "{command} --help has no {word}:\n{text}");
        }
        let example = text.split("Example").nth(1).expect("an example");
        assert!(example.contains(&format!("reconverge {command}")), "{command}: {example}");
    }
}

#[test]
fn every_listed_command_has_an_example() {
    let folder = folder();
    let finished = Program::reconverge(folder.path(), &["--help"]).finish();
    finished.expect_code(0);
    let commands = finished.stdout.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next());
    let names: Vec<&str> = commands
        .expect("a list of commands")
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(COMMANDS.iter().all(|(name, _)| names.contains(name)), "{names:?}");
    for name in names {
        assert!(help(name).contains(&format!("reconverge {name}")), "{name} --help has no example");
    }
}

#[test]
fn wrong_use_is_explained_and_fails() {
    let folder = folder();
    for (arguments, words) in [
        (&["rendr"][..], "render"),
        (&["validate", "--format", "xml"], "sarif"),
        (&["explain"], "<DEVICE>"),
        (&["render", "--repo", "nowhere"], "nowhere"),
        (&["diff", "--platform", "frr", "a", "b"], "cannot read a"),
    ] {
        let finished = Program::reconverge(folder.path(), arguments).finish();
        assert!(finished.code != 0, "{arguments:?}");
        assert!(finished.stderr.contains(words), "{arguments:?}: {}", finished.stderr);
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
}
