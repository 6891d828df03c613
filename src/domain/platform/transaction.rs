//! The part of a platform page that says how a change is made safe: what the device itself can take back, and how.
//!
//! Commands know `{name}` (the change), `{label}` (its words for the device's history), `{seconds}` and `{minutes}`
//! (the time to confirm; minutes are rounded down, because a device must not go back later than it was told).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollback::RollbackClass;

/// How a change is made safe on this platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Transaction {
    /// A named private copy of the configuration with a timed commit (class A).
    ConfigSession(Box<ConfigSession>),
    /// One copy of the configuration, filled anew for every commit; timed where the device can do it (A), else C.
    Candidate(Box<CandidateRules>),
    /// Every line acts at once, and a timer of the device that is armed first brings the base back (class A).
    TimerFirst(Box<TimerFirst>),
    /// A job on the device restores the configuration (class B); without a Unix shell as `immediate`.
    ShellTimer(ShellTimer),
    /// Every line acts at once and only the controller can undo (class C).
    Immediate(Immediate),
    /// The device is read and never changed by these commands (class C).
    ReadOnly(ReadOnly),
}

/// Commands of a configuration session. `{name}` is the session, `{timer}` is `HH:MM:SS`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigSession {
    /// Opens or creates the session.
    pub enter: String,
    /// The mode in which the session's lines are typed.
    pub mode: String,
    /// Leaves the session without committing.
    pub leave: String,
    /// Shows what the session would change.
    pub diff: String,
    /// Commits with a timer.
    pub commit_timed: String,
    /// Stops the timer and keeps the change.
    pub confirm: String,
    /// Commits at once.
    pub commit_now: String,
    /// Drops the session, or undoes a timed commit.
    pub abort: String,
    /// Lists the sessions.
    pub list: String,
    /// A row of the list, with the groups `name` and `state`.
    pub listed: String,
    /// Lines of the list that say that a timer is running; group 1 is the session.
    pub pending: Vec<String>,
    /// The states in which a session is over and its change was kept.
    pub completed: Vec<String>,
    /// Bounds of the timer in seconds, both included.
    pub timer_s: (u64, u64),
}

/// The commands of the on-box timer. `{file}` is quoted by the driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShellTimer {
    /// A private folder below the home of the account.
    pub folder: String,
    /// Applies a file of configuration lines, going on after errors.
    pub apply: String,
    /// Makes the running configuration equal to a file; used when `apply` did not bring the base back.
    #[serde(default)]
    pub reload: Option<String>,
}

/// How to find out whether a device can do what the page says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// An operational command.
    pub command: String,
    /// What its answer shows when the device can.
    pub present: String,
    /// What people must do so that it can.
    pub hint: String,
}

/// How a timed commit shows itself, whoever made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// An operational command.
    pub command: String,
    /// What its answer shows while a timer runs; the group `owner`, if any, holds the name of the change when it is ours;
    /// the group `user`, if any, is the login name of who started it.
    pub running: String,
}

/// How a whole text is loaded at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The command, typed in the configuration mode.
    pub command: String,
    /// What the device says when it waits for the text.
    pub ready: String,
    /// What ends the text (Ctrl-D).
    pub end: String,
    /// What the answer contains when every line was accepted.
    pub success: String,
}

/// Commands around one copy of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CandidateRules {
    /// Opens the candidate, exclusively where the device can; ends in a mode of role `configuration`.
    pub enter: Vec<String>,
    /// Loads all lines at once; without it they are typed.
    #[serde(default)]
    pub load: Option<Load>,
    /// Shows what the candidate would change.
    #[serde(default)]
    pub diff: Option<String>,
    /// Lets the device check the candidate.
    #[serde(default)]
    pub check: Option<String>,
    /// Drops the candidate, from the configuration mode to the operational one.
    pub discard: Vec<String>,
    /// Commits with a timer; nothing where the device has none.
    #[serde(default)]
    pub commit_timed: Option<String>,
    /// Commits for good.
    pub commit: String,
    /// What the answer to a commit contains when it worked; nothing where silence means success.
    #[serde(default)]
    pub committed: Option<String>,
    /// Shows why a commit failed.
    #[serde(default)]
    pub failed: Option<String>,
    /// Leaves the configuration mode after a commit.
    pub leave: Vec<String>,
    /// Keeps a timed commit; from the operational mode, or from where the commit was typed when `session_bound`.
    #[serde(default)]
    pub confirm: Vec<String>,
    /// Takes a timed commit back before its time, from the same place as `confirm`.
    #[serde(default)]
    pub cancel: Vec<String>,
    /// Only the session that committed can confirm, so it is kept open; its end takes the commit back.
    #[serde(default)]
    pub session_bound: bool,
    /// How a running timer is seen.
    #[serde(default)]
    pub pending: Option<Pending>,
    /// Whether this device can commit with a timer.
    #[serde(default)]
    pub probe: Option<Probe>,
    /// A device without the timer has no candidate either: its lines act at once.
    #[serde(default)]
    pub else_lines: bool,
    /// Bounds of the timer in seconds, both included.
    #[serde(default)]
    pub timer_s: (u64, u64),
}

/// Commands around a timer that is armed before the first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimerFirst {
    /// Arms the timer from the operational mode; may end in the configuration mode.
    pub arm: Vec<String>,
    /// What the answers to `arm` contain together when the timer runs; nothing where silence means success.
    #[serde(default)]
    pub armed: Option<String>,
    /// Stops the timer and keeps the change; from the operational mode.
    pub confirm: Vec<String>,
    /// Lets the device bring its base back now.
    #[serde(default)]
    pub revert: Vec<String>,
    /// The timer belongs to the session, so it is kept open; its end brings the base back.
    #[serde(default)]
    pub session_bound: bool,
    /// Most lines that the device can take back.
    #[serde(default)]
    pub lines_max: Option<usize>,
    /// How a running timer is seen.
    #[serde(default)]
    pub pending: Option<Pending>,
    /// Whether this device has the timer; without it as `immediate`.
    #[serde(default)]
    pub probe: Option<Probe>,
    /// Bounds of the timer in seconds, both included.
    pub timer_s: (u64, u64),
}

/// Every line acts at once; a copy on the device may help to go back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Immediate {
    /// Keeps a copy of the configuration on the device before the first line.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Brings the copy back.
    #[serde(default)]
    pub restore: Vec<String>,
    /// Forgets the copy.
    #[serde(default)]
    pub forget: Vec<String>,
}

/// Why these commands do not change the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOnly {
    /// For people.
    pub reason: String,
}

impl Transaction {
    /// Returns the class that the platform can offer; `None` when only the device itself can tell.
    pub fn class(&self) -> Option<RollbackClass> {
        match self {
            Self::ConfigSession(_) => Some(RollbackClass::A),
            Self::Candidate(rules) if rules.commit_timed.is_none() => Some(RollbackClass::C),
            Self::Candidate(rules) => rules.probe.is_none().then_some(RollbackClass::A),
            Self::TimerFirst(rules) => rules.probe.is_none().then_some(RollbackClass::A),
            Self::ShellTimer(_) => Some(RollbackClass::B),
            Self::Immediate(_) | Self::ReadOnly(_) => Some(RollbackClass::C),
        }
    }

    /// Returns the probe of what the device can do.
    pub fn probe(&self) -> Option<&Probe> {
        match self {
            Self::Candidate(rules) => rules.probe.as_ref(),
            Self::TimerFirst(rules) => rules.probe.as_ref(),
            Self::ConfigSession(_) | Self::ShellTimer(_) | Self::Immediate(_) | Self::ReadOnly(_) => None,
        }
    }
}
