//! Run events: append-only, without gaps, one writer per run.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::error::bounded;
use super::leases::{Lease, is_held};
use super::{Store, StoreError};
use crate::domain::limits::{EVENTS_APPENDED_MAX, LISTING_ROWS_MAX, RECORD_BYTES_MAX, RUN_EVENTS_MAX};
use crate::domain::name::RunId;

/// Rows that are read at once while a listing looks for matches.
const PAGE_ROWS: usize = 200;

/// Which runs are wanted; the default wants all.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only runs older than this one, for paging.
    pub before: Option<RunId>,
    /// Members that the first event must have with exactly these values, for example `workflow`.
    pub first_has: BTreeMap<String, Value>,
}

/// The ends of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunHead {
    /// The run.
    pub run: RunId,
    /// Its first event: what was requested.
    pub first: Value,
    /// Its newest event.
    pub last: Value,
    /// How many events it has.
    pub events: u64,
}

impl Store {
    /// Appends events to a run whose next event has the number `expected_next_seq` (0 for a new run). All or none.
    ///
    /// # Errors
    /// With [`StoreError::Conflict`] when somebody else appended meanwhile.
    pub async fn append(&self, run: &RunId, expected_next_seq: u64, events: &[Value]) -> Result<(), StoreError> {
        let transaction = self.begin("appending to a run").await?;
        append(transaction, run, expected_next_seq, events).await
    }

    /// Appends like [`Self::append`], and only while the lease is held in its generation.
    ///
    /// # Errors
    /// With [`StoreError::Fenced`] when another process took the lease over; then nothing is written.
    pub async fn append_as(
        &self,
        lease: &Lease,
        run: &RunId,
        expected_next_seq: u64,
        events: &[Value],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin("appending to a run").await?;
        if !is_held(&mut transaction, lease).await? {
            return Err(StoreError::Fenced { name: lease.name.clone(), generation: lease.generation });
        }
        append(transaction, run, expected_next_seq, events).await
    }

    /// Returns all events of a run in order; an unknown run has none.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when an event is missing or not JSON.
    pub async fn events(&self, run: &RunId) -> Result<Vec<Value>, StoreError> {
        let failed = || StoreError::database("reading the events of a run");
        let rows = sqlx::query("SELECT seq, event FROM run_events WHERE run = $1 ORDER BY seq")
            .bind(run.as_str())
            .fetch_all(&self.reader)
            .await
            .map_err(failed())?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = || format!("{run}, event {}", events.len());
            let seq: i64 = row.try_get(0).map_err(|_| StoreError::corrupt("run", key(), "no number"))?;
            if usize::try_from(seq) != Ok(events.len()) {
                return Err(StoreError::corrupt("run", key(), format!("found event {seq}")));
            }
            let event = json(row, 1, "run", &key)?;
            events.push(event);
        }
        Ok(events)
    }

    /// Returns the newest runs that match, newest first. Looks at no more than a bounded number of runs.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when a row cannot be read.
    pub async fn runs(&self, filter: &RunFilter, limit: usize) -> Result<Vec<RunHead>, StoreError> {
        let mut heads = Vec::new();
        // Every run id starts with a smaller letter.
        let mut before = filter.before.as_ref().map_or_else(|| "zzzz".to_owned(), ToString::to_string);
        for _ in 0..LISTING_ROWS_MAX / PAGE_ROWS {
            let page = self.page(&before).await?;
            let Some(oldest) = page.last() else { break };
            oldest.run.as_str().clone_into(&mut before);
            let matches =
                |head: &RunHead| filter.first_has.iter().all(|(key, value)| head.first.get(key) == Some(value));
            let is_last = page.len() < PAGE_ROWS;
            heads.extend(page.into_iter().filter(matches).take(limit - heads.len()));
            if is_last || heads.len() >= limit {
                break;
            }
        }
        Ok(heads)
    }

    async fn page(&self, before: &str) -> Result<Vec<RunHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT first.run, first.event, last.event, last.seq FROM run_events first JOIN run_events last \
             ON last.run = first.run AND last.seq = (SELECT MAX(seq) FROM run_events every WHERE every.run = first.run) \
             WHERE first.seq = 0 AND first.run < $1 ORDER BY first.run DESC LIMIT $2",
        )
        .bind(before)
        .bind(i64::try_from(PAGE_ROWS).unwrap_or(i64::MAX))
        .fetch_all(&self.reader)
        .await
        .map_err(StoreError::database("listing runs"))?;
        rows.iter().map(head).collect()
    }
}

fn head(row: &SqliteRow) -> Result<RunHead, StoreError> {
    let id: String = row.try_get(0).map_err(StoreError::database("listing runs"))?;
    let run: RunId = id.parse().map_err(|error| StoreError::corrupt("run", &id, error))?;
    let last: i64 = row.try_get(3).map_err(|error| StoreError::corrupt("run", &id, error))?;
    let events = u64::try_from(last).map_err(|error| StoreError::corrupt("run", &id, error))? + 1;
    Ok(RunHead { run, first: json(row, 1, "run", &|| id.clone())?, last: json(row, 2, "run", &|| id.clone())?, events })
}

async fn append(
    mut transaction: Transaction<'_, Sqlite>,
    run: &RunId,
    expected: u64,
    events: &[Value],
) -> Result<(), StoreError> {
    let failed = || StoreError::database("appending to a run");
    bounded("events appended at once", events.len(), EVENTS_APPENDED_MAX)?;
    let next: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(seq) + 1, 0) FROM run_events WHERE run = $1")
        .bind(run.as_str())
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed())?;
    let actual = u64::try_from(next).map_err(|error| StoreError::corrupt("run", run, error))?;
    if actual != expected {
        return Err(StoreError::Conflict { run: run.clone(), expected, actual });
    }
    let count = usize::try_from(actual).unwrap_or(usize::MAX).saturating_add(events.len());
    bounded("events of a run", count, RUN_EVENTS_MAX)?;
    for (seq, event) in (next..).zip(events) {
        sqlx::query("INSERT INTO run_events (run, seq, event) VALUES ($1, $2, $3)")
            .bind(run.as_str())
            .bind(seq)
            .bind(text(event, "bytes of an event", RECORD_BYTES_MAX)?)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
    }
    transaction.commit().await.map_err(failed())
}

/// Writes JSON within a bound.
pub(super) fn text(value: &Value, what: &'static str, limit: usize) -> Result<String, StoreError> {
    let text = value.to_string();
    bounded(what, text.len(), limit)?;
    Ok(text)
}

/// Reads JSON from a column.
pub(super) fn json(
    row: &SqliteRow,
    column: usize,
    what: &'static str,
    key: &dyn Fn() -> String,
) -> Result<Value, StoreError> {
    let text: String = row.try_get(column).map_err(|_| StoreError::corrupt(what, key(), "not text"))?;
    serde_json::from_str(&text).map_err(|error| StoreError::corrupt(what, key(), format!("not JSON: {error}")))
}
