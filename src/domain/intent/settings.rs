//! `reconverge.yaml`: how changes reach the network. It is read from the base branch only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::diagnostic::Diagnostic;
use crate::domain::inventory::Selector;
use crate::domain::inventory::access::{JumpHostFile, Logins};
use crate::domain::inventory::files::CredentialsFile;
use crate::domain::schedule::Interval;
use crate::domain::yaml::Node;

/// Shorter, a slow device would always go back.
const CONFIRM_TIMEOUT_MIN: Interval = Interval::seconds(10);
/// Shorter, the service would do nothing else.
const DRIFT_INTERVAL_MIN: Interval = Interval::seconds(1);
/// The path of the settings.
pub const PATH: &str = "reconverge.yaml";

/// How changes reach the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The branch that says what the network should be.
    pub branch: String,
    /// Branches whose names start so are changes that get a plan.
    pub change_prefix: String,
    /// When a merged change is deployed.
    pub apply: Apply,
    /// A device that is not confirmed within this time takes its old configuration back.
    pub confirm_timeout: Interval,
    /// In which steps devices follow each other.
    pub rollout: Rollout,
    /// What happens to the other devices when one fails.
    pub failure: FailurePolicy,
    /// Looking for changes that were made by hand.
    pub drift: Drift,
    /// How long a plan may be applied.
    pub plan_ttl: Interval,
    /// What a plan does with lines that already differed before the change.
    pub drift_in_plan: DriftInPlan,
    /// Accounts for the devices, by name; `default` is for devices that name none.
    pub credentials: BTreeMap<String, CredentialsFile>,
    /// SSH servers through which devices are reached, by name; devices name them under `via`.
    pub jump_hosts: BTreeMap<String, JumpHostFile>,
    /// How many logins may go on at the same time.
    pub logins: Logins,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            branch: "main".to_owned(),
            change_prefix: "change/".to_owned(),
            apply: Apply::default(),
            confirm_timeout: Interval::seconds(120),
            rollout: Rollout::default(),
            failure: FailurePolicy::default(),
            drift: Drift::default(),
            plan_ttl: Interval::seconds(24 * 3600),
            drift_in_plan: DriftInPlan::default(),
            credentials: BTreeMap::new(),
            jump_hosts: BTreeMap::new(),
            logins: Logins::default(),
        }
    }
}

/// Reports settings that cannot work.
pub(super) fn check(settings: &Settings, root: &Node, findings: &mut Vec<Diagnostic>) {
    let mut wrong = |key: &str, message: String| {
        let mark = root.get(key).map_or(&root.mark, |node| &node.mark);
        findings.push(mark.on(Diagnostic::error(message)));
    };
    let is_ref = |text: &str| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
        !text.is_empty() && !text.starts_with(['-', '/', '.']) && !text.contains(odd) && !text.contains("..")
    };
    if !is_ref(&settings.branch) || settings.branch.ends_with('/') {
        wrong("branch", format!("{:?} cannot be the name of a branch", settings.branch));
    }
    if !is_ref(&settings.change_prefix) {
        wrong("change_prefix", format!("{:?} cannot be the start of names of branches", settings.change_prefix));
    } else if settings.branch.starts_with(&settings.change_prefix) {
        wrong("change_prefix", format!("the branch {:?} would itself be a change", settings.branch));
    }
    if settings.confirm_timeout < CONFIRM_TIMEOUT_MIN {
        wrong("confirm_timeout", format!("a device needs at least {CONFIRM_TIMEOUT_MIN} to be checked and confirmed"));
    }
    if settings.drift.interval < DRIFT_INTERVAL_MIN {
        wrong("drift", format!("devices are read at most every {DRIFT_INTERVAL_MIN}"));
    }
}

/// When a merged change is deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Apply {
    /// As soon as the change is in the branch.
    #[default]
    OnMerge,
    /// When somebody runs `reconverge apply`.
    Manual,
}

/// In which steps devices follow each other: the canary, a pause, then batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// The first devices: a number, a share or a selector.
    pub canary: Canary,
    /// How many devices at once afterwards: a number or a share.
    pub batch: Share,
    /// How long the canary must stay healthy before the next batch.
    pub bake: Interval,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { canary: Canary::Share(Share::Count(1)), batch: Share::Percent(25), bake: Interval::seconds(30) }
    }
}

/// What happens to the other devices of a run when one fails. The failed device always goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// Devices that are done stay, no further ones are touched.
    #[default]
    Stop,
    /// The devices of the same wave go back too.
    RollbackWave,
    /// All devices of the run go back.
    RollbackRun,
    /// The other devices go on.
    Continue,
}

/// Looking for changes that were made by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    /// How often each device is read.
    pub interval: Interval,
    /// What happens when something is found.
    pub policy: DriftPolicy,
}

impl Default for Drift {
    fn default() -> Self {
        Self { interval: Interval::seconds(15 * 60), policy: DriftPolicy::default() }
    }
}

/// What happens to changes that were made by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftPolicy {
    /// They are told.
    #[default]
    Report,
    /// They are told and undone.
    Revert,
}

/// What a plan does with lines that already differed before the change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftInPlan {
    /// They are shown and not deployed.
    #[default]
    Show,
    /// They are deployed with the change.
    Include,
    /// A device with such lines is not deployed.
    Block,
}

/// A number of devices or a share of them, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many devices.
    Count(u32),
    /// So many of a hundred, rounded up.
    Percent(u8),
}

impl Share {
    /// Returns how many of `devices` that are, at least one.
    pub fn of(self, devices: usize) -> usize {
        match self {
            Self::Count(count) => (count as usize).max(1),
            Self::Percent(percent) => (devices * usize::from(percent)).div_ceil(100).max(1),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| (1..=100).contains(p)).map(Self::Percent),
            None => text.parse().ok().filter(|count| *count > 0).map(Self::Count),
        }
    }
}

/// The first devices of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canary {
    /// So many.
    Share(Share),
    /// Those that the selector chooses.
    Selected(Selector),
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => share.fmt(f),
            Self::Selected(selector) => selector.fmt(f),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => to.serialize_u32(*count),
            Self::Percent(_) => to.collect_str(self),
        }
    }
}

impl Serialize for Canary {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Share(share) => share.serialize(to),
            Self::Selected(selector) => selector.serialize(to),
        }
    }
}

/// Reads a number or a text.
struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of devices such as 2 or a share such as 25%")
    }
    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.trim().to_owned())
    }
    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = from.deserialize_any(NumberOrText)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a number of devices or a share: 2, 25%")))
    }
}

impl<'de> Deserialize<'de> for Canary {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = from.deserialize_any(NumberOrText)?;
        if let Some(share) = Share::parse(&text) {
            return Ok(Self::Share(share));
        }
        Selector::parse(&text).map(Self::Selected).map_err(D::Error::custom)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of devices (2) or a share of them (25%)",
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]+%?$"}]
        })
    }
}

impl JsonSchema for Canary {
    fn schema_name() -> Cow<'static, str> {
        "Canary".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The first devices: a number (1), a share (10%) or a selector (labels, name~'...')",
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]
        })
    }
}
