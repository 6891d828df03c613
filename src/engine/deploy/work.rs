//! Device jobs: one action of a wave on one device, from its own session, with an answer that is true.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::Context;
use crate::adapters::device::{Candidate, Certainty, CommandLine, Device, DeviceError, DeviceProblem};
use crate::domain::checks::{Check, evaluate};
use crate::domain::config::command::SendLine;
use crate::domain::config::tree::ConfigTree;
use crate::domain::deploy::wave::{Action, Answer};
use crate::domain::inventory;
use crate::domain::name::DeviceName;
use crate::domain::plan::build::{DeviceChange, base_digest};
use crate::domain::platform::Platform;

/// How much longer than the confirm deadline an observation waits, for the device's own timer to act.
const DEADLINE_MARGIN: Duration = Duration::from_secs(5);
/// How long an observation tries to reach a device that may be restarting.
const OBSERVE_WITHIN: Duration = Duration::from_secs(60);
const OBSERVE_EVERY: Duration = Duration::from_secs(3);
/// A confirmation is not sent when less than this is left of the deadline.
const CONFIRM_MARGIN: Duration = Duration::from_secs(1);

/// First words of commands that a check may run: the repository must not write to devices through its checks.
const READ_ONLY: [&str; 6] = ["show", "display", "ping", "traceroute", "get", "info"];

/// Everything about one device of a deployment. Holds secrets in clear; never stored, never shown.
pub struct DeviceWork {
    /// The inventory entry.
    pub device: inventory::Device,
    /// Its platform.
    pub platform: Platform,
    /// The change.
    pub change: DeviceChange,
    /// What the drivers get.
    pub candidate: Candidate,
    /// What proves that the device works, filled in.
    pub checks: Vec<Check>,
    /// How long the device waits for the confirmation.
    pub confirm_within: Duration,
}

/// All devices of a deployment.
pub type Works = BTreeMap<DeviceName, DeviceWork>;

/// What came back, with the device's own words.
pub type Reply = (Answer, Option<String>);

impl Context {
    /// Carries out one action. `committed_at` is when the device was asked to commit, if it was.
    pub async fn perform(&self, work: &DeviceWork, action: Action, committed_at: Option<Timestamp>) -> Reply {
        match action {
            Action::Stage => self.stage(work).await,
            Action::Commit => self.commit(work).await,
            Action::Verify => self.verify(work).await,
            Action::Confirm => self.confirm(work, committed_at).await,
            Action::Discard => self.discard(work).await,
            Action::Rollback => self.roll_back(work).await,
            Action::Observe => self.observe(work, committed_at).await,
        }
    }

    async fn stage(&self, work: &DeviceWork) -> Reply {
        let mut session = match self.connect(&work.device).await {
            Ok(session) => session,
            Err(error) => return failed(error),
        };
        match session.stage(&work.candidate).await {
            Ok(staged) => (Answer::Done, staged.device_diff.map(|diff| work.platform.dialect.mask(&diff))),
            Err(error) => failed(error),
        }
    }

    async fn commit(&self, work: &DeviceWork) -> Reply {
        let mut session = match self.connect(&work.device).await {
            Ok(session) => session,
            Err(error) => return failed(error),
        };
        match session.commit(&work.candidate, work.confirm_within).await {
            Ok(()) => (Answer::Done, None),
            Err(error) => failed(error),
        }
    }

    /// Logs in anew: being able to is the most valuable check there is. Then the configuration, then the owner's checks.
    async fn verify(&self, work: &DeviceWork) -> Reply {
        let result = async {
            let mut session = self.connect(&work.device).await?;
            let running = session.running().await?;
            expect(work, &running, &work.change.target, "after the commit")?;
            for check in &work.checks {
                self.hold(work, session.as_mut(), check).await?;
            }
            Ok(())
        };
        match result.await {
            Ok(()) => (Answer::Done, None),
            Err(error) => failed(error),
        }
    }

    /// Repeats a check until it passes or its time is over.
    async fn hold(&self, work: &DeviceWork, session: &mut dyn Device, check: &Check) -> Result<(), DeviceError> {
        let until = tokio::time::Instant::now() + check.within.duration();
        let first = check.command.split_whitespace().next().unwrap_or_default();
        if !READ_ONLY.contains(&first) {
            let message = format!("check `{}`: `{}` is not a command that only reads", check.name, check.command);
            let hint = format!("begin it with one of: {}", READ_ONLY.join(", "));
            return Err(DeviceError::refused(DeviceProblem::Rejected, message).hint(hint));
        }
        loop {
            let output = session.run(&check.command).await?;
            let result = evaluate(check, &output);
            if result.passed {
                return Ok(());
            }
            if tokio::time::Instant::now() + check.every.duration() > until {
                let output = work.platform.dialect.mask(&result.excerpt);
                let message = format!(
                    "check `{}` failed after {}: {}\n{} answered to `{}`:\n{output}",
                    check.name, check.within, result.why, work.device.name, check.command
                );
                if check.severity == crate::domain::diagnostic::Severity::Error {
                    return Err(DeviceError::refused(DeviceProblem::Rejected, message));
                }
                self.tell(&format!("warning: {message}"));
                return Ok(());
            }
            tokio::time::sleep(check.every.duration()).await;
        }
    }

