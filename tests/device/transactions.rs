//! Every kind of transaction over real SSH: commit, confirm, expiry, rollback, refused lines, and sessions that die.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reconverge::adapters::device::{Candidate, Certainty, DeviceProblem, RollbackClass, cli};
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;
use reconverge::engine::deploy::work::command_lines;

use super::Door;
use super::played::{Death, Device, Shared, built_in};
use super::scripted::{Manners, start};

const T: Duration = Duration::from_secs(120);

/// A platform with a configuration and the one that it should get.
struct Case {
    platform: &'static str,
    class: RollbackClass,
    base: &'static str,
    target: &'static str,
    /// A command that the device does not know.
    bad: &'static str,
}

const IOS: (&str, &str) = (
    "hostname r1\ninterface Loopback1\n description old\n",
    "hostname r1\ninterface Loopback1\n description new\ninterface Loopback2\n description second\nip route 192.0.2.0 255.255.255.0 Null0\n",
);

fn cases() -> Vec<Case> {
    indented_cases().into_iter().chain(flat_cases()).collect()
}

fn indented_cases() -> Vec<Case> {
    use RollbackClass::{A, C};
    let indented = |platform, class| Case { platform, class, base: IOS.0, target: IOS.1, bad: "frobnicate everything" };
    let vrp = |platform, class| Case {
        platform,
        class,
        base: "sysname r-1\ninterface LoopBack1\n description old\n",
        target: "sysname r-1\ninterface LoopBack1\n description new\ninterface LoopBack2\n description second\n",
        bad: "frobnicate everything",
    };
    let set = |platform, class, base, target, bad| Case { platform, class, base, target, bad };
    vec![
        set(
            "juniper_junos",
            A,
            "system {\n    host-name r1;\n}\ninterfaces {\n    ge-0/0/0 {\n        description old;\n    }\n}\n",
            "system {\n    host-name r1;\n}\ninterfaces {\n    ge-0/0/0 {\n        description new;\n        mtu 9000;\n    }\n}\n",
            "set frobnicate everything",
        ),
        indented("cisco_iosxe", A),
        Case {
            target: "hostname r1\ninterface Loopback1\n description new\ninterface Loopback2\n description second\n",
            ..indented("cisco_iosxr", A)
        },
        Case {
            base: "hostname r1\ninterface loopback1\n  description old\n",
            target: "hostname r1\ninterface loopback1\n  description new\ninterface loopback2\n  description second\n",
            ..indented("cisco_nxos", C)
        },
        vrp("huawei_vrp", A),
        vrp("hpe_comware", A),
        Case {
            base: "hostname r1\ninterface loopback 1\n    description old\n",
            target: "hostname r1\ninterface loopback 1\n    description new\ninterface loopback 2\n    description second\n",
            ..indented("aruba_aoscx", A)
        },
        Case {
            base: "hostname r1\ninterface loopback1\n description old\n",
            target: "hostname r1\ninterface loopback1\n description new\ninterface loopback2\n description second\n",
            ..indented("dell_os10", C)
        },
        Case {
            base: "hostname r1\ninterface Management0/0\n description old\n",
            target: "hostname r1\ninterface Management0/0\n description new\n mtu 1400\n",
            ..indented("cisco_asa", C)
        },
    ]
}

fn flat_cases() -> Vec<Case> {
    use RollbackClass::{A, C};
    let set = |platform, class, base, target, bad| Case { platform, class, base, target, bad };
    vec![
        set(
            "nokia_sros",
            A,
            "configure {\n    system {\n        name \"r1\"\n        contact \"old\"\n    }\n}\n",
            "configure {\n    system {\n        name \"r1\"\n        contact \"new\"\n        location \"here\"\n    }\n}\n",
            "/configure frobnicate everything",
        ),
        set(
            "nokia_srlinux",
            A,
            "set / system name host-name r1\nset / system information contact old\n",
            "set / system name host-name r1\nset / system information contact new\nset / system information location here\n",
            "set / frobnicate everything",
        ),
        set(
            "vyos",
            A,
            "set system host-name 'r1'\nset interfaces ethernet eth0 description 'old'\n",
            "set system host-name 'r1'\nset interfaces ethernet eth0 description 'new'\nset interfaces ethernet eth1 description 'second'\n",
            "set frobnicate everything",
        ),
        set(
            "cumulus_nvue",
            A,
            "nv set system hostname r1\nnv set interface swp1 description old\n",
            "nv set system hostname r1\nnv set interface swp1 description new\nnv set interface swp2 link mtu 9000\n",
            "nv set frobnicate everything",
        ),
        set(
            "paloalto_panos",
            C,
            "set deviceconfig system hostname r1\nset zone a network layer3 ethernet1/1\n",
            "set deviceconfig system hostname r1\nset deviceconfig system timezone UTC\nset zone a network layer3 ethernet1/1\n",
            "set frobnicate everything",
        ),
        set(
            "mikrotik_routeros",
            A,
            "/interface bridge\nadd name=br1\n/ip address\nadd address=192.0.2.1/24 interface=br1\n",
            "/interface bridge\nadd comment=new name=br1\n/ip address\nadd address=192.0.2.1/24 interface=br1\n/ip pool\nadd name=p1 ranges=192.0.2.10-192.0.2.20\n",
            "/frobnicate everything",
        ),
        set(
            "fortinet_fortios",
            A,
            "config system global\n    set hostname \"r1\"\n    set timezone 26\nend\n",
            "config system global\n    set hostname \"r1\"\n    set timezone 28\nend\nconfig system dns\n    set primary 192.0.2.53\nend\n",
            "frobnicate everything",
        ),
    ]
}

