//! Values made of named options (`privilege 15 role admin`): read, compared and changed one by one.

use super::dialect::Rule;
use super::page::{OptionPage, OptionsPage};
use super::pattern::fill;
use super::tree::Node;

/// A line taken apart: the words before the options, and for each option of the page its value, if it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts<'a> {
    head: &'a str,
    values: Vec<Option<&'a str>>,
}

fn parse<'a>(rule: &Rule, page: &OptionsPage, line: &'a str) -> Option<Parts<'a>> {
    let head = rule.pattern.head(line);
    let rest = line.get(head.len()..)?;
    let mut values: Vec<Option<&str>> = vec![None; page.parts.len()];
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    for word in rest.split(' ') {
        let start = at;
        at += word.len() + 1;
        if word.is_empty() {
            continue;
        }
        if let Some(index) = page.parts.iter().position(|part| part.name == word) {
            close(rest, open, start, &mut values);
            open = Some((index, start + word.len()));
        } else if open.is_none() {
            return None;
        }
    }
    close(rest, open, rest.len(), &mut values);
    Some(Parts { head, values })
}

fn close<'a>(rest: &'a str, open: Option<(usize, usize)>, end: usize, values: &mut [Option<&'a str>]) {
    if let Some((index, start)) = open {
        values[index] = Some(rest.get(start..end).unwrap_or_default().trim());
    }
}

impl Parts<'_> {
    fn print(&self, page: &OptionsPage) -> String {
        let mut out = self.head.to_owned();
        for (part, value) in page.parts.iter().zip(&self.values) {
            if let Some(value) = value.filter(|value| Some(*value) != part.default.as_deref()) {
                push(&mut out, part, value);
            }
        }
        out
    }
}

fn push(out: &mut String, part: &OptionPage, value: &str) {
    out.push(' ');
    out.push_str(&part.name);
    if !value.is_empty() {
        out.push(' ');
        out.push_str(value);
    }
}

/// Writes the options in the page's order and leaves defaults out.
pub(super) fn canonical(rule: &Rule, node: Node) -> Node {
    let parts = rule.page.options.as_ref().and_then(|page| Some((page, parse(rule, page, &node.text)?)));
    match parts {
        Some((page, parts)) => Node { text: parts.print(page).into(), ..node },
        None => node,
    }
}

/// Returns the commands that lead from one line to another of the same key; nothing when that is not possible option by option.
pub(super) fn change(rule: &Rule, old: &str, new: &str) -> Option<Vec<String>> {
    let page = rule.page.options.as_ref()?;
    let (before, after) = (parse(rule, page, old)?, parse(rule, page, new)?);
    let mut out = Vec::new();
    let mut line = after.head.to_owned();
    let mut differs = false;
    for (index, part) in page.parts.iter().enumerate() {
        match (before.values[index], after.values[index]) {
            (was, Some(value)) if was != Some(value) || page.send_all => {
                differs |= was != Some(value);
                push(&mut line, part, value);
            }
            (Some(_), None) => out.extend(gone(rule, page, part, (&after, new))?),
            _ => {}
        }
    }
    if differs {
        out.push(line);
    }
    Some(out)
}

/// Says how one option is taken away: by its own command, by its default, or by what stands in its place.
fn gone(
    rule: &Rule,
    page: &OptionsPage,
    part: &OptionPage,
    (after, line): (&Parts<'_>, &str),
) -> Option<Option<String>> {
    let stands = |name: &String| {
        page.parts.iter().zip(&after.values).any(|(other, value)| other.name == *name && value.is_some())
    };
    if part.instead.iter().any(stands) {
        return Some(None);
    }
    if let Some(template) = &part.gone {
        return Some(Some(fill(template, line, &rule.pattern)));
    }
    let value = part.default.as_deref()?;
    let mut command = after.head.to_owned();
    push(&mut command, part, value);
    Some(Some(command))
}

/// Returns the commands that remove a line option by option, where the page asks for it.
pub(super) fn remove_each(rule: &Rule, line: &str) -> Option<Vec<String>> {
    let page = rule.page.options.as_ref().filter(|page| page.remove_each)?;
    let parts = parse(rule, page, line)?;
    let named = page.parts.iter().zip(&parts.values).filter(|(_, value)| value.is_some());
    named.map(|(part, _)| Some(fill(part.gone.as_ref()?, line, &rule.pattern))).collect()
}

/// Returns a line after another line of the same key was typed over it.
pub(super) fn merged(rule: &Rule, old: &str, typed: &str) -> Option<String> {
    let page = rule.page.options.as_ref()?;
    let (before, with) = (parse(rule, page, old)?, parse(rule, page, typed)?);
    let replaced = |part: &OptionPage| {
        let other = |name: &String| page.parts.iter().position(|other| other.name == *name);
        part.instead.iter().filter_map(other).any(|index| with.values[index].is_some())
    };
    let values = page.parts.iter().enumerate().map(|(index, part)| match with.values[index] {
        Some(value) => Some(value),
        None => before.values[index].filter(|_| !replaced(part)),
    });
    Some(Parts { head: before.head, values: values.collect() }.print(page))
}

/// Returns a line without the option that a command removes; nothing when the command removes none of its options.
pub(super) fn without(rule: &Rule, line: &str, command: &str) -> Option<String> {
    let page = rule.page.options.as_ref()?;
    let mut parts = parse(rule, page, line)?;
    let index = page
        .parts
        .iter()
        .position(|part| part.gone.as_ref().is_some_and(|template| fill(template, line, &rule.pattern) == command))?;
    parts.values[index].take()?;
    Some(parts.print(page))
}
