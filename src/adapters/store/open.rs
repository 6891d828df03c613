//! Opens a store: the file, its settings, its migrations and its key.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::seal::SealingKey;
use super::{Store, StoreError};
use crate::domain::snapshot::Digest;

/// How long a call waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before asking again for the right to open a store.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Connections that only read.
const READERS_MAX: u32 = 4;
/// Every version of the tables, oldest first; a released one never changes.
const MIGRATIONS: &[(i64, &str)] =
    &[(1, include_str!("migrations/0001_start.sql")), (2, include_str!("migrations/0002_jump_hosts.sql"))];
/// The key file inside the state directory.
const KEY_FILE: &str = "store.key";

impl Store {
    /// Opens the store at an address (`sqlite://PATH`); makes the file, and the key file in the state directory, on
    /// first use, both readable only by their owner.
    ///
    /// # Errors
    /// When the address is not supported, the file cannot be used, the key does not fit, or a newer program wrote it.
    pub async fn open(url: &str, state: &Path) -> Result<Self, StoreError> {
        if !url.starts_with("sqlite:") {
            // The rest of the address may hold a password.
            let scheme = url.split(':').next().unwrap_or_default();
            return Err(StoreError::Address(format!("stores of the kind {scheme:?} are not supported")));
        }
        if matches!(url, "sqlite::memory:" | "sqlite://:memory:") {
            return Self::in_memory().await;
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| StoreError::Address("the address of the store is not valid".into()))?;
        let path = options.get_filename().to_owned();
        private_folder(state)?;
        private_file(&path)?;
        // SQLite does not wait for others while a new file is switched to WAL, so only one process opens at a time.
        let _opening = opening(&path).await?;
        let options = options.journal_mode(SqliteJournalMode::Wal);
        let writer = pool(options.clone(), 1).await?;
        migrate(&writer).await?;
        let key = SealingKey::open(&state.join(KEY_FILE), &writer).await?;
        let reader = pool(options, READERS_MAX).await?;
        Ok(Self { writer, reader, key })
    }

    /// Makes an empty store that is gone with its last clone.
    ///
    /// # Errors
    /// When the system has no randomness or no memory.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().in_memory(true);
        let writer = pool(options, 1).await?;
        migrate(&writer).await?;
        Ok(Self { reader: writer.clone(), writer, key: SealingKey::random()? })
    }
}

async fn pool(options: SqliteConnectOptions, connections_max: u32) -> Result<SqlitePool, StoreError> {
    // FULL: a committed journal entry survives a power loss, too.
    let options = options
        .create_if_missing(true)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    // A connection never ends by itself: for a store in memory it is the store.
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(BUSY_TIMEOUT * 3)
        .connect_with(options)
        .await
        .map_err(StoreError::database("opening the database"))
}

/// Brings the tables up to date in one transaction.
async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let failed = || StoreError::database("bringing the tables up to date");
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed())?;
    sqlx::query("CREATE TABLE IF NOT EXISTS migrations (version BIGINT NOT NULL PRIMARY KEY, digest TEXT NOT NULL)")
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
    let rows = sqlx::query("SELECT version, digest FROM migrations ORDER BY version")
        .fetch_all(&mut *transaction)
        .await
        .map_err(failed())?;
    for row in &rows {
        let (version, digest): (i64, String) = (row.try_get(0).map_err(failed())?, row.try_get(1).map_err(failed())?);
        let Some((_, sql)) = MIGRATIONS.iter().find(|(known, _)| *known == version) else {
            let known = MIGRATIONS.last().map_or(0, |(known, _)| *known);
            return Err(StoreError::TooNew { found: version, known });
        };
        if Digest::of(sql).as_str() != digest {
            return Err(StoreError::corrupt("migration", version, "it is not the one of this program"));
        }
    }
    for (version, sql) in MIGRATIONS.iter().skip(rows.len()) {
        sqlx::raw_sql(*sql).execute(&mut *transaction).await.map_err(failed())?;
        sqlx::query("INSERT INTO migrations (version, digest) VALUES ($1, $2)")
            .bind(version)
            .bind(Digest::of(sql).as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
    }
    transaction.commit().await.map_err(failed())
}

/// Takes the right to open this file; it ends with the returned handle, also when the process dies.
async fn opening(path: &Path) -> Result<std::fs::File, StoreError> {
    let path = path.with_added_extension("lock");
    let failed = || StoreError::io(format!("locking {}", path.display()));
    private_file(&path)?;
    let file = std::fs::File::open(&path).map_err(failed())?;
    let wait = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
                Err(std::fs::TryLockError::Error(error)) => return Err(error),
            }
        }
    };
    match tokio::time::timeout(BUSY_TIMEOUT, wait).await {
        Ok(result) => result.map_err(failed())?,
        Err(_) => return Err(failed()(std::io::ErrorKind::TimedOut.into())),
    }
    Ok(file)
}

fn private_folder(folder: &Path) -> Result<(), StoreError> {
    let doing = format!("making the state directory {}", folder.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(StoreError::io(doing))
}

/// Makes the file before SQLite does, which would let others read it; its side files take over the rights.
fn private_file(path: &Path) -> Result<(), StoreError> {
    let doing = format!("opening {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).open(path).map(drop).map_err(StoreError::io(doing))
}
