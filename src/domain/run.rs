//! One execution, as the fold of its events: the events are the truth, the state is derived.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deploy::wave::{Action, Answer, Outcome, State, Wave};
use super::name::{DeviceName, PlanId, RunId};
use super::revision::{Change, Revision};
use super::snapshot::Digest;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Computes a plan and shows it.
    Plan,
    /// Makes a plan real.
    Deploy,
    /// A plan at the applied revision.
    Drift,
}

/// Why a run exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A change was opened or got a new commit.
    Change(Change),
    /// The base branch moved.
    Merge,
    /// A schedule.
    Schedule,
    /// A person on the command line or through the API.
    Person(String),
}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The run exists.
    Requested {
        /// When.
        at: Timestamp,
        /// What for.
        kind: RunKind,
        /// Why.
        trigger: Trigger,
        /// The revision it is about.
        revision: Revision,
    },
    /// The plan it works with.
    Planned {
        /// When.
        at: Timestamp,
        /// The plan.
        plan: PlanId,
    },
    /// A wave begins.
    WaveStarted {
        /// When.
        at: Timestamp,
        /// The number of the wave, from 0.
        index: usize,
        /// Its devices with the stored snapshot of their running configuration.
        devices: BTreeMap<DeviceName, Digest>,
        /// How long a device waits for the confirmation, in seconds.
        confirm_timeout_s: u64,
        /// Whether it takes back what earlier waves of this run brought.
        #[serde(default)]
        reverse: bool,
    },
    /// An action is about to be tried: written before it is.
    Asked {
        /// When.
        at: Timestamp,
        /// The device.
        device: DeviceName,
        /// The action.
        action: Action,
    },
    /// An answer came, or was found to be lost.
    Answered {
        /// When.
        at: Timestamp,
        /// The device.
        device: DeviceName,
        /// The action.
        action: Action,
        /// The answer.
        answer: Answer,
        /// The device's own words, or what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A wave ended.
    WaveEnded {
        /// When.
        at: Timestamp,
        /// The number of the wave.
        index: usize,
        /// How.
        outcome: Outcome,
    },
    /// The run ended.
    Finished {
        /// When.
        at: Timestamp,
        /// How.
        outcome: RunOutcome,
        /// One line for people.
        summary: String,
    },
}

/// How a run ended. Only `Applied` and `InSync` are good news about the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// A plan was made and stored.
    Planned,
    /// Every device was read and nothing differs.
    InSync,
    /// Something differs.
    Drifted,
    /// Some devices could not be read, so nothing is claimed about the whole.
    Unknown,
    /// Every planned device keeps the change.
    Applied,
    /// Every device is as before.
    RolledBack,
    /// Earlier waves keep the change, a later one went back.
    Partial,
    /// Within one wave some devices keep the change and some do not.
    Inconsistent,
    /// At least one device is in a state that the controller could not change.
    Stuck,
    /// A gate refused; nothing was sent.
    Refused,
    /// Waits for a person; nothing was sent.
    NeedsApproval,
    /// It could not be carried out; nothing was sent.
    Failed,
}

impl RunOutcome {
    /// Returns the word that people and programs read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::InSync => "in_sync",
            Self::Drifted => "drifted",
            Self::Unknown => "unknown",
            Self::Applied => "applied",
            Self::RolledBack => "rolled_back",
            Self::Partial => "partial",
            Self::Inconsistent => "inconsistent",
            Self::Stuck => "stuck",
            Self::Refused => "refused",
            Self::NeedsApproval => "needs_approval",
            Self::Failed => "failed",
        }
    }
}

/// A run, folded from its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// How many events it has.
    pub events: u64,
    /// What for.
    pub kind: RunKind,
    /// Why.
    pub trigger: Trigger,
    /// The revision it is about.
    pub revision: Revision,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// The plan it works with.
    pub plan: Option<PlanId>,
    /// The waves so far.
    pub waves: Vec<WaveRecord>,
    /// How and when it ended.
    pub finished: Option<Finish>,
    /// What failed, with the device's own words.
    pub failures: Vec<DeviceFailure>,
}

