//! Families whose sections are indented: IOS and its relatives, VRP, Comware.

use super::super::dialect::Dialect;
use super::super::tree::{ConfigTree, TreeBuilder};
use super::{Lines, Purpose, clean};
use crate::domain::limits::CONFIG_DEPTH_MAX;

/// Reads a text whose sections are indented more than their header.
pub(in super::super) fn parse(dialect: &Dialect, text: &str, purpose: Purpose) -> ConfigTree {
    let source = text.into();
    let mut lines = Lines::new(&source, purpose);
    let mut builder = TreeBuilder::default();
    let mut indents: Vec<usize> = Vec::new();
    let mut outdent: Option<usize> = None;
    let (mut separated, mut margin) = (true, 0);
    // Commands and parts of a configuration have no separators.
    let separates = |text: &str| dialect.page.separators.iter().any(|separator| text == separator);
    separated &= text.lines().any(|line| separates(line.trim_end()));
    while let Some(mut line) = lines.next_line() {
        if dialect.page.enders.iter().any(|ender| *ender == line.text) && line.indent == 0 {
            continue;
        }
        if line.indent == 0 && separates(line.text) {
            indents.clear();
            separated = true;
            continue;
        }
        // Some devices indent the lines between two separators although they stand at the top.
        if separated && outdent.is_none() {
            margin = line.indent;
            separated = false;
        }
        margin = margin.min(line.indent);
        line.indent -= margin;
        if let Some(index) = outdent {
            line.indent += 1;
            if dialect.outdents[index].1.is_match(line.text) {
                outdent = None;
            }
        } else {
            outdent = dialect.outdents.iter().position(|(start, _)| start.is_match(line.text));
        }
        if line.text == dialect.page.exit || dialect.page.closers.iter().any(|closer| *closer == line.text) {
            continue;
        }
        let Some(node) = clean(dialect, line, &mut lines) else { continue };
        while indents.last().is_some_and(|indent| *indent >= line.indent) {
            indents.pop();
        }
        let depth = indents.len();
        if depth < CONFIG_DEPTH_MAX {
            indents.push(line.indent);
        }
        builder.push(depth, node);
    }
    builder.finish()
}
