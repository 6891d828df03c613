//! The devices and groups of an intent.

pub mod access;
mod credentials;
pub mod files;
pub mod load;
mod parse;
pub mod selector;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::{DeviceName, GroupName, PlatformName};
use super::secret::SecretRef;
use super::yaml::{Mark, Node};
pub use access::{Connection, HostKeyPolicy, JumpHost, Logins, Transport};
pub use selector::Selector;

/// The devices and groups of an intent.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The devices by name.
    pub devices: BTreeMap<DeviceName, Device>,
    /// The groups by name.
    pub groups: BTreeMap<GroupName, Group>,
}

impl Inventory {
    /// Returns the devices that a selector chooses, in name order.
    pub fn select<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = &'a Device> {
        self.devices.values().filter(|device| selector.matches(device))
    }
}

/// One device, with what its groups add filled in.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name.
    pub name: DeviceName,
    /// The network operating system.
    pub platform: PlatformName,
    /// Address or host name of the management interface.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// How to log in.
    pub credentials: Option<Credentials>,
    /// What is believed about its host key.
    pub host_key: HostKeyPolicy,
    /// How the connection is made and watched.
    pub connection: Connection,
    /// The SSH servers through which it is reached, the first one first.
    pub via: Vec<JumpHost>,
    /// How many logins may go on at the same time.
    pub logins: Logins,
    /// Facts for selectors and data layers: `site`, `role`, `env`, `redundancy_group` and the owner's own.
    pub labels: BTreeMap<String, String>,
    /// Its groups and their parents, weakest first: the order in which their data is layered.
    pub groups: Vec<GroupName>,
    /// Settings for the driver, for example `vtysh: vtysh -N r1`.
    pub options: BTreeMap<String, String>,
    /// Set when nothing may be deployed to it for now.
    pub suspended: Option<Suspension>,
    /// How much of the device's configuration the intent owns.
    pub mode: Mode,
    /// Where it is written.
    pub mark: Mark,
}

impl Device {
    /// Returns a label, or nothing.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

/// How to log in. The values are references; they are resolved where a session is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Login name.
    pub user: String,
    /// The password.
    pub password: Option<SecretRef>,
    /// A private key in OpenSSH or PEM form.
    pub key: Option<SecretRef>,
    /// What opens the private key.
    pub passphrase: Option<SecretRef>,
    /// The OpenSSH certificate of the private key.
    pub certificate: Option<SecretRef>,
    /// The agent whose keys are used.
    pub agent: Option<AgentUse>,
    /// Answers to questions at the login: a pattern for the question, and the answer.
    pub answers: Vec<(String, SecretRef)>,
}

/// The agent whose keys are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentUse {
    /// Its socket; the one of the process's environment when it is not set.
    pub socket: Option<String>,
    /// Only the key with this fingerprint.
    pub fingerprint: Option<String>,
}

/// A device to which nothing is deployed for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Why, for the people who wonder.
    pub reason: String,
    /// The last day on which it is suspended (UTC); without it, until somebody removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub until: Option<jiff::civil::Date>,
}

impl Suspension {
    /// Tells whether it still holds on a day (UTC).
    pub fn is_active(&self, today: jiff::civil::Date) -> bool {
        self.until.is_none_or(|until| today <= until)
    }
}

/// How much of a device's configuration the intent owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything: lines on the device that the intent does not have are removed.
    #[default]
    Replace,
    /// Only what the intent has: other lines on the device stay.
    Merge,
    /// Everything inside these sections, nothing outside. A section is the start of a top-level line.
    Owned(Vec<String>),
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replace => "replace",
            Self::Merge => "merge",
            Self::Owned(_) => "owned",
        })
    }
}

/// A group of devices.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Groups whose data lies below its own.
    pub parents: BTreeSet<GroupName>,
    /// Of two groups of one device the heavier wins. Default 100.
    pub weight: i64,
    /// Data for its devices.
    pub vars: Node,
    /// What its devices have when they do not say it themselves.
    pub defaults: files::DeviceDefaults,
    /// Where it is written.
    pub mark: Mark,
}
