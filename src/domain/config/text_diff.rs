//! Differences for people: a unified diff in which every hunk shows the sections around it.

use std::fmt::Write as _;

use similar::{Algorithm, ChangeTag, TextDiff};

/// Longest time spent on a good diff, in lines of both sides times a constant; beyond it the diff is coarser, never wrong.
const CONTEXT_LINES: usize = 2;

/// Returns a unified diff of two printed configurations, or an empty text when they are equal.
pub fn unified(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_lines(old, new);
    let old_lines: Vec<&str> = old.lines().collect();
    let mut out = String::new();
    for group in diff.grouped_ops(CONTEXT_LINES) {
        let Some(first) = group.first() else { continue };
        let path = sections_above(&old_lines, first.old_range().start);
        let _ = writeln!(out, "@@ {} @@", if path.is_empty() { "top".to_owned() } else { path.join(" > ") });
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(out, "{sign}{}", change.value().trim_end_matches('\n'));
        }
    }
    out
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Returns the headers of the sections in which a line stands.
fn sections_above<'a>(lines: &[&'a str], at: usize) -> Vec<&'a str> {
    let Some(mut level) = lines.get(at).map(|line| indent(line)) else { return Vec::new() };
    let mut out = Vec::new();
    for line in lines[..at].iter().rev() {
        if level == 0 {
            break;
        }
        if indent(line) < level && !line.trim().is_empty() {
            level = indent(line);
            out.push(line.trim().trim_end_matches(" {"));
        }
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn hunks_name_their_sections() {
        let old = "interface a\n mtu 1\n description x\ninterface b\n mtu 2\n";
        let new = "interface a\n mtu 1\n description y\ninterface b\n mtu 2\n";
        assert_eq!(
            unified(old, new),
            "@@ top @@\n interface a\n  mtu 1\n- description x\n+ description y\n interface b\n  mtu 2\n"
        );
        assert_eq!(unified(old, old), "");
    }
}
