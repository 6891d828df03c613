//! Changes that were made by hand: drift shows exactly them, a deployment neither hides nor removes them, a plan that they
//! made stale is refused.

use super::a_change_becomes_a_route::edit_fourth_prefix;
use super::network::{Kind, Network, text};

/// Returns the lines of a report that tell of operations.
fn operations(report: &str) -> Vec<&str> {
    report.lines().filter(|line| ["  + ", "  - ", "  ~ "].iter().any(|sign| line.starts_with(sign))).collect()
}

#[test]
fn drift_shows_exactly_the_line_that_was_edited() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    let cases: [(&[&str], &[&str]); 3] = [
        (&["ip route 203.0.113.0/24 blackhole"], &["  - no ip route 203.0.113.0/24 blackhole"]),
        (
            &["no ip route 203.0.113.0/24 blackhole", "interface swp1", "description moved by hand"],
            &["  ~  description to r2"],
        ),
        (
            &["interface swp1", "description to r2", "router bgp 65001", "no neighbor 198.18.101.2 description"],
            &["  +  neighbor 198.18.101.2 description r2"],
        ),
    ];
    for (typed, shown) in cases {
        network.lab.configure("r1", typed);
        let drift = network.run(&["drift"]);
        assert_eq!(operations(&drift.expect_code(2).stdout), shown, "{}", drift.stdout);
        assert!(drift.stdout.contains("1 changed outside git (not deployed)") && drift.stdout.contains("◌ r1: "));
        assert!(!drift.stdout.contains("r2: ") && !drift.stdout.contains("r3: "), "{}", drift.stdout);
    }
    drop(service);
}

#[test]
fn an_unrelated_change_neither_hides_nor_removes_a_hand_edit() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    network.lab.configure("r1", &["interface swp1", "description moved by hand"]);
    network.lab.configure("r2", &["ip route 198.51.100.0/24 blackhole"]);
    edit_fourth_prefix(&network);
    let changed = network.change(&service, "fourth-prefix");
    assert_eq!(changed.run["finished"]["outcome"], "applied", "{:#}", changed.run);
    let devices = &changed.plan["content"]["devices"];
    assert_eq!((&devices["r1"]["state"], &devices["r2"]["state"]), (&"in_sync".into(), &"planned".into()));
    assert_eq!(devices["r1"]["drift"][0]["command"], "description to r2", "{devices:#}");
    assert_eq!(devices["r2"]["drift"][0]["command"], "no ip route 198.51.100.0/24 blackhole", "{devices:#}");
    assert!(!text(&devices["r2"]["commands"]).contains("198.51.100"), "{devices:#}");
    let shown = network.run(&["show", text(&changed.plan["id"])]);
    assert!(shown.expect_code(0).stdout.contains("2 changed outside git (not deployed)"), "{}", shown.stdout);
    assert!(network.running("r1").contains("description moved by hand"));
    assert!(network.running("r2").contains("ip route 198.51.100.0/24 blackhole"));
    assert!(network.running("r2").contains("network 203.0.113.1/32"));
    let drift = network.run(&["drift"]);
    let expected = ["  ~  description to r2", "  - no ip route 198.51.100.0/24 blackhole"];
    assert_eq!(operations(&drift.expect_code(2).stdout), expected, "{}", drift.stdout);
}

#[test]
fn a_plan_that_a_hand_edit_made_stale_is_refused_with_the_lines() {
    let Some(network) = Network::take(Kind::Vtysh) else { return };
    edit_fourth_prefix(&network);
    let plan = network.run(&["plan", "--out", "change.plan"]);
    assert!(plan.expect_code(2).stdout.contains("rollback C"), "{}", plan.stdout);
    network.lab.configure("r2", &["interface swp1", "description moved by hand"]);
    let before = network.running("r2");
    let apply = network.run(&["apply", "change.plan"]);
    assert!(apply.expect_code(3).stdout.contains("refused"), "{apply:?}");
    assert!(
        apply.stdout.contains("stale, nothing was sent: r2: it changed since the plan was made"),
        "{}",
        apply.stdout
    );
    assert!(
        apply.stdout.contains("- description to r3") && apply.stdout.contains("+ description moved by hand"),
        "{}",
        apply.stdout
    );
    assert_eq!(network.running("r2"), before);
    network.run(&["plan", "--out", "again.plan"]).expect_code(2);
    network.run(&["apply", "again.plan"]).expect_code(0);
    assert!(network.running("r2").contains("network 203.0.113.1/32"));
    network.run(&["plan"]).expect_code(0);
}

#[test]
fn a_reviewed_plan_that_no_longer_holds_waits_for_a_person() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    edit_fourth_prefix(&network);
    let proposed = network.propose("fourth-prefix");
    assert_eq!(service.planned(&proposed)["finished"]["outcome"], "planned");
    network.lab.configure("r2", &["interface lo", "ip address 203.0.113.1/32"]);
    let merged = network.merge("fourth-prefix");
    let run = service.deployment(&merged);
    assert_eq!(run["finished"]["outcome"], "needs_approval", "{run:#}");
    let summary = text(&run["finished"]["summary"]);
    assert!(summary.contains("the network moved since") && summary.contains("r2"), "{summary}");
    assert!(!network.running("r2").contains("network 203.0.113.1/32"));
    let apply = network.run(&["apply", "--plan", text(&run["plan"])]);
    assert!(apply.expect_code(0).stdout.contains("applied"), "{apply:?}");
    assert!(network.running("r2").contains("network 203.0.113.1/32"));
    network.run(&["plan"]).expect_code(0);
}
