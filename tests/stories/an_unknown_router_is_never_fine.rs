//! A router that cannot be reached: the plan says so, in bounded time, and nothing counts it in.

use std::time::{Duration, Instant};

use super::a_change_becomes_a_route::edit_fourth_prefix;
use super::network::{Kind, Network, text};
use crate::support::frr_lab::Door;

#[test]
fn an_unreachable_router_is_told_and_never_counted_in_sync() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    for (door, words) in [(Door::Close, "refused"), (Door::Silence, "")] {
        network.lab.door("r2", door);
        let start = Instant::now();
        let plan = network.run(&["plan"]);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(25), "{took:?}");
        let line =
            plan.expect_code(4).stdout.lines().find(|line| line.starts_with("✗ r2: unreachable: ")).map(str::to_owned);
        let line = line.unwrap_or_else(|| panic!("{}", plan.stdout));
        let address = format!("127.0.0.1:{}", network.lab.router("r2").port);
        assert!(line.contains(&address) && line.contains(words) && line.ends_with(')'), "{line}");
        assert!(
            !plan.stdout.contains("in sync: 3") && plan.stdout.contains("1 could not be planned"),
            "{}",
            plan.stdout
        );
        let json = network.run(&["drift", "--output", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json.expect_code(4).stdout).unwrap();
        assert_eq!(
            (&json["in_sync"], &json["plan"]["content"]["devices"]["r2"]["state"]),
            (&false.into(), &"unreachable".into())
        );
        assert_eq!(json["plan"]["content"]["devices"]["r1"]["state"], "in_sync");
        network.lab.door("r2", Door::Restore);
    }
    network.run(&["plan"]).expect_code(0);
}

#[test]
fn nothing_is_sent_while_a_router_is_unknown() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    network.lab.door("r3", Door::Close);
    edit_fourth_prefix(&network);
    let changed = network.change(&service, "fourth-prefix");
    assert_eq!(changed.plan["content"]["devices"]["r3"]["state"], "unreachable", "{:#}", changed.plan);
    assert_eq!(changed.plan["content"]["devices"]["r2"]["state"], "planned");
    assert_eq!(changed.run["finished"]["outcome"], "refused", "{:#}", changed.run);
    assert!(text(&changed.run["finished"]["summary"]).contains("1 could not be planned"));
    assert!(!network.running("r2").contains("203.0.113.1"));
    let devices = service.json("/api/v1/devices");
    let r3 = devices["devices"].as_array().unwrap().iter().find(|device| device["name"] == "r3").unwrap();
    assert_eq!(r3["state"], "unreachable");
    assert!(service.get("/metrics").1.contains("reconverge_devices{state=\"unreachable\"} 1\n"));
}
