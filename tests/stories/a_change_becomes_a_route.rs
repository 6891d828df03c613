//! From a change branch to a routed packet: the plan, the merge, the deployment, and everything that tells of it.

use std::time::Duration;

use reconverge::domain::platform::Platform;

use super::network::{Kind, Network, body, text, until};
use super::service::Service;

const COMMANDS: &str = "\
route-map TO-R1 permit 10
 set metric 50
interface lo
 ip address 203.0.113.1/32
router bgp 65002
 address-family ipv4 unicast
  network 203.0.113.1/32
  neighbor 198.18.101.1 route-map TO-R1 out
 exit-address-family
";

/// A fourth prefix on r2, with an address of it, and a route map towards r1.
pub(super) fn edit_fourth_prefix(network: &Network) {
    network.edit("data/device/r2.yaml", "# networks: [203.0.113.0/24]", "networks: [203.0.113.1/32]");
    network.edit(
        "data/device/r2.yaml",
        "address: 198.18.101.2/30}",
        "address: 198.18.101.2/30, route_map_out: TO-R1}\nroute_maps:\n  TO-R1:\n    - {seq: 10, set: ['metric 50']}",
    );
}

#[test]
fn a_fourth_prefix_and_a_route_map_reach_the_neighbours() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    edit_fourth_prefix(&network);
    let commit = network.propose("fourth-prefix");
    let planned = service.planned(&commit);
    the_plan_lists_exactly_the_commands(&network, &service, text(&planned["plan"]));
    let note = network.note(&commit, text(&planned["plan"]));
    assert!(note.contains("network 203.0.113.1/32"), "{note}");
    service.rounds(1);
    assert!(service.find("deploy", &commit).is_none(), "nothing is deployed before the merge");
    assert!(!network.lab.reaches("r1", "203.0.113.1"));

    network.fast_forward("fourth-prefix");
    let run = service.deployment(&commit);
    assert_eq!(run["finished"]["outcome"], "applied", "{run:#}");
    assert_eq!(run["waves"][0]["wave"]["devices"]["r2"]["state"], "confirmed");
    until("the way to the fourth prefix", Duration::from_secs(5), || network.lab.reaches("r1", "203.0.113.1"));
    let metric = network.lab.exec("r1", &["vtysh", "-c", "show bgp ipv4 unicast 203.0.113.1/32"]);
    assert!(String::from_utf8_lossy(&metric.stdout).contains("metric 50"), "{metric:?}");

    every_router_holds_what_is_intended(&network);
    let plan = network.run(&["plan"]);
    assert!(plan.expect_code(0).stdout.contains("in sync: 3 devices"), "{plan:?}");
    network.run(&["drift"]).expect_code(0);
    let note = network.note(&commit, text(&run["id"]));
    let (plan_at, run_at) = (note.find("network 203.0.113.1/32"), note.find(text(&run["id"])));
    assert!(plan_at.is_some() && run_at > plan_at, "the plan, then the run:\n{note}");
    everything_tells_of_it(&network, &service, &run);
}

fn the_plan_lists_exactly_the_commands(network: &Network, service: &Service, id: &str) {
    let plan = service.json(&format!("/api/v1/plans/{id}"));
    let devices = &plan["content"]["devices"];
    assert_eq!(devices["r2"]["commands"], COMMANDS);
    assert_eq!(devices["r2"]["rollback_class"], "B");
    assert_eq!((&devices["r1"]["state"], &devices["r3"]["state"]), (&"in_sync".into(), &"in_sync".into()));
    assert!(devices["r2"]["undo_unproved"].is_null() && devices["r2"]["unproved"].is_null(), "{plan:#}");
    let shown = network.run(&["show", id]);
    let commands: String = COMMANDS.lines().map(|line| format!("    {line}\n")).collect();
    assert!(shown.expect_code(0).stdout.contains(&commands), "{}", shown.stdout);
    assert!(shown.stdout.contains("1 device will change, 5 operations"), "{}", shown.stdout);
}

fn every_router_holds_what_is_intended(network: &Network) {
    let platforms = Platform::all().unwrap();
    let dialect = &platforms[&"frr".parse().unwrap()].dialect;
    for router in ["r1", "r2", "r3"] {
        let (running, intended) = (network.lab.running_config(router), network.intended(router));
        let (have, want) = (dialect.parse(&running), dialect.parse(&intended));
        assert!(dialect.same(&have, &want), "{router}:\n{}", dialect.text_diff(&have, &want));
        assert_eq!(body(&running), body(&intended), "{router}, line by line");
        let saved = network.lab.exec(router, &["cat", "/etc/frr/frr.conf"]);
        let saved = dialect.parse(&String::from_utf8_lossy(&saved.stdout));
        assert!(dialect.same(&saved, &want), "{router}, saved:\n{}", dialect.text_diff(&saved, &want));
    }
}

fn everything_tells_of_it(network: &Network, service: &Service, run: &serde_json::Value) {
    let id = text(&run["id"]);
    let shown = network.run(&["show", id]);
    assert!(
        shown.expect_code(0).stdout.contains("applied") && shown.stdout.contains("r2: Confirmed"),
        "{}",
        shown.stdout
    );
    let listed = network.run(&["runs"]);
    let line = listed.expect_code(0).stdout.lines().find(|line| line.starts_with(id));
    assert!(line.is_some_and(|line| line.contains("deploy") && line.contains("applied")), "{}", listed.stdout);
    let listed = network.run(&["runs", "--output", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.expect_code(0).stdout).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|listed| listed == run), "{listed:#}");
    assert_eq!(service.json(&format!("/api/v1/runs/{id}")), *run);
    for device in service.json("/api/v1/devices")["devices"].as_array().unwrap() {
        assert_eq!(device["state"], "in_sync", "{device:#}");
    }
    assert_eq!(service.get("/healthz"), (200, "ok\n".into()));
    assert_eq!(service.get("/readyz"), (200, "ready\n".into()));
    assert!(service.get("/metrics").1.contains("reconverge_devices{state=\"in_sync\"} 3\n"));
    assert_eq!(service.metric("reconverge_failed_rounds_total"), 0);
    assert_eq!(service.get("/api/v1/runs/run_00000000000000000000000000").0, 404);
}
