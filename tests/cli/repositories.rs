//! `init`, `validate`, `render`, `explain` and `test` over whole repositories.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Repository, files, keys, template};
use crate::support::folder;
use crate::support::program::{Finished, Program};

/// A path for programs that are not there.
fn without_git(folder: &std::path::Path, arguments: &[&str]) -> Finished {
    let empty = folder.join("no-programs");
    std::fs::create_dir_all(&empty).expect("the folder is made");
    Program::reconverge(folder, arguments).env("PATH", &empty.to_string_lossy()).finish()
}

fn git(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().expect("git runs");
    crate::support::successful("git", &output).trim().to_owned()
}

#[test]
fn init_writes_the_template_and_commits_it() {
    let folder = folder();
    let finished = Program::reconverge(folder.path(), &["init", "net"]).finish();
    finished.expect_code(0);
    for words in ["cd net", "reconverge validate", "reconverge render", "reconverge plan --running-from running"] {
        assert!(finished.stdout.contains(words), "{words}: {}", finished.stdout);
    }
    let net = folder.path().join("net");
    // A new file of the template is embedded when src/cli/offline/init.rs is compiled again.
    assert_eq!(files(&net), files(&template()), "touch src/cli/offline/init.rs");
    for path in files(&net) {
        let same =
            std::fs::read(net.join(&path)).expect("a file") == std::fs::read(template().join(&path)).expect("a file");
        assert!(same, "{path} is not the file of the template");
    }
    assert_eq!(git(&net, &["status", "--porcelain"]), "");
    assert_eq!(git(&net, &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(git(&net, &["branch", "--show-current"]), "main");
}

#[test]
fn what_init_wrote_is_clean_and_plans() {
    let folder = folder();
    Program::reconverge(folder.path(), &["init", "net"]).finish().expect_code(0);
    let net = folder.path().join("net");
    let run = |arguments: &[&str]| Program::reconverge(&net, arguments).finish();
    let validated = run(&["validate"]);
    validated.expect_code(0);
    assert_eq!(validated.stdout, "", "not one finding");
    let rendered = run(&["render"]);
    rendered.expect_code(0);
    for device in ["leaf1", "leaf2", "r1", "r2", "r3"] {
        assert!(rendered.stdout.contains(&format!("==> {device} <==\n")), "{device}: {}", rendered.stdout);
    }
    assert_eq!(rendered.stderr, "");
    run(&["test"]).expect_code(0);
    let planned = run(&["plan", "--running-from", "running", "--output", "json"]);
    planned.expect_code(2);
    let plan: Value = serde_json::from_str(&planned.stdout).expect("JSON");
    let head = git(&net, &["rev-parse", "HEAD"]);
    assert!(planned.stdout.contains(&head), "the plan knows its commit: {}", plan["verdict"]);
    // What the plan keeps does not make the repository look changed.
    assert_eq!(git(&net, &["status", "--porcelain"]), "");
}

#[test]
fn init_refuses_a_folder_with_content() {
    let folder = folder();
    std::fs::write(folder.path().join("mine.txt"), "mine").expect("written");
    let finished = Program::reconverge(folder.path(), &["init", "."]).finish();
    finished.expect_code(1);
    assert!(finished.stderr.contains("not empty") && finished.stderr.contains("mine.txt"), "{}", finished.stderr);
    assert_eq!(files(folder.path()), ["mine.txt"]);
    Program::reconverge(folder.path(), &["init", "mine.txt"]).finish().expect_code(1);
}

#[test]
fn init_fills_a_fresh_clone() {
    let folder = folder();
    git(folder.path(), &["init", "--quiet", "--initial-branch=trunk", "clone"]);
    let finished = Program::reconverge(folder.path(), &["init", "clone", "--output", "json"]).finish();
    finished.expect_code(0);
    let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(keys(&value), ["folder", "files", "commit"]);
    assert_eq!(value["commit"], git(&folder.path().join("clone"), &["rev-parse", "trunk"]).as_str());
    assert!(value["files"].as_array().expect("a list").contains(&json!("inventory/devices.yaml")), "{value}");
}

#[test]
fn init_works_without_git() {
    let folder = folder();
    let told = without_git(folder.path(), &["init", "a"]);
    told.expect_code(0);
    assert!(told.stderr.contains("git is not installed"), "{}", told.stderr);
    assert!(folder.path().join("a/reconverge.yaml").exists() && !folder.path().join("a/.git").exists());
    without_git(folder.path(), &["validate", "--repo", "a"]).expect_code(0);
    let asked = Program::reconverge(folder.path(), &["init", "b", "--no-git", "--output", "json"]).finish();
    asked.expect_code(0);
    let value: Value = serde_json::from_str(&asked.stdout).expect("JSON");
    assert_eq!(value["commit"], Value::Null);
    assert!(!folder.path().join("b/.git").exists());
}

#[test]
fn validate_prints_one_line_per_finding() {
    let repository = Repository::new();
    repository.replace("inventory/devices.yaml", "address: 198.18.0.2\n", "adress: 198.18.0.2\n");
    let finished = repository.run(&["validate"]);
    finished.expect_code(1);
    let line = finished.stdout.lines().find(|line| line.contains("adress")).expect("a finding");
    assert!(line.starts_with("inventory/devices.yaml:12:3: error: "), "{line}");
    assert!(line.ends_with("(did you mean \"address\"?)"), "{line}");
    assert!(finished.stderr.contains("error"), "{}", finished.stderr);
}

#[test]
fn validate_has_three_more_forms() {
    let repository = Repository::new();
    repository.append("data/device/r1.yaml", "password: hunter2, 100%: wrong\n");
    let text = repository.run(&["validate"]);
    text.expect_code(1);
    let value = repository.json(&["validate"], 1);
    assert_eq!(keys(&value), ["devices", "errors", "warnings", "findings"]);
    let findings = value["findings"].as_array().expect("a list");
    assert_eq!(value["errors"], findings.iter().filter(|finding| finding["severity"] == "error").count());
    assert_eq!(findings.len(), text.stdout.lines().count());
    assert_eq!(keys(&findings[0]["place"]), ["path", "line", "column"]);
    assert!(findings[0]["message"].is_string());
    let github = repository.run(&["validate", "--format", "github"]);
    github.expect_code(1);
    let annotation = github.stdout.lines().find(|line| line.contains("r1.yaml")).expect("an annotation");
    assert!(annotation.starts_with("::error file=data/device/r1.yaml,line=8,col="), "{annotation}");
    let sarif = repository.run(&["validate", "--format", "sarif"]);
    sarif.expect_code(1);
    let sarif: Value = serde_json::from_str(&sarif.stdout).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["name"], "reconverge");
    let results = sarif["runs"][0]["results"].as_array().expect("a list");
    assert_eq!(results.len(), findings.len());
    let location = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "data/device/r1.yaml");
    assert_eq!(location["region"]["startLine"], 8);
    assert_eq!(results[0]["level"], "error");
}

