//! One MiB of hostile text for every platform: it is read, printed, compared and remediated in bounded time.

use std::time::{Duration, Instant};

use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;

/// Longest that one text may take with everything that is done with it. A cost that grows with the square takes hours.
const SECONDS_MAX: u64 = 60;

/// Returns texts of about `bytes` bytes, each with its name.
fn texts(bytes: usize) -> Vec<(&'static str, String)> {
    let repeat = |unit: &str| unit.repeat(bytes / unit.len());
    let mut deep = String::new();
    for level in 0.. {
        if deep.len() > bytes {
            break;
        }
        deep.push_str(&" ".repeat(level % 1_000));
        deep.push_str("a\n");
    }
    let mut numbered = String::new();
    for number in 0.. {
        if numbered.len() > bytes {
            break;
        }
        numbered
            .push_str(&format!("interface Ethernet{number}\n no shutdown\n description {number}\nno vlan {number}\n"));
    }
    vec![
        ("indentation that grows", deep),
        ("one block in another", repeat("a {\n")),
        ("configs in configs", repeat("config a\nedit b\n")),
        ("one line", repeat("set a ")),
        ("one word", repeat("ab")),
        ("braces", repeat("{")),
        ("closing braces", repeat("}")),
        ("double quotes", repeat("\"")),
        ("brackets", repeat("[")),
        ("backslashes", repeat("\\")),
        ("newlines", repeat("\n")),
        ("NUL", repeat("\0")),
        ("the same header", repeat("interface Ethernet1\n")),
        ("the same section", repeat("router bgp 1\n neighbor 1.1.1.1 remote-as 2\n")),
        ("no no no", repeat("no ")),
        ("lines of no no", repeat("no no no\n")),
        ("undo undo", repeat("undo ")),
        ("one long range", format!("vlan {}", repeat("1-4094,"))),
        ("ranges of a line", format!("interface a\n switchport trunk allowed vlan {}", repeat("1-4094,"))),
        ("lines with ranges", repeat("vlan 1-4094\n")),
        ("number ranges", repeat("vlan 1-4294967295\n")),
        ("interface ranges", repeat("interface range Ethernet1/1-1/4294967295\n no shutdown\n")),
        ("numbered", numbered),
        ("banners", repeat("banner motd ^\n")),
        ("comments", repeat("/* # ! ")),
        ("exits", repeat("exit\n")),
        ("paths", repeat("/a/b\nadd c=d\n")),
        ("JSON objects", repeat("{\"a\":")),
    ]
}

/// Hostile size in bytes: small with the other tests, 1 MiB in `make fuzz`.
fn bytes() -> usize {
    std::env::var("RECONVERGE_HOSTILE_BYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(4 << 10)
}

#[test]
fn hostile_texts_cost_no_more_than_others() {
    let bytes = bytes();
    let mut slowest = (Duration::ZERO, String::new());
    let (mut count, mut changed) = (0, 0);
    for platform in Platform::names() {
        let dialect = Platform::built_in(platform).expect("a built-in platform").dialect;
        let other = dialect.parse(&super::corpus(platform)[0]);
        for (name, text) in texts(bytes) {
            let start = Instant::now();
            let tree = dialect.parse(&text);
            let again = dialect.parse(&dialect.print(&tree));
            changed += u32::from(dialect.same(&tree, &tree) && !dialect.same(&tree, &again));
            for (running, intended) in [(&tree, &other), (&other, &tree), (&tree, &again)] {
                let remediation = dialect.remediate(running, intended, &Scope::Replace);
                let reached = dialect.predict(running, &remediation.tree());
                let is_proved = remediation.unproved.is_empty();
                assert!(!is_proved || dialect.same(&reached, intended), "{platform}, {name}: proved and not reached");
            }
            let took = start.elapsed();
            assert!(took.as_secs() < SECONDS_MAX, "{platform}, {name}: {took:?}");
            count += 1;
            if took > slowest.0 {
                slowest = (took, format!("{platform}, {name}"));
            }
        }
    }
    let (took, which) = slowest;
    crate::support::say(&format!(
        "hostile texts of {bytes} bytes: {count}, {changed} do not come back, the slowest {took:.1?} ({which})"
    ));
}
