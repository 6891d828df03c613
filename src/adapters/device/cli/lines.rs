//! Changes line by line on a system without a candidate: every line acts at once (rollback classes B and C).
//!
//! Invariant: after an error that says `Refused` the device was read again and printed its base.

use std::time::Duration;

use super::CliDevice;
use super::reading::{complete, expect_approved, expect_base, refused, told_way_back};
use super::shell_timer::{DeadMan, Kept, Undone};
use super::typing::{Haste, Step, as_file, steps, type_steps, type_tolerantly};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, Certainty, Device as _, DeviceError, DeviceProblem, RollbackClass};
use crate::domain::platform::session::{Immediate, ShellTimer, UnixShell};

impl CliDevice {
    /// Types the lines; they act at once. With a Unix shell a timer on the device is armed before the first one.
    pub(super) async fn commit_lines(&mut self, candidate: &Candidate, within: Duration) -> Result<(), DeviceError> {
        let change = steps(&candidate.commands, &self.page.session.configuration)?;
        let undo = steps(&candidate.undo, &self.page.session.configuration)?;
        // a terminal that cannot be opened must not leave a timer behind
        self.cli().await?;
        let running = match self.timer() {
            Some((shell, timer)) => {
                // a timer that was armed without our knowledge finds the base unchanged and does nothing
                self.dead_man((&shell, &timer), candidate).arm(&as_file(&undo), within).await.map_err(refused)?
            }
            None => self.read().await.map_err(refused)?,
        };
        let running = complete(&self.page, self.connection.name(), running);
        let approved =
            running.and_then(|running| expect_approved(&self.page, self.connection.name(), candidate, &running));
        if let Err(error) = approved {
            self.disarm(candidate).await;
            return Err(error);
        }
        match self.type_change(&change).await {
            Ok(()) => self.expect_armed(candidate, within).await,
            Err((false, error)) => {
                self.disarm(candidate).await;
                Err(refused(error))
            }
            Err((true, error)) => Err(self.bring_back(candidate, error, within).await),
        }
    }

    /// A timer that ran out while the lines were typed has undone only a part of them.
    async fn expect_armed(&mut self, candidate: &Candidate, within: Duration) -> Result<(), DeviceError> {
        let Some((shell, timer)) = self.timer() else { return Ok(()) };
        if self.dead_man((&shell, &timer), candidate).is_armed().await? {
            return Ok(());
        }
        let name = self.connection.name();
        let message = format!("{name}: the timer of {within:?} ran out while the commands were typed");
        let error = DeviceError::refused(DeviceProblem::Timeout, message).hint("allow more time to confirm");
        Err(self.bring_back(candidate, error, within).await)
    }

    /// Types a change from the operational mode and goes back there. The flag says whether a line may have acted.
    async fn type_change(&mut self, change: &[Step]) -> Result<(), (bool, DeviceError)> {
        let cli = self.cli().await.map_err(|error| (false, error))?;
        cli.open_configuration().await.map_err(|error| (false, error))?;
        if let Err(stopped) = type_steps(cli, change, Haste::BySection).await {
            if stopped.usable {
                // what follows is a roll-back, which reports for itself
                let _ = cli.close_configuration().await;
            }
            return Err((stopped.typed, stopped.error));
        }
        cli.close_configuration().await.map_err(|error| (true, lost(error)))
    }

    /// After a line that was not accepted: back to the base, and the truth about it.
    async fn bring_back(&mut self, candidate: &Candidate, error: DeviceError, within: Duration) -> DeviceError {
        if error.certainty == Certainty::Lost {
            let rest = match self.rollback_class() {
                RollbackClass::A | RollbackClass::B => {
                    format!("the device brings its base back by itself within {within:?}")
                }
                RollbackClass::C => "the device does not go back by itself".to_owned(),
            };
            let message = format!("{}; {rest}", error.message);
            return DeviceError { message, ..error };
        }
        let back = match self.timer() {
            Some((shell, timer)) => self.rollback_timer(candidate, &shell, &timer).await,
            None => self.type_back(candidate).await.map(drop),
        };
        told_way_back(error, back)
    }

