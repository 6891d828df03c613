//! What can be wrong before anything is sent: each has a message that names the device or the file, and says what to do.

use super::network::{Kind, Network, text};
use crate::support::program::Finished;

/// Returns the one line that starts with this text.
fn line<'a>(finished: &'a Finished, start: &str) -> &'a str {
    let mut lines = finished.stdout.lines().chain(finished.stderr.lines()).filter(|line| line.starts_with(start));
    match (lines.next(), lines.next()) {
        (Some(line), None) => line,
        _ => panic!(
            "not exactly one line starts with {start:?}\n--- stdout\n{}\n--- stderr\n{}",
            finished.stdout, finished.stderr
        ),
    }
}

fn contains(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "no {word:?} in {line:?}");
    }
}

#[test]
fn a_device_that_does_not_let_us_in_is_named_with_what_to_do() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let r1 = network.lab.router("r1");
    let address = format!("127.0.0.1:{}", r1.port);

    let wrong = network.program(&["plan"]).env("RECONVERGE_DEVICE_PASSWORD", "not-the-password").finish();
    contains(line(wrong.expect_code(4), "✗ r1: login failed: "), &[&address, "admin", "("]);
    assert!(!wrong.stdout.contains("not-the-password") && !wrong.stderr.contains("not-the-password"));
    assert!(wrong.stdout.contains("3 could not be planned"), "{}", wrong.stdout);

    network.edit("reconverge.yaml", "RECONVERGE_DEVICE_PASSWORD", "RECONVERGE_NO_SUCH");
    let missing = network.run(&["plan"]);
    contains(line(missing.expect_code(4), "✗ r1: login failed: "), &["RECONVERGE_NO_SUCH", "("]);
    network.edit("reconverge.yaml", "RECONVERGE_NO_SUCH", "RECONVERGE_DEVICE_PASSWORD");

    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    network.edit("inventory/devices.yaml", &r1.host_key_fingerprint, other);
    let changed = network.run(&["plan"]);
    let words = line(changed.expect_code(4), "✗ r1: host key: ");
    contains(words, &[&address, &r1.host_key_fingerprint, other, "("]);
    assert!(changed.stdout.contains("1 could not be planned"), "{}", changed.stdout);
    network.edit("inventory/devices.yaml", other, &r1.host_key_fingerprint);

    let closed = crate::support::free_port().to_string();
    network.edit("inventory/devices.yaml", &format!("port: {}", r1.port), &format!("port: {closed}"));
    let refused = network.run(&["plan"]);
    contains(line(refused.expect_code(4), "✗ r1: unreachable: "), &[&format!("127.0.0.1:{closed}"), "refused", "("]);
}

#[test]
fn a_mistake_in_the_repository_is_named_with_file_and_line() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    network.edit("templates/frr/main.j2", "bgp router-id {{ loopback", "bgp router-id {{ lopback");
    let number = network.line_of("templates/frr/main.j2", "lopback");
    let template = network.run(&["plan"]);
    let words = line(template.expect_code(4), "✗ r1: not rendered: ");
    contains(words, &[&format!("templates/frr/main.j2:{number}"), "lopback", "("]);
    network.edit("templates/frr/main.j2", "{{ lopback", "{{ loopback");

    network.edit("data/device/r2.yaml", "asn: 65002", "asn: 65002: 1");
    let number = network.line_of("data/device/r2.yaml", "asn: 65002: 1");
    let typo = network.run(&["plan"]);
    assert_eq!(typo.code, 1, "{typo:?}");
    contains(&typo.stderr, &[&format!("data/device/r2.yaml:{number}:"), "error: "]);
    network.edit("data/device/r2.yaml", "asn: 65002: 1", "asn: 65002");

    network.edit("reconverge.yaml", "confirm_timeout", "confirm_timeot");
    let number = network.line_of("reconverge.yaml", "confirm_timeot");
    let unknown = network.run(&["plan"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    contains(&unknown.stderr, &[&format!("reconverge.yaml:{number}:"), "confirm_timeot", "confirm_timeout"]);
}

#[test]
fn a_mistake_on_a_change_branch_is_told_where_the_change_is() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    network.edit("data/device/r2.yaml", "asn: 65002", "asn: 65002: 1");
    let number = network.line_of("data/device/r2.yaml", "asn: 65002: 1");
    let proposed = network.propose("typo");
    let run = service.planned(&proposed);
    assert_eq!(run["finished"]["outcome"], "failed", "{run:#}");
    contains(text(&run["finished"]["summary"]), &[&format!("data/device/r2.yaml:{number}:")]);
    network.note(&proposed, &format!("data/device/r2.yaml:{number}:"));
    let merged = network.merge("typo");
    let run = service.deployment(&merged);
    assert_eq!(run["finished"]["outcome"], "failed", "{run:#}");
    service.rounds(1);
    assert_eq!(service.runs().iter().filter(|run| run["revision"]["commit"] == merged.as_str()).count(), 1);
    network.edit("data/device/r2.yaml", "asn: 65002: 1", "asn: 65002");
    let repaired = network.change(&service, "no-typo");
    assert_eq!(repaired.run["finished"]["outcome"], "applied", "{:#}", repaired.run);
}
