//! Changes line by line under a timer of the device that is armed before the first line (class A).
//!
//! ```text
//! commit:   no timer ─► read = base ─► arm ─► lines ─► the timer still runs
//! confirm:  our timer runs ─► confirm ─► no timer ─► save
//! rollback: revert, or the undo lines ─► base ─► the timer is stopped
//! ```

use std::sync::Arc;
use std::time::Duration;

use super::super::CliDevice;
use super::super::reading::{expect_approved, read_on, refused, told_way_back};
use super::super::session::CliSession;
use super::super::typing::{Haste, Step, steps, type_steps};
use super::held::{fetch, keep};
use super::{Timer, Values, base_returns, compiled, expect_bounds, expect_free, timer_on, type_all};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, Certainty, DeviceError, DeviceProblem};
use crate::domain::platform::session::{Role, TimerFirst};

/// How long a device may need to bring its base back after it was told to.
const REVERT_WAIT: Duration = Duration::from_secs(120);
/// How much longer than the deadline a session is kept.
const HOLD_MARGIN: Duration = Duration::from_secs(1);

impl CliDevice {
    /// Arms the timer and types the lines.
    pub(in super::super) async fn commit_armed(
        &mut self,
        candidate: &Candidate,
        rules: &TimerFirst,
        within: Duration,
    ) -> Result<(), DeviceError> {
        expect_bounds(rules.timer_s, within)?;
        let change = steps(&candidate.commands, &self.page.session.configuration)?;
        if let Some(most) = rules.lines_max.filter(|most| change.len() > *most) {
            let name = self.connection.name();
            let message = format!("{name} takes back at most {most} lines, and the change has {}", change.len());
            return Err(DeviceError::refused(DeviceProblem::Rejected, message).hint("make it in smaller parts"));
        }
        let cli = self.cli().await?;
        expect_free(cli, rules.pending.as_ref(), &candidate.change).await.map_err(refused)?;
        let running = read_on(cli).await.map_err(refused)?;
        expect_approved(cli.page(), cli.name(), candidate, &running).map_err(refused)?;
        let values = Values::new(candidate, within);
        let typed = match arm(cli, rules, &values).await {
            Ok(()) => type_change(cli, &change).await,
            // an armed timer finds the base unchanged
            Err(error) => Err((false, error)),
        };
        match typed {
            Ok(()) => {}
            Err((false, error)) => {
                self.stop_timer(candidate, rules).await;
                return Err(refused(error));
            }
            Err((true, error)) => return Err(self.back_to_base(candidate, rules, error, within).await),
        }
        let cli = self.cli().await.map_err(lost)?;
        if rules.pending.is_some()
            && timer_on(cli, rules.pending.as_ref(), &candidate.change).await.map_err(lost)? != Timer::Ours
        {
            let message = format!("{}: the timer ran out while the commands were typed", cli.name());
            let error = DeviceError::refused(DeviceProblem::Timeout, message).hint("allow more time to confirm");
            return Err(self.back_to_base(candidate, rules, error, within).await);
        }
        if rules.session_bound
            && let Some(cli) = self.cli.take()
        {
            keep(&candidate.change, cli, Arc::clone(&self.connection), within + HOLD_MARGIN);
        }
        Ok(())
    }

    /// Stops the timer and keeps the change. Saving is the caller's.
    pub(in super::super) async fn confirm_armed(
        &mut self,
        candidate: &Candidate,
        rules: &TimerFirst,
    ) -> Result<(), DeviceError> {
        if rules.session_bound {
            match fetch(self.connection.name(), &candidate.change) {
                Some(held) => self.cli = Some(held.cli),
                None => return self.kept_before(candidate, rules).await,
            }
        }
        let cli = self.cli().await?;
        if rules.pending.is_some() {
            let timer = timer_on(cli, rules.pending.as_ref(), &candidate.change).await.map_err(refused)?;
            if timer != Timer::Ours {
                return self.kept_before(candidate, rules).await;
            }
            let running = read_on(cli).await.map_err(refused)?;
            if cli.page().same(&candidate.base, &running) {
                let message = format!("{} is at its base although a timer runs: it is not confirmed", cli.name());
                return Err(DeviceError::refused(DeviceProblem::Stale, message));
            }
        }
        let values = Values::new(candidate, Duration::ZERO);
        type_all(cli, &rules.confirm, &values).await.map_err(lost)?;
        if timer_on(cli, rules.pending.as_ref(), &candidate.change).await.map_err(lost)? != Timer::None {
            let message = format!("{}: the timer still runs after the confirmation", cli.name());
            return Err(DeviceError::lost(DeviceProblem::Rejected, message));
        }
        Ok(())
    }

