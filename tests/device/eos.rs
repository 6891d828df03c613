//! The driver with configuration sessions, against a played switch.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reconverge::adapters::device::{Candidate, Certainty, Device, DeviceProblem, RollbackClass, cli};

use super::scripted::{Character, Manners, Play, start};
use super::{Door, candidate};

const T: Duration = Duration::from_secs(60);
const BASE: &str =
    "! Command: show running-config\n!\nhostname sw1\n!\ninterface Ethernet1\n   description old\n!\nend\n";
const CHANGED: &str = "interface Ethernet1\n description new\n";

#[derive(Clone, Copy, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    DropAtCommit,
    NoTimer,
    SaveFails,
    SilentAtCommit,
}

/// A switch with one interface, whose only configurable thing is a description.
#[derive(Default)]
struct Switch {
    description: String,
    before: Option<(String, String, Instant)>,
    sessions: BTreeMap<String, String>,
    completed: Vec<String>,
    session: Option<String>,
    in_interface: bool,
    fault: Fault,
    log: Vec<String>,
}

impl Switch {
    fn new(fault: Fault) -> Self {
        Self { description: "old".into(), fault, ..Self::default() }
    }

    fn prompt(&self) -> String {
        let session = self.session.as_ref().map(|name| name.chars().take(6).collect::<String>());
        match (session, self.in_interface) {
            (None, _) => "sw1#".into(),
            (Some(name), false) => format!("sw1(config-s-{name})#"),
            (Some(name), true) => format!("sw1(config-s-{name}-if-Et1)#"),
        }
    }

    fn expire(&mut self) {
        if let Some((name, old, deadline)) = self.before.clone()
            && Instant::now() >= deadline
        {
            self.description = old;
            self.before = None;
            self.sessions.remove(&name);
        }
    }

    fn exec(&mut self, line: &str) -> Result<String, Play> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["show", "running-config"] => Ok(BASE.replace("old", &self.description).replace('\n', "\r\n")),
            ["terminal", ..] => Ok("Pagination disabled.\r\n".into()),
            ["configure", "session", name] => {
                self.sessions.entry(name.into()).or_insert_with(|| self.description.clone());
                self.session = Some(name.into());
                Ok(String::new())
            }
            ["configure", "session", name, "abort"] => {
                if let Some((_, old, _)) = self.before.take_if(|before| before.0 == name) {
                    self.description = old;
                }
                Ok(if self.sessions.remove(name).is_some() { "".into() } else { "% Session does not exist\r\n".into() })
            }
            ["configure", "session", name, "commit"] => {
                if self.before.take_if(|before| before.0 == name).is_none() {
                    let Some(new) = self.sessions.get(name) else { return Ok("% no such session\r\n".into()) };
                    self.description = new.clone();
                }
                self.sessions.remove(name);
                self.completed.push(name.into());
                Ok(String::new())
            }
            ["configure", "session", name, "commit", "timer", time] => {
                let new = self.sessions.get(name).cloned().expect("it was staged");
                let old = std::mem::replace(&mut self.description, new);
                let seconds = time.split(':').fold(0, |all, part| all * 60 + part.parse::<u64>().expect("digits"));
                if self.fault != Fault::NoTimer {
                    self.before = Some((name.into(), old, Instant::now() + Duration::from_secs(seconds)));
                }
                match self.fault {
                    Fault::DropAtCommit => Err(Play::Drop),
                    Fault::SilentAtCommit => Err(Play::Silence),
                    _ => Ok(String::new()),
                }
            }
            ["show", "session-config", "named", name, "diffs"] => {
                let new = &self.sessions[name];
                Ok(format!("-   description {}\r\n+   description {new}\r\n", self.description))
            }
            ["show", "configuration", "sessions", "detail"] => Ok(self.list()),
            ["write", "memory"] if self.fault == Fault::SaveFails => Ok("% Error copying: no space left\r\n".into()),
            ["write", "memory"] => Ok("Copy completed successfully.\r\n".into()),
            [] => Ok(String::new()),
            _ => Ok("% Invalid input\r\n".into()),
        }
    }

    fn list(&self) -> String {
        let mut text = String::from("Maximum number of pending sessions: 5\r\n\r\n  Name State\r\n  ---- -----\r\n");
        for name in self.sessions.keys() {
            let timed = self.before.as_ref().is_some_and(|before| before.0 == *name);
            text.push_str(&format!("  {name} {}\r\n", if timed { "pendingCommitTimer" } else { "pending" }));
        }
        self.completed.iter().for_each(|name| text.push_str(&format!("  {name} completed\r\n")));
        text
    }

    fn configure(&mut self, line: &str) -> String {
        let name = self.session.clone().expect("in a session");
        match line.split_once(' ') {
            Some(("interface", "Ethernet1")) => self.in_interface = true,
            Some(("description", text)) if self.in_interface => {
                self.sessions.insert(name, text.to_owned());
            }
            None if line == "exit" && self.in_interface => self.in_interface = false,
            None if line == "end" => (self.session, self.in_interface) = (None, false),
            _ => return "% Invalid input\r\n".into(),
        }
        String::new()
    }
}

/// The same switch for every connection.
#[derive(Clone)]
struct Shared(std::sync::Arc<std::sync::Mutex<Switch>>);

impl Character for Shared {
    fn greeting(&mut self) -> String {
        let mut switch = self.0.lock().expect("one at a time");
        (switch.session, switch.in_interface) = (None, false);
        format!("\r\n# Welcome > to sw1 #\r\nsw1#x\r\n\r\n{}", switch.prompt())
    }

