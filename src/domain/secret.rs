//! Secrets: a value that cannot be printed, and the reference that stands for it in files.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands in every text where a secret was.
pub const MASK: &str = "********";

/// Opens a placeholder. Values of data may not contain it, so nothing but `secret()` makes a placeholder.
pub const PLACEHOLDER_OPEN: char = '⟦';
/// Closes a placeholder.
pub const PLACEHOLDER_CLOSE: char = '⟧';

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
        let unfit = |c: char| c.is_whitespace() || c.is_control() || c == PLACEHOLDER_OPEN || c == PLACEHOLDER_CLOSE;
        if store.is_empty() || path.is_empty() || text.contains(unfit) {
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

impl SecretRef {
    /// Returns the one word that stands for the secret in intended configs: `⟦secret://env/NAME⟧`.
    pub fn placeholder(&self) -> String {
        format!("{PLACEHOLDER_OPEN}{self}{PLACEHOLDER_CLOSE}")
    }
}

/// Returns the secrets that a text has placeholders for.
pub fn references(text: &str) -> std::collections::BTreeSet<SecretRef> {
    parts(text).filter_map(|(_, reference)| reference).collect()
}

/// Puts the secrets in place of their placeholders. The result may only go to the device, hence its type.
///
/// # Errors
/// The first error of the lookup.
pub fn unseal<E>(text: &str, mut lookup: impl FnMut(&SecretRef) -> Result<Secret, E>) -> Result<Secret, E> {
    let mut clear = String::with_capacity(text.len());
    for (part, reference) in parts(text) {
        match reference {
            Some(reference) => clear.push_str(lookup(&reference)?.expose()),
            None => clear.push_str(part),
        }
    }
    Ok(Secret::new(clear))
}

/// Cuts a text into plain parts and placeholders. What is no whole placeholder is plain.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<SecretRef>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix(PLACEHOLDER_OPEN)
            && let Some((reference, after)) = inner.split_once(PLACEHOLDER_CLOSE)
            && let Ok(reference) = reference.parse::<SecretRef>()
        {
            let part = &rest[..rest.len() - after.len()];
            rest = after;
            return Some((part, Some(reference)));
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find(PLACEHOLDER_OPEN).map_or(rest.len(), |at| first + at);
        let (part, after) = rest.split_at(end);
        rest = after;
        Some((part, None))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_come_back_as_secrets() {
        let reference: SecretRef = "secret://vault/net/r1#bgp@4".parse().expect("a reference");
        let text = format!("⟦x⟧ neighbor 1 password {}⟦ end {}", reference.placeholder(), reference.placeholder());
        assert_eq!(references(&text).into_iter().collect::<Vec<_>>(), vec![reference]);
        let clear = unseal::<()>(&text, |_| Ok(Secret::new("s3cret"))).expect("a secret");
        assert_eq!(clear.expose(), "⟦x⟧ neighbor 1 password s3cret⟦ end s3cret");
        assert!(unseal(&text, |_| Err("sealed")).is_err());
        assert!("secret://env/A⟧".parse::<SecretRef>().is_err());
    }
}
