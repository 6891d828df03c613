//! Changes that the device takes back by itself, each in the way of its platform.

pub(super) mod candidate;

pub(super) mod config_session;

pub(super) mod held;

pub(super) mod timer_first;

use std::time::Duration;

use super::session::CliSession;
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, DeviceError, DeviceProblem};
use crate::domain::platform::session::{PageError, Pending, pattern};

/// Who runs a timer on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// Nobody.
    None,
    /// This change, or one whose owner the device does not show.
    Ours,
    /// Somebody else.
    Theirs,
}

/// Asks the device for a running timer.
async fn timer_on(cli: &mut CliSession, pending: Option<&Pending>, change: &str) -> Result<Timer, DeviceError> {
    let Some(pending) = pending else { return Ok(Timer::None) };
    let running = compiled("pending.running", &pending.running)?;
    let command = cli.page().command(&pending.command, &[("name", change)]);
    let answer = cli.operational(&command).await?;
    let Some(found) = running.captures(&answer) else { return Ok(Timer::None) };
    let names_owner = running.capture_names().flatten().any(|name| name == "owner");
    let is_ours = found.name("owner").is_some_and(|owner| owner.as_str().contains(change));
    let is_other_user = found.name("user").is_some_and(|user| user.as_str() != cli.page().user);
    Ok(if (is_ours || !names_owner) && !is_other_user { Timer::Ours } else { Timer::Theirs })
}

fn compiled(field: &str, source: &str) -> Result<regex::Regex, DeviceError> {
    pattern(field, source).map_err(|error: PageError| DeviceError::refused(DeviceProblem::Protocol, error.to_string()))
}

/// Nobody may run a timer when a change begins: confirming or starting one would decide about theirs.
async fn expect_free(cli: &mut CliSession, pending: Option<&Pending>, change: &str) -> Result<(), DeviceError> {
    if timer_on(cli, pending, change).await? == Timer::None {
        return Ok(());
    }
    let message = format!("a timed commit is pending on {}", cli.name());
    Err(DeviceError::refused(DeviceProblem::Locked, message)
        .hint("wait until its timer has run out, or confirm or cancel it"))
}

/// Types commands one by one; each must be answered without an error. Returns all answers.
async fn type_all(cli: &mut CliSession, commands: &[String], values: &Values) -> Result<String, DeviceError> {
    let mut answers = String::new();
    for command in commands {
        let command = values.write(cli, command);
        answers.push_str(&type_one(cli, &command).await?);
    }
    Ok(answers)
}

/// Types one command in any mode, or presses a key.
async fn type_one(cli: &mut CliSession, command: &str) -> Result<String, DeviceError> {
    let mut characters = command.chars();
    let reply = match (characters.next(), characters.next()) {
        (Some(key), None) if key.is_control() => cli.press(key).await?,
        _ => cli.type_line(command).await?,
    };
    if let Some(words) = cli.page().error_in(&reply.output) {
        let shown = cli.page().masks.apply(command);
        let message = format!("{}: `{shown}` was answered with `{words}`", cli.name());
        return Err(DeviceError::refused(DeviceProblem::Rejected, message));
    }
    Ok(reply.output)
}

/// What stands in the commands of a page.
struct Values {
    name: String,
    label: String,
    seconds: String,
    minutes: String,
}

impl Values {
    /// The values of one change; the time in whole seconds, and in whole minutes that are not longer.
    fn new(candidate: &Candidate, within: Duration) -> Self {
        let seconds = within.as_secs() + u64::from(within.subsec_nanos() > 0);
        let label: String = candidate.label.chars().filter(|c| !c.is_control() && !"\"'`\\?!;|".contains(*c)).collect();
        Self {
            name: candidate.change.clone(),
            label,
            seconds: seconds.to_string(),
            minutes: (seconds / 60).max(1).to_string(),
        }
    }

    fn write(&self, cli: &CliSession, command: &str) -> String {
        let values =
            [("name", &*self.name), ("label", &*self.label), ("seconds", &*self.seconds), ("minutes", &*self.minutes)];
        cli.page().command(command, &values)
    }
}

/// Checks the time to confirm against what the device can.
fn expect_bounds((least, most): (u64, u64), within: Duration) -> Result<(), DeviceError> {
    let seconds = within.as_secs();
    if (least..=most).contains(&seconds) {
        return Ok(());
    }
    let message = format!("a commit timer of {seconds} s is not possible, only {least} to {most} s");
    Err(DeviceError::refused(DeviceProblem::Rejected, message).hint("set confirm_timeout within these bounds"))
}

/// Waits until the device prints its base, at most this long; returns whether it does.
async fn base_returns(cli: &mut CliSession, candidate: &Candidate, most: Duration) -> Result<bool, DeviceError> {
    let until = tokio::time::Instant::now() + most;
    loop {
        let running = super::reading::read_on(cli).await.map_err(lost)?;
        if cli.page().same(&candidate.base, &running) {
            return Ok(true);
        }
        if tokio::time::Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
