//! Making a plan real: the freshness gate, then wave after wave, every step written down before it is taken.

pub mod journal;
pub mod recovery;
pub mod work;

use std::collections::BTreeMap;

use futures::FutureExt as _;

use self::journal::Journal;
use self::work::{DeviceWork, Works, command_lines};
use super::Context;
use super::planning::{Rendered, scope};
use crate::adapters::device::Candidate;
use crate::domain::config::text_diff;
use crate::domain::deploy::rollout::{self, Strategy, rollout};
use crate::domain::deploy::wave::{Action, Answer, Outcome, State};
use crate::domain::intent::settings::{FailurePolicy, Settings};
use crate::domain::inventory::Device;
use crate::domain::name::DeviceName;
use crate::domain::plan::build::{self, Drift, Texts};
use crate::domain::plan::{DevicePlan, DeviceState, Plan};
use crate::domain::render::Renderer;
use crate::domain::run::{RunEvent, RunOutcome};
use crate::domain::snapshot::{Digest, Snapshot};

/// What a deployment is made from.
pub struct Deployment<'a> {
    /// The plan that was approved.
    pub plan: &'a Plan,
    /// The files of the plan's revision.
    pub head: &'a Snapshot,
    /// The files of the revision that the network was meant to have.
    pub applied: Option<&'a Snapshot>,
    /// What the plan did with lines that differed before.
    pub drift: Drift,
    /// Who asked for it, for the device's own history.
    pub by: String,
    /// How long a device waits for the confirmation, when it is not what the repository says.
    pub confirm_within: Option<std::time::Duration>,
}

/// Why a device may not be changed now.
pub struct Stale {
    /// The device.
    pub device: DeviceName,
    /// What is the matter, with the lines that came in between.
    pub reason: String,
}

/// The two sides of a deployment, rendered.
pub(super) struct Sides {
    pub(super) head: Rendered,
    pub(super) applied: Option<Rendered>,
}

impl Context {
    /// Deploys a plan from its beginning.
    ///
    /// # Errors
    /// When the store does not take an event; then nothing more is sent.
    pub async fn deploy(&self, journal: &mut Journal, deployment: &Deployment<'_>) -> anyhow::Result<RunOutcome> {
        if let Some(reason) = refusal(deployment) {
            return self.end(journal, RunOutcome::Refused, reason).await;
        }
        let sides = match self.sides(deployment) {
            Ok(sides) => sides,
            Err(reason) => return self.end(journal, RunOutcome::Failed, reason).await,
        };
        let works = match self.fresh_works(journal, deployment, &sides).await {
            Ok(works) => works,
            Err(stale) => return self.end(journal, RunOutcome::Refused, stale_summary(&stale)).await,
        };
        let waves = waves(&sides.head, &works);
        self.tell(&format!(
            "{} in {}",
            crate::domain::report::count(works.len(), "device"),
            crate::domain::report::count(waves.len(), "wave")
        ));
        self.go(journal, &works, waves, &sides.head.intent.settings).await
    }

