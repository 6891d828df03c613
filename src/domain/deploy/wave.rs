//! BRAIN 3b: one wave of devices with barriers between stage, commit, verify and confirm.
//!
//! Answers go in, actions come out. A lost answer (timeout, crash, closed session) is never guessed at: the device is observed.
//!
//! ```text
//! action     Done        Refused                  Lost
//! Stage      Staged      Restored, retreat        Uncertain, retreat
//! Commit     Committed   Restored, retreat        Uncertain, retreat
//! Verify     Verified    stays, retreat           stays, retreat
//! Confirm    Confirmed   Uncertain                Uncertain           (the first one sent is the point of no return)
//! Discard    Restored    Restored                 Restored
//! Rollback   Restored    Uncertain                Uncertain
//! Observe    saw base → Restored · saw intended while confirming → Confirmed
//!            saw intended or something else while retreating → Rollback again, a bounded number of times, then Stuck
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::name::DeviceName;

/// How often a device is rolled back before it is called stuck.
pub const ROLLBACKS_MAX: u8 = 3;

/// Where one device of the wave stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing happened yet.
    Planned,
    /// The candidate is loaded or checked.
    Staged,
    /// The candidate is active, not kept yet.
    Committed,
    /// A fresh session found the device well.
    Verified,
    /// Kept.
    Confirmed,
    /// As before the wave.
    Restored,
    /// Nobody knows; it has to be observed.
    Uncertain,
    /// Observed in a state from which the controller could not bring it back.
    Stuck,
}

/// What is done to one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Load or check the candidate.
    Stage,
    /// Make it active with a revert timer.
    Commit,
    /// Log in anew and check.
    Verify,
    /// Keep it.
    Confirm,
    /// Forget the staged candidate.
    Discard,
    /// Bring the base back.
    Rollback,
    /// After the deadline: read what is there.
    Observe,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It happened.
    Done,
    /// It did not happen, and that is known.
    Refused,
    /// It is not known whether it happened.
    Lost,
    /// Observed: the state before the wave.
    SawBase,
    /// Observed: the predicted state.
    SawIntended,
    /// Observed: neither.
    SawOther,
}

