//! The part of a platform page that only platforms with `/path` sections and items have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How items are recognised, ordered and reset.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ItemsPage {
    /// Which parameters name an item, by section; the first set of which an item has all is taken.
    pub keys: Vec<ItemKeys>,
    /// The same for every other section.
    pub default_keys: Vec<Vec<String>>,
    /// Sections in which the place of an item means something.
    pub ordered: Vec<String>,
    /// Sections in send order; others come last. Removals are sent in the opposite order.
    pub order: Vec<String>,
    /// What a parameter is when it is not shown, as far as that is the same everywhere.
    pub defaults: std::collections::BTreeMap<String, String>,
}

/// The names of the items of one section.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemKeys {
    /// The section: `/ip address`.
    pub section: String,
    /// Sets of parameters.
    pub keys: Vec<Vec<String>>,
}
