//! From an error of the template engine to a finding that names the variable, the template's line and the device.

use std::error::Error as _;

use minijinja::{Error, ErrorKind};

use super::at_template;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::intent::{Intent, data};
use crate::domain::inventory::Device;
use crate::domain::limits::TEMPLATE_FUEL_MAX;
use crate::domain::yaml::{Node, suggest};

/// Returns the finding for an error in a template.
pub(super) fn diagnostic(intent: &Intent, of: Option<(&Device, &Node)>, error: &Error) -> Diagnostic {
    let error = innermost(error);
    let path = error.name().unwrap_or_default();
    let source = intent.templates.get(path).map_or("", AsRef::as_ref);
    let range = error.range().filter(|range| source.get(range.clone()).is_some());
    let snippet = range.as_ref().map(|range| source[range.clone()].trim()).filter(|s| !s.is_empty() && s.len() <= 120);
    let message = message(error, snippet);
    let mut finding = at_template(Diagnostic::error(message), path, error.line().unwrap_or(0));
    if let (Some(place), Some(range)) = (&mut finding.place, &range) {
        let line_start = source[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
        place.column = u32::try_from(source[line_start..range.start].chars().count() + 1).unwrap_or(1);
    }
    if let Some((device, node)) = of {
        finding = finding.on(&device.name);
        if let Some(hint) = hint(intent, error, snippet, device, node) {
            finding = finding.hint(hint);
        }
    } else if let Some(hint) = general_hint(intent, error) {
        finding = finding.hint(hint);
    }
    finding
}

/// Returns the finding, without a place, for an error in a text of a check.
pub(super) fn of_text(error: &Error, check: &str) -> Diagnostic {
    Diagnostic::error(format!("the check {check:?}: {}", message(innermost(error), None)))
}

/// An error of an included template is wrapped in errors of the includes.
fn innermost(error: &Error) -> &Error {
    let mut found = error;
    let mut next = error.source();
    while let Some(inner) = next {
        if let Some(inner) = inner.downcast_ref::<Error>()
            && inner.name().is_some()
        {
            found = inner;
        }
        next = inner.source();
    }
    found
}

fn message(error: &Error, snippet: Option<&str>) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError => match (detail.is_empty(), snippet) {
            (false, _) => detail.to_owned(),
            (true, Some(snippet)) => format!("`{snippet}` is undefined"),
            (true, None) => "a value is undefined".to_owned(),
        },
        ErrorKind::OutOfFuel => format!("the template needs more than {TEMPLATE_FUEL_MAX} steps"),
        ErrorKind::SyntaxError => format!("the template cannot be read: {detail}"),
        ErrorKind::InvalidOperation if !detail.is_empty() => match snippet {
            Some(snippet) => format!("`{snippet}`: {detail}"),
            None => detail.to_owned(),
        },
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    }
}

fn hint(intent: &Intent, error: &Error, snippet: Option<&str>, device: &Device, data_node: &Node) -> Option<String> {
    let detail = error.detail().unwrap_or_default();
    if error.kind() == ErrorKind::UndefinedError {
        return undefined_hint(detail.split('`').nth(1).or(snippet)?, device, data_node);
    }
    let value = snippet.and_then(|snippet| data::lookup(data_node, snippet));
    let place = value.map(|node| format!("the value is in {}:{}; ", node.mark.file, node.mark.line)).unwrap_or_default();
    if detail.contains("line break") {
        return Some(format!("{place}write it in one line (>- in YAML), or use | raw_lines where several lines are meant"));
    }
    if detail.contains("is null") {
        return Some(format!("{place}give it a value, or use | default('…', true) or {{% if %}}"));
    }
    if !place.is_empty() {
        return Some(place.trim_end_matches("; ").to_owned());
    }
    general_hint(intent, error)
}

fn undefined_hint(expression: &str, device: &Device, data_node: &Node) -> Option<String> {
    let (parent, last) = expression.rsplit_once('.').unwrap_or(("", expression));
    let is_name = !last.is_empty() && last.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name {
        return None;
    }
    let layers: Vec<String> = data::layer_paths(device).into_iter().map(|(_, path)| path).collect();
    let known = data::lookup(data_node, parent).map(|node| node.entries().iter().map(|entry| &*entry.key));
    if let Some(near) = known.and_then(|known| suggest::nearest(last, known)) {
        return Some(format!("did you mean {near:?}?"));
    }
    Some(format!("define {expression} in one of {}", layers.join(", ")))
}

fn general_hint(intent: &Intent, error: &Error) -> Option<String> {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::TemplateNotFound => {
            let name = detail.split(['"', '`']).nth(1)?;
            Some(suggest::hint(name, intent.templates.keys().map(String::as_str)))
        }
        ErrorKind::OutOfFuel => Some("look for a loop over too much; the limit is template_fuel_max".to_owned()),
        ErrorKind::UnknownFilter if detail.contains("safe") => Some("remove it".to_owned()),
        _ => None,
    }
}
