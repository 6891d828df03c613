//! One rule of a TextFSM state: the pattern with its values put in, and what to do when it matches.

use super::super::pattern::Pattern;
use super::{LineAction, RecordAction, Rule};

/// A value that rules may name: its name and its pattern as a named group.
pub(super) struct Substitute {
    pub(super) name: String,
    pub(super) group: String,
}

/// Reads a rule line.
pub(super) fn read(line: &str, number: usize, values: &[Substitute]) -> Result<Rule, String> {
    let line = line.trim();
    let (pattern, action) = split(line);
    let text = substitute(pattern, values)?;
    let pattern = Pattern::at_start(&text).map_err(|error| format!("invalid pattern {text:?}: {error}"))?;
    let fill = |name: &Option<String>| {
        let name = name.as_ref()?;
        values.iter().position(|value| value.name == *name)
    };
    let fills = pattern.names().iter().map(fill).collect();
    let (line_action, record_action, next) = action.map_or(Ok((LineAction::Next, RecordAction::Nothing, None)), act)?;
    Ok(Rule { line: number, pattern, fills, line_action, record_action, next })
}

/// Splits at the last arrow that stands behind white space.
fn split(line: &str) -> (&str, Option<&str>) {
    let mut from = line.len();
    while let Some(at) = line[..from].rfind("->") {
        let before = line[..at].chars().next_back();
        if before.is_some_and(char::is_whitespace) {
            let end = at - before.map_or(0, char::len_utf8);
            return (&line[..end], Some(&line[at + 2..]));
        }
        from = at;
    }
    (line, None)
}

/// Puts the patterns of values in, as Python's `string.Template` does: `${name}`, `$name`, and `$$` for a dollar sign.
fn substitute(pattern: &str, values: &[Substitute]) -> Result<String, String> {
    if values.is_empty() {
        return Ok(pattern.to_owned());
    }
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let begin = braced.unwrap_or(rest);
        let is_letter =
            |(index, c): &(usize, char)| c.is_ascii_alphabetic() || *c == '_' || (*index > 0 && c.is_ascii_digit());
        let length = begin.char_indices().take_while(is_letter).count();
        let (name, after) = begin.split_at(length);
        let after = if braced.is_some() { after.strip_prefix('}') } else { Some(after) };
        let value = values.iter().find(|value| value.name == name);
        let (Some(value), Some(after)) = (value, after) else {
            return Err(format!(
                "duplicate or invalid variable substitution in {pattern:?} (a dollar sign itself is `$$`)"
            ));
        };
        out.push_str(&value.group);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Reads what stands behind the arrow: `[line action][.record action] [state or "words"]`.
fn act(action: &str) -> Result<(LineAction, RecordAction, Option<String>), String> {
    let bad = || format!("badly formatted action {:?}", action.trim());
    if !action.is_empty() && !action.starts_with(char::is_whitespace) {
        return Err(bad());
    }
    let action = action.trim();
    let (first, rest) = match action.split_once(char::is_whitespace) {
        Some((first, rest)) if !first.starts_with('"') => (first, rest.trim_start()),
        _ => (action, ""),
    };
    let (operation, next) = match operation(first) {
        Some(operation) => (operation, rest),
        None => ((LineAction::Next, RecordAction::Nothing), action),
    };
    let quoted = next.len() >= 2 && next.starts_with('"') && next.ends_with('"');
    let word = !next.is_empty() && next.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !next.is_empty() && !quoted && !word {
        return Err(bad());
    }
    let (line_action, record_action) = operation;
    match line_action {
        LineAction::Continue if !next.is_empty() => {
            Err(format!("action Continue with the new state {next} (a loop would be possible)"))
        }
        LineAction::Error(_) => {
            let words = (!next.is_empty()).then(|| next.to_owned());
            Ok((LineAction::Error(words), record_action, None))
        }
        _ if quoted => Err(format!("letters and digits only in names of states: {next}")),
        _ => Ok((line_action, record_action, word.then(|| next.to_owned()))),
    }
}

fn operation(text: &str) -> Option<(LineAction, RecordAction)> {
    let line_action = |text: &str| match text {
        "Next" => Some(LineAction::Next),
        "Continue" => Some(LineAction::Continue),
        "Error" => Some(LineAction::Error(None)),
        _ => None,
    };
    let record_action = |text: &str| match text {
        "Record" => Some(RecordAction::Record),
        "NoRecord" => Some(RecordAction::Nothing),
        "Clear" => Some(RecordAction::Clear),
        "Clearall" => Some(RecordAction::ClearAll),
        _ => None,
    };
    match text.split_once('.') {
        Some((line, record)) => Some((line_action(line)?, record_action(record)?)),
        None => line_action(text)
            .map(|line| (line, RecordAction::Nothing))
            .or_else(|| record_action(text).map(|record| (LineAction::Next, record))),
    }
}

/// Tells whether a word is an action and so cannot name a state.
pub(super) fn is_action(word: &str) -> bool {
    !word.contains('.') && operation(word).is_some()
}
