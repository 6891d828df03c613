//! Host keys that were accepted: on first use where the inventory allows it, or by a person with `reconverge trust`.

use super::{Store, StoreError};
use crate::domain::name::DeviceName;

impl Store {
    /// Remembers a host key of a device that a person accepted, in place of an older one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn accept_host_key(
        &self,
        repository: &str,
        device: &DeviceName,
        fingerprint: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO device_facts (repository, device, host_key) VALUES ($1, $2, $3) \
             ON CONFLICT (repository, device) DO UPDATE SET host_key = excluded.host_key",
        )
        .bind(repository)
        .bind(device.as_str())
        .bind(fingerprint)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::database("storing a host key"))
    }

    /// Returns the accepted host key of a jump host.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn jump_host_key(&self, repository: &str, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT host_key FROM jump_host_keys WHERE repository = $1 AND name = $2")
            .bind(repository)
            .bind(name)
            .fetch_optional(&self.reader)
            .await
            .map_err(StoreError::database("reading the host key of a jump host"))
    }

    /// Remembers the first host key of a jump host and returns the one that counts: an older one is never replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn learn_jump_host_key(
        &self,
        repository: &str,
        name: &str,
        fingerprint: &str,
    ) -> Result<String, StoreError> {
        sqlx::query_scalar(
            "INSERT INTO jump_host_keys (repository, name, host_key) VALUES ($1, $2, $3) \
             ON CONFLICT (repository, name) DO UPDATE SET host_key = jump_host_keys.host_key RETURNING host_key",
        )
        .bind(repository)
        .bind(name)
        .bind(fingerprint)
        .fetch_one(&self.writer)
        .await
        .map_err(StoreError::database("storing the host key of a jump host"))
    }

    /// Remembers a host key of a jump host that a person accepted in place of an older one, or forgets the older one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn set_jump_host_key(
        &self,
        repository: &str,
        name: &str,
        fingerprint: Option<&str>,
    ) -> Result<(), StoreError> {
        let query = match fingerprint {
            None => sqlx::query("DELETE FROM jump_host_keys WHERE repository = $1 AND name = $2"),
            Some(_) => sqlx::query(
                "INSERT INTO jump_host_keys (repository, name, host_key) VALUES ($1, $2, $3) \
                 ON CONFLICT (repository, name) DO UPDATE SET host_key = excluded.host_key",
            ),
        };
        let query = query.bind(repository).bind(name);
        let query = if let Some(fingerprint) = fingerprint { query.bind(fingerprint) } else { query };
        query.execute(&self.writer).await.map(drop).map_err(StoreError::database("storing the host key of a jump host"))
    }
}