    /// Brings the base back: by the device where it can, else by the undo lines.
    pub(in super::super) async fn rollback_armed(
        &mut self,
        candidate: &Candidate,
        rules: &TimerFirst,
    ) -> Result<(), DeviceError> {
        let held = rules.session_bound && {
            let held = fetch(self.connection.name(), &candidate.change);
            let was_held = held.is_some();
            // the end of the session is what brings the base back
            drop(held);
            was_held
        };
        let values = Values::new(candidate, Duration::ZERO);
        let cli = self.cli().await?;
        let timer = timer_on(cli, rules.pending.as_ref(), &candidate.change).await.map_err(lost)?;
        if timer == Timer::Theirs {
            let message = format!("a timed change of somebody else is pending on {}", cli.name());
            return Err(DeviceError::lost(DeviceProblem::Locked, message));
        }
        let mut wait = if held { REVERT_WAIT } else { Duration::ZERO };
        if timer == Timer::Ours && !rules.revert.is_empty() {
            type_all(cli, &rules.revert, &values).await.map_err(lost)?;
            wait = REVERT_WAIT;
        }
        let is_back = base_returns(cli, candidate, wait).await?;
        if !is_back {
            // typed by us, and saved because the change may have been saved before
            self.rollback_lines(candidate).await?;
        }
        let cli = self.cli().await.map_err(lost)?;
        if rules.session_bound {
            return Ok(());
        }
        let stopped = match (timer, &rules.pending) {
            (_, None) => type_all(cli, &rules.confirm, &values).await,
            (_, Some(_)) => match timer_on(cli, rules.pending.as_ref(), &candidate.change).await.map_err(lost)? {
                Timer::Ours => type_all(cli, &rules.confirm, &values).await,
                Timer::None | Timer::Theirs => return Ok(()),
            },
        };
        match stopped {
            // without a way to ask, there may be no timer to stop any more
            Err(error) if rules.pending.is_some() => Err(lost(error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Without a timer of ours: was the change kept by an earlier confirmation, or was it taken back?
    async fn kept_before(&mut self, candidate: &Candidate, rules: &TimerFirst) -> Result<(), DeviceError> {
        let cli = self.cli().await?;
        let running = read_on(cli).await.map_err(refused)?;
        if !rules.session_bound && cli.page().same(&candidate.predicted, &running) {
            return Ok(());
        }
        let state = if cli.page().same(&candidate.base, &running) { ", and it is back at its base" } else { "" };
        let message = format!("no timer of this change runs on {}{state}", cli.name());
        Err(DeviceError::refused(DeviceProblem::Stale, message))
    }

    /// After a line that was not accepted: back to the base, and the truth about it.
    async fn back_to_base(
        &mut self,
        candidate: &Candidate,
        rules: &TimerFirst,
        error: DeviceError,
        within: Duration,
    ) -> DeviceError {
        if error.certainty == Certainty::Lost {
            let message = format!("{}; the device brings its base back by itself within {within:?}", error.message);
            return DeviceError { message, ..error };
        }
        if rules.session_bound {
            // closing the session is the way back
            self.cli = None;
        }
        told_way_back(error, self.rollback_armed(candidate, rules).await)
    }

    /// Takes the timer back when nothing was typed; one that stays finds the base unchanged.
    async fn stop_timer(&mut self, candidate: &Candidate, rules: &TimerFirst) {
        let Ok(cli) = self.cli().await else { return };
        if cli.prompt().role != Role::Operational && cli.close_configuration().await.is_err() {
            return;
        }
        let values = Values::new(candidate, Duration::ZERO);
        if matches!(timer_on(cli, rules.pending.as_ref(), &candidate.change).await, Ok(Timer::Ours)) {
            let _ = type_all(cli, &rules.confirm, &values).await;
        }
    }
}

/// Arms the timer and opens the configuration mode.
async fn arm(cli: &mut CliSession, rules: &TimerFirst, values: &Values) -> Result<(), DeviceError> {
    let answers = type_all(cli, &rules.arm, values).await?;
    if let Some(armed) = &rules.armed
        && !compiled("armed", armed)?.is_match(&answers)
    {
        let words = cli.page().masks.apply(answers.trim()).replace('\n', " / ");
        let message = format!("{}: the timer was not armed: `{words}`", cli.name());
        return Err(DeviceError::refused(DeviceProblem::Rejected, message));
    }
    if cli.prompt().role == Role::Configuration { Ok(()) } else { cli.open_configuration().await }
}

/// Types the lines and leaves the configuration mode. The flag says whether a line may have acted.
async fn type_change(cli: &mut CliSession, change: &[Step]) -> Result<(), (bool, DeviceError)> {
    let typed = type_steps(cli, change, Haste::Whole).await;
    if cli.prompt().role != Role::Operational && !cli.is_broken() {
        let left = cli.close_configuration().await;
        if typed.is_ok() {
            left.map_err(|error| (true, lost(error)))?;
        }
    }
    typed.map_err(|stopped| (stopped.typed, stopped.error))
}
