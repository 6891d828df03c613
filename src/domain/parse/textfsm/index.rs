//! Index files of template collections: which template reads the output of which command on which platform.

use std::collections::BTreeMap;

use super::super::ParseError;
use super::super::pattern::Pattern;
use crate::domain::limits::{FILE_BYTES_MAX, PARSER_PATTERNS_MAX};

/// An index that was read: rows are tried in their order, the first that matches counts.
#[derive(Clone, Debug)]
pub struct Index {
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    templates: Vec<String>,
    /// The patterns of the other columns, by the name of the column.
    columns: Vec<(String, Pattern)>,
}

impl Index {
    /// Reads an index: comma-separated, the first line names the columns, `#` begins a comment, and `abc[[xyz]]` in the
    /// column `Command` allows the word to be cut short.
    ///
    /// # Errors
    /// Names the line of the index and what is wrong with it.
    pub fn read(name: &str, text: &str) -> Result<Self, ParseError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ParseError::Limit {
                template: name.to_owned(),
                what: "bytes of an index",
                limit: FILE_BYTES_MAX,
            });
        }
        let bad =
            |line: usize, message: String| ParseError::Template { template: name.to_owned(), line: line + 1, message };
        let meaningful = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let mut lines = text.lines().enumerate().filter(meaningful);
        let Some((at, header)) = lines.next() else { return Err(bad(0, "the index is empty".to_owned())) };
        let header: Vec<&str> = header.split(',').map(str::trim).collect();
        let Some(template) = header.iter().position(|column| *column == "Template") else {
            return Err(bad(at, "the index has no column Template".to_owned()));
        };
        let mut rows = Vec::new();
        for (at, line) in lines {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            if cells.len() != header.len() {
                return Err(bad(at, format!("{} columns instead of {}", cells.len(), header.len())));
            }
            let templates = cells[template].split(':').map(str::to_owned).collect();
            let columns = compile(&header, &cells).map_err(|message| bad(at, message))?;
            rows.push(Row { templates, columns });
            if rows.len() > PARSER_PATTERNS_MAX {
                return Err(bad(at, format!("more than {PARSER_PATTERNS_MAX} rows")));
            }
        }
        Ok(Self { rows })
    }

    /// Finds the templates for these attributes (`Command`, `Platform`, …); columns that are not named are not looked at.
    pub fn templates(&self, attributes: &BTreeMap<&str, &str>) -> Option<&[String]> {
        let fits = |row: &&Row| {
            row.columns.iter().all(|(name, pattern)| {
                attributes.get(name.as_str()).is_none_or(|value| pattern.is_match(value).unwrap_or(false))
            })
        };
        self.rows.iter().find(fits).map(|row| row.templates.as_slice())
    }

    /// Finds the templates for a command of a platform.
    ///
    /// # Errors
    /// When the index has none.
    pub fn find(&self, platform: &str, command: &str) -> Result<&[String], ParseError> {
        self.templates(&BTreeMap::from([("Platform", platform), ("Command", command)]))
            .ok_or_else(|| ParseError::NoTemplate { platform: platform.to_owned(), command: command.to_owned() })
    }
}

fn compile(header: &[&str], cells: &[&str]) -> Result<Vec<(String, Pattern)>, String> {
    let mut columns = Vec::new();
    for (name, cell) in header.iter().zip(cells) {
        if *name == "Template" || cell.is_empty() {
            continue;
        }
        let text = if *name == "Command" { completion(cell) } else { (*cell).to_owned() };
        let pattern = Pattern::at_start(&text).map_err(|error| format!("column {name}: {cell:?}: {error}"))?;
        columns.push(((*name).to_owned(), pattern));
    }
    Ok(columns)
}

/// Writes `sh[[ow]]` as `sh(o(w)?)?`.
fn completion(command: &str) -> String {
    let mut out = String::new();
    let mut rest = command;
    while let Some((before, inside, after)) = bracketed(rest) {
        out.push_str(before);
        for letter in inside.chars() {
            out.push('(');
            out.push(letter);
        }
        out.push_str(&")?".repeat(inside.chars().count()));
        rest = after;
    }
    out + rest
}

fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("[[")?;
    let (inside, after) = rest.split_once("]]")?;
    Some((before, inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "# about\nTemplate, Hostname, Platform, Command\n\na:b, .*, cisco_ios, sh[[ow]] ver[[sion]]\nc, .*, .*, show ip\n";

    #[test]
    fn the_first_row_that_fits_counts() {
        let index = Index::read("index", INDEX).unwrap();
        assert_eq!(index.find("cisco_ios", "sho vers").unwrap(), ["a", "b"]);
        assert_eq!(index.find("x", "show ip route").unwrap(), ["c"]);
        assert_eq!(
            index.find("x", "show version").unwrap_err().to_string(),
            "no template for the command \"show version\" of platform \"x\""
        );
    }

    #[test]
    fn broken_rows_are_named() {
        let error = |text: &str| Index::read("index", text).unwrap_err().to_string();
        assert_eq!(error("Template, Command\na, b, c\n"), "index:2: 3 columns instead of 2");
        assert_eq!(error("Command\nb\n"), "index:1: the index has no column Template");
        assert!(error("Template, Command\na, (\n").starts_with("index:2: column Command: \"(\": "));
    }
}
