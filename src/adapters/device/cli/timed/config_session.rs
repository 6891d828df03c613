//! Changes through a named configuration session with a commit timer (rollback class A).
//!
//! ```text
//! stage:   list ─► read = base ─► enter ─► lines ─► leave ─► diff
//! commit:  list ─► read = base ─► commit with timer ─► list shows the timer
//! confirm: list shows the timer ─► commit ─► list shows none ─► save
//! ```

use std::time::Duration;

use super::super::reading::{expect_approved, expect_base, read_on, refused};
use super::super::session::CliSession;
use super::super::typing::{Haste, Step, steps, type_steps};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, CommandLine, DeviceError, DeviceProblem, Staged};
use crate::domain::platform::session::{ConfigSession, PageError, Patterns, Role, pattern};

/// What the device says about its sessions.
struct List {
    /// The session whose timer is running.
    timer: Option<String>,
    /// It is the session of this change.
    is_timed: bool,
    /// The session of this change exists and was not committed.
    is_open: bool,
    /// The session of this change was committed for good.
    is_completed: bool,
}

/// One change as a configuration session.
pub(crate) struct Sessions<'a> {
    cli: &'a mut CliSession,
    page: &'a ConfigSession,
    name: String,
}

impl<'a> Sessions<'a> {
    /// Speaks about one change. Its session has the name of the change, with `_` for `-`, because some prompts
    /// separate the name from the section with `-`.
    pub(crate) fn new(cli: &'a mut CliSession, page: &'a ConfigSession, change: &str) -> Self {
        Self { cli, page, name: change.replace('-', "_") }
    }

    /// Loads the candidate into a session and returns the device's own diff.
    ///
    /// # Errors
    /// Always `Refused`: a session that was not committed changes nothing.
    pub(crate) async fn stage(&mut self, candidate: &Candidate) -> Result<Staged, DeviceError> {
        let staged = self.load(candidate).await.map_err(refused)?;
        Ok(staged)
    }

    /// Commits with a timer.
    ///
    /// # Errors
    /// `Lost` once the commit was typed and its end was not seen.
    pub(crate) async fn commit(
        &mut self,
        candidate: &Candidate,
        is_staged: bool,
        within: Duration,
    ) -> Result<(), DeviceError> {
        let timer = self.timer(within)?;
        if is_staged {
            let checked = self.check_free(candidate).await;
            if let Err(error) = checked {
                self.drop_session().await;
                return Err(refused(error));
            }
        } else {
            self.stage(candidate).await?;
        }
        let command = self.command(&self.page.commit_timed, &[("timer", &timer)]);
        let reply = self.cli.type_line(&command).await?;
        if let Some(words) = self.cli.page().error_in(&reply.output) {
            self.drop_session().await;
            let message = format!("{}: `{command}` was answered with `{words}`", self.cli.name());
            return Err(self.unless_pending(DeviceError::refused(DeviceProblem::Rejected, message)).await);
        }
        if self.list().await.map_err(lost)?.is_timed {
            return Ok(());
        }
        let message = format!("{}: after `{command}` the device shows no running timer", self.cli.name());
        Err(DeviceError::lost(DeviceProblem::Protocol, message))
    }

    /// Stops the timer and keeps the change. Saving is the caller's.
    ///
    /// # Errors
    /// `Refused` when the timer was faster, `Lost` when the answer did not come.
    pub(crate) async fn confirm(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        let list = self.list().await.map_err(refused)?;
        if !list.is_timed {
            return self.confirmed_before(candidate, list.is_completed).await;
        }
        let command = self.command(&self.page.confirm, &[]);
        let reply = self.cli.type_line(&command).await?;
        let complaint = self.cli.page().error_in(&reply.output);
        let is_pending = self.list().await.map_err(lost)?.is_timed;
        match complaint {
            None if !is_pending => Ok(()),
            words => {
                let said =
                    words.map_or_else(|| "changed nothing".to_owned(), |words| format!("was answered with `{words}`"));
                let message = format!("{}: `{command}` {said}", self.cli.name());
                let error = if is_pending { DeviceError::refused } else { DeviceError::lost };
                Err(error(DeviceProblem::Rejected, message))
            }
        }
    }

    /// Brings the base back; returns whether that needed a commit that must be saved.
    ///
    /// # Errors
    /// `Lost` when the device does not print the base afterwards.
    pub(crate) async fn rollback(&mut self, candidate: &Candidate) -> Result<bool, DeviceError> {
        let list = self.list().await.map_err(refused)?;
        if list.is_timed || list.is_open {
            let command = self.command(&self.page.abort, &[]);
            let reply = self.cli.type_line(&command).await?;
            if let Some(words) = self.cli.page().error_in(&reply.output) {
                let message = format!("{}: `{command}` was answered with `{words}`", self.cli.name());
                return Err(DeviceError::lost(DeviceProblem::Rejected, message));
            }
        }
        let running = read_on(self.cli).await.map_err(lost)?;
        if self.cli.page().same(&candidate.base, &running) {
            return Ok(false);
        }
        self.type_undo(&candidate.undo).await?;
        let running = read_on(self.cli).await.map_err(lost)?;
        expect_base(self.cli.page(), self.cli.name(), candidate, &running).map(|()| true)
    }

    /// Drops a session that was staged and not committed.
    ///
    /// # Errors
    /// `Refused` when the device does not do it.
    pub(crate) async fn discard(&mut self) -> Result<(), DeviceError> {
        if self.list().await.map_err(refused)?.is_open {
            self.cli.operational(&self.command(&self.page.abort, &[])).await?;
        }
        Ok(())
    }

