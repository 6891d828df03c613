//! The network: one door with seven verbs, whatever speaks on the other side.

pub mod simulated;

pub mod ssh;

pub mod cli;

pub mod netconf;

pub mod dial;

pub mod pool;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::name::{DeviceName, PlatformName};
pub use crate::domain::platform::rollback::RollbackClass;
use crate::domain::secret::Secret;

/// Everything a driver needs to reach one device. Secrets are in here only as long as the session is built.
#[derive(Clone)]
pub struct Target {
    /// The inventory's name of the device, for messages.
    pub device: DeviceName,
    /// Which platform page speaks to it.
    pub platform: PlatformName,
    /// Address or host name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Ways to log in, tried in this order.
    pub auth: Vec<Auth>,
    /// What to believe about the host key.
    pub host_key: HostKey,
    /// Whether algorithms that are no longer safe may be offered (SHA-1, CBC, DSA).
    pub legacy_algorithms: bool,
    /// Bound on connecting and on logging in.
    pub connect_timeout: Duration,
    /// Bound on one command without any new output.
    pub command_timeout: Duration,
    /// Settings of this device that its platform page offers under `options`, for example `pathspace` of FRR.
    pub options: BTreeMap<String, String>,
}

/// One way to log in.
#[derive(Clone)]
pub enum Auth {
    /// Password, also used to answer keyboard-interactive prompts.
    Password(Secret),
    /// A private key in OpenSSH or PEM form, without a passphrase.
    Key(Secret),
}

/// What to believe about a host key (safety rule 5: the first use of an unknown key needs a decision).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKey {
    /// Only this fingerprint, `SHA256:…` as OpenSSH prints it.
    Pinned(String),
    /// The inventory decided to accept the first key that is seen; the caller remembers it.
    AcceptNew,
    /// No decision was made: refuse and print the fingerprint.
    Unknown,
}

/// What became of a verb, shaped by the caller's next move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// It did not happen, and we know it.
    Refused,
    /// We do not know whether it happened: observe, never guess.
    Lost,
}

/// Why a verb failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceProblem {
    /// No TCP connection, or it ended.
    Unreachable,
    /// The device did not accept the login.
    AuthFailed,
    /// The host key is not the expected one, or nobody decided about it yet.
    HostKey,
    /// Somebody else holds the configuration, or a timed commit of somebody else is pending.
    Locked,
    /// The device answered a command with an error.
    Rejected,
    /// Nothing came within the deadline.
    Timeout,
    /// The device answered something that the platform page does not know.
    Protocol,
    /// The state on the device is not the one that was approved.
    Stale,
}

/// A verb that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct DeviceError {
    /// What the caller must do next.
    pub certainty: Certainty,
    /// What went wrong.
    pub problem: DeviceProblem,
    /// For people: names the address, the command and the device's own words (secrets masked).
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl DeviceError {
    /// It did not happen.
    pub fn refused(problem: DeviceProblem, message: impl Into<String>) -> Self {
        Self { certainty: Certainty::Refused, problem, message: message.into(), hint: None }
    }

    /// Nobody knows whether it happened.
    pub fn lost(problem: DeviceProblem, message: impl Into<String>) -> Self {
        Self { certainty: Certainty::Lost, ..Self::refused(problem, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One line to type, in send order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The line without indentation; secrets are in clear, so this never leaves the worker.
    pub text: String,
    /// How many sections deep it is typed.
    pub depth: u16,
    /// Whether it opens a section in which the next line is typed.
    pub enters: bool,
}

/// What one transaction brings to one device. Every verb gets it whole, so that a new process can go on.
#[derive(Clone)]
pub struct Candidate {
    /// Names this change on the device (session, timer, files): letters, digits, `-`, `_`.
    pub change: String,
    /// For the device's own history: `reconverge plan=… change=… by=…`.
    pub label: String,
    /// What to type to get from `base` to `predicted`.
    pub commands: Vec<CommandLine>,
    /// What to type to get back.
    pub undo: Vec<CommandLine>,
    /// The running configuration that was approved, as the device printed it.
    pub base: String,
    /// What the running configuration must be afterwards, in the platform's own syntax.
    pub predicted: String,
}

/// What staging found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// The device's own diff, where it has one.
    pub device_diff: Option<String>,
}

/// The seven verbs. One value is one session; a *fresh* session is a new value.
pub trait Device: Send {
    /// Reads the running configuration as the device prints it.
    fn running(&mut self) -> BoxFuture<'_, Result<String, DeviceError>>;
    /// Loads or checks the candidate without making it active.
    fn stage<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<Staged, DeviceError>>;
    /// Makes the candidate active; unless confirmed within the time, the device reverts by itself (classes A and B).
    fn commit<'a>(
        &'a mut self,
        candidate: &'a Candidate,
        confirm_within: Duration,
    ) -> BoxFuture<'a, Result<(), DeviceError>>;
    /// Keeps the committed candidate and saves it for the next start.
    fn confirm<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>>;
    /// Brings the base back now. Returns only when the device prints the base again.
    fn rollback<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>>;
    /// Forgets a staged candidate.
    fn discard<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>>;
    /// Runs one operational command and returns its output.
    fn run<'a>(&'a mut self, command: &'a str) -> BoxFuture<'a, Result<String, DeviceError>>;
    /// How this device comes back by itself, as found at login.
    fn rollback_class(&self) -> RollbackClass;
    /// The fingerprint that the device showed, `SHA256:…`.
    fn host_key(&self) -> &str;
}

/// Opens sessions: the door through which the engine reaches the network.
pub trait Dial: Send + Sync {
    /// Connects, checks the host key and logs in. Every call is a new session.
    ///
    /// # Errors
    /// Always `Refused`: nothing has happened on the device.
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Device>, DeviceError>>;
    /// Returns the class that the platform can offer, for plans that are made without a session; `None` when no page speaks to it.
    fn class_of(&self, platform: &PlatformName) -> Option<RollbackClass>;
}
