//! What FRR does that other systems do not: answers that are not errors, half-applied changes, no lock. Never a wrong "done".

use std::time::{Duration, Instant};

use super::network::{Kind, Network, text};
use super::service::{Service, failures};

#[test]
fn another_as_number_never_puts_lines_into_the_wrong_context() {
    let Some(network) = Network::take(Kind::Vtysh) else { return };
    network.edit("reconverge.yaml", "canary: 1", "canary: 3");
    network.work.commit("all at once");
    network.work.git(&["push", "--quiet", "origin", "main"]);
    let service = network.serve();
    network.edit("data/device/r1.yaml", "asn: 65001", "asn: 65100");
    let changed = network.change(&service, "another-number");
    let commands = text(&changed.plan["content"]["devices"]["r1"]["commands"]);
    let (removed, added) = (commands.find("no router bgp 65001\n"), commands.find("\nrouter bgp 65100\n"));
    assert!(removed.is_some() && added > removed, "{commands}");
    assert_eq!(changed.run["finished"]["outcome"], "applied", "{:#}", changed.run);
    for router in ["r1", "r2", "r3"] {
        assert_eq!(network.running(router), super::network::body(&network.intended(router)), "{router}");
    }
    network.run(&["plan"]).expect_code(0);
}

/// A line that is a command and that r2 refuses: its own address as a neighbour. A dry run does not notice.
const REFUSED_LINE: &str = "neighbor 198.18.101.2 remote-as 65099";
const REFUSED_WORDS: &str = "Can not configure the local system as neighbor";

#[test]
fn a_line_that_is_refused_in_the_middle_leaves_the_router_as_it_was() {
    for (kind, class) in [(Kind::Shell, "B"), (Kind::Vtysh, "C")] {
        let Some(network) = Network::take(kind) else { return };
        let service = network.serve();
        let before = network.running("r2");
        let line = "{% if device.name == 'r2' %}\n REFUSED\n{% endif %}\n{% for entry in neighbors %}\n neighbor {{ entry.neighbor }} remote-as";
        network.edit(
            "templates/frr/main.j2",
            "{% for entry in neighbors %}\n neighbor {{ entry.neighbor }} remote-as",
            &line.replace("REFUSED", REFUSED_LINE),
        );
        network.edit(
            "data/device/r2.yaml",
            "asn: 65002",
            "asn: 65002\nroute_maps: {LATER: [{seq: 10}]}\nprefix_lists: {SOONER: [permit 203.0.113.0/24]}",
        );
        let changed = network.change(&service, "refused-line");
        assert_eq!(changed.plan["content"]["devices"]["r2"]["rollback_class"], class);
        let shown = network.run(&["show", text(&changed.plan["id"])]);
        assert!(shown.expect_code(0).stdout.contains(&format!("rollback {class}")), "{}", shown.stdout);
        assert_eq!(changed.run["finished"]["outcome"], "rolled_back", "{:#}", changed.run);
        let words = failures(&changed.run);
        assert!(words.contains(REFUSED_LINE) && words.contains(REFUSED_WORDS), "{words}");
        assert_eq!(network.running("r2"), before, "{kind:?}");
        service.rounds(2);
        assert_eq!(network.running("r2"), before, "{kind:?}");
    }
}

#[test]
fn somebody_else_at_the_same_time_never_makes_a_wrong_done() {
    for kind in [Kind::Shell, Kind::Vtysh] {
        let Some(network) = Network::take(kind) else { return };
        let service = network.serve();
        let before = network.running("r2");
        let rules: String = (1..=60).map(|number| format!("    - permit 203.0.113.{number}/32\n")).collect();
        network.edit("data/device/r2.yaml", "asn: 65002", &format!("asn: 65002\nprefix_lists:\n  MANY:\n{rules}"));
        let proposed = network.propose("many-lines");
        assert_eq!(service.planned(&proposed)["finished"]["outcome"], "planned");
        let merged = network.merge("many-lines");
        commit_begins(&service, &merged);
        network.lab.configure("r2", &["interface swp1", "description edited meanwhile"]);
        let run = service.deployment(&merged);
        let outcome = text(&run["finished"]["outcome"]).to_owned();
        let now = network.running("r2");
        assert_eq!(outcome, "rolled_back", "{kind:?}: {run:#}\n{now}");
        assert!(failures(&run).contains("edited meanwhile"), "the run tells what came in between: {}", failures(&run));
        // Stale before the first line: the edit stays. Found later: the router is as before the deployment.
        assert_eq!(now.replace("edited meanwhile", "to r3"), before, "{kind:?}");
    }
}

/// Waits until the run of a commit has begun to change r2.
fn commit_begins(service: &Service, commit: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let run = service.find("deploy", commit);
        match run.as_ref().and_then(|run| run["waves"][0]["open"]["r2"].as_str()) {
            Some("commit") => return,
            _ => assert!(Instant::now() < deadline, "{run:?}"),
        }
        assert!(run.is_none_or(|run| run["finished"].is_null()), "too late");
        std::thread::sleep(Duration::from_millis(2));
    }
}
