//! Changes by NETCONF: through the candidate with a timer, through the candidate at once, or on what runs.
//!
//! ```text
//! stage:   lock both ─► read = base ─► edit ─► validate ─► read candidate ─► discard ─► unlock
//! commit:  lock both ─► read = base ─► edit ─► commit with timer and token ─► read ≠ base
//! confirm: candidate = running ─► commit with the token ─► read ≠ base ─► save
//! back:    cancel with the token ─► read = base; otherwise lock both ─► edit back ─► commit ─► read = base
//! ```
//!
//! The candidate is loaded anew by the commit: it is one for all sessions and does not outlive its lock. A lock on `running`
//! is not granted while a confirmed commit of somebody else is pending (RFC 6241 section 7.5), so theirs is never confirmed.

use std::time::Duration;

use super::client::Failure;
use super::message::{
    Datastore, EditOptions, cancel_commit, commit, commit_confirmed, confirm, discard_changes, edit_config, lock,
    validate,
};
use super::{NetconfDevice, refused};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, Certainty, DeviceError, DeviceProblem, Staged};

impl NetconfDevice {
    /// Loads the candidate, lets the server check it, takes the server's own view of the difference, and leaves no trace.
    pub(super) async fn try_candidate(&mut self, candidate: &Candidate) -> Result<Staged, DeviceError> {
        self.lock_all().await?;
        let result = self.load_and_compare(candidate).await;
        // What cannot be cleaned up goes away with the session, which nobody uses after a failure.
        let discarded = self.ask("discard-changes", &discard_changes()).await;
        self.unlock_all().await;
        let staged = result?;
        discarded?;
        Ok(staged)
    }

    async fn load_and_compare(&mut self, candidate: &Candidate) -> Result<Staged, DeviceError> {
        self.expect_free(candidate).await?;
        self.load(&candidate.commands).await?;
        let checks = ["validate:1.0", "validate:1.1"].iter().any(|name| self.client.capabilities().has(name));
        if checks {
            self.ask("validate", &validate(Datastore::Candidate)).await?;
        }
        let loaded = self.read(Datastore::Candidate).await?;
        let (base, loaded) = (self.dialect.parse(&candidate.base), self.dialect.parse(&loaded));
        Ok(Staged { device_diff: Some(self.dialect.text_diff(&base, &loaded)) })
    }

    /// Nobody may have changed anything: neither what runs nor the candidate.
    async fn expect_free(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        self.expect_approved(candidate).await?;
        self.expect_clean_candidate().await
    }

    async fn expect_clean_candidate(&mut self) -> Result<(), DeviceError> {
        let (running, waiting) = (self.read(Datastore::Running).await?, self.read(Datastore::Candidate).await?);
        if self.same(&running, &waiting) {
            return Ok(());
        }
        let message =
            format!("the candidate of {} holds changes of somebody else that were not committed", self.name());
        Err(DeviceError::refused(DeviceProblem::Locked, message).hint("commit or discard them on the device"))
    }

    async fn load(&mut self, lines: &[crate::adapters::device::CommandLine]) -> Result<(), DeviceError> {
        let edit = self.edit(lines)?;
        let options = EditOptions { test_only: false, ..self.options() };
        self.ask("edit-config", &edit_config(Datastore::Candidate, options, &edit)).await.map(drop)
    }

    fn options(&self) -> EditOptions {
        let capabilities = self.client.capabilities();
        EditOptions {
            test_only: capabilities.has("validate:1.1"),
            rollback_on_error: capabilities.has("rollback-on-error:1.0"),
        }
    }

    /// Locks what runs and the candidate; says who holds them.
    async fn lock_all(&mut self) -> Result<(), DeviceError> {
        self.ask("the lock of running", &lock(Datastore::Running, true)).await.map_err(pending)?;
        if let Err(error) = self.ask("the lock of the candidate", &lock(Datastore::Candidate, true)).await {
            let _ = self.ask("unlock", &lock(Datastore::Running, false)).await;
            return Err(error);
        }
        Ok(())
    }

