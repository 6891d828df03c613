//! What must survive a restart: run events, plans, status, the journal, device facts, sealed snapshots and leases.
//!
//! Architecture invariant: one writer at a time (`BEGIN IMMEDIATE` on one connection); nothing is told before it is on disk.

mod devices;
mod error;
mod host_keys;
mod leases;
mod open;
mod records;
mod runs;
mod seal;
mod snapshots;

use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};

pub use devices::DeviceFacts;
pub use error::StoreError;
pub use leases::Lease;
pub use records::JournalEntry;
pub use runs::{RunFilter, RunHead};

use self::seal::SealingKey;

/// The store. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Store {
    /// One connection: SQLite has one writer.
    writer: SqlitePool,
    /// Connections that only read; for a store in memory it is the writer.
    reader: SqlitePool,
    key: SealingKey,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Starts a transaction that already holds the write lock, so that what it reads stays true until it commits.
    async fn begin(&self, doing: &'static str) -> Result<Transaction<'_, Sqlite>, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::database(doing))
    }

    /// Closes every connection after the running calls; later calls fail.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
