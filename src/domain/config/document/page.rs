//! The parts of a platform page that only platforms with one document have: JSON tables, XML lists.

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

/// How the lists of an XML document are recognised, because the document alone does not say it (RFC 7950 section 7.8).
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct XmlPage {
    /// Elements that name an entry of a list when they come first in it: `name`, `id`.
    pub keys: Vec<String>,
    /// The keys of lists with other or several keys, by the name of the list.
    pub lists: BTreeMap<String, Vec<String>>,
    /// Lists of plain values, also when only one value is there.
    pub leaf_lists: Vec<String>,
    /// Lists in which the order of the entries means something.
    pub ordered: Vec<String>,
}
