//! Secrets by reference: environment variables and files of one folder. Errors name the reference, never the value.

mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::limits::{SECRET_BYTES_MAX, SECRETS_CACHED_MAX};
use crate::domain::secret::{Secret, SecretRef};

/// A secret that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reference}: {why}")]
pub struct SecretError {
    /// Which secret.
    pub reference: SecretRef,
    /// What is the matter; never holds any part of a value.
    pub why: String,
    /// What to do.
    pub hint: String,
}

/// Resolves references. Cheap to clone; clones share what was read already.
#[derive(Clone, Debug)]
pub struct SecretStore {
    folder: Option<PathBuf>,
    /// `Secret` has no printable form, so neither has this.
    known: Arc<Mutex<BTreeMap<SecretRef, Secret>>>,
}

impl SecretStore {
    /// Makes a store; `folder` is where `secret://file/…` looks, if anywhere.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, known: Arc::default() }
    }

    /// Returns a secret. It is read once and kept in memory until [`Self::forget`] or the end of the process.
    ///
    /// # Errors
    /// When the store is unknown, there is no such secret, or it is not kept safely.
    pub async fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        if let Some(secret) = self.known().get(reference) {
            return Ok(secret.clone());
        }
        let secret = self.read(reference).await.map_err(|(why, hint)| SecretError {
            reference: reference.clone(),
            why,
            hint: hint.to_owned(),
        })?;
        let mut known = self.known();
        if known.len() < SECRETS_CACHED_MAX {
            known.insert(reference.clone(), secret.clone());
        }
        Ok(secret)
    }

    /// Forgets what was read, for example after a device refused a login: the next use reads again.
    pub fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<SecretRef, Secret>> {
        // A map of finished values is whole whatever happened to a thread that held it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, reference: &SecretRef) -> Result<Secret, Problem> {
        if reference.version.is_some() && matches!(reference.store.as_str(), "env" | "file") {
            return Err((
                format!("the store {:?} has no versions", reference.store),
                "remove @VERSION from the reference",
            ));
        }
        let text = match reference.store.as_str() {
            "env" => variable(reference)?,
            "file" => {
                let no_folder =
                    || ("no secrets folder is configured".to_owned(), "set the secrets folder of the service");
                let folder = self.folder.clone().ok_or_else(no_folder)?;
                let (path, key) = (reference.path.clone(), reference.key.clone());
                tokio::task::spawn_blocking(move || file::read(&folder, &path, key.as_deref()))
                    .await
                    .map_err(|_| ("reading it was cancelled".to_owned(), "start again"))??
            }
            other => {
                return Err((
                    format!("the secret store {other:?} is not supported"),
                    "use secret://env/… or secret://file/…",
                ));
            }
        };
        if text.is_empty() {
            return Err(("it is empty".into(), "write the value"));
        }
        Ok(Secret::new(text))
    }
}

/// What is the matter, and what to do.
type Problem = (String, &'static str);

fn variable(reference: &SecretRef) -> Result<String, Problem> {
    if reference.key.is_some() {
        return Err(("an environment variable has no keys".into(), "remove #KEY from the reference"));
    }
    let name = &reference.path;
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(("this is not the name of an environment variable".into(), "use letters, digits and '_'"));
    }
    match std::env::var(name) {
        Ok(text) if text.len() > SECRET_BYTES_MAX => {
            Err((format!("it has more than {SECRET_BYTES_MAX} bytes"), "shorten it"))
        }
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => {
            Err((format!("the environment variable {name} is not set"), "set it for the process that talks to devices"))
        }
        Err(std::env::VarError::NotUnicode(_)) => Err(("its value is not UTF-8".into(), "use a file instead")),
    }
}
