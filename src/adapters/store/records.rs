//! Plans that never change, the status of repositories, and the write-ahead journal of device steps.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Row as _;

use super::runs::{json, text};
use super::{Store, StoreError};
use crate::domain::limits::{LISTING_ROWS_MAX, PLAN_BYTES_MAX, RECORD_BYTES_MAX};
use crate::domain::name::{DeviceName, PlanId, RunId};

/// What was about to be done on one device.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// The run it belongs to.
    pub run: RunId,
    /// The device.
    pub device: DeviceName,
    /// The step: `stage`, `commit`, `confirm` …
    pub step: String,
    /// When it was written; kept in milliseconds.
    pub at: Timestamp,
    /// What a new process needs to know to go on.
    pub detail: Value,
}

impl Store {
    /// Stores a plan for good. The same plan again is fine.
    ///
    /// # Errors
    /// With [`StoreError::PlanDiffers`] when the id is taken by another content.
    pub async fn put_plan(&self, id: &PlanId, plan: &Value) -> Result<(), StoreError> {
        let failed = || StoreError::database("storing a plan");
        let text = text(plan, "bytes of a plan", PLAN_BYTES_MAX)?;
        let mut transaction = self.begin("storing a plan").await?;
        let row = sqlx::query("SELECT plan FROM plans WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed())?;
        if let Some(row) = row {
            let same = json(&row, 0, "plan", &|| id.to_string())? == *plan;
            return if same { Ok(()) } else { Err(StoreError::PlanDiffers(id.clone())) };
        }
        sqlx::query("INSERT INTO plans (id, position, plan) SELECT $1, COALESCE(MAX(position), 0) + 1, $2 FROM plans")
            .bind(id.as_str())
            .bind(text)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }

    /// Returns a plan.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when the row is not JSON.
    pub async fn plan(&self, id: &PlanId) -> Result<Option<Value>, StoreError> {
        let row = sqlx::query("SELECT plan FROM plans WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await
            .map_err(StoreError::database("reading a plan"))?;
        row.map(|row| json(&row, 0, "plan", &|| id.to_string())).transpose()
    }

    /// Returns the newest plans, newest first.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when a row cannot be read.
    pub async fn plans(&self, limit: usize) -> Result<Vec<(PlanId, Value)>, StoreError> {
        let failed = || StoreError::database("listing plans");
        let rows = sqlx::query("SELECT id, plan FROM plans ORDER BY position DESC LIMIT $1")
            .bind(i64::try_from(limit.min(LISTING_ROWS_MAX)).unwrap_or(i64::MAX))
            .fetch_all(&self.reader)
            .await
            .map_err(failed())?;
        let mut plans = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: String = row.try_get(0).map_err(failed())?;
            let plan = json(row, 1, "plan", &|| id.clone())?;
            plans.push((id.parse().map_err(|error| StoreError::corrupt("plan", &id, error))?, plan));
        }
        Ok(plans)
    }

    /// Returns what is recorded about a repository.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when the row is not JSON.
    pub async fn status(&self, repository: &str) -> Result<Option<Value>, StoreError> {
        let row = sqlx::query("SELECT status FROM repository_status WHERE repository = $1")
            .bind(repository)
            .fetch_optional(&self.reader)
            .await
            .map_err(StoreError::database("reading the status of a repository"))?;
        row.map(|row| json(&row, 0, "status of repository", &|| repository.to_owned())).transpose()
    }

    /// Records the status of a repository in place of the older one.
    ///
    /// # Errors
    /// When it is too large or cannot be written.
    pub async fn set_status(&self, repository: &str, status: &Value) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO repository_status (repository, status) VALUES ($1, $2) \
             ON CONFLICT (repository) DO UPDATE SET status = excluded.status",
        )
        .bind(repository)
        .bind(text(status, "bytes of a status", RECORD_BYTES_MAX)?)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::database("storing the status of a repository"))
    }

    /// Writes down a device step; it is on disk when this returns, so the step may begin.
    ///
    /// # Errors
    /// When it is too large or cannot be written: then the step must not begin.
    pub async fn write_journal(&self, entry: &JournalEntry) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO journal (run, position, device, step, at_ms, detail) \
             SELECT $1, COALESCE(MAX(position), 0) + 1, $2, $3, $4, $5 FROM journal WHERE run = $1",
        )
        .bind(entry.run.as_str())
        .bind(entry.device.as_str())
        .bind(&entry.step)
        .bind(entry.at.as_millisecond())
        .bind(text(&entry.detail, "bytes of a journal entry", RECORD_BYTES_MAX)?)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::database("writing the journal"))
    }

    /// Returns the journal of a run in the order it was written.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when a row cannot be read.
    pub async fn journal(&self, run: &RunId) -> Result<Vec<JournalEntry>, StoreError> {
        let rows = sqlx::query("SELECT device, step, at_ms, detail FROM journal WHERE run = $1 ORDER BY position")
            .bind(run.as_str())
            .fetch_all(&self.reader)
            .await
            .map_err(StoreError::database("reading the journal"))?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = || format!("{run}, entry {}", entries.len() + 1);
            let corrupt = |why: &dyn ToString| StoreError::corrupt("journal of", key(), why.to_string());
            let device: String = row.try_get(0).map_err(|error| corrupt(&error))?;
            let at_ms: i64 = row.try_get(2).map_err(|error| corrupt(&error))?;
            let entry = JournalEntry {
                run: run.clone(),
                device: device.parse().map_err(|error| corrupt(&error))?,
                step: row.try_get(1).map_err(|error| corrupt(&error))?,
                at: Timestamp::from_millisecond(at_ms).map_err(|error| corrupt(&error))?,
                detail: json(row, 3, "journal of", &key)?,
            };
            entries.push(entry);
        }
        Ok(entries)
    }
}
