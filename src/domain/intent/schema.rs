//! JSON Schemas of the files that people write, from the types that read them; editors complete and check with them.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::settings::Settings;
use crate::domain::checks::CheckFile;
use crate::domain::inventory::files::{DeviceFile, GroupFile};

/// Where a new repository has its copies.
pub const FOLDER: &str = "schemas/reconverge/";

/// Returns the schemas by file name, as they stand in `schemas/` and in a new repository.
pub fn schemas() -> BTreeMap<&'static str, String> {
    let devices =
        titled::<DeviceFile>("Devices", "inventory/**/*.yaml: a map from names to devices, or a list of devices");
    let checks = titled::<CheckFile>("Checks", "checks/*.yaml: one check or a list of checks");
    let found = [
        ("settings.json", titled::<Settings>("Settings", "reconverge.yaml: how changes reach the network")),
        ("group.json", titled::<GroupFile>("Group", "inventory/groups/<name>.yaml: a group of devices")),
        ("devices.json", one_or_many(devices, "DeviceFile", "additionalProperties")),
        ("check.json", one_or_many(checks, "CheckFile", "self")),
    ];
    found.into_iter().map(|(name, schema)| (name, format!("{schema:#}\n"))).collect()
}

fn titled<T: JsonSchema>(title: &str, description: &str) -> Value {
    let mut schema = schema_for!(T).to_value();
    schema["title"] = title.into();
    schema["description"] = description.into();
    schema
}

/// Moves the schema of one thing into `$defs`, and allows a list of them or, as a map or alone, the thing itself.
fn one_or_many(mut schema: Value, name: &str, otherwise: &str) -> Value {
    let Some(fields) = schema.as_object_mut() else { return schema };
    let mut defs = fields.remove("$defs").unwrap_or_else(|| json!({}));
    let (dialect, title) = (fields.remove("$schema"), fields.remove("title"));
    let description = fields.remove("description");
    defs[name] = Value::Object(std::mem::take(fields));
    let reference = json!({ "$ref": format!("#/$defs/{name}") });
    let other = match otherwise {
        "self" => reference.clone(),
        _ => json!({ "type": "object", "additionalProperties": reference }),
    };
    json!({
        "$schema": dialect,
        "title": title,
        "description": description,
        "anyOf": [other, { "type": "array", "items": reference }],
        "$defs": defs,
    })
}
