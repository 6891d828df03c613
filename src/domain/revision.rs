//! Commits, branches and change numbers of the intent repository.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A commit or tree id: 40 or 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId(String);

impl ObjectId {
    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl TryFrom<String> for ObjectId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && matches!(text.len(), 40 | 64) { Ok(Self(text)) } else { Err(format!("{text:?} is not an object id")) }
    }
}

impl std::str::FromStr for ObjectId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a set of repository files came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// The commit, or nothing for a folder that is read as it lies there.
    pub commit: Option<ObjectId>,
    /// The git tree of the files, or nothing for a folder.
    pub tree: Option<ObjectId>,
    /// The branch name, for people.
    pub branch: String,
}

impl Revision {
    /// A folder on disk that is read as it lies there.
    pub fn folder() -> Self {
        Self { commit: None, tree: None, branch: "(folder)".into() }
    }
}

/// A change that is asked for and not merged yet: a pull request, or a branch `change/*` of a plain repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// What people call it: `change/fourth-prefix`, `#412`.
    pub name: String,
    /// The newest commit of the change.
    pub head: ObjectId,
}