    fn line(&mut self, line: &str) -> Play {
        let mut switch = self.0.lock().expect("one at a time");
        switch.expire();
        switch.log.push(line.to_owned());
        let said = if switch.session.is_some() { Ok(switch.configure(line)) } else { switch.exec(line) };
        match said {
            Ok(text) => Play::Say(format!("{text}{}", switch.prompt())),
            Err(play) => play,
        }
    }
}

async fn switch(fault: Fault, manners: Manners) -> (Shared, Door) {
    let shared = Shared(std::sync::Arc::new(std::sync::Mutex::new(Switch::new(fault))));
    let door = start("arista_eos", shared.clone(), manners).await;
    (shared, door)
}

async fn open(door: &Door) -> Box<dyn Device> {
    let mut target = door.target();
    target.command_timeout = Duration::from_secs(2);
    cli::connect(&target, &door.page()).await.unwrap_or_else(|error| panic!("{error}"))
}

fn change(base: &str) -> Candidate {
    candidate("rc-12ab", base, CHANGED, "interface Ethernet1\n description old\n")
}

#[tokio::test]
async fn a_change_is_staged_committed_with_a_timer_and_confirmed_from_a_fresh_session() {
    for dribble in [false, true] {
        let (shared, door) = switch(Fault::None, Manners { dribble, ..Manners::default() }).await;
        let mut device = open(&door).await;
        assert_eq!(device.rollback_class(), RollbackClass::A);
        let base = device.running().await.expect("it reads");
        assert_eq!(base, BASE);
        let change = change(&base);
        let staged = device.stage(&change).await.expect("it stages");
        assert_eq!(staged.device_diff.as_deref(), Some("-   description old\n+   description new\n"));
        assert_eq!(device.running().await.expect("it reads"), base);
        device.commit(&change, T).await.expect("it commits");
        let mut fresh = open(&door).await;
        assert!(fresh.running().await.expect("it reads").contains("description new"));
        fresh.confirm(&change).await.expect("it confirms");
        fresh.confirm(&change).await.expect("asked twice, it is still confirmed");
        assert_eq!(shared.0.lock().expect("one").log.iter().filter(|line| *line == "write memory").count(), 2);
        fresh.rollback(&change).await.expect("it goes back after the confirm");
        assert_eq!(fresh.running().await.expect("it reads"), base);
    }
}

#[tokio::test]
async fn an_unconfirmed_change_goes_back_by_abort_and_by_the_timer() {
    let (_, door) = switch(Fault::None, Manners::default()).await;
    let mut device = open(&door).await;
    let change = change(BASE);
    device.commit(&change, T).await.expect("it commits");
    device.rollback(&change).await.expect("it goes back");
    assert_eq!(device.running().await.expect("it reads"), BASE);
    device.commit(&change, Duration::from_secs(1)).await.expect("it commits");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let error = device.confirm(&change).await.expect_err("the timer was faster");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{error}");
}

#[tokio::test]
async fn a_rejected_line_leaves_no_session_behind() {
    let (shared, door) = switch(Fault::None, Manners::default()).await;
    let mut device = open(&door).await;
    let mut change = change(BASE);
    change.commands = super::commands("interface Ethernet1\n password 7 hunter2\n");
    let error = device.stage(&change).await.expect_err("it is not a command");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
    assert!(error.message.contains("command 2") && error.message.contains("% Invalid input"), "{error}");
    assert!(!error.message.contains("hunter2"), "{error}");
    assert!(shared.0.lock().expect("one").sessions.is_empty());
    assert_eq!(device.running().await.expect("it reads"), BASE);
}

#[tokio::test]
async fn a_timed_commit_of_somebody_else_and_a_changed_base_are_refused() {
    let (shared, door) = switch(Fault::None, Manners::default()).await;
    let mut device = open(&door).await;
    device.stage(&change(BASE)).await.expect("it stages");
    {
        let mut switch = shared.0.lock().expect("one");
        switch.sessions.insert("theirs".into(), "x".into());
        switch.before = Some(("theirs".into(), "old".into(), Instant::now() + T));
    }
    let error = device.commit(&change(BASE), T).await.expect_err("another one is pending");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
    shared.0.lock().expect("one").before = None;
    shared.0.lock().expect("one").description = "by hand".into();
    let error = device.commit(&change(BASE), T).await.expect_err("the base is another one");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{error}");
    assert!(
        error.message.contains("-    description old") && error.message.contains("+    description by hand"),
        "{error}"
    );
    assert!(!shared.0.lock().expect("one").sessions.contains_key("rc_12ab"));
}

#[tokio::test]
async fn what_happens_at_the_commit_is_told_as_it_is() {
    for (fault, problem) in [
        (Fault::DropAtCommit, DeviceProblem::Unreachable),
        (Fault::SilentAtCommit, DeviceProblem::Timeout),
        (Fault::NoTimer, DeviceProblem::Protocol),
    ] {
        let (_, door) = switch(fault, Manners::default()).await;
        let mut device = open(&door).await;
        let error = device.commit(&change(BASE), T).await.expect_err("nobody knows");
        assert_eq!((error.certainty, error.problem), (Certainty::Lost, problem), "{error}");
    }
    let (_, door) = switch(Fault::SaveFails, Manners::default()).await;
    let mut device = open(&door).await;
    device.commit(&change(BASE), T).await.expect("it commits");
    let error = device.confirm(&change(BASE)).await.expect_err("it is not saved");
    assert!(error.message.contains("no space left") && error.message.contains("did not save"), "{error}");
}

#[tokio::test]
async fn a_second_commit_of_the_same_change_does_not_disturb_the_running_timer() {
    let (shared, door) = switch(Fault::None, Manners::default()).await;
    let mut device = open(&door).await;
    device.commit(&change(BASE), T).await.expect("it commits");
    let error = open(&door).await.commit(&change(BASE), T).await.expect_err("it is pending");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
    assert!(shared.0.lock().expect("one").before.is_some());
}
