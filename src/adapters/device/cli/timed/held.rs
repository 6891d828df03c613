//! Sessions that stay open between two verbs, because the device lets only the session that committed confirm.
//!
//! Kept for the whole process, since every verb may come through a new [`super::super::CliDevice`]. A session that is
//! not fetched before its time is closed, which takes the change back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::session::CliSession;
use crate::adapters::device::ssh::Connection;

/// Most sessions that are kept at the same time, as a bound on memory; the engine writes to fewer devices at once.
const HELD_MAX: usize = 1024;

/// A session with the connection below it.
pub(in super::super) struct Held {
    /// The session, in the mode in which it committed.
    pub(in super::super) cli: CliSession,
    /// Closes when nobody needs it any more.
    pub(in super::super) _connection: Arc<Connection>,
    number: u64,
}

/// How many were kept so far, and those that are open, by device and change.
type All = (u64, BTreeMap<(String, String), Held>);

static HELD: Mutex<All> = Mutex::new((0, BTreeMap::new()));

fn held() -> MutexGuard<'static, All> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a session of a change on a device for a time; without room it is closed at once.
pub(in super::super) fn keep(change: &str, cli: CliSession, connection: Arc<Connection>, within: Duration) {
    let key = (connection.name().to_owned(), change.to_owned());
    let number = {
        let mut all = held();
        if all.1.len() >= HELD_MAX {
            return;
        }
        all.0 += 1;
        let number = all.0;
        all.1.insert(key.clone(), Held { cli, _connection: connection, number });
        number
    };
    tokio::spawn(async move {
        tokio::time::sleep(within).await;
        let mut all = held();
        if all.1.get(&key).is_some_and(|held| held.number == number) {
            all.1.remove(&key);
        }
    });
}

/// Fetches the session of a change on a device.
pub(in super::super) fn fetch(device: &str, change: &str) -> Option<Held> {
    held().1.remove(&(device.to_owned(), change.to_owned()))
}