/// How a wave ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every device keeps the change.
    Applied,
    /// Every device is as before.
    RolledBack,
    /// Some keep it, some are as before: only possible when a confirm was refused or lost.
    Split,
    /// At least one device is in a state that the controller could not change.
    Stuck,
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wave {
    devices: BTreeMap<DeviceName, Member>,
    retreating: bool,
    confirming: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Member {
    state: State,
    rollbacks: u8,
    /// Observed in a state that needs one more rollback.
    again: bool,
}

impl Wave {
    /// Starts a wave over these devices.
    pub fn new(devices: impl IntoIterator<Item = DeviceName>) -> Self {
        let member = Member { state: State::Planned, rollbacks: 0, again: false };
        Self {
            devices: devices.into_iter().map(|device| (device, member.clone())).collect(),
            retreating: false,
            confirming: false,
        }
    }

    /// Returns where every device stands.
    pub fn states(&self) -> BTreeMap<DeviceName, State> {
        self.devices.iter().map(|(device, member)| (device.clone(), member.state)).collect()
    }

    /// Tells whether the wave goes back.
    pub fn is_retreating(&self) -> bool {
        self.retreating
    }

    /// Tells whether a confirmation was sent to any device: from then on nothing goes back.
    pub fn is_confirming(&self) -> bool {
        self.confirming
    }

    /// Turns the wave around from outside (an abort, a freeze). Has no effect after the first confirm.
    pub fn retreat(&mut self) {
        if !self.confirming {
            self.retreating = true;
        }
    }

    /// Returns what to do now; all actions of one call may run at the same time. Empty when the wave has ended.
    pub fn next_actions(&mut self) -> Vec<(DeviceName, Action)> {
        if self.retreating {
            for member in self.devices.values_mut().filter(|member| member.state == State::Planned) {
                member.state = State::Restored;
            }
            return self
                .devices
                .iter()
                .filter_map(|(device, member)| Some((device.clone(), member.way_back()?)))
                .collect();
        }
        let uncertain = self.in_state(State::Uncertain);
        if !uncertain.is_empty() {
            return uncertain.into_iter().map(|device| (device, Action::Observe)).collect();
        }
        let steps = [
            (State::Planned, Action::Stage),
            (State::Staged, Action::Commit),
            (State::Committed, Action::Verify),
            (State::Verified, Action::Confirm),
        ];
        for (state, action) in steps {
            let ready = self.in_state(state);
            if !ready.is_empty() {
                self.confirming |= action == Action::Confirm;
                return ready.into_iter().map(|device| (device, action)).collect();
            }
        }
        Vec::new()
    }

    /// Records the answer to an action. An answer about an unknown device changes nothing.
    pub fn record(&mut self, device: &DeviceName, action: Action, answer: Answer) {
        self.confirming |= action == Action::Confirm;
        let confirming = self.confirming;
        let Some(member) = self.devices.get_mut(device) else { return };
        let failed = member.record(action, answer, confirming);
        if failed && !confirming {
            self.retreating = true;
        }
    }

    /// Returns how the wave ended, when it has.
    pub fn outcome(&self) -> Option<Outcome> {
        let all = |states: &[State]| self.devices.values().all(|member| states.contains(&member.state));
        if !all(&[State::Confirmed, State::Restored, State::Stuck]) {
            return None;
        }
        Some(if !all(&[State::Confirmed, State::Restored]) {
            Outcome::Stuck
        } else if all(&[State::Confirmed]) {
            Outcome::Applied
        } else if all(&[State::Restored]) {
            Outcome::RolledBack
        } else {
            Outcome::Split
        })
    }

    fn in_state(&self, state: State) -> Vec<DeviceName> {
        self.devices.iter().filter(|(_, member)| member.state == state).map(|(device, _)| device.clone()).collect()
    }
}

impl Member {
    fn way_back(&self) -> Option<Action> {
        match self.state {
            State::Staged => Some(Action::Discard),
            State::Committed | State::Verified => Some(Action::Rollback),
            State::Uncertain if self.again => Some(Action::Rollback),
            State::Uncertain => Some(Action::Observe),
            State::Planned | State::Confirmed | State::Restored | State::Stuck => None,
        }
    }

    /// Returns whether the answer is a failure that turns the wave around.
    fn record(&mut self, action: Action, answer: Answer, confirming: bool) -> bool {
        let again = std::mem::take(&mut self.again);
        let (state, failed) = match (action, answer) {
            (Action::Stage, Answer::Done) => (State::Staged, false),
            (Action::Commit, Answer::Done) => (State::Committed, false),
            (Action::Verify, Answer::Done) => (State::Verified, false),
            (Action::Confirm, Answer::Done) => (State::Confirmed, false),
            (Action::Stage | Action::Commit, Answer::Refused) => (State::Restored, true),
            (Action::Verify, _) => (State::Committed, true),
            (Action::Discard, _) | (Action::Rollback, Answer::Done) | (Action::Observe, Answer::SawBase) => {
                (State::Restored, false)
            }
            (Action::Observe, Answer::SawIntended) if confirming => (State::Confirmed, false),
            (Action::Observe, Answer::SawIntended | Answer::SawOther)
                if !confirming && self.rollbacks < ROLLBACKS_MAX =>
            {
                self.again = true;
                (State::Uncertain, false)
            }
            (Action::Observe, _) => (State::Stuck, false),
            (Action::Stage | Action::Commit, _) => (State::Uncertain, true),
            (Action::Confirm | Action::Rollback, _) => (State::Uncertain, false),
        };
        if action == Action::Rollback && again {
            self.rollbacks += 1;
        }
        self.state = state;
        failed
    }
}