#[test]
fn annotations_know_the_folder_of_the_repository() {
    let repository = Repository::new();
    let outer = folder();
    std::fs::create_dir(outer.path().join("net")).expect("the folder is made");
    super::copy(repository.path(), &outer.path().join("net"));
    std::fs::write(outer.path().join("net/data/global.yaml"), "a: b: c\n").expect("written");
    let run =
        |format: &str| Program::reconverge(outer.path(), &["validate", "--repo", "./net", "--format", format]).finish();
    assert!(run("github").stdout.contains("file=net/data/global.yaml,line=1"), "{}", run("github").stdout);
    assert!(run("sarif").stdout.contains("\"net/data/global.yaml\""));
    assert!(run("text").stdout.starts_with("data/global.yaml:1:"), "{}", run("text").stdout);
}

#[test]
fn validate_finds_secrets_in_plain_text_and_never_prints_them() {
    let repository = Repository::new();
    repository.append("data/device/r1.yaml", "bgp_password: hunter2\n");
    repository.replace(
        "templates/frr/main.j2",
        " no bgp ebgp-requires-policy\n",
        " no bgp ebgp-requires-policy\n neighbor 192.0.2.9 password Sup3rS3cret\n",
    );
    repository.append("inventory/groups/all.yaml", "vars:\n  snmp: {community: w0rdOfTheDay}\n");
    let finished = repository.run(&["validate"]);
    finished.expect_code(0);
    for start in [
        "data/device/r1.yaml:8:15: warning: ",
        "templates/frr/main.j2:39:1: warning: ",
        "inventory/groups/all.yaml:10:21: warning: ",
    ] {
        assert!(finished.stdout.lines().any(|line| line.starts_with(start)), "{start}:\n{}", finished.stdout);
    }
    for arguments in [
        &["validate"][..],
        &["validate", "--output", "json"],
        &["render"],
        &["explain", "r1"],
        &["explain", "r1", "snmp"],
        &["test", "--accept", "r1"],
        &["test"],
    ] {
        let finished = repository.run(arguments);
        for secret in ["hunter2", "Sup3rS3cret", "w0rdOfTheDay"] {
            assert!(
                !finished.stdout.contains(secret) && !finished.stderr.contains(secret),
                "{arguments:?} prints {secret}"
            );
        }
    }
    assert!(!repository.read("tests/golden/r1.cfg").contains("Sup3rS3cret"), "a pinned config holds the secret");
}

