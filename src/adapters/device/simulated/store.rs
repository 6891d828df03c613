//! What one simulated device remembers: its configurations, its sessions, a timed commit, and what was typed.
//!
//! The rules of a transaction are the same whatever the grammar: a session is a copy, a commit replaces the running
//! configuration, a timed commit comes back by itself unless it is confirmed, whoever is logged in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::facts::Facts;
use super::faults::Script;
use super::network::Network;
use super::tree::Node;
use super::{DeviceSpec, TypedLine};
use crate::adapters::clock::Clock;

/// Most typed lines that are remembered, per device.
const TYPED_LINES_MAX: usize = 200_000;
/// Most sessions that are neither committed nor aborted, per device.
pub(super) const SESSIONS_PENDING_MAX: usize = 5;

/// A network operating system: its grammar, its command line and its way to print.
pub(super) trait Platform: Send + Sync {
    /// What a device without any configuration prints.
    fn factory(&self, spec: &DeviceSpec) -> Node;
    /// Types configuration text into a tree.
    ///
    /// # Errors
    /// The first line that is not accepted and the device's answer.
    fn load(&self, tree: &mut Node, factory: &Node, text: &str) -> Result<(), (String, String)>;
    /// The running configuration as the device prints it.
    fn running(&self, device: &DeviceState) -> String;
    /// The startup configuration as the device prints it.
    fn startup(&self, device: &DeviceState) -> String;
    /// What the network needs to know about a configuration.
    fn facts(&self, tree: &Node) -> Facts;
    /// Starts a command line.
    fn open(&self, device: Arc<DeviceState>, login: Login) -> Box<dyn Cli>;
}

/// Who opens a command line.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// The user's name.
    pub(super) user: String,
    /// Whether the command line starts with all rights.
    pub(super) privileged: bool,
    /// Height of the terminal in lines, 0 if output is not paged.
    pub(super) height: usize,
}

/// A command line in one of its modes.
pub(super) trait Cli: Send {
    /// What is printed once after the login.
    fn greeting(&self) -> String;
    /// What is printed before the next input.
    fn prompt(&self) -> String;
    /// How the next input is read.
    fn input(&self) -> super::terminal::Input;
    /// Takes a line.
    fn line(&mut self, line: &str) -> Answer;
    /// Takes Ctrl-D on an empty line.
    fn end_of_input(&mut self) -> Answer;
    /// Takes Ctrl-C.
    fn interrupt(&mut self);
    /// Explains what may follow.
    fn help(&self, partial: &str) -> String;
    /// Height of the terminal in lines, 0 if output is not paged.
    fn height(&self) -> usize;
}

/// What the device says to a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The output; every line ends with `\n`.
    pub(super) text: String,
    /// Whether the line was refused.
    pub(super) refused: bool,
    /// Whether a commit took effect; a confirmation is none.
    pub(super) committed: bool,
    /// Whether the connection ends.
    pub(super) closes: bool,
}

/// How far a session has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Neither committed nor aborted.
    Pending,
    /// Committed.
    Completed {
        /// When.
        at: Timestamp,
        /// By whom.
        by: String,
    },
}

/// A configuration session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// What would become the running configuration.
    pub(super) candidate: Arc<Node>,
    /// How far it has come.
    pub(super) progress: Progress,
    /// Who is in it, if anybody.
    pub(super) user: Option<String>,
}

/// A commit that comes back by itself.
#[derive(Debug)]
pub(super) struct TimedCommit {
    /// Which session was committed.
    pub(super) session: String,
    /// When it comes back.
    pub(super) deadline: Instant,
    before: Arc<Node>,
    serial: u64,
    timer: AbortHandle,
}

/// Why a session cannot be entered, committed or aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No session has this name.
    Unknown,
    /// It was committed before.
    Completed,
    /// Another session's timed commit waits for its confirmation.
    OtherTimer(String),
    /// Too many sessions are pending.
    TooMany,
}

/// The mutable part of a device.
#[derive(Debug)]
pub(super) struct Store {
    /// What is in force.
    pub(super) running: Arc<Node>,
    /// What the next start would load.
    pub(super) startup: Arc<Node>,
    /// When the startup configuration was written, and by whom.
    pub(super) saved: (Timestamp, String),
    /// When the running configuration last changed.
    pub(super) changed: Instant,
    /// The sessions by name.
    pub(super) sessions: BTreeMap<String, Session>,
    /// The commit that waits for its confirmation.
    pub(super) timed: Option<TimedCommit>,
    typed: VecDeque<TypedLine>,
    facts: Option<Arc<Facts>>,
    serial: u64,
}

