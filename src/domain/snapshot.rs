//! The files of one revision in memory: the only input of everything that reads the repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::revision::Revision;

/// Folders whose files are intent: what cannot be read there is an error. Elsewhere (documents, pictures) it is left out.
const INTENT_FOLDERS: &[&str] = &[
    "inventory", "data", "templates", "schemas", "policies", "checks", "workflows", "schedules", "triggers", "parsers",
    "exceptions", "group_vars", "host_vars",
];
/// Single files that are intent.
const INTENT_FILES: &[&str] = &["reconverge.yaml", "CODEOWNERS", "hosts.yml", "hosts.yaml"];

/// The files of one revision. Paths are relative, with `/`, without `.` or `..` parts.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Where the files came from.
    pub revision: Revision,
    /// Path to content.
    pub files: BTreeMap<String, Arc<str>>,
}

impl Snapshot {
    /// Returns the content of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(AsRef::as_ref)
    }

    /// Returns the files below a folder (`prefix` ends with `/`), in path order.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .range(prefix.to_owned()..)
            .take_while(move |(path, _)| path.starts_with(prefix))
            .map(|(path, text)| (path.as_str(), text.as_ref()))
    }

    /// Returns the hash of the paths and contents of the intent, so that two folders can be compared without git. Other
    /// files, such as a plan that was written beside them, change nothing.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for (path, text) in self.files.iter().filter(|(path, _)| is_intent(path)) {
            hash.update((path.len() as u64).to_be_bytes());
            hash.update(path.as_bytes());
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        Digest::from_bytes(&hash.finalize())
    }
}

/// Tells whether a file says what the network should be, or how it gets there.
pub fn is_intent(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or_default();
    INTENT_FILES.contains(&path) || INTENT_FOLDERS.contains(&top) || path.starts_with("tests/golden/")
}

/// A SHA-256, printed as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Hashes a text.
    pub fn of(text: &str) -> Self {
        Self::from_bytes(&Sha256::digest(text.as_bytes()))
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|b| format!("{b:02x}")).collect())
    }

    /// Returns the 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 16 digits.
    pub fn short(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.short())
    }
}
