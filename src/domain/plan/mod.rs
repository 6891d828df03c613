//! What would change: an immutable value, named by the hash of its content.

pub mod build;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::command::Operation;
use super::config::page::Risk;
use super::name::{DeviceName, PlanId, PlatformName};
use super::platform::rollback::RollbackClass;
use super::revision::Revision;
use super::snapshot::Digest;

/// The version of the plan's form; a plan of another version is refused.
pub const PLAN_SCHEMA: u32 = 1;

/// What would change on each device at one revision. Secrets are masked in everything it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form.
    pub schema: u32,
    /// The hash of `content`.
    pub id: PlanId,
    /// When it was made; not part of the identity.
    pub created_at: jiff::Timestamp,
    /// Everything that the identity covers.
    pub content: Content,
}

/// The part of a plan that its id is the hash of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The revision whose intent this is.
    pub revision: Revision,
    /// The hash of the repository's files at that revision.
    pub files: Digest,
    /// The revision that the network is meant to have now, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Revision>,
    /// Every selected device with its state.
    pub devices: BTreeMap<DeviceName, DeviceState>,
}

/// What is known about one device. Only `InSync` and `Planned` come from a fresh reading; nothing else is ever counted as fine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeviceState {
    /// Nothing would be sent; `drift` lists what differs and is not part of this change.
    InSync(Box<Reading>),
    /// These commands would be sent.
    Planned(Box<DevicePlan>),
    /// No connection.
    Unreachable(Problem),
    /// The login was not accepted.
    AuthFailed(Problem),
    /// The host key is unknown or not the expected one.
    HostKey(Problem),
    /// The device answered something that could not be understood.
    ParseError(Problem),
    /// The intended configuration could not be rendered.
    RenderError(Problem),
    /// Somebody else holds the device.
    Locked(Problem),
    /// Nothing is sent to it by decision of its owner.
    Suspended(Problem),
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A fresh reading that needs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The operating system.
    pub platform: PlatformName,
    /// The hash of the normalised running configuration.
    pub base: Digest,
    /// The hash of the intended configuration.
    pub intended: Digest,
    /// What differs and was not asked for by this change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Operation>,
    /// Lines outside the owned sections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
}

/// What would be sent to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePlan {
    /// What was read, and what differs beside the change.
    #[serde(flatten)]
    pub reading: Reading,
    /// How the device comes back by itself.
    pub rollback_class: RollbackClass,
    /// The operations of the change, in send order.
    pub operations: Vec<Operation>,
    /// The commands as text.
    pub commands: String,
    /// The commands that lead back, as text.
    pub undo: String,
    /// Lines that the model could not bring back; empty means the way back is proved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo_unproved: Vec<String>,
    /// Lines that the model could not bring about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproved: Vec<String>,
    /// The highest risk of the operations.
    pub risk: Risk,
    /// The hash of the masked commands: at deployment they are computed anew and must give the same.
    pub operations_hash: Digest,
    /// A unified diff for people.
    pub diff: String,
    /// The running configuration that this was computed from, masked.
    pub running: String,
}

impl Plan {
    /// Names a content by its hash.
    pub fn new(content: Content, created_at: jiff::Timestamp) -> Result<Self, serde_json::Error> {
        let id = content.id()?;
        Ok(Self { schema: PLAN_SCHEMA, id, created_at, content })
    }

    /// Tells whether the id belongs to the content.
    pub fn is_genuine(&self) -> bool {
        self.schema == PLAN_SCHEMA && self.content.id().is_ok_and(|id| id == self.id)
    }

    /// Tells whether every device is known and nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.content.devices.values().all(|state| matches!(state, DeviceState::InSync(_) | DeviceState::Suspended(_)))
    }

    /// Tells whether nothing differs at all: what "in sync" means.
    pub fn in_sync(&self) -> bool {
        self.content.devices.values().all(|state| match state {
            DeviceState::InSync(reading) => reading.drift.is_empty(),
            _ => false,
        })
    }

    /// Returns the devices to which something would be sent.
    pub fn planned(&self) -> impl Iterator<Item = (&DeviceName, &DevicePlan)> {
        self.content.devices.iter().filter_map(|(name, state)| match state {
            DeviceState::Planned(plan) => Some((name, plan.as_ref())),
            _ => None,
        })
    }

    /// Returns the devices about which nothing is known.
    pub fn problems(&self) -> impl Iterator<Item = (&DeviceName, &'static str, &Problem)> {
        self.content
            .devices
            .iter()
            .filter_map(|(name, state)| state.problem().map(|(word, problem)| (name, word, problem)))
    }

    /// Returns the devices with lines that differ beside the change.
    pub fn drifted(&self) -> impl Iterator<Item = (&DeviceName, &[Operation])> {
        self.content.devices.iter().filter_map(|(name, state)| {
            let reading = state.reading()?;
            (!reading.drift.is_empty()).then_some((name, reading.drift.as_slice()))
        })
    }

    /// Returns the highest risk.
    pub fn risk(&self) -> Risk {
        self.planned().map(|(_, plan)| plan.risk).max().unwrap_or_default()
    }
}

impl Content {
    fn id(&self) -> Result<PlanId, serde_json::Error> {
        let digest = Digest::of(&serde_json::to_string(self)?);
        Ok(digest.short().parse().expect("sixteen hexadecimal digits are a name"))
    }
}

impl DeviceState {
    /// Returns what was read, when something was.
    pub fn reading(&self) -> Option<&Reading> {
        match self {
            Self::InSync(reading) => Some(reading),
            Self::Planned(plan) => Some(&plan.reading),
            _ => None,
        }
    }

    /// Returns why nothing is known, with one word for the kind.
    pub fn problem(&self) -> Option<(&'static str, &Problem)> {
        match self {
            Self::InSync(_) | Self::Planned(_) => None,
            Self::Unreachable(problem) => Some(("unreachable", problem)),
            Self::AuthFailed(problem) => Some(("login failed", problem)),
            Self::HostKey(problem) => Some(("host key", problem)),
            Self::ParseError(problem) => Some(("not understood", problem)),
            Self::RenderError(problem) => Some(("not rendered", problem)),
            Self::Locked(problem) => Some(("locked", problem)),
            Self::Suspended(problem) => Some(("suspended", problem)),
        }
    }
}
