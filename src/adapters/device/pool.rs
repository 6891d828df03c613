//! Long-lived sessions for reading: kept per account and host key, shared by nobody who may not, gone when idle.
//!
//! A transaction never takes a session from here: it dials, because a fresh session is part of its proof.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::{Certainty, Device, DeviceError, DeviceProblem, Dial, Target};
use crate::adapters::clock::Clock;

/// How many sessions are kept, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Most sessions in all, idle or not.
    pub sessions_max: usize,
    /// Most sessions that read from one account of one device at the same time.
    pub readers_max: usize,
    /// A session that nobody used for so long is closed.
    pub idle_max: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { sessions_max: 4096, readers_max: 2, idle_max: Duration::from_secs(300) }
    }
}

/// What an operation does when the device hangs up in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It changes nothing: a session that was dropped meanwhile is replaced, and the caller does not notice.
    Read,
    /// It may change something: the caller hears [`Certainty::Lost`].
    Write,
}

/// What the pool holds at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolSize {
    /// Sessions that wait for somebody.
    pub idle: usize,
    /// Sessions in use or being opened.
    pub busy: usize,
}

/// Names a session that may be shared: the digest of address, port, user, credentials, host key and everything else that
/// decides what the session is.
type Key = [u8; 32];

/// The sessions. Cheap to clone; the last clone closes them.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    dial: Arc<dyn Dial>,
    clock: Clock,
    limits: PoolLimits,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<Key, Account>,
    writers: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
    busy: usize,
}

struct Account {
    readers: Arc<Semaphore>,
    idle: Vec<Idle>,
}

struct Idle {
    session: Box<dyn Device>,
    since: Timestamp,
}

/// A session in use.
struct Lease {
    pool: Arc<Inner>,
    key: Key,
    session: Option<Box<dyn Device>>,
    is_reused: bool,
    _reader: OwnedSemaphorePermit,
}

/// A fresh session, and the promise that nobody else writes to the device through this pool.
pub struct Writer {
    /// The session.
    pub session: Box<dyn Device>,
    _turn: OwnedMutexGuard<()>,
}

impl Pool {
    /// Makes an empty pool that opens its sessions with `dial`.
    pub fn new(dial: Arc<dyn Dial>, clock: Clock, limits: PoolLimits) -> Self {
        let inner = Inner { dial, clock, limits, state: Mutex::default(), freed: Notify::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Does something with a session, a kept one when there is one.
    ///
    /// # Errors
    /// As the operation and [`Dial::dial`]. For [`Intent::Write`] a session that ended in the middle is `Lost`.
    pub async fn with<T, F>(&self, target: &Target, intent: Intent, what: F) -> Result<T, DeviceError>
    where
        F: for<'a> Fn(&'a mut dyn Device) -> BoxFuture<'a, Result<T, DeviceError>>,
    {
        let mut lease = self.lease(target).await?;
        let error = match what(lease.session()).await {
            Ok(value) => {
                lease.give_back();
                return Ok(value);
            }
            Err(error) => error,
        };
        let is_over = error.certainty == Certainty::Lost || ends_session(error.problem);
        if !is_over {
            lease.give_back();
            return Err(error);
        }
        let was_reused = lease.is_reused;
        let key = lease.key;
        drop(lease);
        match intent {
            Intent::Write => Err(DeviceError { certainty: Certainty::Lost, ..error }),
            Intent::Read if was_reused => {
                // The others of this account were most likely dropped together with it.
                self.inner.forget(&key);
                let mut lease = self.lease(target).await?;
                let result = what(lease.session()).await;
                match &result {
                    Ok(_) => lease.give_back(),
                    Err(again) if again.certainty == Certainty::Refused && !ends_session(again.problem) => {
                        lease.give_back();
                    }
                    Err(_) => drop(lease),
                }
                result
            }
            Intent::Read => Err(error),
        }
    }

    /// Opens a fresh session as soon as nobody else writes to this device.
    ///
    /// # Errors
    /// As [`Dial::dial`].
    pub async fn writer(&self, target: &Target) -> Result<Writer, DeviceError> {
        let turn = {
            let mut state = self.inner.state();
            Arc::clone(state.writers.entry(format!("{}:{}", target.address, target.port)).or_default())
        };
        let turn = turn.lock_owned().await;
        let session = self.inner.dial.dial(target).await?;
        Ok(Writer { session, _turn: turn })
    }

    /// Closes sessions that nobody used for `idle_max`, and forgets accounts without sessions. Returns how many were closed.
    pub fn reap(&self) -> usize {
        let now = self.inner.clock.now();
        let idle_max = self.inner.limits.idle_max;
        let mut old = Vec::new();
        let mut state = self.inner.state();
        for account in state.accounts.values_mut() {
            let is_old = |idle: &Idle| {
                let age = now.duration_since(idle.since);
                Duration::try_from(age).is_ok_and(|age| age >= idle_max)
            };
            old.extend(account.idle.extract_if(.., |idle| is_old(idle)));
        }
        let readers_max = self.inner.limits.readers_max;
        state.accounts.retain(|_, account| {
            !account.idle.is_empty()
                || account.readers.available_permits() < readers_max
                || Arc::strong_count(&account.readers) > 1
        });
        state.writers.retain(|_, turn| Arc::strong_count(turn) > 1);
        drop(state);
        // Closing a session may take a moment: not while the others wait.
        let count = old.len();
        drop(old);
        if count > 0 {
            self.inner.freed.notify_waiters();
        }
        count
    }

    /// Closes every idle session.
    pub fn clear(&self) {
        let accounts = std::mem::take(&mut self.inner.state().accounts);
        drop(accounts);
        self.inner.freed.notify_waiters();
    }

    /// Tells how many sessions there are.
    pub fn size(&self) -> PoolSize {
        let state = self.inner.state();
        PoolSize { idle: state.accounts.values().map(|account| account.idle.len()).sum(), busy: state.busy }
    }

    /// Reaps once in a quarter of `idle_max` for as long as the pool is in use elsewhere.
    pub async fn reap_forever(self) {
        let weak = Arc::downgrade(&self.inner);
        let pause = (self.inner.limits.idle_max / 4).max(Duration::from_secs(1));
        drop(self);
        loop {
            tokio::time::sleep(pause).await;
            let Some(inner) = weak.upgrade() else { return };
            Self { inner }.reap();
        }
    }

    async fn lease(&self, target: &Target) -> Result<Lease, DeviceError> {
        let key = key(target);
        let readers = {
            let mut state = self.inner.state();
            let readers_max = self.inner.limits.readers_max.max(1);
            let account = state
                .accounts
                .entry(key)
                .or_insert_with(|| Account { readers: Arc::new(Semaphore::new(readers_max)), idle: Vec::new() });
            Arc::clone(&account.readers)
        };
        let closed = |_| DeviceError::refused(DeviceProblem::Unreachable, "the session pool is closed");
        let reader = readers.acquire_owned().await.map_err(closed)?;
        let kept = {
            let mut state = self.inner.state();
            let kept = state.accounts.get_mut(&key).and_then(|account| account.idle.pop());
            if kept.is_some() {
                state.busy += 1;
            }
            kept
        };
        let pool = Arc::clone(&self.inner);
        if let Some(Idle { session, .. }) = kept {
            return Ok(Lease { pool, key, session: Some(session), is_reused: true, _reader: reader });
        }
        self.inner.make_room().await;
        // From here on the lease counts: it is released even when the caller goes away while we dial.
        let mut lease = Lease { pool, key, session: None, is_reused: false, _reader: reader };
        lease.session = Some(self.inner.dial.dial(target).await?);
        Ok(lease)
    }
}

impl Inner {
    /// A panic of another thread cannot leave the books half written: every change is one statement.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more session may be opened, and counts it. The session that was idle longest makes way.
    async fn make_room(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let evicted = {
                let mut state = self.state();
                let idle: usize = state.accounts.values().map(|account| account.idle.len()).sum();
                if state.busy + idle < self.limits.sessions_max.max(1) {
                    state.busy += 1;
                    return;
                }
                state.take_oldest()
            };
            if evicted.is_none() {
                freed.await;
            }
        }
    }