struct Rig {
    shared: Shared,
    door: Door,
    candidate: Candidate,
    platform: Platform,
}

impl Rig {
    async fn new(case: &Case) -> Self {
        let platform = built_in(case.platform);
        let device = Device::new(case.platform, case.base);
        let base = device.text();
        let shared = Shared(Arc::new(Mutex::new(device)));
        let door = start(case.platform, shared.clone(), Manners::default()).await;
        let dialect = &platform.dialect;
        let (from, to) = (dialect.parse(case.base), dialect.parse(case.target));
        let lines =
            |from, to| command_lines(&dialect.remediate(from, to, &Scope::Replace).send_lines(&dialect.page.exit));
        let candidate = Candidate {
            change: "rc-7f3a".into(),
            label: "reconverge plan=1".into(),
            commands: lines(&from, &to),
            undo: lines(&to, &from),
            base,
            predicted: dialect.print(&to),
        };
        Self { shared, door, candidate, platform }
    }

    async fn open(&self) -> Box<dyn reconverge::adapters::device::Device> {
        let mut target = self.door.target();
        target.command_timeout = Duration::from_secs(3);
        cli::connect(&target, &self.platform.session().unwrap())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.door.platform))
    }

    fn holds(&self, text: &str) -> bool {
        let device = self.shared.0.lock().unwrap();
        self.platform.dialect.same(&device.running, &self.platform.dialect.parse(text))
    }

    fn device<T>(&self, act: impl FnOnce(&mut Device) -> T) -> T {
        act(&mut self.shared.0.lock().unwrap())
    }

    fn log(&self) -> String {
        self.device(|device| device.log.join("\n"))
    }
}

#[tokio::test]
async fn changes_are_staged_committed_confirmed_and_rolled_back() {
    for case in cases() {
        let rig = Rig::new(&case).await;
        let name = case.platform;
        let mut device = rig.open().await;
        assert_eq!(device.rollback_class(), case.class, "{name}");
        device.stage(&rig.candidate).await.unwrap_or_else(|error| panic!("{name}: stage: {error}\n{}", rig.log()));
        assert!(rig.holds(case.base), "{name}: staging changed the device\n{}", rig.log());
        device.commit(&rig.candidate, T).await.unwrap_or_else(|error| panic!("{name}: commit: {error}\n{}", rig.log()));
        drop(device);
        assert!(rig.holds(case.target), "{name}: after the commit\n{}\n{}", rig.log(), rig.device(|d| d.text()));
        assert_eq!(rig.device(|device| device.timed.is_some()), case.class == RollbackClass::A, "{name}");
        let mut fresh = rig.open().await;
        fresh.running().await.unwrap();
        fresh.confirm(&rig.candidate).await.unwrap_or_else(|error| panic!("{name}: confirm: {error}\n{}", rig.log()));
        assert!(
            rig.device(|device| device.timed.is_none()) && rig.holds(case.target),
            "{name}: after the confirm\n{}",
            rig.log()
        );
        let mut late = rig.open().await;
        late.rollback(&rig.candidate).await.unwrap_or_else(|error| panic!("{name}: rollback: {error}\n{}", rig.log()));
        assert!(rig.holds(case.base), "{name}: after the rollback\n{}", rig.log());
    }
}

#[tokio::test]
async fn an_unconfirmed_change_goes_back_early_and_by_the_timer() {
    for case in cases() {
        let rig = Rig::new(&case).await;
        let name = case.platform;
        rig.open()
            .await
            .commit(&rig.candidate, T)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}\n{}", rig.log()));
        let rolled = rig.open().await.rollback(&rig.candidate).await;
        rolled.unwrap_or_else(|error| panic!("{name}: rollback: {error}\n{}", rig.log()));
        assert!(rig.holds(case.base) && rig.device(|device| device.timed.is_none()), "{name}\n{}", rig.log());
        if case.class == RollbackClass::C {
            continue;
        }
        rig.open()
            .await
            .commit(&rig.candidate, T)
            .await
            .unwrap_or_else(|error| panic!("{name}: again: {error}\n{}", rig.log()));
        rig.device(Device::expire);
        let has_evidence = matches!(
            name,
            "juniper_junos" | "cisco_iosxe" | "cisco_iosxr" | "huawei_vrp" | "nokia_sros" | "cumulus_nvue"
        );
        let confirmed = rig.open().await.confirm(&rig.candidate).await;
        if has_evidence {
            let error = confirmed.expect_err(name);
            assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{name}: {error}");
        }
        assert!(rig.holds(case.base), "{name}: the change came back\n{}", rig.log());
    }
}

