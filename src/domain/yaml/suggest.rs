//! "Did you mean": the nearest of the words that would have been right.

/// Returns the candidate that is nearest to the word, when it is near enough to be a typo.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bound = 1 + word.chars().count() / 4;
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(steps, candidate)| *steps <= bound && *steps < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns a hint: the nearest candidate, or all of them.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean {candidate:?}?"),
        None if candidates.is_empty() => "there are none yet".to_owned(),
        None if candidates.len() > 20 => format!("known are {}, … ({})", candidates[..20].join(", "), candidates.len()),
        None => format!("known are {}", candidates.join(", ")),
    }
}

/// Counts insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut best = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_recognised() {
        let keys = ["platform", "address", "port", "groups"];
        assert_eq!(nearest("platfrom", keys), Some("platform"));
        assert_eq!(nearest("adress", keys), Some("address"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(hint("x", ["a", "b"]), "known are a, b");
    }
}