    fn forget(&self, key: &Key) {
        let idle = self.state().accounts.get_mut(key).map(|account| std::mem::take(&mut account.idle));
        drop(idle);
    }
}

impl State {
    fn take_oldest(&mut self) -> Option<Idle> {
        let oldest = self.accounts.values_mut().filter(|account| !account.idle.is_empty());
        // Sessions are put to the end and taken from there, so the first of an account is its oldest.
        let account = oldest.min_by_key(|account| account.idle.first().map(|idle| idle.since))?;
        Some(account.idle.remove(0))
    }
}

impl Lease {
    fn session(&mut self) -> &mut dyn Device {
        self.session.as_mut().expect("a lease holds its session until it ends").as_mut()
    }

    /// Keeps the session for the next one.
    fn give_back(mut self) {
        let Some(session) = self.session.take() else { return };
        let since = self.pool.clock.now();
        let mut state = self.pool.state();
        if let Some(account) = state.accounts.get_mut(&self.key) {
            account.idle.push(Idle { session, since });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A session that was not given back is closed here, before its place is free.
        drop(self.session.take());
        let mut state = self.pool.state();
        state.busy = state.busy.saturating_sub(1);
        drop(state);
        self.pool.freed.notify_one();
    }
}

/// Tells whether a session is of no more use after a failure of this kind.
fn ends_session(problem: DeviceProblem) -> bool {
    match problem {
        DeviceProblem::Unreachable | DeviceProblem::Timeout | DeviceProblem::Protocol => true,
        DeviceProblem::AuthFailed
        | DeviceProblem::HostKey
        | DeviceProblem::Locked
        | DeviceProblem::Rejected
        | DeviceProblem::Stale => false,
    }
}

fn key(target: &Target) -> Key {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(target.device.as_str().as_bytes());
    add(target.platform.as_str().as_bytes());
    add(target.address.as_bytes());
    add(&target.port.to_be_bytes());
    add(target.user.as_bytes());
    for auth in &target.auth {
        auth.identify(&mut add);
    }
    target.host_key.identify(&mut add);
    target.access.identify(&mut add);
    add(&[u8::from(target.legacy_algorithms)]);
    for (name, value) in &target.options {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    hash.finalize().into()
}
