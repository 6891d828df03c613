//! Reading a TextFSM template: value lines, a blank line, states.

use std::collections::BTreeMap;

use super::super::ParseError;
use super::super::pattern::Pattern;
use super::rule::{self, Substitute};
use super::{Rule, Template, ValueDefinition, ValueOption};
use crate::domain::limits::{FILE_BYTES_MAX, PARSER_PATTERNS_MAX};

/// Longest name of a value or of a state, as the reference has it.
const NAME_CHARS_MAX: usize = 48;

/// The lines of a template with their numbers.
type Lines<'a> = std::iter::Enumerate<std::str::Lines<'a>>;

/// A finding with its line.
type Finding = (usize, String);

/// Reads a template.
pub(super) fn read(name: &str, text: &str) -> Result<Template, ParseError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ParseError::Limit {
            template: name.to_owned(),
            what: "bytes of a template",
            limit: FILE_BYTES_MAX,
        });
    }
    build(name, text).map_err(|(line, message)| ParseError::Template { template: name.to_owned(), line, message })
}

fn build(name: &str, text: &str) -> Result<Template, Finding> {
    let mut lines = text.lines().enumerate();
    let (values, substitutes) = read_values(&mut lines)?;
    let mut states = BTreeMap::new();
    let mut patterns = 0;
    while let Some((state, rules)) = read_state(&mut lines, &substitutes, &states)? {
        patterns += rules.len();
        if patterns > PARSER_PATTERNS_MAX {
            return Err((0, format!("more than {PARSER_PATTERNS_MAX} rules")));
        }
        states.insert(state, rules);
    }
    let has_end_of_file = check(&mut states)?;
    Ok(Template { name: name.to_owned(), values, states, has_end_of_file })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn read_values(lines: &mut Lines<'_>) -> Result<(Vec<ValueDefinition>, Vec<Substitute>), Finding> {
    let (mut values, mut substitutes) = (Vec::<ValueDefinition>::new(), Vec::new());
    for (index, line) in lines {
        let line = line.trim_end();
        let number = index + 1;
        if line.is_empty() {
            break;
        }
        if is_comment(line) {
            continue;
        }
        if !line.starts_with("Value ") {
            let what =
                if values.is_empty() { "no value definitions" } else { "expected a blank line after the last value" };
            return Err((number, format!("{what}: {line:?}")));
        }
        let (value, substitute) = read_value(line).map_err(|message| (number, message))?;
        if values.iter().any(|other| other.name == value.name) {
            return Err((number, format!("the value {} is declared twice", value.name)));
        }
        values.push(value);
        substitutes.push(substitute);
    }
    Ok((values, substitutes))
}

fn read_value(line: &str) -> Result<(ValueDefinition, Substitute), String> {
    let words: Vec<&str> = line.split(' ').collect();
    if words.len() < 3 {
        return Err("a value needs a name and a pattern in parentheses".to_owned());
    }
    let (options, name, pattern) = if words[2].starts_with('(') {
        (Vec::new(), words[1], words[2..].join(" "))
    } else {
        (read_options(words[1])?, words[2], words[3..].join(" "))
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name || name.starts_with(|c: char| c.is_ascii_digit()) || name.len() > NAME_CHARS_MAX {
        return Err(format!("invalid name of a value: {name:?} (letters, digits and `_`, at most {NAME_CHARS_MAX})"));
    }
    let inside = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let Some(inside) = inside.filter(|inside| !inside.ends_with('\\')) else {
        return Err(format!("the pattern of {name} must stand in parentheses: {pattern:?}"));
    };
    let compiled =
        Pattern::at_start(&pattern).map_err(|error| format!("invalid pattern of {name}: {pattern:?}: {error}"))?;
    let named_inside = compiled.names().iter().any(Option::is_some);
    let takes_apart = options.contains(&ValueOption::List) && named_inside;
    let group = format!("(?P<{name}>{inside})");
    let value = ValueDefinition { name: name.to_owned(), options, inner: takes_apart.then_some(compiled) };
    Ok((value, Substitute { name: name.to_owned(), group }))
}

fn read_options(words: &str) -> Result<Vec<ValueOption>, String> {
    let mut options = Vec::new();
    for word in words.split(',') {
        let option = match word {
            "Required" => ValueOption::Required,
            "Filldown" => ValueOption::Filldown,
            "Fillup" => ValueOption::Fillup,
            "Key" => ValueOption::Key,
            "List" => ValueOption::List,
            _ => return Err(format!("unknown option of a value: {word:?}")),
        };
        if options.contains(&option) {
            return Err(format!("the option {word} is given twice"));
        }
        options.push(option);
    }
    Ok(options)
}

/// Reads the next state, or nothing at the end of the template.
fn read_state(
    lines: &mut Lines<'_>,
    substitutes: &[Substitute],
    states: &BTreeMap<String, Vec<Rule>>,
) -> Result<Option<(String, Vec<Rule>)>, Finding> {
    let meaningful = |(_, line): &(usize, &str)| !line.trim_end().is_empty() && !is_comment(line);
    let Some((index, name)) = lines.by_ref().find(meaningful) else { return Ok(None) };
    let name = name.trim_end();
    let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_word || name.chars().count() > NAME_CHARS_MAX || rule::is_action(name) {
        // The first state is the one that people forget, so say what is missing rather than what is there.
        return Err((index + 1, format!("invalid name of a state: {name:?}")));
    }
    if states.contains_key(name) {
        return Err((index + 1, format!("the state {name} is there twice")));
    }
    let mut rules = Vec::new();
    for (index, line) in lines {
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if is_comment(line) {
            continue;
        }
        if !["  ^", " ^", "\t^"].iter().any(|start| line.starts_with(start)) {
            return Err((index + 1, "a rule begins with one or two spaces and `^`".to_owned()));
        }
        rules.push(rule::read(line, index + 1, substitutes).map_err(|message| (index + 1, message))?);
    }
    Ok(Some((name.to_owned(), rules)))
}

/// Checks the states against each other and tells whether `EOF` is named.
fn check(states: &mut BTreeMap<String, Vec<Rule>>) -> Result<bool, Finding> {
    if !states.contains_key("Start") {
        return Err((0, "the state Start is missing".to_owned()));
    }
    for reserved in ["End", "EOF"] {
        if let Some(rule) = states.get(reserved).and_then(|rules| rules.first()) {
            return Err((rule.line, format!("the state {reserved} must be empty")));
        }
    }
    states.remove("End");
    for rule in states.values().flatten() {
        let Some(next) = &rule.next else { continue };
        if next != "End" && next != "EOF" && !states.contains_key(next) {
            return Err((rule.line, format!("the state {next} does not exist")));
        }
    }
    Ok(states.remove("EOF").is_some())
}
