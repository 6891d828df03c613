//! What a YAML scalar means: YAML 1.2 core schema, with a finding where a person could have meant something else.

use std::sync::Arc;

use saphyr_parser::Tag;
use serde_json::{Number, Value};

use super::{Content, Node};
use crate::domain::diagnostic::Diagnostic;

/// Returns the value of a scalar, or why it is not clear. The finding has no place yet.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, Diagnostic> {
    if let Some(tag) = tag {
        if !tag.is_yaml_core_schema() {
            return Err(unknown_tag(tag));
        }
        if tag.suffix == "str" {
            return Ok(Value::String(text.to_owned()));
        }
    }
    if !plain && tag.is_none() {
        return Ok(Value::String(text.to_owned()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    number(text).unwrap_or_else(|| Ok(Value::String(text.to_owned())))
}

/// Returns the text of a value that stands as a key.
pub(super) fn key_text(node: &Node) -> Arc<str> {
    match &node.content {
        Content::Scalar(Value::String(text)) => text.as_str().into(),
        Content::Scalar(value) => value.to_string().into(),
        Content::List(_) | Content::Map(_) => "".into(),
    }
}

/// A tag that nobody gave a meaning.
pub(super) fn unknown_tag(tag: &Tag) -> Diagnostic {
    let finding = Diagnostic::error(format!("the tag {tag} is not known"));
    if tag.suffix.contains("vault") {
        return finding.hint("write a reference to the secret: secret://STORE/PATH#KEY");
    }
    finding.hint("remove the tag")
}

/// Returns nothing when the text does not look like a number.
fn number(text: &str) -> Option<Result<Value, Diagnostic>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x") {
        return radix(text, hex, 16);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(text, octal, 8);
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(Diagnostic::error(format!("{text} is not a number that can be stored")).hint(quote(text))));
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(integer(text, digits));
    }
    float(text, digits)
}

fn radix(text: &str, digits: &str, radix: u32) -> Option<Result<Value, Diagnostic>> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(u64::from_str_radix(digits, radix).map(Value::from).map_err(|_| too_large(text)))
}

fn integer(text: &str, digits: &str) -> Result<Value, Diagnostic> {
    if digits.len() > 1 && digits.starts_with('0') {
        let finding = Diagnostic::error(format!("{text} is octal in one YAML version and decimal in another"));
        return Err(finding.hint(format!("{} to keep the zeros, or remove them", quote(text))));
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let value = unsigned.parse::<i64>().map(Value::from).or_else(|_| unsigned.parse::<u64>().map(Value::from));
    value.map_err(|_| too_large(text))
}

/// `1.10` is the number 1.1: versions, dotted AS numbers and prefixes of text lose their end that way.
fn float(text: &str, digits: &str) -> Option<Result<Value, Diagnostic>> {
    if !digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-')) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let number = Number::from_f64(value)?;
    if number.to_string() == text {
        return Some(Ok(Value::Number(number)));
    }
    let finding = Diagnostic::error(format!("{text} would be read as the number {number}"));
    Some(Err(finding.hint(format!("{} to keep it as it is written", quote(text)))))
}

fn too_large(text: &str) -> Diagnostic {
    Diagnostic::error(format!("{text} is too large for a number")).hint(quote(text))
}

fn quote(text: &str) -> String {
    format!("quote it: \"{text}\"")
}
