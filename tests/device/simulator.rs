//! The driver against the simulated switches, with their faults.

use std::time::Duration;

use reconverge::adapters::device::simulated::{DeviceSpec, Fault, NetworkOptions, SimulatedDevice, SimulatedNetwork};
use reconverge::adapters::device::{Auth, Candidate, Certainty, CommandLine, Device, DeviceProblem, HostKey, cli};

use super::{Door, candidate};

const T: Duration = Duration::from_secs(60);

async fn network() -> SimulatedNetwork {
    let mut spec = DeviceSpec::arista_eos("leaf1");
    spec.config = "hostname leaf1\ninterface Ethernet1\n   description old\n".into();
    SimulatedNetwork::start(vec![spec], NetworkOptions::default()).await.expect("it starts")
}

fn leaf(network: &SimulatedNetwork) -> &SimulatedDevice {
    network.device("leaf1").expect("it is there")
}

fn door(device: &SimulatedDevice) -> Door {
    Door {
        platform: "arista_eos",
        port: device.port(),
        user: device.spec().user.clone(),
        auth: vec![Auth::Password(device.spec().password.clone().expect("a password"))],
        host_key: HostKey::Pinned(device.host_key().to_owned()),
        options: Default::default(),
    }
}

async fn open(device: &SimulatedDevice) -> Box<dyn Device> {
    let door = door(device);
    let mut target = door.target();
    target.command_timeout = Duration::from_secs(2);
    cli::connect(&target, &door.page()).await.unwrap_or_else(|error| panic!("{error}"))
}

fn change(base: &str) -> Candidate {
    let to = "interface Ethernet1\n description new\nrouter bgp 65001\n neighbor 192.0.2.1 remote-as 65002\n address-family ipv4\n  network 203.0.113.0/24\n";
    candidate("rc-1-a", base, to, "interface Ethernet1\n description old\nno router bgp 65001\n")
}

fn faults(device: &SimulatedDevice, yaml: &str) {
    device.set_faults(&Fault::script(yaml).expect("a script")).expect("patterns");
}

#[tokio::test]
async fn a_change_goes_through_and_back() {
    let network = network().await;
    let device = leaf(&network);
    let mut session = open(device).await;
    let base = session.running().await.expect("it reads");
    let change = change(&base);
    let staged = session.stage(&change).await.expect("it stages");
    let diff = staged.device_diff.expect("it has a diff");
    assert!(diff.contains("+   description new") && diff.contains("+      network 203.0.113.0/24"), "{diff}");
    assert_eq!(session.running().await.expect("it reads"), base);
    session.commit(&change, T).await.expect("it commits");
    assert_eq!(device.timed_commit().expect("a timer").0, "rc_1_a");
    let mut fresh = open(device).await;
    fresh.confirm(&change).await.expect("it confirms");
    assert!(device.timed_commit().is_none() && device.startup().contains("description new"));
    fresh.confirm(&change).await.expect("asked twice, it is still confirmed");
    fresh.rollback(&change).await.expect("it goes back");
    assert_eq!(fresh.running().await.expect("it reads"), base);
    assert!(!device.startup().contains("description new"));
    session.commit(&change, T).await.expect("it commits again");
    fresh.rollback(&change).await.expect("it goes back");
    assert_eq!((fresh.running().await.expect("it reads"), device.timed_commit()), (base, None));
}

#[tokio::test]
async fn a_value_of_several_lines_is_typed_as_a_whole() {
    let network = network().await;
    let device = leaf(&network);
    let mut session = open(device).await;
    let base = session.running().await.expect("it reads");
    let text = "banner motd\nleaf1# says % Invalid input\n  what is > this?\nEOF";
    let line = |text: &str| CommandLine { text: text.to_owned(), depth: 0, enters: false };
    let mut change = change(&base);
    change.commands.splice(0..0, [line("ip name-server 192.0.2.53"), line(text)]);
    change.undo.splice(0..0, [line("no banner motd"), line("no ip name-server 192.0.2.53")]);
    session.stage(&change).await.expect("it stages");
    session.commit(&change, T).await.expect("it commits");
    let running = session.running().await.expect("it reads");
    assert!(running.contains("banner motd\nleaf1# says % Invalid input\n  what is > this?\nEOF\n"), "{running}");
    session.confirm(&change).await.expect("it confirms");
    session.rollback(&change).await.expect("it goes back");
    assert_eq!(session.running().await.expect("it reads"), base);
    // a second line that is not part of a known kind of value is not typed
    change.commands = vec![line("hostname a\nreload")];
    let error = session.stage(&change).await.expect_err("two lines in one");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Protocol), "{error}");
}

#[tokio::test]
async fn a_staged_change_can_be_forgotten() {
    let network = network().await;
    let device = leaf(&network);
    let mut session = open(device).await;
    let base = session.running().await.expect("it reads");
    session.stage(&change(&base)).await.expect("it stages");
    assert!(device.console("show configuration sessions detail").contains("rc_1_a"));
    open(device).await.discard(&change(&base)).await.expect("it forgets");
    assert!(!device.console("show configuration sessions detail").contains("rc_1_a"));
    let mut wrong = change(&base);
    wrong.commands = super::commands("interface Ethernet1\n frobnicate\n");
    let error = session.stage(&wrong).await.expect_err("it is not a command");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
    assert!(!device.console("show configuration sessions detail").contains("rc_1_a"));
}

#[tokio::test]
async fn a_dropped_commit_is_lost_and_can_be_confirmed_by_a_fresh_session() {
    let network = network().await;
    let device = leaf(&network);
    let mut session = open(device).await;
    let base = session.running().await.expect("it reads");
    faults(device, "- {fault: drop_after_commit, times: 1}");
    let error = session.commit(&change(&base), T).await.expect_err("it hangs up");
    assert_eq!((error.certainty, error.problem), (Certainty::Lost, DeviceProblem::Unreachable), "{error}");
    open(device).await.confirm(&change(&base)).await.expect("it confirms");
    assert!(device.startup().contains("description new"));
}

#[tokio::test]
async fn a_confirm_that_does_nothing_is_not_believed() {
    let network = network().await;
    let device = leaf(&network);
    let mut session = open(device).await;
    let base = session.running().await.expect("it reads");
    session.commit(&change(&base), T).await.expect("it commits");
    faults(device, "- {fault: lie_about_confirm}");
    let error = session.confirm(&change(&base)).await.expect_err("the timer still runs");
    assert!(error.message.contains("changed nothing"), "{error}");
    assert!(device.timed_commit().is_some() && !device.startup().contains("description new"));
}

#[tokio::test]
async fn strange_prompts_garbage_and_huge_answers_are_survived() {
    let network = network().await;
    let device = leaf(&network);
    faults(device, "- {fault: pad_running_config, bytes: 8000000}");
    let mut session = open(device).await;
    assert!(session.running().await.expect("it reads").len() > 8_000_000);
    faults(device, "- {fault: garbage, text: \"\\e[1m\\0\\u00ff\\r\\n\"}");
    session.running().await.expect("it reads through the garbage");
    faults(device, "- {fault: change_prompt, text: \"another(xx)#\"}");
    let base = session.running().await.expect("it learns the new prompt");
    faults(device, "- {fault: change_prompt, text: \"no prompt at all\"}");
    let error = session.stage(&change(&base)).await.expect_err("no prompt");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Timeout), "{error}");
}
