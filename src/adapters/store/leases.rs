//! Who may write: a lease with an end and a generation that fences whoever held it before.

use sqlx::{Sqlite, Transaction};

use super::{Store, StoreError};

/// A lease that was granted. It counts until another grant has a higher generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is for, for example `leader`.
    pub name: String,
    /// Who holds it.
    pub owner: String,
    /// Grows with every grant, from 1.
    pub generation: i64,
}

impl Store {
    /// Asks for a lease. Granted when it is free, over, or held by the same owner (a process that started again); every
    /// grant has a new generation, so an older process of the same owner is fenced, too.
    ///
    /// # Errors
    /// When the database says no.
    pub async fn acquire_lease(
        &self,
        name: &str,
        owner: &str,
        now_ms: i64,
        ttl_ms: i64,
    ) -> Result<Option<Lease>, StoreError> {
        let generation: Option<i64> = sqlx::query_scalar(
            "INSERT INTO leases (name, owner, generation, expires_ms) VALUES ($1, $2, 1, $4) \
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, generation = leases.generation + 1, \
             expires_ms = excluded.expires_ms WHERE leases.expires_ms <= $3 OR leases.owner = excluded.owner \
             RETURNING generation",
        )
        .bind(name)
        .bind(owner)
        .bind(now_ms)
        .bind(now_ms.saturating_add(ttl_ms))
        .fetch_optional(&self.writer)
        .await
        .map_err(StoreError::database("acquiring a lease"))?;
        Ok(generation.map(|generation| Lease { name: name.to_owned(), owner: owner.to_owned(), generation }))
    }

    /// Makes a lease last until `now_ms + ttl_ms`; tells whether it is still held. When not, stop writing at once.
    ///
    /// # Errors
    /// When the database says no: then nobody knows, which counts as not held.
    pub async fn renew_lease(&self, lease: &Lease, now_ms: i64, ttl_ms: i64) -> Result<bool, StoreError> {
        let result =
            sqlx::query("UPDATE leases SET expires_ms = $4 WHERE name = $1 AND owner = $2 AND generation = $3")
                .bind(&lease.name)
                .bind(&lease.owner)
                .bind(lease.generation)
                .bind(now_ms.saturating_add(ttl_ms))
                .execute(&self.writer)
                .await
                .map_err(StoreError::database("renewing a lease"))?;
        Ok(result.rows_affected() == 1)
    }

    /// Gives a lease back; the generation stays known, so that it never comes again.
    ///
    /// # Errors
    /// When the database says no; the lease then ends by its time.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query("UPDATE leases SET owner = '', expires_ms = 0 WHERE name = $1 AND owner = $2 AND generation = $3")
            .bind(&lease.name)
            .bind(&lease.owner)
            .bind(lease.generation)
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::database("releasing a lease"))
    }
}

/// Tells inside a transaction whether a lease still counts.
pub(super) async fn is_held(transaction: &mut Transaction<'_, Sqlite>, lease: &Lease) -> Result<bool, StoreError> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM leases WHERE name = $1 AND owner = $2 AND generation = $3")
            .bind(&lease.name)
            .bind(&lease.owner)
            .bind(lease.generation)
            .fetch_one(&mut **transaction)
            .await
            .map_err(StoreError::database("checking a lease"))?;
    Ok(count == 1)
}