    /// Locks end with the session; giving them back early only helps others, so a failure is not reported.
    async fn unlock_all(&mut self) {
        for store in [Datastore::Candidate, Datastore::Running] {
            let _ = self.ask("unlock", &lock(store, false)).await;
        }
    }

    /// Commits: with a timer where the server has one that outlives the session.
    pub(super) async fn commit_candidate(
        &mut self,
        candidate: &Candidate,
        within: Duration,
    ) -> Result<(), DeviceError> {
        let operation =
            if self.has_timer() { commit_confirmed(self.timer(within)?, &candidate.change) } else { commit() };
        self.lock_all().await?;
        let prepared = match self.expect_free(candidate).await {
            Ok(()) => self.load(&candidate.commands).await,
            Err(error) => Err(error),
        };
        let result = match prepared {
            Ok(()) => self.act("commit", &operation).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = &result
            && error.certainty == Certainty::Refused
        {
            let _ = self.ask("discard-changes", &discard_changes()).await;
        }
        self.unlock_all().await;
        match result {
            Ok(()) => self.expect_taken(candidate).await,
            Err(error) => Err(self.unless_taken(candidate, error).await),
        }
    }

    /// The server said that it committed: it must not run the base any more. One that committed nothing is told so, and
    /// the timer that it may have started is stopped.
    async fn expect_taken(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        if !self.is_at_base(candidate).await.map_err(lost)? {
            return Ok(());
        }
        if self.has_timer() {
            // Without a timer there is nothing to cancel, and the server says so.
            let _ = self.ask("cancel-commit", &cancel_commit(&candidate.change)).await;
        }
        let message = format!("{} answered the commit with ok and changed nothing", self.name());
        let at_base = self.is_at_base(candidate).await.map_err(lost)?;
        let error = if at_base { DeviceError::refused } else { DeviceError::lost };
        Err(error(DeviceProblem::Rejected, message).hint("the server has a fault; look at its log"))
    }

    /// A commit that was refused is refused only when the device still runs its base.
    async fn unless_taken(&mut self, candidate: &Candidate, error: DeviceError) -> DeviceError {
        if error.certainty == Certainty::Lost || matches!(error.problem, DeviceProblem::Stale | DeviceProblem::Locked) {
            return error;
        }
        match self.is_at_base(candidate).await {
            Ok(true) => error,
            Ok(false) | Err(_) => lost(error),
        }
    }

    fn timer(&self, within: Duration) -> Result<u64, DeviceError> {
        let (least, most) = self.page.timer_s;
        let seconds = within.as_secs();
        if seconds < least || seconds > most {
            let message = format!("a commit timer of {seconds} s is not possible, only {least} to {most} s");
            return Err(DeviceError::refused(DeviceProblem::Rejected, message));
        }
        Ok(seconds)
    }

    /// Keeps a commit with a timer. A commit also takes the candidate along, so nobody may have touched it.
    pub(super) async fn confirm_commit(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        self.expect_clean_candidate().await?;
        let answer = self.client.call_within(&confirm(&candidate.change), super::COMMIT_WAIT).await;
        match answer {
            Ok(_) => {
                let at_base = self.is_at_base(candidate).await.map_err(lost)?;
                if at_base {
                    let message = format!("{} answered the confirmation with ok and runs its base", self.name());
                    return Err(DeviceError::lost(DeviceProblem::Stale, message));
                }
                Ok(())
            }
            Err(Failure::Broken(error)) => Err(error),
            Err(Failure::Refused(error)) => {
                let error = self.said_no("the confirmation", &error);
                self.confirmed_before(candidate, error).await
            }
        }
    }

    /// The confirmation was refused: was the change kept by an earlier one, or has the timer taken it back?
    async fn confirmed_before(&mut self, candidate: &Candidate, error: DeviceError) -> Result<(), DeviceError> {
        if self.is_at_base(candidate).await? {
            let message = format!("{} has gone back to its base: the commit timer ran out", self.name());
            return Err(DeviceError::refused(DeviceProblem::Stale, message));
        }
        // Granted only when no confirmed commit is pending.
        if self.ask("the lock of running", &lock(Datastore::Running, true)).await.is_err() {
            return Err(error);
        }
        let running = self.read(super::Datastore::Running).await;
        let _ = self.ask("unlock", &lock(Datastore::Running, false)).await;
        if self.same(&running?, &candidate.predicted) { Ok(()) } else { Err(error) }
    }

    /// Brings the base back, by the timer's own undo or by an edit.
    pub(super) async fn go_back(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        if self.has_timer() {
            // When it is not ours any more, or was confirmed, the server refuses, and the reading tells what to do.
            let cancelled = self.act("cancel-commit", &cancel_commit(&candidate.change)).await;
            if let Err(error) = cancelled
                && error.certainty == Certainty::Lost
            {
                return Err(error);
            }
        }
        let running = self.read(Datastore::Running).await.map_err(lost)?;
        if self.same(&running, &candidate.base) {
            return Ok(());
        }
        if self.has_candidate() {
            self.lock_all().await.map_err(lost)?;
            let result = self.commit_undo(candidate).await;
            self.unlock_all().await;
            result.map_err(lost)?;
        } else {
            self.write_running(&candidate.undo).await.map_err(lost)?;
        }
        self.expect_base(candidate).await?;
        self.save().await
    }

    async fn commit_undo(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        self.expect_clean_candidate().await?;
        let loaded = self.load(&candidate.undo).await;
        let result = match loaded {
            Ok(()) => self.act("commit", &commit()).await.map(drop),
            Err(error) => Err(error),
        };
        if result.is_err() {
            let _ = self.ask("discard-changes", &discard_changes()).await;
        }
        result
    }

    /// Without a candidate: what can be checked is checked.
    pub(super) async fn try_running(&mut self, candidate: &Candidate) -> Result<Staged, DeviceError> {
        self.expect_approved(candidate).await?;
        let edit = self.edit(&candidate.commands)?;
        if self.options().test_only {
            let options = EditOptions { test_only: true, ..self.options() };
            self.ask("a test of edit-config", &edit_config(Datastore::Running, options, &edit)).await?;
            self.expect_approved(candidate).await?;
        }
        Ok(Staged::default())
    }

    /// Changes what runs; what a server did before an error is taken back.
    pub(super) async fn edit_running(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        self.ask("the lock of running", &lock(Datastore::Running, true)).await?;
        let result = match self.expect_approved(candidate).await {
            Ok(()) => self.write_locked(&candidate.commands).await,
            Err(error) => Err(error),
        };
        let _ = self.ask("unlock", &lock(Datastore::Running, false)).await;
        match result {
            Ok(()) if self.is_at_base(candidate).await.map_err(lost)? => {
                let message = format!("{} answered the edit with ok and changed nothing", self.name());
                Err(DeviceError::refused(DeviceProblem::Rejected, message))
            }
            Ok(()) => Ok(()),
            Err(error) => Err(self.unless_taken(candidate, error).await),
        }
    }

    async fn write_running(&mut self, lines: &[crate::adapters::device::CommandLine]) -> Result<(), DeviceError> {
        self.ask("the lock of running", &lock(Datastore::Running, true)).await?;
        let result = self.write_locked(lines).await;
        let _ = self.ask("unlock", &lock(Datastore::Running, false)).await;
        result
    }

    async fn write_locked(&mut self, lines: &[crate::adapters::device::CommandLine]) -> Result<(), DeviceError> {
        let edit = self.edit(lines)?;
        let options = EditOptions { test_only: false, ..self.options() };
        self.act("edit-config", &edit_config(Datastore::Running, options, &edit)).await.map(drop)
    }
}

/// A lock that is denied without a holder is what a pending confirmed commit looks like.
fn pending(error: DeviceError) -> DeviceError {
    if error.problem != DeviceProblem::Locked || error.message.contains("NETCONF session") {
        return refused(error);
    }
    refused(error).hint("a timed commit may be pending: wait until its timer has run out, or confirm or cancel it")
}
