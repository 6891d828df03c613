//! A change that is valid and breaks reachability: it comes back by itself and is not tried again.

use std::time::Duration;

use super::network::{Kind, Network, text, until};
use super::service::failures;

/// Tells r3 that both of its neighbours have another number: every line is valid, and every session ends.
fn edit_wrong_neighbours(network: &Network) {
    for address in ["198.18.103.1/30", "198.18.102.2/30"] {
        let address = format!("address: {address}");
        network.edit("data/device/r3.yaml", &address, &format!("{address}, remote_as: 65111"));
    }
}

#[test]
fn a_change_that_breaks_reachability_ends_rolled_back() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    let service = network.serve();
    let before = network.running("r3");
    edit_wrong_neighbours(&network);
    let changed = network.change(&service, "wrong-neighbours");
    assert_eq!(changed.run["finished"]["outcome"], "rolled_back", "{:#}", changed.run);
    assert_eq!(changed.run["waves"][0]["wave"]["devices"]["r3"]["state"], "restored");
    assert_eq!(network.running("r3"), before);
    until("the way from r1 to r3", Duration::from_secs(15), || network.lab.reaches("r1", "198.18.255.3"));

    let words = failures(&changed.run);
    assert!(words.starts_with("r3 verify refused: check `bgp-established` failed after 8s"), "{words}");
    assert!(words.contains("r3 answered to `show bgp neighbors`:\n") && words.contains("BGP state = "), "{words}");
    let shown = network.run(&["show", text(&changed.run["id"])]);
    assert!(shown.expect_code(0).stdout.contains("rolled_back"), "{}", shown.stdout);
    assert!(shown.stdout.contains("bgp-established") && shown.stdout.contains("BGP state = "), "{}", shown.stdout);
    let note = network.note(&changed.merged, "rolled_back");
    assert!(note.contains("bgp-established"), "{note}");

    service.rounds(2);
    let tries =
        service.runs().into_iter().filter(|run| run["kind"] == "deploy" && run["revision"]["commit"] == changed.merged);
    assert_eq!(tries.count(), 1, "the commit is not tried again");
    assert_eq!(
        service.json("/api/v1/repository")["status"]["applied"]["commit"],
        network.work.git(&["rev-parse", "HEAD~1"])
    );
    let plan = network.run(&["plan"]);
    assert!(plan.expect_code(2).stdout.contains("remote-as 65111"), "the intent is still not there: {}", plan.stdout);
}

#[test]
fn the_next_change_goes_on_from_what_the_network_has() {
    let Some(network) = Network::take(Kind::Vtysh) else { return };
    let service = network.serve();
    edit_wrong_neighbours(&network);
    let broken = network.change(&service, "wrong-neighbours");
    assert_eq!(broken.run["finished"]["outcome"], "rolled_back", "{:#}", broken.run);
    assert_eq!(broken.plan["content"]["devices"]["r3"]["rollback_class"], "C");
    for address in ["198.18.103.1/30", "198.18.102.2/30"] {
        network.edit("data/device/r3.yaml", &format!("{address}, remote_as: 65111"), address);
    }
    network.edit("data/device/r3.yaml", "interface: swp1, peer: r1", "interface: swp1, peer: r1, route_map_in: IN");
    network.edit("data/device/r3.yaml", "asn: 65003", "asn: 65003\nroute_maps: {IN: [{seq: 10}]}");
    let repaired = network.change(&service, "repair");
    assert_eq!(repaired.run["finished"]["outcome"], "applied", "{:#}", repaired.run);
    network.run(&["plan"]).expect_code(0);
}
