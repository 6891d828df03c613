//! Filters and tests about text: patterns, encodings, ranges of names, order as people count.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Rest, StringInput, Value, ValueKind};
use minijinja::{Environment, Error};
use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::environment::{names, wrong};
use crate::domain::limits::{RANGE_ITEMS_MAX, REGEX_BYTES_MAX};

/// Adds the filters and tests.
pub(super) fn add(env: &mut Environment<'static>) {
    for name in names("regex_search") {
        env.add_filter(name, regex_search);
    }
    for name in names("regex_findall") {
        env.add_filter(name, regex_findall);
    }
    for name in names("regex_replace") {
        env.add_filter(name, regex_replace);
    }
    env.add_filter("regex_escape", |text: &str| regex::escape(text));
    for name in ["to_json", "tojson", "ansible.builtin.to_json"] {
        env.add_filter(name, to_json);
    }
    env.add_filter("to_nice_json", |value: &Value| encode(value, serde_json::to_string_pretty));
    env.add_filter("from_json", |text: &str| decode(serde_json::from_str::<Json>(text)));
    for name in ["to_yaml", "to_nice_yaml"] {
        env.add_filter(name, |value: &Value, _kwargs: Kwargs| encode(value, serde_yaml::to_string));
    }
    env.add_filter("from_yaml", |text: &str| decode(serde_yaml::from_str::<Json>(text)));
    env.add_filter("b64encode", |text: &str| STANDARD.encode(text));
    env.add_filter("b64decode", b64decode);
    env.add_filter("hash", hash);
    env.add_filter("splitext", splitext);
    env.add_filter("basename", |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned());
    env.add_filter("dirname", |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned());
    for name in ["bool", "ansible.builtin.bool"] {
        env.add_filter(name, |value: &Value| is_yes(value));
    }
    for name in ["range_expand", "vlan_expander"] {
        env.add_filter(name, range_expand);
    }
    env.add_filter("natural_sort", natural_sort);
    env.add_test("match", |text: &str, pattern: &str, kwargs: Kwargs| test(text, &format!("^(?:{pattern})"), &kwargs));
    for name in ["search", "regex"] {
        env.add_test(name, |text: &str, pattern: &str, kwargs: Kwargs| test(text, pattern, &kwargs));
    }
}

fn pattern(text: &str, kwargs: &Kwargs) -> Result<Regex, Error> {
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multi_line = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    let builder = RegexBuilder::new(text)
        .case_insensitive(ignore_case)
        .multi_line(multi_line)
        .size_limit(REGEX_BYTES_MAX)
        .build();
    builder.map_err(|error| {
        let words = error.to_string();
        wrong(format!("{text:?} is not a pattern that can be used: {}", words.lines().last().unwrap_or_default()))
    })
}

fn test(text: &str, pattern_text: &str, kwargs: &Kwargs) -> Result<bool, Error> {
    let pattern = pattern(pattern_text, kwargs)?;
    kwargs.assert_all_used()?;
    Ok(pattern.is_match(text))
}

/// The first match, or null; with groups (`'\\1'`, `'\\g<name>'`) a list of them.
fn regex_search(text: &str, pattern_text: &str, groups: Rest<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let pattern = pattern(pattern_text, &kwargs)?;
    kwargs.assert_all_used()?;
    let Some(found) = pattern.captures(text) else { return Ok(Value::from(())) };
    if groups.is_empty() {
        return Ok(Value::from(&found[0]));
    }
    let groups = groups.iter().map(|group| {
        let name = group.trim_start_matches("\\g<").trim_end_matches('>').trim_start_matches('\\');
        let hit = match name.parse::<usize>() {
            Ok(index) => found.get(index),
            Err(_) => found.name(name),
        };
        Value::from(hit.map(|hit| hit.as_str()))
    });
    Ok(groups.collect())
}

fn regex_findall(text: &str, pattern_text: &str, kwargs: Kwargs) -> Result<Value, Error> {
    let pattern = pattern(pattern_text, &kwargs)?;
    kwargs.assert_all_used()?;
    let group = |found: &Captures<'_>, index: usize| found.get(index).map_or("", |hit| hit.as_str()).to_owned();
    Ok(pattern
        .captures_iter(text)
        .map(|found| match found.len() {
            1 => Value::from(group(&found, 0)),
            2 => Value::from(group(&found, 1)),
            many => (1..many).map(|index| Value::from(group(&found, index))).collect(),
        })
        .collect())
}

fn regex_replace(
    text: StringInput<'_>,
    pattern_text: &str,
    replacement: Option<String>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let pattern = pattern(pattern_text, &kwargs)?;
    let count = kwargs.get::<Option<usize>>("count")?.unwrap_or(0);
    kwargs.assert_all_used()?;
    let replacement = replacement.unwrap_or_default().replace('$', "$$");
    // Python writes groups as \1 and \g<name>.
    let groups = Regex::new(r"\\(?:g<(\w+)>|(\d))").expect("a constant pattern is valid");
    let replacement = groups.replace_all(&replacement, "$${$1$2}");
    Ok(pattern.replacen(text.as_str(), count, replacement.as_ref()).into_owned())
}

fn to_json(value: &Value, indent: Option<usize>, kwargs: Kwargs) -> Result<String, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get::<Option<usize>>("indent")?,
    };
    // Python's json.dumps has options that change nothing for us: ensure_ascii, sort_keys (maps keep their order).
    match indent {
        Some(_) => encode(value, serde_json::to_string_pretty),
        None => encode(value, serde_json::to_string),
    }
}

