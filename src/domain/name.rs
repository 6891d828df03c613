//! Validated names and ids: nothing else may stand where a device, a platform or a run is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name that any file may contain, in bytes.
pub const NAME_BYTES_MAX: usize = 63;

/// A word that cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a valid {kind} name: use letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit"
)]
pub struct NameError {
    /// What kind of name was expected.
    pub kind: &'static str,
    /// What stood there.
    pub text: String,
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= NAME_BYTES_MAX
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(NameError { kind: $kind, text: text.to_owned() }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of a device in the inventory.
    DeviceName = "device";
    /// The name of a network operating system, for example `arista_eos`.
    PlatformName = "platform";
    /// The name of a group of devices.
    GroupName = "group";
    /// The name of a workflow.
    WorkflowName = "workflow";
    /// The id of a run, time-sortable: `run_` and 26 characters.
    RunId = "run";
    /// The id of a plan: the first 16 hexadecimal digits of the hash of its content.
    PlanId = "plan";
}

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// Makes an id that sorts by time: 48 bits of milliseconds, 80 bits of the caller's randomness.
    pub fn new(now_ms: i64, random: u128) -> Self {
        let value = (u128::from(now_ms.unsigned_abs()) << 80) | (random & ((1 << 80) - 1));
        let mut text = String::from("run_");
        for shift in (0..26).rev() {
            text.push(char::from(CROCKFORD[((value >> (shift * 5)) & 31) as usize]));
        }
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for good in ["r1", "ams-leaf-01", "A.b_c", "0"] {
            assert_eq!(good.parse::<DeviceName>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "-r1", "../x", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(bad.parse::<DeviceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn run_ids_sort_by_time() {
        assert!(RunId::new(1000, u128::MAX) < RunId::new(1001, 0));
        assert_eq!(RunId::new(1, 2).as_str().len(), 30);
    }
}
