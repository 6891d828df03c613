//! TextFSM: the whole template language, as google/textfsm defines it, and the index files of template collections.

pub mod index;
mod machine;
mod rule;
mod template;

use std::collections::BTreeMap;

use super::pattern::Pattern;
use super::{ParseError, Table};

/// A template that was read and checked; it can be used for any number of outputs.
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    values: Vec<ValueDefinition>,
    states: BTreeMap<String, Vec<Rule>>,
    /// Whether the template names the state `EOF`, which takes the place of the last record.
    has_end_of_file: bool,
}

/// One `Value` line.
#[derive(Clone, Debug)]
struct ValueDefinition {
    name: String,
    options: Vec<ValueOption>,
    /// The pattern of the value itself, kept only when lists take it apart by its inner groups.
    inner: Option<Pattern>,
}

/// What a value does beside holding a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueOption {
    Required,
    Filldown,
    Fillup,
    Key,
    List,
}

/// One line of a state.
#[derive(Clone, Debug)]
struct Rule {
    line: usize,
    pattern: Pattern,
    /// Which value each group of the pattern fills.
    fills: Vec<Option<usize>>,
    line_action: LineAction,
    record_action: RecordAction,
    /// The state to go to.
    next: Option<String>,
}

/// What happens to the input line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LineAction {
    Next,
    Continue,
    Error(Option<String>),
}

/// What happens to the values gathered so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordAction {
    Nothing,
    Record,
    Clear,
    ClearAll,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Names the line of the template and what is wrong with it.
    pub fn read(name: &str, text: &str) -> Result<Self, ParseError> {
        template::read(name, text)
    }

    /// Returns the names of the values, in their order.
    pub fn header(&self) -> Vec<String> {
        self.values.iter().map(|value| value.name.clone()).collect()
    }

    /// Makes a table of an output.
    ///
    /// # Errors
    /// When a rule of the template refuses a line of the output, or a bound trips.
    pub fn parse(&self, text: &str) -> Result<Table, ParseError> {
        self.parse_parts(&[(text, true)])
    }

    /// Makes a table of an output that comes in parts; with each part goes whether the output ends there.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_parts(&self, parts: &[(&str, bool)]) -> Result<Table, ParseError> {
        machine::run(self, parts)
    }

    fn keys(&self) -> Vec<String> {
        let is_key = |value: &&ValueDefinition| value.options.contains(&ValueOption::Key);
        self.values.iter().filter(is_key).map(|value| value.name.clone()).collect()
    }
}