fn encode<E: std::fmt::Display>(value: &Value, write: impl Fn(&Value) -> Result<String, E>) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(wrong("the value is undefined"));
    }
    write(value).map_err(|error| wrong(error.to_string()))
}

fn decode<E: std::fmt::Display>(value: Result<Json, E>) -> Result<Value, Error> {
    value.map(|json| Value::from(minijinja::value::Serde(json))).map_err(|error| wrong(error.to_string()))
}

fn b64decode(text: &str) -> Result<String, Error> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong("this is not base64"))?;
    String::from_utf8(bytes).map_err(|_| wrong("the decoded bytes are not text"))
}

fn hash(text: &str, algorithm: Option<String>) -> Result<String, Error> {
    let bytes = match algorithm.as_deref() {
        None | Some("sha256") => Sha256::digest(text).to_vec(),
        Some("sha224") => Sha224::digest(text).to_vec(),
        Some("sha384") => Sha384::digest(text).to_vec(),
        Some("sha512") => Sha512::digest(text).to_vec(),
        Some(other) => {
            return Err(wrong(format!("the hash {other:?} is not known; known are sha224, sha256, sha384, sha512")));
        }
    };
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn splitext(path: &str) -> Vec<String> {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let leading = path[name..].len() - path[name..].trim_start_matches('.').len();
    match path[name + leading..].rfind('.') {
        Some(dot) => vec![path[..name + leading + dot].to_owned(), path[name + leading + dot..].to_owned()],
        None => vec![path.to_owned(), String::new()],
    }
}

fn is_yes(value: &Value) -> bool {
    match value.as_str() {
        Some(text) => matches!(text.to_ascii_lowercase().as_str(), "yes" | "on" | "1" | "true" | "t" | "y"),
        None => value.is_true(),
    }
}

/// Expands `Ethernet[1-4]/[1-2]`, `Ethernet1-4`, `10-12,20` and lists of them, in the order in which they are written.
fn range_expand(value: &Value) -> Result<Vec<String>, Error> {
    let texts: Vec<String> = match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.map(|v| v.to_string()).collect(),
        _ => vec![value.to_string()],
    };
    let mut found = Vec::new();
    for text in texts {
        for part in split_outside_brackets(&text) {
            expand(part.trim(), &mut found)?;
        }
    }
    Ok(found)
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn expand(text: &str, found: &mut Vec<String>) -> Result<(), Error> {
    if let Some((before, rest)) = text.split_once('[') {
        let (inside, after) = rest.split_once(']').ok_or_else(|| wrong(format!("a ']' is missing in {text:?}")))?;
        let mut numbers = Vec::new();
        for part in inside.split(',') {
            span(part.trim(), &mut numbers)?;
        }
        return numbers.iter().try_for_each(|number| expand(&format!("{before}{number}{after}"), found));
    }
    let tail = text
        .rfind(|c: char| !c.is_ascii_digit() && c != '-')
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let (prefix, tail) = text.split_at(tail);
    let dash = tail.rfind('-').filter(|dash| *dash + 1 < tail.len());
    let start =
        dash.and_then(|dash| tail[..dash].rfind('-').map(|at| at + 1).or(Some(0)).filter(|start| *start < dash));
    let Some(start) = start else {
        found.push(text.to_owned());
        return bound(found.len());
    };
    let mut numbers = Vec::new();
    span(&tail[start..], &mut numbers)?;
    found.extend(numbers.into_iter().map(|number| format!("{prefix}{}{number}", &tail[..start])));
    bound(found.len())
}

/// `1-4` or `7`; leading zeros keep the width.
fn span(text: &str, numbers: &mut Vec<String>) -> Result<(), Error> {
    let Some((from, to)) = text.split_once('-') else {
        numbers.push(text.to_owned());
        return bound(numbers.len());
    };
    let unclear = || wrong(format!("{text:?} is not a range such as 1-4"));
    let (first, last): (usize, usize) = (from.parse().map_err(|_| unclear())?, to.parse().map_err(|_| unclear())?);
    if first > last {
        return Err(unclear());
    }
    bound(last - first)?;
    let width = if from.starts_with('0') { from.len() } else { 0 };
    numbers.extend((first..=last).map(|number| format!("{number:0width$}")));
    bound(numbers.len())
}

fn bound(items: usize) -> Result<(), Error> {
    match items > RANGE_ITEMS_MAX {
        true => Err(wrong(format!("the range has more than {RANGE_ITEMS_MAX} items"))),
        false => Ok(()),
    }
}

/// Sorts as people count: Ethernet2 before Ethernet10. With a name, by that attribute.
fn natural_sort(value: &Value, attribute: Option<&str>) -> Result<Vec<Value>, Error> {
    let mut keyed = Vec::new();
    for item in value.try_iter()? {
        let key = match attribute {
            Some(name) => item.get_attr(name)?.to_string(),
            None => item.to_string(),
        };
        keyed.push((key, item));
    }
    keyed.sort_by(|a, b| natural(&a.0, &b.0));
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

/// Compares runs of digits as numbers and the rest as text.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    while !a_rest.is_empty() && !b_rest.is_empty() {
        let (a_run, a_number) = run(a_rest);
        let (b_run, b_number) = run(b_rest);
        let order = match (a_number, b_number) {
            (true, true) => {
                let (x, y) = (a_run.trim_start_matches('0'), b_run.trim_start_matches('0'));
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
            _ => a_run.cmp(b_run),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a_rest, b_rest) = (&a_rest[a_run.len()..], &b_rest[b_run.len()..]);
    }
    a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b))
}

fn run(text: &str) -> (&str, bool) {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(text.len());
    (&text[..end], is_number)
}
