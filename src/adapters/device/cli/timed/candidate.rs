//! Changes through the candidate configuration of the device, committed with its own timer (class A) or without (C).
//!
//! ```text
//! stage:   no timer ─► read = base ─► enter ─► load ─► check ─► diff ─► discard
//! commit:  no timer ─► read = base ─► enter ─► load ─► commit with timer ─► leave, or keep the session open
//! confirm: our timer runs ─► confirm ─► no timer
//! ```

use std::sync::Arc;
use std::time::Duration;

use super::super::CliDevice;
use super::super::reading::{expect_approved, expect_base, read_on, refused};
use super::super::session::CliSession;
use super::super::typing::{Haste, as_file, steps, type_steps};
use super::held::{fetch, keep};
use super::{Timer, Values, base_returns, compiled, expect_bounds, expect_free, timer_on, type_all, type_one};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, Certainty, CommandLine, DeviceError, DeviceProblem, Staged};
use crate::domain::platform::session::{CandidateRules, Role};

/// How long a device may need to take a commit back after it was told to.
const CANCEL_WAIT: Duration = Duration::from_secs(60);

/// How much longer than the deadline a session is kept.
const HOLD_MARGIN: Duration = Duration::from_secs(1);

/// One change through the candidate of one device.
pub(in super::super) struct Candidates<'a> {
    /// A session of the device in the operational mode.
    pub(in super::super) cli: &'a mut CliSession,
    /// The commands.
    pub(in super::super) rules: &'a CandidateRules,
    /// The change.
    pub(in super::super) candidate: &'a Candidate,
    /// Whether this device commits with a timer.
    pub(in super::super) is_timed: bool,
}

