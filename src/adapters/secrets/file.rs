//! Secrets in files below one folder, plain or as a YAML or JSON map, readable only by their owner.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use super::Problem;
use crate::domain::limits::SECRET_BYTES_MAX;

/// Reads a file, or one key of the map in it.
pub(super) fn read(folder: &Path, path: &str, key: Option<&str>) -> Result<String, Problem> {
    let text = content(folder, path)?;
    match key {
        Some(key) => value(&text, key),
        // Editors end the last line; nobody means that to be part of a password.
        None => {
            Ok(text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(&text).to_owned())
        }
    }
}

fn content(folder: &Path, path: &str) -> Result<String, Problem> {
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let leaves =
        || ("the path leaves the secrets folder".to_owned(), "write a path inside the secrets folder, without '..'");
    if !is_plain || path.contains('\0') {
        return Err(leaves());
    }
    let root = folder
        .canonicalize()
        .map_err(|error| (format!("the secrets folder: {error}"), "create the folder or correct the setting"))?;
    let full = root
        .join(path)
        .canonicalize()
        .map_err(|error| (format!("the file cannot be opened: {error}"), "write the file into the secrets folder"))?;
    if !full.starts_with(&root) {
        return Err(leaves());
    }
    let unreadable =
        |error: std::io::Error| (format!("the file cannot be read: {error}"), "check its owner and rights");
    // A named pipe would make `open` wait.
    if !full.metadata().map_err(unreadable)?.is_file() {
        return Err(("it is not a plain file".into(), "write the secret into a plain file"));
    }
    let file = File::open(&full).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err((
            format!("others may read the file (mode {:o})", metadata.permissions().mode() & 0o777),
            "chmod 600 the file",
        ));
    }
    let mut text = String::new();
    let not_text = |_| ("the file is not UTF-8 text".to_owned(), "store text");
    file.take(SECRET_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(not_text)?;
    if text.len() > SECRET_BYTES_MAX {
        return Err((format!("the file has more than {SECRET_BYTES_MAX} bytes"), "split it"));
    }
    Ok(text)
}

/// Takes one key of a map. The parser's own message may quote values, so only its position is told.
fn value(text: &str, key: &str) -> Result<String, Problem> {
    let map: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| {
        let place =
            error.location().map_or_else(String::new, |at| format!(" (line {}, column {})", at.line(), at.column()));
        (format!("the file is not valid YAML or JSON{place}"), "write a map of names to quoted texts")
    })?;
    let serde_yaml::Value::Mapping(map) = map else {
        return Err(("the file is not a map".into(), "write a map of names to quoted texts"));
    };
    match map.get(key) {
        Some(serde_yaml::Value::String(text)) => Ok(text.clone()),
        Some(_) => Err((format!("the value of key {key:?} is not a text"), "put the value into quotes")),
        None => Err((format!("the file has no key {key:?}"), "add the key to the file")),
    }
}