    async fn confirm(&self, work: &DeviceWork, committed_at: Option<Timestamp>) -> Reply {
        if let Some(at) = committed_at
            && self.waited(at) + CONFIRM_MARGIN >= work.confirm_within
        {
            return (
                Answer::Refused,
                Some("the confirm deadline is over: the device has taken its old configuration back".into()),
            );
        }
        let result = async {
            let mut session = self.connect(&work.device).await?;
            session.confirm(&work.candidate).await?;
            let running = session.running().await.map_err(unknown)?;
            expect(work, &running, &work.change.target, "after the confirmation").map_err(unknown)
        };
        match result.await {
            Ok(()) => (Answer::Done, None),
            Err(error) => failed(error),
        }
    }

    /// Confirms once more what was observed after a lost confirmation: the change must survive the device's next
    /// start too.
    pub(super) async fn keep(&self, work: &DeviceWork) -> Reply {
        match self.confirm(work, None).await {
            (Answer::Done, _) => (Answer::SawIntended, None),
            (_, words) => (Answer::Lost, words),
        }
    }

    async fn discard(&self, work: &DeviceWork) -> Reply {
        let result = async { self.connect(&work.device).await?.discard(&work.candidate).await };
        match result.await {
            Ok(()) => (Answer::Done, None),
            Err(error) => failed(error),
        }
    }

    /// Brings the base back from whatever is there now.
    async fn roll_back(&self, work: &DeviceWork) -> Reply {
        let result = async {
            let mut session = self.connect(&work.device).await?;
            let now = work.platform.dialect.parse(&session.running().await?);
            let base = &work.change.running;
            let back = work.platform.dialect.remediate(&now, base, &crate::domain::config::remediate::Scope::Replace);
            let undo = command_lines(&back.send_lines(&work.platform.dialect.page.exit));
            let candidate = Candidate { undo, ..work.candidate.clone() };
            session.rollback(&candidate).await?;
            let after = session.running().await.map_err(unknown)?;
            expect(work, &after, base, "after the rollback").map_err(unknown)
        };
        match result.await {
            Ok(()) => (Answer::Done, None),
            Err(error) => failed(error),
        }
    }

    /// After the deadline: what is really there?
    async fn observe(&self, work: &DeviceWork, committed_at: Option<Timestamp>) -> Reply {
        if let Some(at) = committed_at
            && self.has_timer(work).await
        {
            let deadline = work.confirm_within + DEADLINE_MARGIN;
            tokio::time::sleep(deadline.saturating_sub(self.waited(at))).await;
        }
        let until = tokio::time::Instant::now() + OBSERVE_WITHIN;
        loop {
            match self.running_of(work).await {
                Ok(running) => return saw(work, &running),
                Err(error) if tokio::time::Instant::now() > until => {
                    return (Answer::Lost, Some(format!("it cannot be observed: {}", error.message)));
                }
                Err(_) => tokio::time::sleep(OBSERVE_EVERY).await,
            }
        }
    }

    /// Tells whether the device may still go back by itself. The account decides it where the platform does not; a device
    /// that cannot be asked is given the time.
    async fn has_timer(&self, work: &DeviceWork) -> bool {
        match self.dial.class_of(&work.device.platform) {
            Some(class) => class.has_timer(),
            None => self.connect(&work.device).await.map_or(true, |session| session.rollback_class().has_timer()),
        }
    }

    /// Reads the running configuration in a session of its own.
    pub(super) async fn running_of(&self, work: &DeviceWork) -> Result<String, DeviceError> {
        self.connect(&work.device).await?.running().await
    }

    fn waited(&self, since: Timestamp) -> Duration {
        let waited = self.clock.now().duration_since(since);
        Duration::try_from(waited).unwrap_or(Duration::ZERO)
    }
}

fn saw(work: &DeviceWork, running: &str) -> Reply {
    let dialect = &work.platform.dialect;
    let running = dialect.parse(running);
    if dialect.same(&running, &work.change.running) {
        return (Answer::SawBase, None);
    }
    if dialect.same(&running, &work.change.target) {
        return (Answer::SawIntended, None);
    }
    let difference = difference(work, &work.change.running, &running);
    (
        Answer::SawOther,
        Some(format!(
            "neither the old nor the new configuration is there; it differs from the old one by\n{difference}"
        )),
    )
}

/// Compares what a device prints with what it must hold.
fn expect(work: &DeviceWork, running: &str, wanted: &ConfigTree, when: &str) -> Result<(), DeviceError> {
    let running = work.platform.dialect.parse(running);
    if work.platform.dialect.same(&running, wanted) {
        return Ok(());
    }
    let message = format!(
        "{} does not hold the predicted configuration {when}; expected and found differ by\n{}",
        work.device.name,
        difference(work, wanted, &running)
    );
    Err(DeviceError::refused(DeviceProblem::Rejected, message))
}

fn difference(work: &DeviceWork, old: &ConfigTree, new: &ConfigTree) -> String {
    work.platform.dialect.mask(&work.platform.dialect.text_diff(old, new))
}

/// After a write, an error of a read means that nobody knows.
fn unknown(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Lost, ..error }
}

fn failed(error: DeviceError) -> Reply {
    let answer = match error.certainty {
        Certainty::Refused => Answer::Refused,
        Certainty::Lost => Answer::Lost,
    };
    let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    (answer, Some(format!("{}{hint}", error.message)))
}

/// Turns the engine's lines into the driver's.
pub fn command_lines(lines: &[SendLine]) -> Vec<CommandLine> {
    let depth = |line: &SendLine| u16::try_from(line.depth).unwrap_or(u16::MAX);
    lines.iter().map(|line| CommandLine { text: line.text.clone(), depth: depth(line), enters: line.enters }).collect()
}

impl DeviceWork {
    /// The hash by which the base of this work is recognised.
    pub fn base(&self) -> crate::domain::snapshot::Digest {
        base_digest(&self.platform, &self.change.running)
    }
}
