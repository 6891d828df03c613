//! `kill -9` of the service at many moments of a deployment: every router ends at the old or the new configuration, the record
//! says which, and a second start changes nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reconverge::domain::deploy::wave::State;
use reconverge::domain::run::{Run, RunOutcome};

use super::network::{Kind, Network, body, text};
use super::service::Service;

const ROUTERS: [&str; 3] = ["r1", "r2", "r3"];

/// After how many events of the run the service is killed. With r1 as canary and then r2 and r3 together, a deployment has 31:
/// 1 requested, 2 planned, 3 wave; r1: 4-5 stage, 6-7 commit, 8-9 verify, 10-11 confirm; 12 end of wave, 13 wave;
/// r2 and r3: 14-17 stage, 18-21 commit, 22-25 verify, 26-29 confirm; 30 end of wave, 31 end.
const MOMENTS: [u64; 10] = [2, 4, 6, 8, 10, 12, 15, 19, 27, 31];

/// The same for accounts without a timer on the router.
const MOMENTS_WITHOUT_TIMER: [u64; 2] = [6, 10];

#[test]
fn a_killed_service_leaves_every_router_old_or_new_and_says_which() {
    let Some(network) = Network::take(Kind::Shell) else { return };
    killed_at(&network, &MOMENTS);
}

#[test]
fn without_a_timer_on_the_router_the_next_start_tidies_up() {
    let Some(network) = Network::take(Kind::Vtysh) else { return };
    killed_at(&network, &MOMENTS_WITHOUT_TIMER);
}

fn killed_at(network: &Network, moments: &[u64]) {
    network.edit("reconverge.yaml", "confirm_timeout: 20s", "confirm_timeout: 10s");
    network.work.commit("short timer");
    network.work.git(&["push", "--quiet", "origin", "main"]);
    let mut service = network.serve();
    for moment in moments {
        service = survives(network, service, *moment);
    }
}

/// Deploys one more change to all routers and kills the service in the middle; checks what became of it.
fn survives(network: &Network, service: Service, moment: u64) -> Service {
    let old = configurations(network);
    let rules: String = (1..=20).map(|rule| format!("    - permit 203.0.{moment}.{rule}/32\n")).collect();
    let site = format!("bgp:\n  timers: {{keepalive: 1, hold: 3}}\nprefix_lists:\n  MOMENT:\n{rules}");
    network.work.write("data/site/ams.yaml", &site);
    let name = format!("moment-{moment}");
    let proposed = network.propose(&name);
    assert_eq!(service.planned(&proposed)["finished"]["outcome"], "planned");
    let merged = network.merge(&name);
    let id = wait_for_event(&service, &merged, moment);
    service.kill();
    let interrupted = network.run(&["show", &id, "--output", "json"]);
    let interrupted: Run = serde_json::from_str(&interrupted.expect_code(0).stdout).unwrap();
    assert!(interrupted.events >= moment, "{interrupted:?}");
    assert_eq!(interrupted.finished.is_some(), moment == 31, "moment {moment} was missed: {interrupted:?}");

    let service = network.start();
    let run = the_last_run(&service, &merged);
    let new = ROUTERS.map(|router| (router, body(&network.intended(router)))).into();
    println!("moment {moment} (killed after event {}): {}", interrupted.events, text(&run["finished"]["summary"]));
    the_record_is_true(network, &run, &old, &new);
    let is_applied = service.json("/api/v1/repository")["status"]["applied"]["commit"] == merged.as_str();
    assert_eq!(is_applied, run["finished"]["outcome"] == "applied", "{run:#}");
    service.kill();

    let again = network.start();
    let (runs, before) = (deployments(&again), configurations(network));
    again.rounds(1);
    assert_eq!((deployments(&again), configurations(network)), (runs, before), "the second start changes nothing");
    again
}

fn configurations(network: &Network) -> BTreeMap<&'static str, String> {
    ROUTERS.map(|router| (router, network.running(router))).into()
}

fn deployments(service: &Service) -> usize {
    service.runs().iter().filter(|run| run["kind"] == "deploy").count()
}

/// Returns the run of a commit as soon as it has so many events.
fn wait_for_event(service: &Service, commit: &str, events: u64) -> String {
    let deadline = Instant::now() + Duration::from_secs(40);
    let id = loop {
        if let Some(run) = service.find("deploy", commit) {
            break text(&run["id"]).to_owned();
        }
        assert!(Instant::now() < deadline, "no deployment of {commit}: {}", service.printed());
        std::thread::sleep(Duration::from_millis(5));
    };
    let path = format!("/api/v1/runs/{id}");
    while service.json(&path)["events"].as_u64() < Some(events) {
        assert!(Instant::now() < deadline, "no event {events}: {}", service.printed());
        std::thread::sleep(Duration::from_millis(1));
    }
    id
}

/// Waits until no run of a commit is open and none follows, and returns the newest one.
fn the_last_run(service: &Service, commit: &str) -> serde_json::Value {
    loop {
        let run = service.deployment(commit);
        service.rounds(1);
        if service.find("deploy", commit).is_some_and(|newest| newest["id"] == run["id"]) {
            return run;
        }
    }
}

fn the_record_is_true(
    network: &Network,
    run: &serde_json::Value,
    old: &BTreeMap<&'static str, String>,
    new: &BTreeMap<&'static str, String>,
) {
    let run: Run = serde_json::from_value(run.clone()).unwrap();
    let states = run.device_states();
    let mut kept = 0;
    for router in ROUTERS {
        let wanted = match states.get(&router.parse().unwrap()) {
            Some(State::Confirmed) => new,
            Some(State::Restored) | None => old,
            Some(state) => panic!("{router} is {state:?}: {run:?}"),
        };
        assert_eq!(network.running(router), wanted[router], "{router} is not as the run says: {run:#?}");
        let saved = network.lab.exec(router, &["cat", "/etc/frr/frr.conf"]);
        assert_eq!(
            lists(&String::from_utf8_lossy(&saved.stdout)),
            lists(&wanted[router]),
            "the next start of {router}: {run:#?}"
        );
        kept += usize::from(wanted[router] == new[router]);
    }
    let outcome = run.finished.as_ref().map(|finish| finish.outcome);
    let expected = match kept {
        3 => RunOutcome::Applied,
        0 => RunOutcome::RolledBack,
        _ => RunOutcome::Partial,
    };
    assert_eq!(outcome, Some(expected), "{run:?}");
}

/// Returns the lines that a moment changes.
fn lists(config: &str) -> Vec<&str> {
    config.lines().filter(|line| line.contains("prefix-list MOMENT")).collect()
}
