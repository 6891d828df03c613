//! Why the store could not do something.

use crate::domain::name::{PlanId, RunId};

/// A call of the store that failed. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else appended to the run meanwhile: this writer is stale and must read again before it does anything.
    #[error("run {run}: expected to write event {expected}, but the next one is {actual}")]
    Conflict {
        /// The run.
        run: RunId,
        /// What the writer believed.
        expected: u64,
        /// What is true.
        actual: u64,
    },
    /// The lease has another owner or a newer generation: this process may only read.
    #[error("lease {name} of generation {generation} is no longer held")]
    Fenced {
        /// The lease.
        name: String,
        /// The generation that the writer holds.
        generation: i64,
    },
    /// A plan with this id and another content is stored already.
    #[error("plan {0} is stored already with another content")]
    PlanDiffers(PlanId),
    /// What is stored cannot be read.
    #[error("{what} {key}: the stored row is damaged: {why}")]
    Corrupt {
        /// The kind of row.
        what: &'static str,
        /// Which one.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// A bound of the system tripped.
    #[error("{what}: {actual} is more than {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        actual: usize,
        /// The bound.
        limit: usize,
    },
    /// The key for stored configurations cannot be used.
    #[error("key file {path}: {why}")]
    Key {
        /// The key file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The address of the store cannot be used.
    #[error("{0}")]
    Address(String),
    /// A newer program wrote this store.
    #[error("the store has version {found}, this program knows up to {known}")]
    TooNew {
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database said no.
    #[error("store: {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The file system said no.
    #[error("store: {doing}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
}

impl StoreError {
    /// Tells what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Conflict { .. } | Self::Fenced { .. } => "another process took over; this one stops writing",
            Self::PlanDiffers(_) => "make a new plan; a stored plan never changes",
            Self::Corrupt { .. } => "restore the state directory from a backup, or remove the row that is named",
            Self::Limit { .. } => "make it smaller; the bound protects the service",
            Self::Key { .. } => "restore the key file from a backup, readable only by its owner (chmod 600)",
            Self::Address(_) => "write sqlite://PATH or sqlite::memory:",
            Self::TooNew { .. } => "start the program version that wrote the store, or a newer one",
            Self::Database { .. } | Self::Io { .. } => {
                "check that the state directory exists, is writable and has free space"
            }
        }
    }

    pub(super) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    pub(super) fn io(doing: String) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    pub(super) fn corrupt(what: &'static str, key: impl ToString, why: impl ToString) -> Self {
        Self::Corrupt { what, key: key.to_string(), why: why.to_string() }
    }
}

/// Refuses what is larger than its bound.
pub(super) fn bounded(what: &'static str, actual: usize, limit: usize) -> Result<(), StoreError> {
    if actual > limit { Err(StoreError::Limit { what, actual, limit }) } else { Ok(()) }
}
