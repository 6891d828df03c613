//! The demonstration tells its whole story and nothing that is not so; the lab starts, serves and stops.

use std::io::Read as _;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::{Program, Running};

/// What every demonstration must say, in this order.
const STORY: [&str; 24] = [
    "1  Five switches",
    "✓ the service has read every switch: in sync: 5 devices",
    "✓ BGP between spines and leafs: 12 of 12 ends established",
    "2  A change",
    "● leaf1 · arista_eos",
    "switchport trunk allowed vlan add 20",
    "✓ nothing was sent",
    "3  The change is merged",
    "wave 1: leaf3",
    "leaf3  verified in a new session",
    "wave 1: every switch keeps the change",
    "wave 2: leaf1",
    "wave 3: leaf2",
    ": in sync: 5 devices",
    "2 packets transmitted, 2 received, 0% packet loss",
    "4  Somebody changes leaf2 by hand",
    "◌ leaf2: changed outside git",
    "- no ip route 203.0.113.0/24 Null0",
    "✓ leaf2 has exactly the running configuration that it had before the edit",
    "5  A bad change",
    "leaf3  rolled back",
    "leaf3 answered to `show ip bgp summary`:",
    "is held",
    "To look around:",
];

#[test]
fn the_demonstration_shows_the_whole_loop_and_leaves_nothing() {
    let folder = crate::support::folder();
    let started = Instant::now();
    let temporary = folder.path().to_str().unwrap();
    let demo = Program::reconverge(folder.path(), &["demo"]).env("TMPDIR", temporary).finish();
    demo.expect_code(0);
    assert!(started.elapsed() < Duration::from_secs(90), "it took {:?}", started.elapsed());
    let mut rest = demo.stdout.as_str();
    for part in STORY {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing or out of order in\n{}", demo.stdout));
        rest = &rest[at + part.len()..];
    }
    assert!(!demo.stdout.contains('\u{1b}'), "colour codes outside a terminal");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn the_demonstration_does_not_tell_what_is_not_so() {
    let folder = crate::support::folder();
    let faults = folder.path().join("faults.yaml");
    std::fs::write(&faults, "leaf3: [{fault: lie_about_commit, times: 1}]\n").unwrap();
    let arguments = ["demo", "--faults", faults.to_str().unwrap()];
    let demo = Program::reconverge(folder.path(), &arguments).env("TMPDIR", folder.path().to_str().unwrap()).finish();
    demo.expect_code(1);
    assert!(demo.stdout.contains("3  The change is merged"), "{}", demo.stdout);
    for lie in ["wave 1: every switch keeps the change", "✓ VLAN 20", "To look around"] {
        assert!(!demo.stdout.contains(lie), "{}", demo.stdout);
    }
    for told in ["the demonstration failed", "had to end as applied", "does not hold the predicted configuration"] {
        assert!(demo.stderr.contains(told), "{told:?} is missing in\n{}", demo.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
}

/// Sends SIGINT, as Ctrl-C does, and waits for the orderly end.
fn interrupt(lab: &mut Running) {
    assert!(Command::new("kill").args(["-INT", &lab.id().to_string()]).status().unwrap().success());
    assert_eq!(lab.exit_code(Duration::from_secs(10)), 0, "{}", lab.printed());
}

fn port(line: &str) -> u16 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "-p").expect("an ssh command");
    words[at + 1].parse().expect("a port")
}

#[test]
fn a_lab_answers_with_ssh_until_it_is_interrupted() {
    let folder = crate::support::folder();
    let mut lab = Program::reconverge(folder.path(), &["lab", "--devices", "2"]).start();
    let ports = ["sw1", "sw2"].map(|name| port(&lab.wait_for(name, Duration::from_secs(20))));
    lab.wait_for("login: admin / admin", Duration::from_secs(5));
    for port in ports {
        let mut banner = [0; 4];
        TcpStream::connect(("127.0.0.1", port)).unwrap().read_exact(&mut banner).unwrap();
        assert_eq!(&banner, b"SSH-");
    }
    lab.wait_for("serving until", Duration::from_secs(5));
    interrupt(&mut lab);
}

#[test]
fn a_lab_is_described_by_a_file() {
    let folder = crate::support::folder();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("leaf1.cfg", "hostname first-leaf\ninterface Ethernet7\n   description seven\n");
    write("lab.yaml", "user: ops\npassword: 5ecret\ndevices:\n  leaf1: {config: leaf1.cfg}\n  leaf2:\n");
    write("faults.yaml", "leaf1: [{fault: refuse_connections}]\n");
    let arguments = ["lab", "lab.yaml", "--faults", "faults.yaml"];
    let mut lab = Program::reconverge(folder.path(), &arguments).start();
    let [closed, open] = ["leaf1", "leaf2"].map(|name| port(&lab.wait_for(name, Duration::from_secs(20))));
    lab.wait_for("serving until", Duration::from_secs(5));
    assert!(TcpStream::connect(("127.0.0.1", closed)).is_err() && TcpStream::connect(("127.0.0.1", open)).is_ok());
    interrupt(&mut lab);
    assert!(!lab.printed().contains("5ecret"), "{}", lab.printed());
}

#[test]
fn a_lab_that_cannot_start_says_why() {
    let folder = crate::support::folder();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("typo.yaml", "devices:\n  leaf1: {prot: 22}\n");
    write("other.yaml", "devices:\n  leaf1: {platform: cisco_nxos}\n");
    write("line.cfg", "hostnam leaf1 x\n");
    write("line.yaml", "devices:\n  leaf1: {config: line.cfg}\n");
    write("faults.yaml", "leaf9: [{fault: refuse_connections}]\n");
    let cases: [(&[&str], &str); 5] = [
        (&["lab", "typo.yaml"], "prot"),
        (&["lab", "other.yaml"], "platform \"cisco_nxos\" is not simulated"),
        (&["lab", "line.yaml"], "simulated device leaf1: line \"hostnam leaf1 x\""),
        (&["lab", "--devices", "1", "--faults", "faults.yaml"], "the lab has no device leaf9"),
        (&["lab", "missing.yaml"], "reading missing.yaml"),
    ];
    for (arguments, told) in cases {
        let ended = Program::reconverge(folder.path(), arguments).finish();
        ended.expect_code(1);
        assert!(ended.stderr.contains(told), "{told:?} is missing in\n{}", ended.stderr);
    }
}