    async fn load(&mut self, candidate: &Candidate) -> Result<Staged, DeviceError> {
        let steps = steps(&candidate.commands, &self.cli.page().session.configuration)?;
        self.check_free(candidate).await?;
        self.discard().await?;
        self.type_session(&steps).await?;
        let diff = self.command(&self.page.diff, &[]);
        let diff = match self.cli.operational(&diff).await {
            Ok(diff) => diff,
            Err(error) => {
                self.drop_session().await;
                return Err(error);
            }
        };
        Ok(Staged { device_diff: Some(diff) })
    }

    /// Nobody's timer may run, and the device must print the approved base.
    async fn check_free(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        if let Some(name) = self.list().await?.timer {
            let whose = if name == self.name { "this change" } else { "somebody else" };
            let message = format!("a timed commit of {whose} is pending on {} (session {name})", self.cli.name());
            return Err(DeviceError::refused(DeviceProblem::Locked, message)
                .hint("wait until its timer has run out, or confirm or abort it"));
        }
        let running = read_on(self.cli).await?;
        expect_approved(self.cli.page(), self.cli.name(), candidate, &running)
    }

    async fn type_session(&mut self, steps: &[Step]) -> Result<(), DeviceError> {
        let enter = self.command(&self.page.enter, &[]);
        let reply = self.cli.type_line(&enter).await?;
        let mode = &self.cli.page().session.modes[reply.prompt.mode];
        if self.cli.page().error_in(&reply.output).is_some() || mode.name != self.page.mode {
            let words = self.cli.page().error_in(&reply.output).unwrap_or_else(|| format!("mode {}", mode.name));
            let message = format!("{}: `{enter}` was answered with `{words}`", self.cli.name());
            return Err(DeviceError::refused(DeviceProblem::Rejected, message));
        }
        if let Err(stopped) = type_steps(self.cli, steps, Haste::Whole).await {
            self.leave().await?;
            self.drop_session().await;
            return Err(stopped.error);
        }
        self.leave().await
    }

    /// Undoes a change that was confirmed before, in a session of its own.
    async fn type_undo(&mut self, undo: &[CommandLine]) -> Result<(), DeviceError> {
        let steps = steps(undo, &self.cli.page().session.configuration)?;
        let name = std::mem::take(&mut self.name);
        self.name = format!("{name}_undo");
        self.discard().await?;
        let typed = self.type_session(&steps).await.map_err(refused);
        let commit = self.command(&self.page.commit_now, &[]);
        self.name = name;
        typed?;
        self.cli.operational(&commit).await.map(drop).map_err(lost)
    }

    async fn leave(&mut self) -> Result<(), DeviceError> {
        if !self.cli.is_broken() && self.cli.prompt().role != Role::Operational {
            self.cli.operational(&self.page.leave.clone()).await?;
        }
        Ok(())
    }

    /// Drops an uncommitted session after a failure; the failure is what counts, so a second one is not reported.
    async fn drop_session(&mut self) {
        if !self.cli.is_broken() && self.cli.prompt().role == Role::Operational {
            let _ = self.discard().await;
        }
    }

    /// A refused commit is refused only when no timer runs after it.
    async fn unless_pending(&mut self, error: DeviceError) -> DeviceError {
        match self.list().await {
            Ok(list) if !list.is_timed && !list.is_completed => error,
            Ok(_) | Err(_) => lost(error),
        }
    }

    /// Without a timer: was the change kept by an earlier confirm, or has the timer taken it back?
    async fn confirmed_before(&mut self, candidate: &Candidate, is_completed: bool) -> Result<(), DeviceError> {
        let running = read_on(self.cli).await.map_err(refused)?;
        let page = self.cli.page();
        if page.same(&candidate.base, &running) {
            let message = format!("{} has gone back to its base: the commit timer ran out", self.cli.name());
            return Err(DeviceError::refused(DeviceProblem::Stale, message));
        }
        if is_completed || page.same(&candidate.predicted, &running) {
            return Ok(());
        }
        let message = format!("no timed commit of this change is pending on {}", self.cli.name());
        Err(DeviceError::refused(DeviceProblem::Stale, message))
    }

    async fn list(&mut self) -> Result<List, DeviceError> {
        let broken = |error: PageError| DeviceError::refused(DeviceProblem::Protocol, error.to_string());
        let listed = pattern("transaction.listed", &self.page.listed).map_err(broken)?;
        let pending = Patterns::new("transaction.pending", &self.page.pending).map_err(broken)?;
        let command = self.command(&self.page.list, &[]);
        let text = self.cli.operational(&command).await?;
        let state = |line: &str| {
            let found =
                listed.captures(line).filter(|found| found.name("name").is_some_and(|m| m.as_str() == self.name))?;
            found.name("state").map(|state| state.as_str().to_owned())
        };
        let state = text.lines().find_map(state);
        let is_completed = state.as_ref().is_some_and(|state| self.page.completed.contains(state));
        let timer = text.lines().find_map(|line| pending.captured(line)).map(str::to_owned);
        let is_timed = timer.as_ref() == Some(&self.name);
        Ok(List { timer, is_timed, is_open: state.is_some() && !is_completed && !is_timed, is_completed })
    }

    fn command(&self, template: &str, values: &[(&str, &str)]) -> String {
        let mut all = vec![("name", self.name.as_str())];
        all.extend_from_slice(values);
        self.cli.page().command(template, &all)
    }

    fn timer(&self, within: Duration) -> Result<String, DeviceError> {
        let (least, most) = self.page.timer_s;
        let seconds = within.as_secs();
        if seconds < least || seconds > most {
            let message = format!("a commit timer of {seconds} s is not possible, only {least} to {most} s");
            return Err(DeviceError::refused(DeviceProblem::Rejected, message));
        }
        Ok(format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60))
    }
}