impl Candidates<'_> {
    /// Loads the candidate, lets the device check it, and drops it again.
    ///
    /// # Errors
    /// Always `Refused`: a candidate that was not committed changes nothing.
    pub(in super::super) async fn stage(&mut self) -> Result<Staged, DeviceError> {
        let values = Values::new(self.candidate, Duration::ZERO);
        self.check_free().await.map_err(refused)?;
        let loaded = self.load(&self.candidate.commands, &values).await;
        let shown = match loaded {
            Ok(()) => self.inspect(&values).await,
            Err(error) => Err(error),
        };
        let discarded = self.drop_candidate(&values).await;
        let device_diff = shown.map_err(refused)?;
        discarded.map_err(refused)?;
        Ok(Staged { device_diff })
    }

    /// Loads and commits. The session stays in the configuration mode when only it can confirm.
    ///
    /// # Errors
    /// `Lost` once the commit was typed and its end was not seen.
    pub(in super::super) async fn commit(&mut self, within: Duration) -> Result<(), DeviceError> {
        let timed = self.rules.commit_timed.as_ref().filter(|_| self.is_timed);
        if timed.is_some() {
            expect_bounds(self.rules.timer_s, within)?;
        }
        let values = Values::new(self.candidate, within);
        self.check_free().await.map_err(refused)?;
        if let Err(error) = self.load(&self.candidate.commands, &values).await {
            let _ = self.drop_candidate(&values).await;
            return Err(refused(error));
        }
        let command = values.write(self.cli, timed.unwrap_or(&self.rules.commit));
        self.type_commit(&command, &values).await?;
        if timed.is_some() && self.rules.session_bound {
            return Ok(());
        }
        type_all(self.cli, &self.rules.leave, &values).await.map_err(lost)?;
        if timed.is_none() || self.rules.pending.is_none() || self.timer().await.map_err(lost)? == Timer::Ours {
            return Ok(());
        }
        let message =
            format!("{}: after `{command}` the device shows no running timer of this change", self.cli.name());
        Err(DeviceError::lost(DeviceProblem::Protocol, message))
    }

    /// Keeps a timed commit. `self.cli` is the session that committed when only it can.
    ///
    /// # Errors
    /// `Refused` when the timer was faster, `Lost` when the answer did not come.
    pub(in super::super) async fn confirm(&mut self, is_holder: bool) -> Result<(), DeviceError> {
        if !self.is_timed || self.rules.commit_timed.is_none() {
            return Ok(());
        }
        let values = Values::new(self.candidate, Duration::ZERO);
        if self.rules.session_bound && !is_holder {
            return self.confirmed_before().await;
        }
        if !self.rules.session_bound && self.rules.pending.is_some() {
            match self.timer().await.map_err(refused)? {
                Timer::Ours => {}
                Timer::None => return self.confirmed_before().await,
                Timer::Theirs => {
                    let message = format!("the timed commit on {} is not the one of this change", self.cli.name());
                    return Err(DeviceError::refused(DeviceProblem::Locked, message));
                }
            }
        }
        type_all(self.cli, &self.rules.confirm, &values).await.map_err(lost)?;
        if self.rules.session_bound {
            type_all(self.cli, &self.rules.leave, &values).await.map_err(lost)?;
            let running = read_on(self.cli).await.map_err(lost)?;
            if self.cli.page().same(&self.candidate.base, &running) {
                let message = format!("{} is at its base: the change was taken back before", self.cli.name());
                return Err(DeviceError::refused(DeviceProblem::Stale, message));
            }
        }
        if self.rules.pending.is_some() && self.timer().await.map_err(lost)? != Timer::None {
            let message = format!("{}: the timer still runs after the confirmation", self.cli.name());
            return Err(DeviceError::lost(DeviceProblem::Rejected, message));
        }
        Ok(())
    }

    /// Takes a timed commit back from the session that made it; the base is checked by [`Self::rollback`].
    pub(in super::super) async fn cancel_held(&mut self) -> Result<(), DeviceError> {
        let values = Values::new(self.candidate, Duration::ZERO);
        type_all(self.cli, &self.rules.cancel, &values).await.map(drop).map_err(lost)
    }

    /// Brings the base back; returns whether that needed a commit of its own.
    ///
    /// # Errors
    /// `Lost` when the device does not print the base afterwards.
    pub(in super::super) async fn rollback(&mut self, was_held: bool) -> Result<bool, DeviceError> {
        let values = Values::new(self.candidate, Duration::ZERO);
        if self.is_timed && !self.rules.session_bound && !self.rules.cancel.is_empty() {
            match self.timer().await.map_err(lost)? {
                Timer::Ours => drop(type_all(self.cli, &self.rules.cancel, &values).await.map_err(lost)?),
                Timer::Theirs => {
                    let message = format!("a timed commit of somebody else is pending on {}", self.cli.name());
                    return Err(DeviceError::lost(DeviceProblem::Locked, message));
                }
                Timer::None => {}
            }
        }
        let wait = if was_held { CANCEL_WAIT } else { Duration::ZERO };
        if base_returns(self.cli, self.candidate, wait).await? {
            return Ok(false);
        }
        if self.is_timed && !self.rules.session_bound && self.rules.pending.is_none() {
            // the device does not show its timer; without one this is answered with an error
            let cancelled = type_all(self.cli, &self.rules.cancel, &values).await;
            self.drop_candidate(&values).await.map_err(lost)?;
            if cancelled.is_ok() && base_returns(self.cli, self.candidate, Duration::ZERO).await? {
                return Ok(false);
            }
        }
        let undone = self.load(&self.candidate.undo, &values).await;
        if let Err(error) = undone {
            let _ = self.drop_candidate(&values).await;
            return Err(lost(error));
        }
        let commit = values.write(self.cli, &self.rules.commit);
        self.type_commit(&commit, &values).await.map_err(lost)?;
        type_all(self.cli, &self.rules.leave, &values).await.map_err(lost)?;
        let running = read_on(self.cli).await.map_err(lost)?;
        expect_base(self.cli.page(), self.cli.name(), self.candidate, &running).map(|()| true)
    }

    async fn timer(&mut self) -> Result<Timer, DeviceError> {
        timer_on(self.cli, self.rules.pending.as_ref(), &self.candidate.change).await
    }

    async fn check_free(&mut self) -> Result<(), DeviceError> {
        expect_free(self.cli, self.rules.pending.as_ref(), &self.candidate.change).await?;
        let running = read_on(self.cli).await?;
        expect_approved(self.cli.page(), self.cli.name(), self.candidate, &running)
    }

    /// Opens the candidate and loads lines into it.
    async fn load(&mut self, lines: &[CommandLine], values: &Values) -> Result<(), DeviceError> {
        let steps = steps(lines, &self.cli.page().session.configuration)?;
        type_all(self.cli, &self.rules.enter, values).await?;
        if self.cli.prompt().role != Role::Configuration && !self.rules.enter.is_empty() {
            let message = format!("{}: the configuration mode does not open", self.cli.name());
            return Err(DeviceError::refused(DeviceProblem::Locked, message));
        }
        let Some(load) = self.rules.load.as_ref().filter(|_| steps.len() > 1) else {
            return type_steps(self.cli, &steps, Haste::Whole).await.map_err(|stopped| stopped.error);
        };
        let output = self.cli.load_text(load, &as_file(&steps)).await?;
        let success = compiled("load.success", &load.success)?;
        let complaint = self.cli.page().error_in(&output);
        if success.is_match(&output) && complaint.is_none() {
            return Ok(());
        }
        let words = complaint.unwrap_or_else(|| {
            let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            self.cli.page().masks.apply(last.trim())
        });
        let message = format!("{}: `{}` was answered with `{words}`", self.cli.name(), load.command);
        Err(DeviceError::refused(DeviceProblem::Rejected, message))
    }

    /// The device's own diff, after its own check.
    async fn inspect(&mut self, values: &Values) -> Result<Option<String>, DeviceError> {
        let diff = match &self.rules.diff {
            Some(diff) => Some(type_one(self.cli, &values.write(self.cli, diff)).await?),
            None => None,
        };
        if let Some(check) = &self.rules.check {
            type_one(self.cli, &values.write(self.cli, check)).await?;
        }
        Ok(diff)
    }

    /// Types a commit. After an error that the device told, the candidate is dropped and nothing has changed.
    async fn type_commit(&mut self, command: &str, values: &Values) -> Result<(), DeviceError> {
        let reply = self.cli.type_line(command).await?;
        let success = match &self.rules.committed {
            Some(source) => Some(compiled("committed", source)?),
            None => None,
        };
        let complaint = self.cli.page().error_in(&reply.output);
        let is_done = success.is_none_or(|success| success.is_match(&reply.output));
        if complaint.is_none() && is_done {
            return Ok(());
        }
        let certainty = if complaint.is_some() { Certainty::Refused } else { Certainty::Lost };
        let mut words =
            complaint.unwrap_or_else(|| self.cli.page().masks.apply(reply.output.trim()).replace('\n', " / "));
        if let Some(reasons) = &self.rules.failed
            && let Ok(reply) = self.cli.type_line(reasons).await
        {
            let reasons = self.cli.page().masks.apply(reply.output.trim());
            words.push_str(&format!("\n{}", reasons.lines().take(20).collect::<Vec<_>>().join("\n")));
        }
        let dropped = self.drop_candidate(values).await;
        let message = format!("{}: `{command}` was answered with `{words}`", self.cli.name());
        let error = DeviceError::refused(DeviceProblem::Rejected, message);
        if certainty == Certainty::Lost || dropped.is_err() || self.is_changed().await {
            return Err(lost(error));
        }
        Err(error)
    }

    /// A commit that failed is refused only when the device still prints its base and no timer runs.
    async fn is_changed(&mut self) -> bool {
        let timer = self.timer().await;
        let running = read_on(self.cli).await;
        !matches!((timer, running), (Ok(Timer::None), Ok(running)) if self.cli.page().same(&self.candidate.base, &running))
    }

    async fn drop_candidate(&mut self, values: &Values) -> Result<(), DeviceError> {
        let is_outside = self.cli.prompt().role == Role::Operational && !self.rules.enter.is_empty();
        if self.cli.is_broken() || is_outside {
            return Ok(());
        }
        type_all(self.cli, &self.rules.discard, values).await?;
        if self.cli.prompt().role == Role::Operational {
            return Ok(());
        }
        let message = format!("{}: the configuration mode is not left", self.cli.name());
        Err(DeviceError::refused(DeviceProblem::Protocol, message))
    }

    /// Without a timer of ours: was the change kept by an earlier confirmation, or was it taken back?
    async fn confirmed_before(&mut self) -> Result<(), DeviceError> {
        let running = read_on(self.cli).await.map_err(refused)?;
        let page = self.cli.page();
        if page.same(&self.candidate.base, &running) {
            let message =
                format!("{} has gone back to its base: the change was not confirmed in time", self.cli.name());
            return Err(DeviceError::refused(DeviceProblem::Stale, message));
        }
        if !self.rules.session_bound && page.same(&self.candidate.predicted, &running) {
            return Ok(());
        }
        let message = format!("no timed commit of this change can be confirmed on {}", self.cli.name());
        let hint = "the session that committed is gone: the device takes the change back at its deadline";
        Err(DeviceError::refused(DeviceProblem::Stale, message).hint(hint))
    }
}

