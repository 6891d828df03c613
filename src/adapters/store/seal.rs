//! The key of stored configurations: AES-256-GCM (NIST SP 800-38D) with a random nonce, bound to what it names.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use super::StoreError;

/// Length of the key, in bytes.
const KEY_BYTES: usize = 32;
/// First byte of everything sealed, so that the method can change.
const VERSION: u8 = 1;
/// What the key check seals.
const KNOWN_WORD: &[u8] = b"reconverge";

/// Seals and opens texts. Cheap to clone.
#[derive(Clone)]
pub(super) struct SealingKey {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

impl SealingKey {
    /// A key that nobody will ever need again.
    pub(super) fn random() -> Result<Self, StoreError> {
        Self::of(&random_bytes(Path::new("(memory)"))?, Path::new("(memory)"))
    }

    /// Reads the key file, or makes it for a store that has nothing sealed yet; checks that key and store belong together.
    pub(super) async fn open(path: &Path, writer: &SqlitePool) -> Result<Self, StoreError> {
        let failed = || StoreError::database("checking the key");
        let row =
            sqlx::query("SELECT sealed FROM key_check WHERE id = 1").fetch_optional(writer).await.map_err(failed())?;
        let sealed: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose().map_err(failed())?;
        let Some(sealed) = sealed else {
            if !path.exists() {
                create(path)?;
            }
            let key = Self::read(path)?;
            let sealed = key.seal("key check", KNOWN_WORD.to_vec())?;
            sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
                .bind(sealed)
                .execute(writer)
                .await
                .map_err(failed())?;
            return Ok(key);
        };
        let key = Self::read(path)?;
        match key.unseal("key check", sealed) {
            Some(word) if word == KNOWN_WORD => Ok(key),
            Some(_) | None => Err(wrong(path, "it is not the key of this store")),
        }
    }

    fn read(path: &Path) -> Result<Self, StoreError> {
        let metadata = std::fs::metadata(path).map_err(|error| wrong(path, &error.to_string()))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(wrong(path, "others than its owner may read it"));
        }
        if metadata.len() > 1024 {
            return Err(wrong(path, "it is not a key"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(path, &error.to_string()))?;
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| wrong(path, "it is not a key"))?;
        Self::of(&bytes, path)
    }

    fn of(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| wrong(path, "it is not a key of 256 bits"))?;
        Ok(Self { key: Arc::new(LessSafeKey::new(key)), random: SystemRandom::new() })
    }

    /// Seals bytes under a name; only the same name opens them.
    pub(super) fn seal(&self, name: &str, mut bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let path = Path::new("(in use)");
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| wrong(path, "the system has no randomness"))?;
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), &mut bytes)
            .map_err(|_| wrong(path, "the text is too long to be sealed"))?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + bytes.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&bytes);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made, or nothing when one bit of it, or the name, is another.
    pub(super) fn unseal(&self, name: &str, sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, bytes) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok().filter(|_| *version == VERSION)?;
        let mut bytes = bytes.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

/// Writes a new key under a temporary name first, so that nobody ever reads half of it; an existing key stays.
fn create(path: &Path) -> Result<(), StoreError> {
    let bytes = random_bytes(path)?;
    let failed = |error: std::io::Error| wrong(path, &error.to_string());
    let folder = path.parent().unwrap_or(Path::new("."));
    // Temporary files are readable only by their owner.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    writeln!(file, "{}", BASE64_STANDARD.encode(bytes)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error.error)),
    }
}

fn random_bytes(path: &Path) -> Result<[u8; KEY_BYTES], StoreError> {
    let mut bytes = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| wrong(path, "the system has no randomness"))?;
    Ok(bytes)
}

fn wrong(path: &Path, why: &str) -> StoreError {
    StoreError::Key { path: path.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_only_unchanged_and_under_their_name() {
        let key = SealingKey::random().unwrap();
        let sealed = key.seal("a", b"text".to_vec()).unwrap();
        assert_eq!(key.unseal("a", sealed.clone()), Some(b"text".to_vec()));
        assert_ne!(key.seal("a", b"text".to_vec()).unwrap(), sealed, "a nonce is used once");
        assert_eq!(key.unseal("b", sealed.clone()), None);
        assert_eq!(SealingKey::random().unwrap().unseal("a", sealed.clone()), None);
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(key.unseal("a", changed), None, "byte {index}");
            assert_eq!(key.unseal("a", sealed[..index].to_vec()), None, "cut at {index}");
        }
    }
}
