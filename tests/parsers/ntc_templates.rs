//! The collection ntc-templates: its index, its templates, and what its own tests expect of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reconverge::domain::parse::textfsm::Template;
use reconverge::domain::parse::textfsm::index::Index;
use serde_json::Value;

use super::{Score, files_below, read};
use crate::support::{conformance, skip};

fn templates() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("RECONVERGE_NTC_TEMPLATES") else {
        skip("RECONVERGE_NTC_TEMPLATES is not set");
        return None;
    };
    Some(PathBuf::from(folder))
}

/// Templates are compiled once; that is most of the time.
struct Collection {
    folder: PathBuf,
    index: Index,
    compiled: BTreeMap<String, Template>,
}

impl Collection {
    fn template(&mut self, name: &str) -> Result<&Template, String> {
        if !self.compiled.contains_key(name) {
            let template = Template::read(name, &read(&self.folder.join(name))).map_err(|error| error.to_string())?;
            self.compiled.insert(name.to_owned(), template);
        }
        Ok(&self.compiled[name])
    }

    /// Reads an output with all templates that the index names for the command.
    fn parse(&mut self, platform: &str, command: &str, text: &str) -> Result<Value, String> {
        let names = self.index.find(platform, command).map_err(|error| error.to_string())?.to_vec();
        let mut whole = self.template(&names[0])?.parse(text).map_err(|error| error.to_string())?;
        for name in &names[1..] {
            let more = self.template(name)?.parse(text).map_err(|error| error.to_string())?;
            whole.extend(&more);
        }
        let lower = |row: serde_json::Map<String, Value>| {
            Value::Object(row.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect())
        };
        Ok(whole.objects().into_iter().map(lower).collect())
    }
}

#[test]
fn recorded_outputs_give_the_expected_rows() {
    let (Some(conformance), Some(folder)) = (conformance(), templates()) else { return };
    let index = Index::read("index", &read(&folder.join("index"))).unwrap();
    let mut collection = Collection { folder, index, compiled: BTreeMap::new() };
    let mut score = Score::default();
    for output in files_below(&conformance.join("ntc-templates/tests"), ".raw") {
        let result = check(&mut collection, &output);
        score.add(&output.file_name().unwrap().to_string_lossy(), result);
    }
    score.settle("ntc-templates", 99.0);
}

fn check(collection: &mut Collection, output: &Path) -> Result<(), String> {
    let folder = |path: &Path| path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    let command = folder(output).replace('_', " ");
    let platform = folder(output.parent().unwrap());
    let rows = collection.parse(&platform, &command, &read(output))?;
    let expected: Value =
        serde_yaml::from_str(&read(&output.with_extension("yml"))).map_err(|error| error.to_string())?;
    let mut expected = expected["parsed_sample"].clone();
    absent_items(&mut expected);
    if rows == expected {
        return Ok(());
    }
    let (rows, expected) =
        (rows.as_array().cloned().unwrap_or_default(), expected.as_array().cloned().unwrap_or_default());
    let first = rows.iter().zip(&expected).find(|(row, wanted)| row != wanted);
    Err(first.map_or_else(
        || format!("{} rows instead of {}", rows.len(), expected.len()),
        |(row, wanted)| format!("{row} instead of {wanted}"),
    ))
}

/// The tool behind the expectations writes absent items of lists as the word `None`.
fn absent_items(value: &mut Value) {
    match value {
        Value::Array(items) => {
            for item in items {
                if item == "None" {
                    *item = Value::Null;
                }
                absent_items(item);
            }
        }
        Value::Object(members) => members.values_mut().for_each(absent_items),
        _ => {}
    }
}
