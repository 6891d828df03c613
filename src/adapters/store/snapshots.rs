//! Configurations by their digest, sealed at rest.

use sqlx::Row as _;

use super::error::bounded;
use super::{Store, StoreError};
use crate::domain::limits::CONFIG_BYTES_MAX;
use crate::domain::snapshot::Digest;

impl Store {
    /// Stores a text and returns its digest; the same text is stored once.
    ///
    /// # Errors
    /// When it is too large or cannot be written.
    pub async fn put_snapshot(&self, text: &str) -> Result<Digest, StoreError> {
        bounded("bytes of a snapshot", text.len(), CONFIG_BYTES_MAX)?;
        let digest = Digest::of(text);
        let sealed = self.key.seal(digest.as_str(), text.as_bytes().to_vec())?;
        sqlx::query("INSERT INTO snapshots (digest, sealed) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING")
            .bind(digest.as_str())
            .bind(sealed)
            .execute(&self.writer)
            .await
            .map_err(StoreError::database("storing a snapshot"))?;
        Ok(digest)
    }

    /// Returns the text with this digest.
    ///
    /// # Errors
    /// With [`StoreError::Corrupt`] when what is stored is not that text.
    pub async fn snapshot(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        let failed = || StoreError::database("reading a snapshot");
        let row = sqlx::query("SELECT sealed FROM snapshots WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_optional(&self.reader)
            .await
            .map_err(failed())?;
        let Some(row) = row else { return Ok(None) };
        let corrupt = |why: &str| StoreError::corrupt("snapshot", digest.short(), why);
        let sealed: Vec<u8> = row.try_get(0).map_err(|_| corrupt("not bytes"))?;
        let bytes = self.key.unseal(digest.as_str(), sealed).ok_or_else(|| corrupt("the key does not open it"))?;
        let text = String::from_utf8(bytes).map_err(|_| corrupt("not UTF-8"))?;
        if &Digest::of(&text) == digest { Ok(Some(text)) } else { Err(corrupt("another text")) }
    }
}