impl CliDevice {
    /// Commits, and keeps the session where only it can confirm.
    pub(in super::super) async fn commit_candidate(
        &mut self,
        candidate: &Candidate,
        rules: &CandidateRules,
        within: Duration,
    ) -> Result<(), DeviceError> {
        let is_timed = self.is_timed;
        let cli = self.cli().await?;
        Candidates { cli, rules, candidate, is_timed }.commit(within).await?;
        if rules.session_bound
            && is_timed
            && rules.commit_timed.is_some()
            && let Some(cli) = self.cli.take()
        {
            keep(&candidate.change, cli, Arc::clone(&self.connection), within + HOLD_MARGIN);
        }
        Ok(())
    }

    /// Confirms, in the session that committed where only it can.
    pub(in super::super) async fn confirm_candidate(
        &mut self,
        candidate: &Candidate,
        rules: &CandidateRules,
    ) -> Result<(), DeviceError> {
        let is_timed = self.is_timed;
        if let Some(mut held) = fetch(self.connection.name(), &candidate.change) {
            let cli = &mut held.cli;
            return Candidates { cli, rules, candidate, is_timed }.confirm(true).await;
        }
        let cli = self.cli().await?;
        Candidates { cli, rules, candidate, is_timed }.confirm(false).await
    }

    /// Brings the base back; returns whether that needed a commit of its own.
    pub(in super::super) async fn rollback_candidate(
        &mut self,
        candidate: &Candidate,
        rules: &CandidateRules,
    ) -> Result<bool, DeviceError> {
        let is_timed = self.is_timed;
        let mut was_held = false;
        if let Some(mut held) = fetch(self.connection.name(), &candidate.change) {
            was_held = true;
            let cli = &mut held.cli;
            // where it fails, the end of the session takes the commit back
            let _ = Candidates { cli, rules, candidate, is_timed }.cancel_held().await;
        }
        let cli = self.cli().await?;
        Candidates { cli, rules, candidate, is_timed }.rollback(was_held).await
    }
}
