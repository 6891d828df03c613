//! The fewest entries of a list that have to move so that it gets another order.

use std::collections::BTreeMap;

/// Tells for each wanted entry whether it can stay where it is; `current` has the same entries in their present order.
pub(crate) fn stable<T: Ord>(current: &[T], wanted: &[T]) -> Vec<bool> {
    let places: BTreeMap<&T, usize> = current.iter().enumerate().map(|(index, entry)| (entry, index)).collect();
    let sequence: Vec<Option<usize>> = wanted.iter().map(|entry| places.get(entry).copied()).collect();
    let mut out = vec![false; wanted.len()];
    for index in longest_increasing(&sequence) {
        out[index] = true;
    }
    out
}

/// Returns the indices of a longest increasing subsequence.
fn longest_increasing(sequence: &[Option<usize>]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; sequence.len()];
    for (index, place) in sequence.iter().enumerate() {
        let Some(place) = place else { continue };
        let at = tails.partition_point(|tail| sequence[*tail].is_some_and(|other| other < *place));
        before[index] = at.checked_sub(1).map(|at| tails[at]);
        if at == tails.len() {
            tails.push(index);
        } else {
            tails[at] = index;
        }
    }
    let mut out: Vec<usize> = std::iter::successors(tails.last().copied(), |index| before[*index]).collect();
    out.reverse();
    out
}

/// Tells which wanted entries stay when new entries can only go to the end.
pub(super) fn prefix(current: &[&str], wanted: &[&str]) -> usize {
    let mut rest = current.iter();
    wanted.iter().take_while(|entry| rest.any(|other| other == *entry)).count()
}

#[cfg(test)]
mod tests {
    use super::{prefix, stable};

    #[test]
    fn few_entries_move() {
        assert_eq!(stable(&["a", "b", "c", "d"], &["d", "a", "b", "c"]), [false, true, true, true]);
        assert_eq!(stable(&["a", "b"], &["b", "a"]).iter().filter(|stays| **stays).count(), 1);
        assert_eq!(stable::<&str>(&[], &[]), [false; 0]);
    }

    #[test]
    fn only_a_beginning_stays_without_moves() {
        assert_eq!(prefix(&["a", "b", "c"], &["a", "c", "b"]), 2);
        assert_eq!(prefix(&["a", "b", "c"], &["x", "a"]), 0);
    }
}
