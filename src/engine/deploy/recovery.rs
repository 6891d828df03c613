//! Ways back for a whole run: taking confirmed waves back, and going on after an interruption.

use super::super::Context;
use super::journal::Journal;
use super::work::{DeviceWork, Works, command_lines};
use super::{Deployment, Sides};
use crate::adapters::device::Candidate;
use crate::domain::config::remediate::Scope;
use crate::domain::deploy::wave::{Answer, Outcome, State};
use crate::domain::intent::settings::FailurePolicy;
use crate::domain::plan::build::DeviceChange;
use crate::domain::run::{RunEvent, RunOutcome, WaveRecord};

impl Context {
    /// Takes back what the confirmed devices of a run got, as one more wave with the same barriers.
    pub(super) async fn take_back(&self, journal: &mut Journal, works: &Works) -> anyhow::Result<Outcome> {
        let kept = journal.run().device_states().into_iter().filter(|(_, state)| *state == State::Confirmed);
        let mut reversed = Works::new();
        for (name, _) in kept {
            let Some(work) = works.get(&name) else { continue };
            match self.running_of(work).await {
                Ok(now) => {
                    reversed.insert(name, work.reversed(&now));
                }
                Err(error) => self.tell(&format!("  {name} keeps the change, it cannot be read: {}", error.message)),
            }
        }
        if reversed.is_empty() {
            return Ok(Outcome::Applied);
        }
        self.tell(&format!("taking back {}", crate::domain::report::count(reversed.len(), "device")));
        self.begin_wave(journal, reversed.values(), true).await?;
        self.drive(journal, &reversed).await
    }

    /// Goes on with a deployment that was interrupted: actions without an answer are lost answers.
    ///
    /// # Errors
    /// When the store does not take an event.
    pub async fn resume(&self, journal: &mut Journal, deployment: &Deployment<'_>) -> anyhow::Result<RunOutcome> {
        let Some(record) = journal.run().waves.last().cloned() else {
            return self.end(journal, RunOutcome::Failed, "the service stopped before anything was sent".into()).await;
        };
        let sides = match self.sides(deployment) {
            Ok(sides) => sides,
            Err(reason) => {
                return self
                    .end(journal, RunOutcome::Stuck, format!("interrupted, and it cannot go on: {reason}"))
                    .await;
            }
        };
        let works = match self.stored_works(journal, deployment, &sides, &record).await? {
            Ok(works) => works,
            Err(reason) => {
                return self
                    .end(journal, RunOutcome::Stuck, format!("interrupted, and it cannot go on: {reason}"))
                    .await;
            }
        };
        for (device, action) in record.open.clone() {
            let at = self.clock.now();
            let detail = Some("the service stopped while it waited for the answer".to_owned());
            journal.record(RunEvent::Answered { at, device, action, answer: Answer::Lost, detail }).await?;
        }
        // The rest of the plan is not begun after an interruption: the network may have changed meanwhile.
        let outcome = self.drive(journal, &works).await?;
        let policy = sides.head.intent.settings.failure;
        if outcome == Outcome::RolledBack && !record.reverse && policy == FailurePolicy::RollbackRun {
            let mut all = Works::new();
            for wave in journal.run().waves.clone().iter().filter(|wave| !wave.reverse) {
                match self.stored_works(journal, deployment, &sides, wave).await? {
                    Ok(works) => all.extend(works),
                    Err(reason) => self.tell(&format!("  not taken back: {reason}")),
                }
            }
            self.take_back(journal, &all).await?;
        }
        self.close(journal, outcome, deployment.plan.planned().count(), true).await
    }

    /// Makes the works of a wave anew from what was stored when it began.
    async fn stored_works(
        &self,
        journal: &Journal,
        deployment: &Deployment<'_>,
        sides: &Sides,
        record: &WaveRecord,
    ) -> anyhow::Result<Result<Works, String>> {
        let mut works = Works::new();
        for (name, digest) in &record.snapshots {
            let first = journal.run().waves.iter().find_map(|wave| wave.snapshots.get(name)).unwrap_or(digest);
            let (Some(base), Some(now)) = (self.store.snapshot(first).await?, self.store.snapshot(digest).await?)
            else {
                return Ok(Err(format!("the stored configuration of {name} is missing")));
            };
            let work = match self.work(journal, deployment, sides, (name, &base)).await {
                Ok(work) if record.reverse => work.reversed(&now),
                Ok(work) => work,
                Err(reason) => return Ok(Err(format!("{name}: {reason}"))),
            };
            works.insert(name.clone(), work);
        }
        Ok(Ok(works))
    }
}

impl DeviceWork {
    /// Returns the work that undoes this one from what the device holds now; what others did meanwhile stays. The owner's
    /// checks are left out: they may fail for the very reason for which the change is taken back.
    pub(super) fn reversed(&self, now: &str) -> Self {
        let dialect = &self.platform.dialect;
        let running = dialect.parse(now);
        let target = dialect.predict(&running, &self.change.back.tree());
        let forward = dialect.remediate(&running, &target, &Scope::Replace);
        let back = dialect.remediate(&target, &running, &Scope::Replace);
        let change = DeviceChange { running, target, forward, back, drift: self.change.drift.clone() };
        let candidate = Candidate {
            change: format!("{}u", self.candidate.change),
            label: format!("{} undo", self.candidate.label),
            commands: command_lines(&change.send_lines(&self.platform)),
            undo: command_lines(&change.undo_lines(&self.platform)),
            base: now.to_owned(),
            predicted: dialect.print(&change.target),
        };
        Self {
            device: self.device.clone(),
            platform: self.platform.clone(),
            change,
            candidate,
            checks: Vec::new(),
            confirm_within: self.confirm_within,
        }
    }
}