/// One device.
pub(super) struct DeviceState {
    /// As it was asked for.
    pub(super) spec: DeviceSpec,
    /// What it speaks.
    pub(super) platform: &'static dyn Platform,
    /// What it prints without any configuration.
    pub(super) factory: Node,
    /// When it started.
    pub(super) started: Instant,
    /// Where its timestamps come from.
    pub(super) clock: Clock,
    /// The other devices.
    pub(super) network: Weak<Network>,
    store: Mutex<Store>,
    script: Mutex<Script>,
    runtime: Handle,
}

impl DeviceState {
    pub(super) fn new(
        spec: DeviceSpec,
        platform: &'static dyn Platform,
        clock: Clock,
        network: Weak<Network>,
    ) -> Result<Self, (String, String)> {
        let factory = platform.factory(&spec);
        let mut running = factory.clone();
        platform.load(&mut running, &factory, &spec.config)?;
        let running = Arc::new(running);
        let store = Store {
            startup: Arc::clone(&running),
            running,
            saved: (clock.now(), "root".to_owned()),
            changed: Instant::now(),
            sessions: BTreeMap::new(),
            timed: None,
            typed: VecDeque::new(),
            facts: None,
            serial: 0,
        };
        let (store, script) = (Mutex::new(store), Mutex::new(Script::default()));
        let (started, runtime) = (Instant::now(), Handle::current());
        Ok(Self { spec, platform, factory, started, clock, network, store, script, runtime })
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self) -> Arc<Node> {
        Arc::clone(&self.store().running)
    }

    /// What the network knows about this device, and when that last changed.
    pub(super) fn facts(&self) -> (Arc<Facts>, Instant) {
        let mut store = self.store();
        if store.facts.is_none() {
            store.facts = Some(Arc::new(self.platform.facts(&store.running)));
        }
        let facts = store.facts.as_ref().map(Arc::clone).unwrap_or_default();
        (facts, store.changed)
    }

    /// Changes the running configuration (`None`) or a session's candidate.
    pub(super) fn edit<T>(&self, session: Option<&str>, change: impl FnOnce(&mut Node) -> T) -> Option<T> {
        let mut store = self.store();
        let Some(name) = session else {
            let result = change(Arc::make_mut(&mut store.running));
            self.running_changed(&mut store);
            return Some(result);
        };
        let session = store.sessions.get_mut(name).filter(|session| session.progress == Progress::Pending)?;
        Some(change(Arc::make_mut(&mut session.candidate)))
    }

    /// Remembers a line that was typed.
    pub(super) fn remember(&self, line: TypedLine) {
        let mut store = self.store();
        if store.typed.len() >= TYPED_LINES_MAX {
            store.typed.pop_front();
        }
        store.typed.push_back(line);
    }

    pub(super) fn typed(&self) -> Vec<TypedLine> {
        self.store().typed.iter().cloned().collect()
    }

    /// Saves the running configuration for the next start.
    pub(super) fn save(&self, by: &str) {
        let mut store = self.store();
        store.startup = Arc::clone(&store.running);
        store.saved = (self.clock.now(), by.to_owned());
    }

    /// Opens a session, or enters one that is pending.
    pub(super) fn enter_session(&self, name: &str, user: &str) -> Result<(), Refusal> {
        let mut store = self.store();
        if let Some(session) = store.sessions.get_mut(name) {
            if session.progress != Progress::Pending {
                return Err(Refusal::Completed);
            }
            session.user = Some(user.to_owned());
            return Ok(());
        }
        let pending = store.sessions.values().filter(|session| session.progress == Progress::Pending).count();
        if pending >= SESSIONS_PENDING_MAX {
            return Err(Refusal::TooMany);
        }
        let candidate = Arc::clone(&store.running);
        let session = Session { candidate, progress: Progress::Pending, user: Some(user.to_owned()) };
        store.sessions.insert(name.to_owned(), session);
        Ok(())
    }

