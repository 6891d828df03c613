//! Whether two readings of a configuration are the same text, and what lies between them.
//!
//! Line by line and in order: a reordering counts as a difference, which is the safe side for access lists.

use similar::{Algorithm, ChangeTag, capture_diff_slices};

use super::session::Patterns;

/// Above this many lines on one side the difference is not computed line by line.
const DIFF_LINES_MAX: usize = 20_000;

/// Tells whether two texts hold the same lines, without the volatile ones and trailing white space.
pub fn same(left: &str, right: &str, volatile: &Patterns) -> bool {
    lines(left, volatile).eq(lines(right, volatile))
}

/// Returns the lines that were removed (`- `) and added (`+ `) on the way from one text to the other.
///
/// At most `lines_max` lines are returned, with a last line that counts the others.
pub fn differences(before: &str, after: &str, volatile: &Patterns, lines_max: usize) -> Vec<String> {
    let before: Vec<&str> = lines(before, volatile).collect();
    let after: Vec<&str> = lines(after, volatile).collect();
    let start = before.iter().zip(&after).take_while(|(left, right)| left == right).count();
    let (before, after) = (&before[start..], &after[start..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(left, right)| left == right).count();
    let (before, after) = (&before[..before.len() - end], &after[..after.len() - end]);
    let mut found: Vec<String> = if before.len().max(after.len()) > DIFF_LINES_MAX {
        let removed = before.iter().map(|line| format!("- {line}"));
        removed.chain(after.iter().map(|line| format!("+ {line}"))).collect()
    } else {
        let changes = capture_diff_slices(Algorithm::Patience, before, after);
        let mut found = Vec::new();
        for change in changes.iter().flat_map(|operation| operation.iter_changes(before, after)) {
            match change.tag() {
                ChangeTag::Delete => found.push(format!("- {}", change.value())),
                ChangeTag::Insert => found.push(format!("+ {}", change.value())),
                ChangeTag::Equal => {}
            }
        }
        found
    };
    if found.len() > lines_max {
        let more = found.len() - lines_max;
        found.truncate(lines_max);
        found.push(format!("… and {more} more"));
    }
    found
}

fn lines<'a>(text: &'a str, volatile: &'a Patterns) -> impl Iterator<Item = &'a str> {
    text.lines().map(str::trim_end).filter(|line| !volatile.fits(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatile_lines_and_trailing_space_do_not_count_but_order_does() {
        let volatile = Patterns::new("volatile", &["^!".into(), r"^\s*$".into()]).expect("patterns");
        assert!(same("! now\na \r\nb\n\n", "a\nb", &volatile));
        assert!(!same("a\nb", "b\na", &volatile));
        assert!(!same("a\n b", "a\nb", &volatile));
        assert_eq!(differences("a\nb\nc\n! x", "! y\na\nd\nc", &volatile, 9), ["- b", "+ d"]);
        assert_eq!(differences("", "1\n2\n3", &volatile, 2), ["+ 1", "+ 2", "… and 1 more"]);
        assert!(differences("a", "a", &volatile, 9).is_empty());
    }
}
