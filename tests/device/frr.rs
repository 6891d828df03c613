//! What must hold on a real FRR router, for both kinds of accounts. The lab calls these with its doors.

use std::time::Duration;

use reconverge::adapters::device::{Auth, Certainty, Device, DeviceProblem, HostKey, RollbackClass, cli};
use reconverge::domain::secret::Secret;

use super::{Door, candidate};

const LONG: Duration = Duration::from_secs(60);

pub(crate) async fn open(door: &Door) -> Box<dyn Device> {
    cli::connect(&door.target(), &door.page()).await.unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

/// Reading twice gives the same complete text, and an unknown command is refused with FRR's own words.
pub(crate) async fn reads_and_runs(door: &Door, class: RollbackClass) {
    let mut device = open(door).await;
    assert_eq!(device.rollback_class(), class);
    assert!(device.host_key().starts_with("SHA256:"));
    let running = device.running().await.expect("it reads");
    assert!(running.contains("router bgp 65001\n") && running.trim_end().ends_with("end"), "{running}");
    assert_eq!(device.running().await.expect("it reads again"), running);
    assert!(!running.contains('\r') && !running.contains('\u{1b}'));
    let version = device.run("show version").await.expect("it answers");
    assert!(version.contains("FRRouting"), "{version}");
    let error = device.run("show vershun").await.expect_err("there is no such command");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected));
    assert!(error.message.contains("Unknown command"), "{error}");
    assert_eq!(device.running().await.expect("the session goes on"), running);
}

/// Stage, commit, confirm from a fresh session; then back by a rollback after the confirm.
pub(crate) async fn commits_and_confirms(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let to = "ip prefix-list RCT seq 5 permit 203.0.113.0/24\nroute-map RCT permit 10\n description what? now\n match ip address prefix-list RCT\n\
              router bgp 65001\n address-family ipv4 unicast\n  network 203.0.113.0/24\nip route 203.0.113.0/24 blackhole\n";
    let undo = "no ip route 203.0.113.0/24 blackhole\nrouter bgp 65001\n address-family ipv4 unicast\n  no network 203.0.113.0/24\n\
                no route-map RCT permit 10\nno ip prefix-list RCT\n";
    let mut change = candidate("t1-confirm", &base, to, undo);
    device.stage(&change).await.expect("it stages");
    device.commit(&change, LONG).await.expect("it commits");
    drop(device);
    let mut device = open(door).await;
    let now = device.running().await.expect("it reads");
    for line in ["network 203.0.113.0/24", "description what? now", "ip route 203.0.113.0/24 blackhole"] {
        assert!(now.contains(line), "{now}");
    }
    change.predicted = now.clone();
    device.confirm(&change).await.expect("it confirms");
    let error = device.commit(&change, LONG).await.expect_err("the base is another one now");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{error}");
    assert!(error.message.contains("+   network 203.0.113.0/24"), "{error}");
    device.confirm(&change).await.expect("asked twice, it is still confirmed");
    device.rollback(&change).await.expect("it goes back after the confirm too");
    assert_eq!(device.running().await.expect("it reads"), base);
}

/// A roll-back before the confirm brings the base back.
pub(crate) async fn rolls_back(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let change =
        candidate("t2-rollback", &base, "interface lo\n description changed\n", "interface lo\n no description\n");
    device.commit(&change, LONG).await.expect("it commits");
    assert!(device.running().await.expect("it reads").contains("description changed"));
    let mut fresh = open(door).await;
    fresh.rollback(&change).await.expect("it goes back");
    assert_eq!(fresh.running().await.expect("it reads"), base);
    fresh.rollback(&change).await.expect("asked twice, it is still back");
}

/// An error without a mark stops the typing, nothing lands in the wrong section, and the device is back at its base.
pub(crate) async fn refuses_a_line_in_the_middle(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let to =
        "ip route 203.0.113.0/24 blackhole\nrouter bgp 65099\n neighbor 192.0.2.1 remote-as 65098\nhostname hijacked\n";
    let undo = "no ip route 203.0.113.0/24 blackhole\n";
    let change = candidate("t3-trap", &base, to, undo);
    let error = device.commit(&change, LONG).await.expect_err("the router has another number");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
    assert!(
        error.message.contains("command 2 `router bgp 65099`") && error.message.contains("BGP is already running"),
        "{error}"
    );
    assert_eq!(device.running().await.expect("it reads"), base);
    let to = "interface lo\n ip route 203.0.113.0/24 blackhole\n description wrong section\n";
    let change = candidate("t3-section", &base, to, undo);
    let error = device.commit(&change, LONG).await.expect_err("the line leaves its section");
    assert!(error.message.contains("which is not where the next line belongs"), "{error}");
    assert_eq!((error.certainty, device.running().await.expect("it reads")), (Certainty::Refused, base.clone()));
    let change = candidate("t3-bad", &base, "interface lo\n ip ospf authentication-key geheim x y\n", "");
    let error = device.commit(&change, LONG).await.expect_err("it is not a command");
    assert!(error.message.contains("********") && !error.message.contains("geheim"), "{error}");
    assert_eq!(device.running().await.expect("it reads"), base);
}

/// A host name that changes in the middle does not lose the prompt.
pub(crate) async fn follows_a_new_host_name(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let to = "hostname other-name\ninterface lo\n description x\n";
    let change = candidate("t4-name", &base, to, "interface lo\n no description\nhostname r1\n");
    device.commit(&change, LONG).await.expect("it commits");
    assert!(device.running().await.expect("it reads").contains("description x"));
    device.rollback(&change).await.expect("it goes back");
    assert_eq!(device.running().await.expect("it reads"), base);
}

