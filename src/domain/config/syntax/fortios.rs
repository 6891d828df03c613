//! FortiOS: `config` and `edit` open, `end` and `next` close; quoted values may span lines.

use super::super::dialect::Dialect;
use super::super::tree::{ConfigTree, Node, TreeBuilder};
use super::super::words::is_quote_open;
use super::{Lines, Purpose, clean};
use crate::domain::limits::CONFIG_DEPTH_MAX;

/// Reads a configuration. Without `end` and `next` the indentation says where sections end.
pub(in super::super) fn parse(dialect: &Dialect, text: &str, purpose: Purpose) -> ConfigTree {
    let source = text.into();
    let mut lines = Lines::new(&source, purpose);
    let mut builder = TreeBuilder::default();
    let mut indents: Vec<usize> = Vec::new();
    let has_indents = text.lines().any(|line| line.starts_with([' ', '\t']));
    while let Some(line) = lines.next_line() {
        let closes = matches!(line.text, "end" | "next");
        if closes && !has_indents {
            indents.pop();
            builder.close_to(indents.len());
        }
        if closes {
            continue;
        }
        let Some(node) = clean(dialect, line, &mut lines) else { continue };
        let node = if is_quote_open(&node.text, false) { continued(node, &mut lines) } else { node };
        let opens = line.text.starts_with("config ") || line.text.starts_with("edit ");
        if has_indents {
            while indents.last().is_some_and(|indent| *indent >= line.indent) {
                indents.pop();
            }
        }
        builder.push(indents.len(), node);
        if opens && indents.len() < CONFIG_DEPTH_MAX {
            indents.push(line.indent);
        }
    }
    builder.finish()
}

/// Takes the lines up to the closing quote.
fn continued(node: Node, lines: &mut Lines<'_>) -> Node {
    let mut text = String::from(node.text);
    while let Some((_, line)) = lines.raw() {
        text.push('\n');
        text.push_str(line);
        if is_quote_open(line, false) {
            return Node { text: text.into(), ..node };
        }
    }
    // The text ends inside the quotes: they end there as well.
    text.push('"');
    Node { text: text.into(), ..node }
}
