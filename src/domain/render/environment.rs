//! The template engine with its bounds, and the rule that a value cannot break out of its line.
//!
//! Invariant: text that a template wrote is trusted, a value is not. The engine marks what templates wrote (macro results,
//! captured blocks) as safe; the formatter lets only that contain line breaks. Every other value must be one clean line.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{StringInput, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::{address, collections, text};
use crate::domain::limits::{TEMPLATE_FUEL_MAX, TEMPLATE_RECURSION_MAX};
use crate::domain::secret::{PLACEHOLDER_CLOSE, PLACEHOLDER_OPEN, SecretRef};

/// What the engine counts for one include.
const INCLUDE_COST: usize = 10;

/// Makes an engine without templates.
pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    env.set_syntax(syntax.expect("the standard delimiters are valid"));
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_debug(false);
    env.set_fuel(Some(TEMPLATE_FUEL_MAX));
    env.set_recursion_limit(TEMPLATE_RECURSION_MAX * INCLUDE_COST);
    // Any mode but `None` makes the engine track which strings templates wrote.
    env.set_auto_escape_callback(|_| AutoEscape::Custom("config".into()));
    env.set_formatter(write_value);
    env.set_path_join_callback(|name, parent| resolve(name, parent).into());
    minijinja_contrib::add_to_environment(&mut env);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    // `debug()` prints the whole context.
    env.remove_global("debug");
    // These would mark values as safe.
    for name in ["safe", "escape", "e", "forceescape"] {
        env.add_filter(name, |value: Value| value);
    }
    env.add_filter("raw_lines", raw_lines);
    env.add_function("secret", secret);
    text::add(&mut env);
    collections::add(&mut env);
    address::add(&mut env);
    env
}

/// Registers a filter under its own name and under the names that Ansible gives it.
pub(super) fn names(name: &str) -> [String; 3] {
    [name.to_owned(), format!("ansible.builtin.{name}"), format!("ansible.utils.{name}")]
}

/// An error of a filter.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Writes one value into the output, or refuses it.
fn write_value(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return Ok(out.write_str(value.as_str().unwrap_or_default())?);
    }
    if value.is_undefined() {
        // The missing else of an inline if.
        return Ok(());
    }
    if value.is_none() {
        return Err(wrong("the value is null, and null cannot be written into a config"));
    }
    let Some(text) = value.as_str() else {
        let text = value.to_string();
        check_line(&text)?;
        return Ok(out.write_str(&text)?);
    };
    if text.starts_with("secret://") {
        let reference = text.parse::<SecretRef>().map_err(wrong)?;
        return Ok(out.write_str(&reference.placeholder())?);
    }
    check_line(text)?;
    Ok(out.write_str(text)?)
}

/// Refuses what would leave the line or mislead its readers.
fn check_line(text: &str) -> Result<(), Error> {
    let Some(bad) = text.chars().find(|c| is_unfit(*c)) else {
        return match text.contains("secret://") {
            true => {
                Err(wrong("the value contains a reference to a secret; write {{ secret(…) }} with the reference alone"))
            }
            false => Ok(()),
        };
    };
    Err(wrong(match bad {
        '\n' | '\r' => "the value has a line break, so it would add lines to the config".to_owned(),
        '\t' => "the value has a tab".to_owned(),
        PLACEHOLDER_OPEN | PLACEHOLDER_CLOSE => format!("the value has '{bad}', which only secret(…) may write"),
        _ => format!("the value has the control character U+{:04X}", u32::from(bad)),
    }))
}

fn is_unfit(c: char) -> bool {
    let is_separator = matches!(c, '\u{2028}' | '\u{2029}');
    let turns_direction = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    c.is_control() || is_separator || turns_direction || c == PLACEHOLDER_OPEN || c == PLACEHOLDER_CLOSE
}

/// `raw_lines`: the template's author says that this value may have several lines.
fn raw_lines(value: StringInput<'_>) -> Result<Value, Error> {
    if !value.is_safe() {
        for line in value.as_str().split('\n') {
            check_line(&line.replace('\t', " "))?;
        }
    }
    Ok(Value::from_safe_string(value.as_str().to_owned()))
}

/// `secret("secret://…")`: the placeholder of a secret, never its value.
fn secret(reference: &str) -> Result<Value, Error> {
    let reference = reference
        .parse::<SecretRef>()
        .map_err(|_| wrong("secret(…) needs a reference: secret://STORE/PATH[#KEY][@VERSION]"))?;
    Ok(Value::from_safe_string(reference.placeholder()))
}

/// Returns the path of a template as another one names it: `./x` and `../x` from its folder, anything else from `templates/`.
pub(super) fn resolve(name: &str, parent: &str) -> String {
    if !name.starts_with("./") && !name.starts_with("../") {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = parent.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            // A path that leaves the folder finds nothing.
            ".." if parts.pop().is_none() => return name.to_owned(),
            ".." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