    pub(super) fn sides(&self, deployment: &Deployment<'_>) -> Result<Sides, String> {
        let render = |snapshot: &Snapshot| {
            self.rendered(snapshot)
                .map(|(rendered, _)| rendered)
                .map_err(|findings| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        };
        Ok(Sides { head: render(deployment.head)?, applied: deployment.applied.map(render).transpose()? })
    }

    /// Reads every planned device again and computes its change anew: it must be the approved one.
    async fn fresh_works(
        &self,
        journal: &Journal,
        deployment: &Deployment<'_>,
        sides: &Sides,
    ) -> Result<Works, Vec<Stale>> {
        let planned: Vec<(&DeviceName, &DevicePlan)> = deployment.plan.planned().collect();
        let reads = planned.iter().map(|(name, planned)| async move {
            self.fresh_work(journal, deployment, sides, (name, planned))
                .await
                .map_err(|reason| Stale { device: (*name).clone(), reason })
        });
        let (mut works, mut stale) = (Works::new(), Vec::new());
        // Boxed so that the compiler sees that the whole can move between threads.
        for result in futures::future::join_all(reads).boxed().await {
            match result {
                Ok(work) => {
                    works.insert(work.device.name.clone(), work);
                }
                Err(reason) => stale.push(reason),
            }
        }
        if stale.is_empty() { Ok(works) } else { Err(stale) }
    }

    async fn fresh_work(
        &self,
        journal: &Journal,
        deployment: &Deployment<'_>,
        sides: &Sides,
        (name, planned): (&DeviceName, &DevicePlan),
    ) -> Result<DeviceWork, String> {
        let device = sides.head.intent.inventory.devices.get(name).ok_or("it is no longer in the inventory")?;
        let mut session = self.connect(device).await.map_err(|error| error.message)?;
        let running = session.running().await.map_err(|error| error.message)?;
        drop(session);
        let work = self.work(journal, deployment, sides, (name, &running)).await?;
        let hash = Digest::of(&work.platform.dialect.mask(&work.change.forward.text(1)));
        if work.base() == planned.reading.base && hash == planned.operations_hash {
            return Ok(work);
        }
        let dialect = &work.platform.dialect;
        let between = text_diff::unified(&planned.running, &dialect.mask(&dialect.print(&work.change.running)));
        Err(format!("it changed since the plan was made:\n{between}"))
    }

    /// Computes the work on one device from the configuration it has.
    pub(super) async fn work(
        &self,
        journal: &Journal,
        deployment: &Deployment<'_>,
        sides: &Sides,
        (name, base): (&DeviceName, &str),
    ) -> Result<DeviceWork, String> {
        let device: &Device =
            sides.head.intent.inventory.devices.get(name).ok_or("it is no longer in the inventory")?;
        let words =
            |state: DeviceState| state.problem().map_or_else(String::new, |(_, problem)| problem.message.clone());
        let platform = self.platform(device).map_err(words)?.clone();
        let wanted = self.wanted(&sides.head, name).await.map_err(words)?;
        let before = match &sides.applied {
            Some(applied) => self.wanted(applied, name).await.ok(),
            None => None,
        };
        let texts = Texts { running: base, applied: before.as_deref(), head: &wanted };
        let change = build::change(&platform, &scope(&device.mode), texts, deployment.drift);
        let checks = Renderer::new(&sides.head.intent)
            .checks(name)
            .map_err(|findings| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let plan = &deployment.plan.id;
        let candidate = Candidate {
            change: format!("rc{}", &journal.run().id.as_str()[4..]),
            label: format!(
                "reconverge plan={plan} change={} by={}",
                deployment.plan.content.revision.branch, deployment.by
            ),
            commands: command_lines(&change.send_lines(&platform)),
            undo: command_lines(&change.undo_lines(&platform)),
            base: base.to_owned(),
            predicted: platform.dialect.print(&change.target),
        };
        let own = sides.head.intent.settings.confirm_timeout.duration();
        let confirm_within = deployment.confirm_within.unwrap_or(own);
        Ok(DeviceWork { device: device.clone(), platform, change, candidate, checks, confirm_within })
    }

    async fn go(
        &self,
        journal: &mut Journal,
        works: &Works,
        waves: Vec<Vec<DeviceName>>,
        settings: &Settings,
    ) -> anyhow::Result<RunOutcome> {
        let total = waves.len();
        let mut worst = Outcome::Applied;
        for (index, members) in waves.into_iter().enumerate() {
            if index == 1 {
                tokio::time::sleep(settings.rollout.bake.duration()).await;
            }
            let names: Vec<&str> = members.iter().map(DeviceName::as_str).collect();
            self.tell(&format!("wave {} of {total}: {}", index + 1, names.join(", ")));
            self.begin_wave(journal, members.iter().filter_map(|name| works.get(name)), false).await?;
            let outcome = self.drive(journal, works).await?;
            worst = worst.max(outcome);
            let goes_on = match settings.failure {
                FailurePolicy::Continue => outcome <= Outcome::RolledBack,
                FailurePolicy::Stop | FailurePolicy::RollbackWave | FailurePolicy::RollbackRun => {
                    outcome == Outcome::Applied
                }
            };
            if !goes_on {
                break;
            }
        }
        if worst == Outcome::RolledBack && settings.failure == FailurePolicy::RollbackRun {
            self.take_back(journal, works).await?;
        }
        self.close(journal, worst, works.len(), false).await
    }

    /// Stores where the devices of a wave start from, then says that it begins.
    pub(super) async fn begin_wave<'w>(
        &self,
        journal: &mut Journal,
        works: impl Iterator<Item = &'w DeviceWork>,
        reverse: bool,
    ) -> anyhow::Result<()> {
        let mut devices = BTreeMap::new();
        let mut confirm_timeout_s = 0;
        for work in works {
            devices.insert(work.device.name.clone(), self.store.put_snapshot(&work.candidate.base).await?);
            confirm_timeout_s = work.confirm_within.as_secs();
        }
        let index = journal.run().waves.len();
        journal.record(RunEvent::WaveStarted { at: self.clock.now(), index, devices, confirm_timeout_s, reverse }).await
    }

    /// Drives the current wave to its end: ask, write down, act, write down.
    pub(super) async fn drive(&self, journal: &mut Journal, works: &Works) -> anyhow::Result<Outcome> {
        loop {
            let index = journal.run().waves.len().saturating_sub(1);
            let Some(record) = journal.run().waves.last() else { anyhow::bail!("no wave was started") };
            let mut wave = record.wave.clone();
            let actions = wave.next_actions();
            if let Some(outcome) = wave.outcome().filter(|_| actions.is_empty()) {
                journal.record(RunEvent::WaveEnded { at: self.clock.now(), index, outcome }).await?;
                return Ok(outcome);
            }
            let keeps = wave.is_confirming();
            let mut committed_at = record.committed_at.clone();
            for (device, action) in &actions {
                let at = self.clock.now();
                if *action == Action::Commit {
                    committed_at.insert(device.clone(), at);
                }
                journal.record(RunEvent::Asked { at, device: device.clone(), action: *action }).await?;
            }
            let jobs = actions.iter().map(|(device, action)| {
                let at = committed_at.get(device).copied();
                async move {
                    let reply = match works.get(device) {
                        Some(work) => match self.perform(work, *action, at).await {
                            (Answer::SawIntended, _) if keeps => self.keep(work).await,
                            reply => reply,
                        },
                        None => (Answer::Refused, Some("there is no work for this device".to_owned())),
                    };
                    (device, *action, reply)
                }
            });
            for (device, action, (answer, detail)) in futures::future::join_all(jobs).boxed().await {
                self.tell(&format!(
                    "  {device}: {action:?} {answer:?}{}",
                    detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default()
                ));
                let at = self.clock.now();
                journal.record(RunEvent::Answered { at, device: device.clone(), action, answer, detail }).await?;
            }
        }
    }

    /// Ends the run by what became of its devices.
    pub(super) async fn close(
        &self,
        journal: &mut Journal,
        outcome: Outcome,
        planned: usize,
        interrupted: bool,
    ) -> anyhow::Result<RunOutcome> {
        let run = journal.run();
        let states = run.device_states();
        let number = |wanted: State| states.values().filter(|state| **state == wanted).count();
        let result = match outcome {
            _ if outcome == Outcome::Stuck || number(State::Stuck) > 0 => RunOutcome::Stuck,
            Outcome::Split => RunOutcome::Inconsistent,
            _ if number(State::Confirmed) == planned => RunOutcome::Applied,
            _ if number(State::Confirmed) == 0 => RunOutcome::RolledBack,
            _ => RunOutcome::Partial,
        };
        let mut by_state: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (device, state) in &states {
            by_state.entry(format!("{state:?}").to_lowercase()).or_default().push(device.as_str());
        }
        let list: Vec<String> =
            by_state.iter().map(|(state, devices)| format!("{state}: {}", devices.join(", "))).collect();
        let first =
            run.failures.first().map(|f| format!("; first failure: {} {:?}", f.device, f.action)).unwrap_or_default();
        let interrupted = if interrupted { " (taken up again after an interruption)" } else { "" };
        let summary = format!("{}{first}{interrupted}", list.join("; "));
        self.end(journal, result, summary).await
    }

    pub(super) async fn end(
        &self,
        journal: &mut Journal,
        outcome: RunOutcome,
        summary: String,
    ) -> anyhow::Result<RunOutcome> {
        journal.finish(self, outcome, summary).await?;
        Ok(outcome)
    }
}

/// Returns why a plan may not be deployed at all.
fn refusal(deployment: &Deployment<'_>) -> Option<String> {
    let plan = deployment.plan;
    if !plan.is_genuine() {
        return Some(format!("plan {} was altered: its content does not have this id", plan.id));
    }
    if plan.content.files != deployment.head.digest() {
        return Some("the repository is not the one that was planned: plan again".to_owned());
    }
    let problems: Vec<String> = plan
        .problems()
        .filter(|(_, word, _)| *word != "suspended")
        .map(|(device, word, problem)| format!("{device} {word}: {}", problem.message))
        .collect();
    if !problems.is_empty() {
        return Some(format!("not every device could be planned: {}", problems.join("; ")));
    }
    let unproved: Vec<&str> =
        plan.planned().filter(|(_, planned)| !planned.unproved.is_empty()).map(|(d, _)| d.as_str()).collect();
    (!unproved.is_empty())
        .then(|| format!("no commands are proved to lead to the intended configuration of {}", unproved.join(", ")))
}

fn stale_summary(stale: &[Stale]) -> String {
    let parts: Vec<String> = stale.iter().map(|stale| format!("{}: {}", stale.device, stale.reason)).collect();
    format!("stale, nothing was sent: {}", parts.join("\n"))
}

fn waves(head: &Rendered, works: &Works) -> Vec<Vec<DeviceName>> {
    use crate::domain::intent::settings::Canary;
    let settings = &head.intent.settings.rollout;
    let named = |device: &Device| matches!(&settings.canary, Canary::Selected(selector) if selector.matches(device));
    let candidates: Vec<rollout::Candidate> = works
        .values()
        .map(|work| rollout::Candidate {
            device: work.device.name.clone(),
            redundancy_group: work.device.label("redundancy_group").map(str::to_owned),
            canary: named(&work.device),
        })
        .collect();
    let canary = match &settings.canary {
        Canary::Share(share) => share.of(candidates.len()),
        Canary::Selected(_) => candidates.iter().filter(|candidate| candidate.canary).count(),
    };
    rollout(&candidates, Strategy { canary, batch: settings.batch.of(candidates.len()) })
}