#[test]
fn references_are_rendered_as_references() {
    let repository = Repository::new();
    repository.append("data/global.yaml", "md5: secret://file/net/bgp#ring@3\n");
    repository.replace(
        "templates/frr/main.j2",
        " no bgp ebgp-requires-policy\n",
        " no bgp ebgp-requires-policy\n neighbor 192.0.2.9 password {{ secret(md5) }}\n",
    );
    repository.run(&["validate"]).expect_code(0);
    assert_eq!(repository.run(&["validate"]).stdout, "");
    let rendered = repository.run(&["render", "r1"]);
    rendered.expect_code(0);
    assert!(
        rendered.stdout.contains(" neighbor 192.0.2.9 password secret://file/net/bgp#ring@3\n"),
        "{}",
        rendered.stdout
    );
    let value = repository.json(&["render", "r1"], 0);
    assert_eq!(value["devices"][0]["secrets"], json!(["secret://file/net/bgp#ring@3"]));
}

#[test]
fn render_prints_what_the_device_should_have() {
    let repository = Repository::new();
    let one = repository.run(&["render", "leaf1"]);
    one.expect_code(0);
    assert_eq!(one.stdout, repository.read("tests/golden/leaf1.cfg"));
    let value = repository.json(&["render", "leaf1"], 0);
    assert_eq!(keys(&value), ["revision", "devices", "findings"]);
    assert_eq!(keys(&value["devices"][0]), ["name", "platform", "template", "secrets", "config"]);
    assert_eq!(value["devices"][0]["config"], one.stdout.as_str());
    assert_eq!(value["devices"][0]["template"], "templates/arista_eos/main.j2");
    let chosen = repository.json(&["render", "--select", "site=fra"], 0);
    let names: Vec<&Value> =
        chosen["devices"].as_array().expect("a list").iter().map(|device| &device["name"]).collect();
    assert_eq!(names, ["leaf1", "leaf2"]);
}

#[test]
fn render_writes_files() {
    let repository = Repository::new();
    let finished = repository.run(&["render", "--select", "platform=frr", "--out", "new/configs"]);
    finished.expect_code(0);
    assert_eq!(finished.stdout, "");
    assert_eq!(files(&repository.path().join("new/configs")), ["r1.cfg", "r2.cfg", "r3.cfg"]);
    assert_eq!(repository.read("new/configs/r1.cfg"), repository.run(&["render", "r1"]).stdout);
}

