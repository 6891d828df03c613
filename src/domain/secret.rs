//! Secrets: a value that cannot be printed, and the reference that stands for it in files.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands in every text where a secret was.
pub const MASK: &str = "********";

/// A secret in clear. It has no `Debug`, `Display` or `Serialize` that shows it, and is compared only by its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that must not be shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Gives the value to the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A reference to a secret: `secret://env/NAME`, `secret://file/path#key`, `secret://vault/path#key@version`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretRef {
    /// Which store: `env`, `file`, `vault`, `sops`.
    pub store: String,
    /// The path inside the store.
    pub path: String,
    /// The key inside the secret, if it has several.
    pub key: Option<String>,
    /// The pinned version, if any.
    pub version: Option<String>,
}

impl TryFrom<String> for SecretRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a secret reference: write secret://STORE/PATH[#KEY][@VERSION]");
        let rest = text.strip_prefix("secret://").ok_or_else(wrong)?;
        let (rest, version) = match rest.rsplit_once('@') {
            Some((rest, version)) => (rest, Some(version.to_owned())),
            None => (rest, None),
        };
        let (rest, key) = match rest.split_once('#') {
            Some((rest, key)) => (rest, Some(key.to_owned())),
            None => (rest, None),
        };
        let (store, path) = rest.split_once('/').ok_or_else(wrong)?;
        if store.is_empty() || path.is_empty() || text.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self { store: store.to_owned(), path: path.to_owned(), key, version })
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}

impl std::str::FromStr for SecretRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret://{}/{}", self.store, self.path)?;
        if let Some(key) = &self.key {
            write!(f, "#{key}")?;
        }
        if let Some(version) = &self.version {
            write!(f, "@{version}")?;
        }
        Ok(())
    }
}