/// A very long line wraps on the terminal and is still echoed, accepted and read back whole.
pub(crate) async fn types_long_lines(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let long = "abcdefghi ".repeat(70).trim_end().to_owned();
    let change =
        candidate("t5-long", &base, &format!("interface lo\n description {long}\n"), "interface lo\n no description\n");
    device.commit(&change, LONG).await.expect("it commits");
    assert!(device.running().await.expect("it reads").contains(&long));
    device.rollback(&change).await.expect("it goes back");
    assert_eq!(device.running().await.expect("it reads"), base);
}

/// Class B: without a confirm the device goes back by itself, and a late confirm is refused with the truth.
pub(crate) async fn timer_restores(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let change =
        candidate("t6-timer", &base, "interface lo\n description unconfirmed\n", "interface lo\n no description\n");
    device.commit(&change, Duration::from_secs(2)).await.expect("it commits");
    let other = candidate("t6-other", &base, "interface lo\n description other\n", "");
    let error = device.commit(&other, LONG).await.expect_err("a change is pending");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
    drop(device);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut device = open(door).await;
    assert_eq!(device.running().await.expect("it reads"), base);
    let error = device.confirm(&change).await.expect_err("the timer was faster");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{error}");
    device.rollback(&change).await.expect("it is back already");
}

/// Class B: a timer that runs out while the lines are typed leaves no half of a change.
pub(crate) async fn timer_runs_out_while_typing(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let mut to = String::from("ip route 203.0.113.0/24 blackhole\ninterface lo\n");
    for round in 0..2500 {
        to.push_str(&format!(" description round {round}\n"));
    }
    let change =
        candidate("t10-slow", &base, &to, "no ip route 203.0.113.0/24 blackhole\ninterface lo\n no description\n");
    let error = device.commit(&change, Duration::from_secs(1)).await.expect_err("it takes longer");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Timeout), "{error}");
    assert!(error.message.contains("back at its base"), "{error}");
    assert_eq!(device.running().await.expect("it reads"), base);
}

/// Class B: an undo that does not bring the base back is followed by the reload of the whole configuration.
pub(crate) async fn reload_restores_what_undo_forgot(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let change = candidate("t7-reload", &base, "interface lo\n description forgotten\n", "");
    device.commit(&change, LONG).await.expect("it commits");
    device.rollback(&change).await.expect("it goes back");
    assert_eq!(device.running().await.expect("it reads"), base);
}

/// Class B: a dry run finds a wrong line before anything is typed.
pub(crate) async fn dry_run_finds_a_wrong_line(door: &Door) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let change = candidate("t8-dry", &base, "router bgp 65001\n neighbor 192.0.2.1 bogus\n", "");
    let error = device.stage(&change).await.expect_err("it is not a command");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
    assert!(error.message.contains("command 2 `neighbor 192.0.2.1 bogus`"), "{error}");
    let change =
        candidate("t8-stale", &base.replace("hostname r1", "hostname r9"), "interface lo\n description x\n", "");
    let error = device.stage(&change).await.expect_err("another base was approved");
    assert_eq!(error.problem, DeviceProblem::Stale, "{error}");
    assert!(error.message.contains("- hostname r9") && error.message.contains("+ hostname r1"), "{error}");
}

/// Class B: a change that cuts the router off is `Lost`, and the router comes back by itself.
///
/// `port` is the interface behind the door, for example `eth0`.
pub(crate) async fn comes_back_after_cutting_itself_off(door: &Door, port: &str) {
    let mut device = open(door).await;
    let base = device.running().await.expect("it reads");
    let change = candidate(
        "t9-cut",
        &base,
        &format!(
            "interface lo\n description before the cut\ninterface {port}\n shutdown\ninterface lo\n description after\n"
        ),
        &format!("interface {port}\n no shutdown\ninterface lo\n no description\n"),
    );
    let mut target = door.target();
    target.command_timeout = Duration::from_secs(2);
    let mut device = cli::connect(&target, &door.page()).await.unwrap_or_else(|error| panic!("{error}"));
    let error = device.commit(&change, Duration::from_secs(5)).await.expect_err("the router is cut off");
    assert_eq!(error.certainty, Certainty::Lost, "{error}");
    assert!(error.message.contains("brings its base back by itself"), "{error}");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut device = open(door).await;
    assert_eq!(device.running().await.expect("it reads"), base);
    device.rollback(&change).await.expect("it is back already");
}

/// A real OpenSSH server tells apart what can be wrong; `door` must work as it is, with a password and a pinned key.
pub(crate) async fn login_errors_are_clear(door: &Door) {
    let problem = async |door: &Door| match cli::connect(&door.target(), &door.page()).await {
        Ok(_) => panic!("it should not log in"),
        Err(error) => {
            assert_eq!(error.certainty, Certainty::Refused);
            assert!(error.message.contains(&format!("127.0.0.1:{}", door.port)) && error.hint.is_some(), "{error:?}");
            error.problem
        }
    };
    open(door).await;
    let mut wrong = door.clone();
    wrong.auth = vec![Auth::Password(Secret::new("not the password"))];
    assert_eq!(problem(&wrong).await, DeviceProblem::AuthFailed);
    let mut wrong = door.clone();
    wrong.host_key = HostKey::Pinned("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into());
    assert_eq!(problem(&wrong).await, DeviceProblem::HostKey);
    wrong.host_key = HostKey::Unknown;
    assert_eq!(problem(&wrong).await, DeviceProblem::HostKey);
}
