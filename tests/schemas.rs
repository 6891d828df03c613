//! `schemas/` and the copies in the template are what the types say. `UPDATE_SCHEMAS=1` writes them.

use std::path::Path;

use reconverge::domain::intent::schema;

#[test]
fn schemas_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copies = root.join("intent-repo-template").join(schema::FOLDER);
    let folders = [root.join("schemas"), copies];
    for folder in &folders {
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::create_dir_all(folder).expect("a folder");
            for (name, text) in schema::schemas() {
                std::fs::write(folder.join(name), text).expect("written");
            }
        }
        for (name, text) in schema::schemas() {
            let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(written == text, "{}/{name} is old: run the test with UPDATE_SCHEMAS=1", folder.display());
        }
        let files = std::fs::read_dir(folder).expect("a folder").count();
        assert_eq!(files, schema::schemas().len(), "{} has a file that no type makes", folder.display());
    }
}

#[test]
fn schemas_say_what_the_types_say() {
    let schemas = schema::schemas();
    let read = |name: &str| serde_json::from_str::<serde_json::Value>(&schemas[name]).expect("JSON");
    let settings = read("settings.json");
    assert_eq!(settings["additionalProperties"], false);
    assert_eq!(settings["properties"]["confirm_timeout"]["default"], "2m");
    let devices = read("devices.json");
    assert_eq!(devices["anyOf"][0]["additionalProperties"]["$ref"], "#/$defs/DeviceFile");
    assert!(devices["$defs"]["DeviceFile"]["properties"]["platform"]["description"].is_string());
    // Every reference has its definition.
    for (name, text) in &schemas {
        let schema = read(name);
        for reference in
            text.match_indices("\"#/$defs/").map(|(at, _)| text[at + 9..].split('"').next().expect("a name"))
        {
            assert!(schema["$defs"][reference].is_object(), "{name}: {reference}");
        }
    }
}
