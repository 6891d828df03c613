//! Expressions that choose devices: `site=ams role in (leaf,spine) !suspended name~'^edge-'`.
//!
//! Words side by side mean *and*; `or`, `not`, `!` and parentheses do what they say. `and` binds stronger than `or`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Device, parse};

/// An expression that chooses devices.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    text: String,
    term: Term,
}

/// A selector that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the selector {text:?} is not clear at column {column}: {problem}")]
pub struct SelectorError {
    /// The whole selector.
    pub text: String,
    /// Where, in characters from 1.
    pub column: usize,
    /// What is the matter.
    pub problem: String,
}

/// What a selector says.
#[derive(Clone, Debug)]
pub(super) enum Term {
    All,
    Suspended,
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// The field has one of the values.
    Is(String, BTreeSet<String>),
    /// The field matches the pattern anywhere.
    Matches(String, Regex),
}

impl Selector {
    /// Chooses every device.
    pub fn all() -> Self {
        Self { text: "all".to_owned(), term: Term::All }
    }

    /// Reads a selector.
    ///
    /// # Errors
    /// Says at which column it is not clear, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Ok(Self { text: text.to_owned(), term: parse::parse(text)? })
    }

    /// Tells whether a device is chosen. A label that a device does not have has no value: `role=leaf` is false for it
    /// and `role!=leaf` is true.
    pub fn matches(&self, device: &Device) -> bool {
        self.term.matches(device)
    }

    /// Returns the field names and the values that are compared exactly, to look for typing errors.
    pub fn compared(&self) -> Vec<(&str, &BTreeSet<String>)> {
        let mut found = Vec::new();
        self.term.compared(&mut found);
        found
    }
}

impl Term {
    fn matches(&self, device: &Device) -> bool {
        match self {
            Self::All => true,
            Self::Suspended => device.suspended.is_some(),
            Self::Not(term) => !term.matches(device),
            Self::And(terms) => terms.iter().all(|term| term.matches(device)),
            Self::Or(terms) => terms.iter().any(|term| term.matches(device)),
            Self::Is(field, values) => values_of(device, field).iter().any(|value| values.contains(*value)),
            Self::Matches(field, pattern) => values_of(device, field).iter().any(|value| pattern.is_match(value)),
        }
    }

    fn compared<'a>(&'a self, found: &mut Vec<(&'a str, &'a BTreeSet<String>)>) {
        match self {
            Self::All | Self::Suspended | Self::Matches(..) => {}
            Self::Not(term) => term.compared(found),
            Self::And(terms) | Self::Or(terms) => terms.iter().for_each(|term| term.compared(found)),
            Self::Is(field, values) => found.push((field, values)),
        }
    }
}

fn values_of<'a>(device: &'a Device, field: &str) -> Vec<&'a str> {
    match field {
        "name" => vec![device.name.as_str()],
        "platform" => vec![device.platform.as_str()],
        "address" => vec![&device.address],
        "group" => device.groups.iter().map(super::GroupName::as_str).collect(),
        label => device.label(label).into_iter().collect(),
    }
}

impl FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Selector {
    type Error = SelectorError;
    fn try_from(text: String) -> Result<Self, SelectorError> {
        Self::parse(&text)
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.text
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Selector {}

impl JsonSchema for Selector {
    fn schema_name() -> Cow<'static, str> {
        "Selector".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Chooses devices: site=ams role in (leaf,spine) !suspended name~'^edge-' platform=frr group=x; \
                            words side by side mean and; or, not and parentheses work"
        })
    }
}