#[tokio::test]
async fn a_refused_line_is_named_and_nothing_stays() {
    for case in cases() {
        let mut rig = Rig::new(&case).await;
        let name = case.platform;
        let line = reconverge::adapters::device::CommandLine { text: case.bad.into(), depth: 0, enters: false };
        rig.candidate.commands.push(line);
        let error = rig.open().await.commit(&rig.candidate, T).await.expect_err(name);
        assert_eq!(
            (error.certainty, error.problem),
            (Certainty::Refused, DeviceProblem::Rejected),
            "{name}: {error}\n{}",
            rig.log()
        );
        let is_named = error.message.contains("frobnicate") || error.message.contains("syntax error");
        assert!(is_named, "{name}: {error}");
        assert!(rig.holds(case.base), "{name}: {error}\n{}", rig.log());
        // the device is as it was: the next change goes through
        let _ = rig.candidate.commands.pop();
        rig.open()
            .await
            .commit(&rig.candidate, T)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}\n{}", rig.log()));
        assert!(rig.holds(case.target), "{name}");
    }
}

#[tokio::test]
async fn a_timed_commit_of_somebody_else_is_left_alone() {
    for case in
        cases().into_iter().filter(|case| matches!(case.platform, "juniper_junos" | "cisco_iosxe" | "cisco_iosxr"))
    {
        let rig = Rig::new(&case).await;
        let name = case.platform;
        rig.device(Device::start_foreign);
        let error = rig.open().await.commit(&rig.candidate, T).await.expect_err(name);
        assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{name}: {error}");
        let error = rig.open().await.confirm(&rig.candidate).await.expect_err(name);
        assert_eq!(error.certainty, Certainty::Refused, "{name}: {error}");
        assert!(rig.device(|device| device.timed.is_some()), "{name}: it was confirmed or cancelled");
    }
}

/// The session ends at every line of a commit, before and after the line acts: what is told is never better than the truth.
#[tokio::test]
async fn a_session_that_dies_anywhere_in_a_commit_never_lies() {
    for case in cases().into_iter().filter(|case| {
        matches!(
            case.platform,
            "juniper_junos" | "cisco_iosxe" | "cisco_iosxr" | "cisco_nxos" | "mikrotik_routeros" | "hpe_comware"
        )
    }) {
        for death in [Death::Before, Death::After] {
            let mut at = 0;
            while dies(&case, death, at).await {
                at += 1;
            }
            assert!(at > 3, "{}: it died only {at} times", case.platform);
        }
    }
}

/// Cuts the session at one line of a commit; returns whether there was such a line.
async fn dies(case: &Case, death: Death, at: usize) -> bool {
    let name = case.platform;
    let rig = Rig::new(case).await;
    let mut device = rig.open().await;
    rig.device(|device| device.dies_at = Some((at, death)));
    let result = device.commit(&rig.candidate, T).await;
    drop(device);
    if rig.device(|device| device.dies_at.is_some()) {
        result.unwrap_or_else(|error| panic!("{name}: nothing died, and yet {error}"));
        return false;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    match result {
        Ok(()) => assert!(rig.holds(case.target), "{name} at {at}: not done"),
        Err(error) if error.certainty == Certainty::Refused => {
            assert!(rig.holds(case.base), "{name} at {at}: {error}\n{}", rig.log());
        }
        Err(_) => {}
    }
    if case.class == RollbackClass::A {
        rig.device(Device::expire);
        assert!(rig.holds(case.base), "{name} at {at}: the timer does not help\n{}", rig.log());
    }
    true
}

#[tokio::test]
async fn a_device_without_its_timer_says_class_c() {
    for case in cases().into_iter().filter(|case| matches!(case.platform, "cisco_iosxe" | "huawei_vrp" | "vyos")) {
        let rig = Rig::new(&case).await;
        rig.device(|device| device.is_capable = false);
        let mut device = rig.open().await;
        assert_eq!(device.rollback_class(), RollbackClass::C, "{}", case.platform);
        device
            .commit(&rig.candidate, T)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", case.platform, rig.log()));
        assert!(rig.holds(case.target) && rig.device(|device| device.timed.is_none()), "{}", case.platform);
        device
            .rollback(&rig.candidate)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", case.platform, rig.log()));
        assert!(rig.holds(case.base), "{}", case.platform);
    }
}