/// One wave of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveRecord {
    /// When it began.
    pub started_at: Timestamp,
    /// The machine, with every answer in it.
    pub wave: Wave,
    /// The snapshots from which its devices started.
    pub snapshots: BTreeMap<DeviceName, Digest>,
    /// How long a device waits for the confirmation, in seconds.
    pub confirm_timeout_s: u64,
    /// Whether it takes back what earlier waves of this run brought.
    pub reverse: bool,
    /// When each device was last asked to commit.
    pub committed_at: BTreeMap<DeviceName, Timestamp>,
    /// Actions that were tried and have no answer yet.
    pub open: BTreeMap<DeviceName, Action>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: RunOutcome,
    /// One line for people.
    pub summary: String,
}

/// Something that failed on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFailure {
    /// The device.
    pub device: DeviceName,
    /// What was tried.
    pub action: Action,
    /// What came back.
    pub answer: Answer,
    /// The device's own words.
    pub detail: String,
}

/// An event that cannot follow the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("run {run}: {what}")]
pub struct IllegalEvent {
    /// The run.
    pub run: RunId,
    /// Why.
    pub what: &'static str,
}

impl Run {
    /// Folds the events of a run.
    pub fn fold(id: &RunId, events: &[RunEvent]) -> Result<Self, IllegalEvent> {
        let illegal = |what| IllegalEvent { run: id.clone(), what };
        let Some(RunEvent::Requested { at, kind, trigger, revision }) = events.first() else {
            return Err(illegal("the first event is not `requested`"));
        };
        let mut run = Self {
            id: id.clone(),
            events: 1,
            kind: *kind,
            trigger: trigger.clone(),
            revision: revision.clone(),
            requested_at: *at,
            plan: None,
            waves: Vec::new(),
            finished: None,
            failures: Vec::new(),
        };
        for event in &events[1..] {
            run.record(event)?;
        }
        Ok(run)
    }

    /// Adds one event.
    pub fn record(&mut self, event: &RunEvent) -> Result<(), IllegalEvent> {
        let id = self.id.clone();
        let illegal = |what| IllegalEvent { run: id.clone(), what };
        if self.finished.is_some() {
            return Err(illegal("it has finished"));
        }
        match event {
            RunEvent::Requested { .. } => return Err(illegal("it was requested twice")),
            RunEvent::Planned { plan, .. } => self.plan = Some(plan.clone()),
            RunEvent::WaveStarted { at, devices, confirm_timeout_s, reverse, .. } => self.waves.push(WaveRecord {
                started_at: *at,
                wave: Wave::new(devices.keys().cloned()),
                snapshots: devices.clone(),
                confirm_timeout_s: *confirm_timeout_s,
                reverse: *reverse,
                committed_at: BTreeMap::new(),
                open: BTreeMap::new(),
                outcome: None,
            }),
            RunEvent::Asked { at, device, action } => {
                let wave = self.waves.last_mut().ok_or_else(|| illegal("an action without a wave"))?;
                if *action == Action::Commit {
                    wave.committed_at.insert(device.clone(), *at);
                }
                wave.open.insert(device.clone(), *action);
            }
            RunEvent::Answered { device, action, answer, detail, .. } => {
                let wave = self.waves.last_mut().ok_or_else(|| illegal("an answer without a wave"))?;
                wave.open.remove(device);
                // Asking for the next actions is what settles devices that never started.
                wave.wave.next_actions();
                wave.wave.record(device, *action, *answer);
                if !matches!(answer, Answer::Done | Answer::SawBase | Answer::SawIntended) {
                    self.failures.push(DeviceFailure {
                        device: device.clone(),
                        action: *action,
                        answer: *answer,
                        detail: detail.clone().unwrap_or_default(),
                    });
                }
            }
            RunEvent::WaveEnded { outcome, .. } => {
                let wave = self.waves.last_mut().ok_or_else(|| illegal("the end of a wave that never began"))?;
                wave.outcome = Some(*outcome);
            }
            RunEvent::Finished { at, outcome, summary } => {
                self.finished = Some(Finish { at: *at, outcome: *outcome, summary: summary.clone() });
            }
        }
        self.events += 1;
        Ok(())
    }

    /// Returns the devices and where they stand, over all waves: confirmed means that the device keeps the change.
    pub fn device_states(&self) -> BTreeMap<DeviceName, State> {
        let mut out = BTreeMap::new();
        for record in &self.waves {
            for (device, state) in record.wave.states() {
                let state = match (record.reverse, state) {
                    (true, State::Confirmed) => State::Restored,
                    (true, State::Restored | State::Planned) => State::Confirmed,
                    (_, state) => state,
                };
                out.insert(device, state);
            }
        }
        out
    }
}