    /// Decides for the change before the timer does, saves and cleans up.
    pub(super) async fn confirm_timer(
        &mut self,
        candidate: &Candidate,
        shell: &UnixShell,
        timer: &ShellTimer,
    ) -> Result<(), DeviceError> {
        let name = self.connection.name().to_owned();
        let kept = self.dead_man((shell, timer), candidate).keep().await?;
        if kept != Kept::Done {
            let running = self.read().await.map_err(refused)?;
            let is_base = self.page.same(&candidate.base, &running);
            let is_kept_before = kept == Kept::Unknown && self.page.same(&candidate.predicted, &running);
            if is_base || !is_kept_before {
                let state = if is_base { "is back at its base" } else { "prints neither its base nor the prediction" };
                let why = match kept {
                    Kept::TimerDecided => "the timer on the device has run out",
                    Kept::Unknown | Kept::Done => "no timer of this change is on the device",
                };
                let message = format!("the change on {name} cannot be confirmed: {why}, and the device {state}");
                return Err(DeviceError::refused(DeviceProblem::Stale, message));
            }
        }
        let saved = self.save().await;
        let cleaned = self.dead_man((shell, timer), candidate).clean().await;
        saved.and(cleaned)
    }

    /// Lets the device restore its base, and helps where that was not enough.
    pub(super) async fn rollback_timer(
        &mut self,
        candidate: &Candidate,
        shell: &UnixShell,
        timer: &ShellTimer,
    ) -> Result<(), DeviceError> {
        let undone = self.dead_man((shell, timer), candidate).undo().await?;
        if self.type_back(candidate).await? && undone == Undone::Unknown {
            // the change was confirmed and saved before
            self.save().await?;
        }
        self.dead_man((shell, timer), candidate).clean().await
    }

    /// Without any help of the device: types the undo commands where the device does not print its base, and saves.
    pub(super) async fn rollback_lines(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        // the change may have been saved before
        if self.type_back(candidate).await? { self.save().await } else { Ok(()) }
    }

    /// Types the commands around a copy of the configuration on the device.
    pub(super) async fn copy_commands(
        &mut self,
        candidate: &Candidate,
        commands: &[String],
    ) -> Result<(), DeviceError> {
        let name = candidate.change.clone();
        for command in commands {
            let cli = self.cli().await?;
            let command = cli.page().command(command, &[("name", &name)]);
            cli.operational(&command).await?;
        }
        Ok(())
    }

    /// Lets the device bring its copy back, and helps where that was not enough.
    pub(super) async fn rollback_copy(&mut self, candidate: &Candidate, copy: &Immediate) -> Result<(), DeviceError> {
        let running = self.read().await.map_err(lost)?;
        if !copy.restore.is_empty() && !self.page.same(&candidate.base, &running) {
            // whether it worked is decided by reading the device again
            if let Err(error) = self.copy_commands(candidate, &copy.restore).await {
                tracing::warn!(device = self.connection.name(), %error, "the copy on the device was not brought back");
            }
        }
        self.rollback_lines(candidate).await?;
        if copy.forget.is_empty() {
            return Ok(());
        }
        self.save().await?;
        // a copy that was never made cannot be forgotten
        let _ = self.copy_commands(candidate, &copy.forget).await;
        Ok(())
    }

    /// Returns whether anything had to be typed; the device prints its base then.
    async fn type_back(&mut self, candidate: &Candidate) -> Result<bool, DeviceError> {
        let running = self.read().await.map_err(lost)?;
        if self.page.same(&candidate.base, &running) {
            return Ok(false);
        }
        let undo = steps(&candidate.undo, &self.page.session.configuration)?;
        let cli = self.cli().await.map_err(lost)?;
        cli.open_configuration().await.map_err(lost)?;
        type_tolerantly(cli, &undo).await.map_err(lost)?;
        cli.close_configuration().await.map_err(lost)?;
        let running = self.read().await.map_err(lost)?;
        expect_base(&self.page, self.connection.name(), candidate, &running).map(|()| true)
    }

    /// Takes the timer back when nothing was typed. A timer that stays finds the base unchanged and does nothing.
    async fn disarm(&mut self, candidate: &Candidate) {
        if let Some((shell, timer)) = self.timer() {
            let dead_man = self.dead_man((&shell, &timer), candidate);
            if matches!(dead_man.keep().await, Ok(Kept::Done)) {
                let _ = dead_man.clean().await;
            }
        }
    }

    fn dead_man<'a>(&'a self, parts: (&'a UnixShell, &'a ShellTimer), candidate: &'a Candidate) -> DeadMan<'a> {
        DeadMan::new(&self.connection, &self.page, parts, &candidate.change)
    }
}
