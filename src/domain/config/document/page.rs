//! The part of a platform page that only platforms with one JSON document of tables have.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the tables of a document depend on each other.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TablesPage {
    /// Tables in the order in which they are filled; others come last. They are emptied in the opposite order.
    pub order: Vec<String>,
    /// What stands between the parts of a key: `|`.
    pub separator: String,
    /// For each table the tables to whose keys its own keys and values refer.
    pub references: BTreeMap<String, Vec<String>>,
    /// For each table the fields that can only be given when a key is made: a change removes the key and makes it again.
    pub create_only: BTreeMap<String, Vec<String>>,
    /// What has to be switched off while some tables change.
    pub quiesce: Option<Quiesce>,
    /// Whether a table must not be empty.
    pub no_empty_table: bool,
}

/// Keys that have to be switched off while the entries of other tables that name them change.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiesce {
    /// The table of the keys: `PORT`.
    pub table: String,
    /// The field that switches: `admin_status`.
    pub field: String,
    /// Its value while nothing runs: `down`.
    pub off: String,
    /// The tables that must not change while it runs.
    pub during: Vec<String>,
}
