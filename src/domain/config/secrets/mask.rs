//! Nothing secret is shown: every secret of a text, a command or a plan becomes the mask, and the line stays recognisable.
//!
//! The platform page names secrets by expressions (group 1); the words and shapes that all vendors share come on top.
//! Masking keeps the number of lines and is idempotent.

use std::ops::Range;

use super::command::{Command, Operation, Remediation};
use super::dialect::Dialect;
use super::secret_line::{Context, is_suspicious, merge, spans};
use crate::domain::secret::MASK;

/// Most lines of a private key that has no end.
const KEY_LINES_MAX: usize = 1_000;

/// Looks at line after line and knows the sections around the next one.
#[derive(Debug, Default)]
struct Walk {
    sections: Vec<(usize, Context)>,
    /// The menu path of RouterOS holds until the next one.
    menu: Context,
    key_lines: usize,
    in_key: bool,
}

impl Dialect {
    /// Replaces every secret of a configuration, of a command or of a device's output by the mask.
    pub fn mask(&self, text: &str) -> String {
        let mut walk = Walk::default();
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            self.mask_line(&mut walk, content, &mut out);
            out.push_str(&line[content.len()..]);
        }
        out
    }

    /// Masks one command that is typed inside the sections `path`.
    pub fn mask_command(&self, path: &[String], command: &str) -> String {
        self.masked_in(context_of(path), command)
    }

    /// Masks an operation, including the sections around it.
    pub fn mask_operation(&self, operation: &Operation) -> Operation {
        Operation {
            path: self.mask_path(&operation.path),
            command: self.mask_command(&operation.path, &operation.command),
            old: operation.old.as_ref().map(|old| self.mask_command(&operation.path, old)),
            ..operation.clone()
        }
    }

    /// Masks all operations of a plan.
    pub fn mask_operations(&self, operations: &[Operation]) -> Vec<Operation> {
        operations.iter().map(|operation| self.mask_operation(operation)).collect()
    }

    /// Masks a remediation for people; the result is not fit to be sent.
    pub fn mask_remediation(&self, remediation: &Remediation) -> Remediation {
        let lines = |lines: &[String]| lines.iter().map(|line| self.mask_command(&[], line)).collect();
        Remediation {
            commands: self.mask_commands(&remediation.commands),
            unproved: lines(&remediation.unproved),
            foreign: lines(&remediation.foreign),
        }
    }

    /// Masks commands for people; the result is not fit to be sent.
    pub fn mask_commands(&self, commands: &[Command]) -> Vec<Command> {
        self.masked_commands(Context::default(), commands)
    }

    fn masked_commands(&self, context: Context, commands: &[Command]) -> Vec<Command> {
        let masked = |command: &Command| Command {
            text: self.masked_in(context, &command.text),
            old: command.old.as_ref().map(|old| self.masked_in(context, old)),
            children: self.masked_commands(context.below(&command.text), &command.children),
            ..command.clone()
        };
        commands.iter().map(masked).collect()
    }

    fn mask_path(&self, path: &[String]) -> Vec<String> {
        (0..path.len()).map(|depth| self.mask_command(&path[..depth], &path[depth])).collect()
    }

    /// Masks a line or a text of several lines (a banner, a key) at a known place.
    pub(super) fn masked_in(&self, context: Context, text: &str) -> String {
        let mut walk = Walk { menu: context, ..Walk::default() };
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches('\n');
            self.mask_line(&mut walk, content, &mut out);
            out.push_str(&line[content.len()..]);
        }
        out
    }

    /// Masks one line; the sign of a diff in the first column is no part of it.
    fn mask_line(&self, walk: &mut Walk, line: &str, out: &mut String) {
        let sign = usize::from(line.starts_with(['+', '-']) && !line.starts_with("-----"));
        let text = line[sign..].trim_start();
        let indent = line.len() - text.len();
        out.push_str(&line[..indent]);
        if walk.in_private_key(text) {
            out.push_str(if text.is_empty() { "" } else { MASK });
            return;
        }
        let context = walk.enter(indent, text);
        let mut ranges = self.secret_ranges(context, text);
        ranges.extend(walk.private_key(text));
        push_masked(text, &merge(ranges), out);
    }

    /// Returns where the secrets of a line (without indentation) stand.
    pub(super) fn secret_ranges(&self, context: Context, line: &str) -> Vec<Range<usize>> {
        let mut ranges = spans(line, context);
        if self.secret_set.is_match(line) {
            let groups =
                self.secrets.iter().filter_map(|regex| regex.captures(line)?.get(1).map(|group| group.range()));
            ranges.extend(groups.filter(|range| !line[range.clone()].bytes().all(|b| b == b'*')));
            ranges = merge(ranges);
        }
        ranges
    }
}

/// Returns the context of a line below these section headers.
pub(super) fn context_of(path: &[String]) -> Context {
    path.iter().fold(Context::default(), |context, header| context.below(header))
}

fn push_masked(text: &str, ranges: &[Range<usize>], out: &mut String) {
    let mut from = 0;
    for range in ranges {
        out.push_str(&text[from..range.start]);
        out.push_str(MASK);
        from = range.end;
    }
    out.push_str(&text[from..]);
}

impl Walk {
    /// Notes a line and returns what surrounds it.
    fn enter(&mut self, indent: usize, text: &str) -> Context {
        if text.is_empty() {
            return Context::default();
        }
        while self.sections.last().is_some_and(|(at, _)| *at >= indent) {
            self.sections.pop();
        }
        if text.starts_with('/') && indent == 0 {
            self.menu = Context::default().below(text);
        }
        let context = self.sections.last().map_or(self.menu, |(_, context)| *context);
        if is_suspicious(text, context) {
            let below = context.below(text);
            if below != context {
                self.sections.push((indent, below));
            }
        }
        context
    }

    /// Tells whether a line is inside a private key; notices its end.
    fn in_private_key(&mut self, text: &str) -> bool {
        if !self.in_key {
            return false;
        }
        self.key_lines += 1;
        if text.contains("-----END") {
            self.in_key = false;
            return false;
        }
        let encoded = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\\' | b'-' | b'_' | b'.'));
        let header = text.starts_with("Proc-Type:") || text.starts_with("DEK-Info:") || text.starts_with("Comment:");
        self.in_key = (encoded || header) && self.key_lines <= KEY_LINES_MAX;
        self.in_key
    }

    /// Returns the part of a line that belongs to a private key which begins (and perhaps ends) in it.
    fn private_key(&mut self, text: &str) -> Option<Range<usize>> {
        let begin = text.find("-----BEGIN ").filter(|at| text[*at..].contains("PRIVATE KEY-----"))?;
        let from = begin + text[begin..].find("PRIVATE KEY-----")? + "PRIVATE KEY-----".len();
        match text[from..].find("-----END") {
            Some(end) => Some(from..from + end),
            None => {
                self.in_key = true;
                self.key_lines = 0;
                (from < text.len()).then_some(from..text.len())
            }
        }
    }
}
