//! Drives the domain with the adapters: plans, deployments, drift, and the one loop that decides between them.

pub mod network;
pub mod planning;
pub mod deploy;
pub mod repository;
pub mod main_loop;
pub mod query;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::adapters::clock::Clock;
use crate::adapters::device::Dial;
use crate::adapters::device::pool::Pool;
use crate::adapters::secrets::SecretStore;
use crate::adapters::store::Store;
use crate::domain::name::{PlatformName, RunId};
use crate::domain::platform::Platform;

/// Longest time without any output of a command.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to connect and log in.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What everything here needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// What must survive a restart.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The way to devices.
    pub dial: Arc<dyn Dial>,
    /// Sessions that are kept for reading.
    pub pool: Pool,
    /// References to values.
    pub secrets: SecretStore,
    /// The platforms that are known.
    pub platforms: Arc<BTreeMap<PlatformName, Platform>>,
    /// Names the repository in the store.
    pub repository: String,
    /// Hears about progress, one line at a time.
    pub progress: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Context {
    /// Makes a new run id.
    pub fn new_run(&self) -> RunId {
        RunId::new(self.clock.now().as_millisecond(), rand::random())
    }

    /// Tells somebody who waits.
    pub fn tell(&self, line: &str) {
        (self.progress)(line);
    }
}
