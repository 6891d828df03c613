//! Device output as structured data: templates come from people and files from devices, so everything here has a bound.

pub mod pattern;
pub mod textfsm;
pub mod xml;

use serde_json::Value;

/// Why a template cannot be used, or an output cannot be read with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The template itself is wrong.
    #[error("{template}:{line}: {message}")]
    Template {
        /// The name of the template, as the caller gave it.
        template: String,
        /// The line of the template, from 1; 0 means all of it.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The template says that this output must not be accepted.
    #[error("{template}:{line}: {message}: line {input_line} of the output: {input:?}")]
    Output {
        /// The name of the template.
        template: String,
        /// The line of the rule that refused it.
        line: usize,
        /// The words of the template, or what went wrong.
        message: String,
        /// The line of the output, from 1.
        input_line: usize,
        /// That line, cut to a readable length.
        input: String,
    },
    /// A bound of the system tripped.
    #[error("{template}: {limit} is the limit of {what}")]
    Limit {
        /// The name of the template.
        template: String,
        /// What is bounded.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// An index of templates has nothing for this command.
    #[error("no template for the command {command:?} of platform {platform:?}")]
    NoTemplate {
        /// The platform that was asked for.
        platform: String,
        /// The command that was asked for.
        command: String,
    },
}

/// What a template made of an output: named columns and rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns, in the order of the template.
    pub header: Vec<String>,
    /// The columns that together tell the rows apart, when the template says so.
    pub keys: Vec<String>,
    /// Strings, lists of strings, or lists of objects.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// Returns the rows as JSON objects.
    pub fn objects(&self) -> Vec<serde_json::Map<String, Value>> {
        let object = |row: &Vec<Value>| self.header.iter().cloned().zip(row.iter().cloned()).collect();
        self.rows.iter().map(object).collect()
    }

    /// Adds the columns of another table of the same output: to the rows with the same keys, or row by row without keys.
    pub fn extend(&mut self, other: &Self) {
        let own = self.header.len();
        let extra: Vec<usize> =
            (0..other.header.len()).filter(|index| !self.header.contains(&other.header[*index])).collect();
        let column = |table: &Self, name: &String| table.header.iter().position(|header| header == name);
        let keys: Vec<(usize, usize)> =
            self.keys.iter().filter_map(|key| Some((column(self, key)?, column(other, key)?))).collect();
        let mut by_key = std::collections::BTreeMap::new();
        for (index, row) in other.rows.iter().enumerate() {
            let key: Vec<String> = keys.iter().map(|(_, theirs)| row[*theirs].to_string()).collect();
            by_key.entry(key).or_insert(index);
        }
        for (index, row) in self.rows.iter_mut().enumerate() {
            let key: Vec<String> = keys.iter().map(|(ours, _)| row[*ours].to_string()).collect();
            let found = if keys.is_empty() { Some(index) } else { by_key.get(&key).copied() };
            let found = found.and_then(|found| other.rows.get(found));
            row.extend(extra.iter().map(|at| found.map_or_else(|| Value::from(""), |found| found[*at].clone())));
            debug_assert_eq!(row.len(), own + extra.len());
        }
        self.header.extend(extra.iter().map(|at| other.header[*at].clone()));
    }
}

/// Cuts a text of a device for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain("…".chars()).collect()
}

/// Splits a text where Python's `str.splitlines` does, which is what both template languages are defined by.
///
/// The separators are line feed, carriage return, both together, vertical tab, form feed, the file, group and record
/// separators, next line, and the line and paragraph separators of Unicode.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    let ends = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        lines.push(&rest[..at]);
        let end = rest[at..].chars().next().map_or(1, char::len_utf8);
        let pair = usize::from(rest[at..].starts_with("\r\n"));
        rest = &rest[at + end + pair..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(lines("a\r\nb\rc\n\nd\u{85}e\u{c}"), ["a", "b", "c", "", "d", "e"]);
        assert!(lines("").is_empty());
    }

    #[test]
    fn tables_grow_by_their_keys() {
        let table = |header: &[&str], rows: &[&[&str]]| Table {
            header: header.iter().map(ToString::to_string).collect(),
            keys: vec!["k".to_owned()],
            rows: rows.iter().map(|row| row.iter().map(|cell| Value::from(*cell)).collect()).collect(),
        };
        let mut one = table(&["k", "a"], &[&["1", "x"], &["2", "y"]]);
        one.extend(&table(&["b", "k"], &[&["second", "2"], &["not taken", "2"]]));
        assert_eq!(one, table(&["k", "a", "b"], &[&["1", "x", ""], &["2", "y", "second"]]));
    }
}
