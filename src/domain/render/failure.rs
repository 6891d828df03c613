//! From an error of the template engine to a finding that names the variable, the template's line and the device.

use std::error::Error as _;
use std::ops::Range;

use minijinja::{Error, ErrorKind};

use super::at_template;
use super::source::{Piece, inside, pieces};
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
    let range = error.range().filter(|range| source.get(range.clone()).is_some()).map(|range| {
        let bare = error.kind() == ErrorKind::UndefinedError && error.detail().is_none();
        let blamed = if bare { filtered(source, &range) } else { None };
        blamed.unwrap_or_else(|| whole(source, range))
    });
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

/// The engine blames only the end of `a.b.c`; people read the whole.
fn whole(source: &str, range: Range<usize>) -> Range<usize> {
    if !source[range.clone()].starts_with(['.', '[']) {
        return range;
    }
    operand(source, range.start)..range.end
}

/// Returns where the path begins that ends at a place.
fn operand(source: &str, end: usize) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '\'' | '"');
    source[..end].rfind(|c| !is_part(c)).map_or(0, |at| at + source[at..].chars().next().map_or(1, char::len_utf8))
}

/// Of `a.b | filter(…)` the filter is blamed for an undefined value; the value is what is missing.
fn filtered(source: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let before = source[..range.start].trim_end().strip_suffix('|')?.trim_end();
    let start = operand(source, before.len());
    (start < before.len()).then_some(start..before.len())
}

fn message(error: &Error, snippet: Option<&str>) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError => match (detail.is_empty(), snippet) {
            (false, Some(snippet)) if detail.starts_with("`.") || detail.starts_with("`[") => {
                format!("`{snippet}` is undefined")
            }
            (false, _) => detail.to_owned(),
            (true, Some(snippet)) => format!("`{snippet}` is undefined"),
            (true, None) => "a value is undefined".to_owned(),
        },
        ErrorKind::OutOfFuel => format!("the template needs more than {TEMPLATE_FUEL_MAX} steps"),
        ErrorKind::SyntaxError => format!("the template cannot be read: {detail}"),
        // What stands in secret(…) may be a secret that somebody wrote in clear.
        ErrorKind::InvalidOperation if !detail.is_empty() => match snippet.filter(|text| !text.contains("secret(")) {
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
        let blamed = detail.split('`').nth(1).filter(|expression| !expression.starts_with(['.', '[']));
        let source = intent.templates.get(error.name().unwrap_or_default()).map_or("", AsRef::as_ref);
        return undefined_hint(blamed.or(snippet)?, source, device, data_node);
    }
    let value = snippet.and_then(|snippet| data::lookup(data_node, snippet));
    let value = value.or_else(|| if detail.contains("line break") { only_block(data_node) } else { None });
    let place =
        value.map(|node| format!("the value is in {}:{}; ", node.mark.file, node.mark.line)).unwrap_or_default();
    if detail.contains("line break") {
        return Some(format!(
            "{place}write it in one line (>- in YAML), or use | raw_lines where several lines are meant"
        ));
    }
    if detail.contains("is null") {
        return Some(format!("{place}give it a value, or use | default('…', true) or {{% if %}}"));
    }
    if !place.is_empty() {
        return Some(place.trim_end_matches("; ").to_owned());
    }
    general_hint(intent, error)
}

/// Looks for the first part of `a.b.c` that is not there.
fn undefined_hint(expression: &str, source: &str, device: &Device, data_node: &Node) -> Option<String> {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
    if expression.is_empty() || !expression.chars().all(is_path) {
        return None;
    }
    let root = expression.split(['.', '[']).next().unwrap_or_default();
    match root {
        "device" => return Some("device has name, platform, address, port, labels, groups".to_owned()),
        "inventory" => return Some("inventory has devices, a map by name".to_owned()),
        // A loop variable, a macro's argument: its name says nothing about the data.
        _ if data::lookup(data_node, root).is_none() && is_local(root, source) => return None,
        _ => {}
    }
    let ends = expression.match_indices(['.', '[']).map(|(at, _)| at).chain([expression.len()]);
    let missing = ends.map(|end| &expression[..end]).find(|part| data::lookup(data_node, part).is_none())?;
    let (parent, last) = missing.rsplit_once('.').unwrap_or(("", missing));
    let known = data::lookup(data_node, parent)?.entries().iter().map(|entry| &*entry.key);
    if let Some(near) = suggest::nearest(last, known) {
        return Some(format!("did you mean {near:?}?"));
    }
    let layers: Vec<String> = data::layer_paths(device).into_iter().map(|(_, path)| path).collect();
    Some(format!("define {missing} in one of {}", layers.join(", ")))
}

/// The one value of the data that has line breaks, if it is only one.
fn only_block(data_node: &Node) -> Option<&Node> {
    let mut found = Vec::new();
    data_node.each_leaf("", &mut |_, leaf| {
        if leaf.text().is_some_and(|text| text.contains(['\n', '\r'])) {
            found.push(leaf);
        }
    });
    if found.len() == 1 { found.pop() } else { None }
}

/// Tells whether a template gives the name a meaning of its own.
fn is_local(name: &str, source: &str) -> bool {
    pieces(source).into_iter().any(|piece| {
        let Piece::Block(tag) = piece else { return false };
        let inner = inside(tag);
        let (word, rest) = inner.split_once(|c: char| c.is_whitespace() || c == '(').unwrap_or((inner, ""));
        let bound = match word {
            "for" => rest.split(" in ").next().unwrap_or_default(),
            "set" | "with" => rest.split('=').next().unwrap_or_default(),
            "macro" | "call" | "import" | "from" => rest,
            _ => "",
        };
        bound.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    })
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
