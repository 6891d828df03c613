//! What was last seen of each device. A device belongs to a repository; two repositories never share facts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::runs::{json, text};
use super::{Store, StoreError};
use crate::domain::limits::RECORD_BYTES_MAX;
use crate::domain::name::DeviceName;
use crate::domain::snapshot::Digest;

/// What was last seen of one device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceFacts {
    /// The digest of the running configuration; the text may be stored as a snapshot.
    pub running: Option<Digest>,
    /// When that was read.
    pub fetched_at: Option<Timestamp>,
    /// The fingerprint of the host key that was accepted first, `SHA256:…`.
    pub host_key: Option<String>,
    /// In sync, drifted, unreachable …, as the engine describes it.
    pub condition: Option<Value>,
}

impl Store {
    /// Returns what is known of a device; of an unknown one, nothing.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when the row cannot be read.
    pub async fn device_facts(&self, repository: &str, device: &DeviceName) -> Result<DeviceFacts, StoreError> {
        let row = sqlx::query(
            "SELECT device, running_digest, fetched_at_ms, host_key, condition FROM device_facts \
             WHERE repository = $1 AND device = $2",
        )
        .bind(repository)
        .bind(device.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(StoreError::database("reading device facts"))?;
        row.map_or_else(|| Ok(DeviceFacts::default()), |row| Ok(facts(&row)?.1))
    }

    /// Returns what is known of every device of a repository.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when a row cannot be read.
    pub async fn devices_facts(&self, repository: &str) -> Result<BTreeMap<DeviceName, DeviceFacts>, StoreError> {
        let rows = sqlx::query(
            "SELECT device, running_digest, fetched_at_ms, host_key, condition FROM device_facts WHERE repository = $1",
        )
        .bind(repository)
        .fetch_all(&self.reader)
        .await
        .map_err(StoreError::database("reading device facts"))?;
        rows.iter().map(facts).collect()
    }

    /// Records the running configuration that was just read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn set_running(
        &self,
        repository: &str,
        device: &DeviceName,
        running: &Digest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO device_facts (repository, device, running_digest, fetched_at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (repository, device) DO UPDATE \
             SET running_digest = excluded.running_digest, fetched_at_ms = excluded.fetched_at_ms",
        )
        .bind(repository)
        .bind(device.as_str())
        .bind(running.as_str())
        .bind(now.as_millisecond())
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::database("storing device facts"))
    }

    /// Records the condition of a device in place of the older one.
    ///
    /// # Errors
    /// When it is too large or cannot be written.
    pub async fn set_condition(
        &self,
        repository: &str,
        device: &DeviceName,
        condition: &Value,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO device_facts (repository, device, condition) VALUES ($1, $2, $3) \
             ON CONFLICT (repository, device) DO UPDATE SET condition = excluded.condition",
        )
        .bind(repository)
        .bind(device.as_str())
        .bind(text(condition, "bytes of a condition", RECORD_BYTES_MAX)?)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::database("storing device facts"))
    }

    /// Remembers the first host key of a device and returns the one that counts: an older one is never replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn learn_host_key(
        &self,
        repository: &str,
        device: &DeviceName,
        fingerprint: &str,
    ) -> Result<String, StoreError> {
        sqlx::query_scalar(
            "INSERT INTO device_facts (repository, device, host_key) VALUES ($1, $2, $3) \
             ON CONFLICT (repository, device) DO UPDATE SET host_key = COALESCE(device_facts.host_key, excluded.host_key) \
             RETURNING host_key",
        )
        .bind(repository)
        .bind(device.as_str())
        .bind(fingerprint)
        .fetch_one(&self.writer)
        .await
        .map_err(StoreError::database("storing a host key"))
    }

    /// Forgets the host key of a device, because somebody decided to accept another one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn forget_host_key(&self, repository: &str, device: &DeviceName) -> Result<(), StoreError> {
        sqlx::query("UPDATE device_facts SET host_key = NULL WHERE repository = $1 AND device = $2")
            .bind(repository)
            .bind(device.as_str())
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::database("forgetting a host key"))
    }
}

fn facts(row: &SqliteRow) -> Result<(DeviceName, DeviceFacts), StoreError> {
    let name: String = row.try_get(0).map_err(StoreError::database("reading device facts"))?;
    let corrupt = |why: &dyn ToString| StoreError::corrupt("facts of device", &name, why.to_string());
    let device: DeviceName = name.parse().map_err(|error| corrupt(&error))?;
    let digest: Option<String> = row.try_get(1).map_err(|error| corrupt(&error))?;
    let fetched_at_ms: Option<i64> = row.try_get(2).map_err(|error| corrupt(&error))?;
    let condition: Option<String> = row.try_get(4).map_err(|error| corrupt(&error))?;
    let facts = DeviceFacts {
        running: digest.map(|text| digest_of(&text).ok_or_else(|| corrupt(&"not a digest"))).transpose()?,
        fetched_at: fetched_at_ms.map(Timestamp::from_millisecond).transpose().map_err(|error| corrupt(&error))?,
        host_key: row.try_get(3).map_err(|error| corrupt(&error))?,
        condition: condition.map(|_| json(row, 4, "facts of device", &|| name.clone())).transpose()?,
    };
    Ok((device, facts))
}

/// Reads a digest as it is printed.
fn digest_of(text: &str) -> Option<Digest> {
    let is_digest = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_digest.then(|| serde_json::from_value(Value::String(text.to_owned())).ok()).flatten()
}
