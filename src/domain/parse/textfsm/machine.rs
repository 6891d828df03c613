//! Running a TextFSM template over an output.

use serde_json::{Map, Value};

use super::super::{ParseError, Table, excerpt, lines};
use super::{LineAction, RecordAction, Rule, Template, ValueDefinition, ValueOption};
use crate::domain::limits::PARSER_CELLS_MAX;

/// One value while an output is read.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// What the record will hold; `Null` when nothing was assigned.
    value: Value,
    /// What `Filldown` keeps over records.
    kept: Value,
    /// What `List` gathered.
    items: Vec<Value>,
}

struct Machine<'a> {
    template: &'a Template,
    slots: Vec<Slot>,
    rows: Vec<Vec<Value>>,
    cells: usize,
    state: &'a str,
}

/// Why a line ended the reading.
enum Stop {
    Refused(String),
    TooMuch,
}

/// Reads all parts of an output.
pub(super) fn run(template: &Template, parts: &[(&str, bool)]) -> Result<Table, ParseError> {
    let slots = vec![Slot::default(); template.values.len()];
    let mut machine = Machine { template, slots, rows: Vec::new(), cells: 0, state: "Start" };
    let too_much =
        || ParseError::Limit { template: template.name.clone(), what: "values of one output", limit: PARSER_CELLS_MAX };
    for (text, ends) in parts {
        for (index, line) in lines(text).into_iter().enumerate() {
            machine.line(line).map_err(|(rule, stop)| match stop {
                Stop::TooMuch => too_much(),
                Stop::Refused(message) => ParseError::Output {
                    template: template.name.clone(),
                    line: rule,
                    message,
                    input_line: index + 1,
                    input: excerpt(line),
                },
            })?;
            if matches!(machine.state, "End" | "EOF") {
                break;
            }
        }
        if machine.state != "End" && !template.has_end_of_file && *ends {
            machine.record().map_err(|_| too_much())?;
        }
    }
    Ok(Table { header: template.header(), keys: template.keys(), rows: machine.rows })
}

impl<'a> Machine<'a> {
    fn line(&mut self, line: &str) -> Result<(), (usize, Stop)> {
        let template = self.template;
        let Some(rules) = template.states.get(self.state) else { return Ok(()) };
        for rule in rules {
            let refused = |message: String| (rule.line, Stop::Refused(message));
            let Some(groups) = rule.pattern.groups(line).map_err(|error| refused(error.to_string()))? else { continue };
            for (fill, range) in rule.fills.iter().zip(groups) {
                if let Some(index) = fill {
                    let text = range.map(|range| &line[range]);
                    self.assign(*index, text).map_err(|stop| (rule.line, stop))?;
                }
            }
            self.act(rule).map_err(|stop| (rule.line, stop))?;
            if rule.line_action != LineAction::Continue {
                if let Some(next) = &rule.next {
                    self.state = next;
                }
                break;
            }
        }
        Ok(())
    }

    fn act(&mut self, rule: &'a Rule) -> Result<(), Stop> {
        match rule.record_action {
            RecordAction::Nothing => {}
            RecordAction::Record => self.record()?,
            RecordAction::Clear => self.clear(),
            RecordAction::ClearAll => self.slots.fill(Slot::default()),
        }
        match &rule.line_action {
            LineAction::Error(None) => Err(Stop::Refused("the template does not accept this line".to_owned())),
            LineAction::Error(Some(words)) => Err(Stop::Refused(words.clone())),
            LineAction::Next | LineAction::Continue => Ok(()),
        }
    }

    fn definition(&self, index: usize) -> &'a ValueDefinition {
        &self.template.values[index]
    }

    /// Counts what is kept, so that no template can fill the memory.
    fn spend(&mut self, cells: usize) -> Result<(), Stop> {
        self.cells += cells;
        if self.cells > PARSER_CELLS_MAX { Err(Stop::TooMuch) } else { Ok(()) }
    }

    fn assign(&mut self, index: usize, text: Option<&str>) -> Result<(), Stop> {
        let definition = self.definition(index);
        let value = text.map_or(Value::Null, Value::from);
        self.slots[index].value = value.clone();
        for option in &definition.options {
            match option {
                ValueOption::Filldown => self.slots[index].kept = self.slots[index].value.clone(),
                ValueOption::Fillup => self.fill_up(index),
                ValueOption::List => {
                    self.spend(1)?;
                    let item = taken_apart(definition, text).unwrap_or_else(|| value.clone());
                    self.slots[index].items.push(item);
                }
                ValueOption::Required | ValueOption::Key => {}
            }
        }
        Ok(())
    }

    /// Writes the value into the rows above, up to the first that has one.
    fn fill_up(&mut self, index: usize) {
        let value = &self.slots[index].value;
        if is_empty(value) {
            return;
        }
        for row in self.rows.iter_mut().rev() {
            if !is_empty(&row[index]) {
                break;
            }
            row[index] = value.clone();
        }
    }

    fn record(&mut self) -> Result<(), Stop> {
        let mut row = Vec::with_capacity(self.slots.len());
        let mut cells = 1;
        for (definition, slot) in self.template.values.iter().zip(&mut self.slots) {
            for option in &definition.options {
                match option {
                    ValueOption::Required if is_empty(&slot.value) => {
                        self.clear();
                        return Ok(());
                    }
                    ValueOption::List => slot.value = Value::from(slot.items.clone()),
                    _ => {}
                }
            }
            cells += slot.items.len() + 1;
            row.push(slot.value.clone());
        }
        let is_blank = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if row.iter().all(is_blank) {
            return Ok(());
        }
        self.spend(cells)?;
        for value in row.iter_mut().filter(|value| value.is_null()) {
            *value = Value::from("");
        }
        self.rows.push(row);
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        for (definition, slot) in self.template.values.iter().zip(&mut self.slots) {
            slot.value = Value::Null;
            let fills_down = definition.options.contains(&ValueOption::Filldown);
            if fills_down {
                slot.value = slot.kept.clone();
            } else {
                slot.items.clear();
            }
        }
    }
}

/// Takes a list item apart by the named groups inside its pattern.
fn taken_apart(definition: &ValueDefinition, text: Option<&str>) -> Option<Value> {
    let (pattern, text) = (definition.inner.as_ref()?, text?);
    let groups = pattern.groups(text).ok()??;
    let named = pattern.names().iter().zip(groups);
    let object: Map<String, Value> = named
        .filter_map(|(name, range)| Some((name.clone()?, range.map_or(Value::Null, |range| Value::from(&text[range])))))
        .collect();
    Some(Value::Object(object))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