#[test]
fn unknown_devices_and_selectors_are_errors_with_a_suggestion() {
    let repository = Repository::new();
    for (arguments, words) in [
        (&["render", "leaf3"][..], "did you mean \"leaf1\""),
        (&["render", "core-router-7"], "known are leaf1, leaf2, r1, r2, r3"),
        (&["explain", "leef1"], "did you mean \"leaf1\""),
        (&["explain", "r1", "bgp.timmers"], "did you mean \"bgp.timers\""),
        (&["test", "r4"], "not in the inventory"),
        (&["test", "r2"], "--accept"),
        (&["render", "--select", "site=ber"], "no device matches"),
        (&["render", "--select", "site=="], "--select"),
    ] {
        let finished = repository.run(arguments);
        finished.expect_code(1);
        assert!(finished.stderr.contains(words), "{arguments:?}: {}", finished.stderr);
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_template_error_names_file_line_device_and_what_to_do() {
    let repository = Repository::new();
    repository.replace("templates/frr/main.j2", "router bgp {{ asn }}", "router bgp {{ ans }}");
    for arguments in [&["validate"][..], &["render", "r1"]] {
        let finished = repository.run(arguments);
        finished.expect_code(1);
        let told = finished.stdout + &finished.stderr;
        let line = told
            .lines()
            .find(|line| line.starts_with("templates/frr/main.j2:36:15: error: "))
            .unwrap_or_else(|| panic!("{told}"));
        for words in ["ans", "r1", "did you mean \"asn\"?"] {
            assert!(line.contains(words), "{words}: {line}");
        }
    }
    // The other platform still renders.
    repository.run(&["render", "leaf1"]).expect_code(0);
    let all = repository.run(&["render"]);
    all.expect_code(1);
    assert!(all.stdout.contains("==> leaf2 <==") && !all.stdout.contains("==> r2 <=="), "{}", all.stdout);
}

#[test]
fn a_yaml_typo_names_file_and_line() {
    let repository = Repository::new();
    repository.replace("data/device/r2.yaml", "loopback: 198.18.255.2/32", "loopback: [198.18.255.2/32");
    for arguments in [&["validate"][..], &["render", "r1"], &["test"], &["explain", "r1"]] {
        let finished = repository.run(arguments);
        finished.expect_code(1);
        let told = finished.stdout.clone() + &finished.stderr;
        let line =
            told.lines().find(|line| line.starts_with("data/device/r2.yaml:")).unwrap_or_else(|| panic!("{told}"));
        let number: u32 = line.split(':').nth(1).and_then(|number| number.parse().ok()).expect("a line");
        assert!((2..=6).contains(&number), "{line}");
        if arguments[0] == "render" {
            assert_eq!(finished.stdout, "", "a config from a half-read repository");
        }
    }
}

#[test]
fn explain_shows_the_chain() {
    let repository = Repository::new();
    let finished = repository.run(&["explain", "r1", "bgp.timers.hold"]);
    finished.expect_code(0);
    let lines: Vec<Vec<&str>> = finished.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines,
        [vec!["data/global.yaml:7:33", "global", "30"], vec!["*", "data/site/ams.yaml:3:32", "site", "ams", "3"]]
    );
    let value = repository.json(&["explain", "r1", "bgp.timers.hold"], 0);
    assert_eq!(keys(&value), ["device", "platform", "groups", "template", "place", "key", "layers", "findings"]);
    assert_eq!(value["groups"], json!(["all", "routers"]));
    let layer = json!({
        "key": "bgp.timers.hold", "layer": "site ams", "value": 3, "wins": true,
        "place": {"path": "data/site/ams.yaml", "line": 3, "column": 32},
    });
    assert_eq!(value["layers"][1], layer);
    let all = repository.run(&["explain", "leaf2"]);
    all.expect_code(0);
    let vlan = all.stdout.lines().find(|line| line.contains("printers-and-scanners")).expect("a value");
    assert!(
        vlan.starts_with("vlans[1].name = ") && vlan.ends_with("data/device/leaf2.yaml:8:20 (device leaf2)"),
        "{vlan}"
    );
}

#[test]
fn pinned_configs_are_compared() {
    let repository = Repository::new();
    repository.run(&["test"]).expect_code(0);
    repository.replace("data/site/ams.yaml", "hold: 3", "hold: 9");
    let finished = repository.run(&["test"]);
    finished.expect_code(1);
    for words in
        ["differs  tests/golden/r1.cfg", "- timers bgp 1 3", "+ timers bgp 1 9", "passed   tests/golden/leaf1.cfg"]
    {
        assert!(finished.stdout.contains(words), "{words}: {}", finished.stdout);
    }
    let value = repository.json(&["test"], 1);
    assert_eq!(keys(&value), ["passed", "failed", "tests"]);
    assert_eq!((&value["passed"], &value["failed"]), (&json!(1), &json!(1)));
    assert_eq!(keys(&value["tests"][1]), ["device", "file", "state", "diff", "findings"]);
    assert_eq!((&value["tests"][1]["device"], &value["tests"][1]["state"]), (&json!("r1"), &json!("differs")));
    repository.run(&["test", "--accept"]).expect_code(0);
    assert!(repository.read("tests/golden/r1.cfg").contains(" timers bgp 1 9\n"));
    repository.run(&["test"]).expect_code(0);
    repository.run(&["test", "--accept", "r3"]).expect_code(0);
    assert_eq!(repository.json(&["test"], 0)["passed"], 3);
}

#[test]
fn a_pin_of_no_device_and_a_broken_render_fail_the_test() {
    let repository = Repository::new();
    repository.write("tests/golden/r11.cfg", "hostname r11\n");
    let finished = repository.run(&["test"]);
    finished.expect_code(1);
    let told = "tests/golden/r11.cfg:0:0: error: the device \"r11\" is not in the inventory";
    assert!(finished.stdout.contains(told), "{}", finished.stdout);
    repository.replace("templates/arista_eos/main.j2", "router bgp {{ asn }}", "router bgp {{ asm }}");
    let finished = repository.run(&["test", "--accept", "leaf1"]);
    finished.expect_code(1);
    assert!(finished.stdout.contains("templates/arista_eos/main.j2:"), "{}", finished.stdout);
    assert!(repository.read("tests/golden/leaf1.cfg").contains("router bgp 65101"), "a failure was pinned");
}

#[test]
fn nothing_pinned_is_said() {
    let repository = Repository::new();
    std::fs::remove_dir_all(repository.path().join("tests")).expect("removed");
    let finished = repository.run(&["test"]);
    finished.expect_code(0);
    assert!(finished.stderr.contains("nothing is pinned"), "{}", finished.stderr);
    assert_eq!(repository.json(&["test"], 0), json!({"passed": 0, "failed": 0, "tests": []}));
}

/// The reader takes one line and leaves; what is printed is more than a pipe holds.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let repository = Repository::new();
    let long = "! a long line that fills the pipe\n".repeat(20_000);
    repository.append("templates/frr/main.j2", &long);
    let mut child = Command::new(env!("CARGO_BIN_EXE_reconverge"))
        .args(["render"])
        .current_dir(repository.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    reader.read_line(&mut line).expect("a line");
    assert_eq!(line, "==> leaf1 <==\n");
    drop(reader);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        crate::support::skip("there is no /dev/full");
        return;
    };
    let repository = Repository::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_reconverge"));
    command.args(["render", "r1"]).current_dir(repository.path()).stdin(Stdio::null()).stdout(full);
    let output = command.stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the output is not complete"), "{told}");
}

#[test]
fn every_example_is_clean_and_renders() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for example in std::fs::read_dir(&examples).expect("examples").map(|entry| entry.expect("an entry").path()) {
        if !example.join("reconverge.yaml").exists() {
            continue;
        }
        let validated = Program::reconverge(&example, &["validate"]).finish();
        validated.expect_code(0);
        assert_eq!(validated.stdout, "", "{}", example.display());
        Program::reconverge(&example, &["render"]).finish().expect_code(0);
        seen += 1;
    }
    assert!(seen > 0, "no example has a reconverge.yaml");
}