    /// A name for a session that nobody named.
    pub(super) fn new_session_name(&self) -> String {
        let mut store = self.store();
        store.serial += 1;
        format!("sess-{}", store.serial)
    }

    /// Leaves a session, which stays pending.
    pub(super) fn leave_session(&self, name: &str) {
        if let Some(session) = self.store().sessions.get_mut(name) {
            session.user = None;
        }
    }

    /// Commits a session, or confirms (without `timer`) or prolongs the timed commit of this session; whether the
    /// configuration was committed now.
    pub(super) fn commit(self: &Arc<Self>, name: &str, timer: Option<Duration>, by: &str) -> Result<bool, Refusal> {
        let mut store = self.store();
        if let Some(timed) = &store.timed {
            if timed.session != name {
                return Err(Refusal::OtherTimer(timed.session.clone()));
            }
            self.confirm_or_prolong(&mut store, timer);
            return Ok(false);
        }
        let session = store.sessions.get(name).ok_or(Refusal::Unknown)?;
        if session.progress != Progress::Pending {
            return Err(Refusal::Completed);
        }
        let candidate = Arc::clone(&session.candidate);
        let before = Arc::clone(&store.running);
        match self.script().lie_about_commit() {
            None => store.running = candidate,
            Some(instead) => {
                for line in instead {
                    // A lie that the grammar does not accept changes nothing, as the fault promises.
                    let _ = self.platform.load(Arc::make_mut(&mut store.running), &self.factory, &line);
                }
            }
        }
        self.running_changed(&mut store);
        // Only the last completed session is kept.
        store.sessions.retain(|other, session| other == name || session.progress == Progress::Pending);
        if let Some(session) = store.sessions.get_mut(name) {
            session.progress = Progress::Completed { at: self.clock.now(), by: by.to_owned() };
            session.user = None;
        }
        if let Some(timer) = timer {
            self.arm(&mut store, name, before, timer);
        }
        Ok(true)
    }

    fn confirm_or_prolong(self: &Arc<Self>, store: &mut Store, timer: Option<Duration>) {
        if timer.is_none() && self.script().lies_about_confirm() {
            return;
        }
        let Some(timed) = store.timed.take() else { return };
        timed.timer.abort();
        if let Some(timer) = timer {
            self.arm(store, &timed.session, timed.before, timer);
        }
    }

    fn arm(self: &Arc<Self>, store: &mut Store, session: &str, before: Arc<Node>, timer: Duration) {
        store.serial += 1;
        let serial = store.serial;
        let deadline = Instant::now() + timer;
        let device = Arc::downgrade(self);
        let task = self.runtime.spawn(async move {
            tokio::time::sleep_until(deadline).await;
            if let Some(device) = device.upgrade() {
                device.expire(serial);
            }
        });
        let timer = task.abort_handle();
        store.timed = Some(TimedCommit { session: session.to_owned(), deadline, before, serial, timer });
    }

    fn expire(&self, serial: u64) {
        let mut store = self.store();
        if store.timed.as_ref().is_some_and(|timed| timed.serial == serial) {
            self.bring_back(&mut store);
        }
    }

    fn bring_back(&self, store: &mut Store) {
        let Some(timed) = store.timed.take() else { return };
        timed.timer.abort();
        store.sessions.remove(&timed.session);
        store.running = timed.before;
        self.running_changed(store);
    }

    /// Forgets a session; if its timed commit waits for a confirmation, brings the configuration before it back.
    pub(super) fn abort(&self, name: &str) -> Result<(), Refusal> {
        let mut store = self.store();
        if store.timed.as_ref().is_some_and(|timed| timed.session == name) {
            self.bring_back(&mut store);
            return Ok(());
        }
        match store.sessions.get(name).map(|session| &session.progress) {
            None => Err(Refusal::Unknown),
            Some(Progress::Completed { .. }) => Err(Refusal::Completed),
            Some(Progress::Pending) => {
                store.sessions.remove(name);
                Ok(())
            }
        }
    }

    fn running_changed(&self, store: &mut Store) {
        store.facts = None;
        store.changed = Instant::now();
        if let Some(network) = self.network.upgrade() {
            network.changed();
        }
    }
}

impl Drop for DeviceState {
    fn drop(&mut self) {
        if let Some(timed) = self.store().timed.take() {
            timed.timer.abort();
        }
    }
}
