//! Values that are sets of numbers: `10,20-30`, `10 20 to 30`.

use super::page::RangePage;

/// Most numbers' ranges that one line may hold; longer ones stay text.
const RANGES_MAX: usize = 8192;

/// A set of numbers as sorted, disjoint, non-adjacent ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberSet(Vec<(u32, u32)>);

impl NumberSet {
    /// Reads a set; nothing when the text is not one.
    pub(super) fn parse(text: &str, page: &RangePage) -> Option<Self> {
        let text = text.trim();
        if page.none.as_deref() == Some(text) {
            return Some(Self::default());
        }
        let mut ranges = Vec::new();
        if page.dash.trim() == page.dash {
            for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
                let (low, high) = part.split_once(page.dash.as_str()).unwrap_or((part, part));
                ranges.push((low.trim().parse().ok()?, high.trim().parse().ok()?));
            }
        } else {
            let mut words = text.split_whitespace();
            while let Some(word) = words.next() {
                if word == page.dash.trim() {
                    ranges
                        .last_mut()
                        .map(|range: &mut (u32, u32)| words.next()?.parse().ok().map(|high| range.1 = high))??;
                } else {
                    let number = word.parse().ok()?;
                    ranges.push((number, number));
                }
            }
        }
        if ranges.is_empty() || ranges.len() > RANGES_MAX || ranges.iter().any(|(low, high)| low > high) {
            return None;
        }
        Some(Self::from_ranges(ranges))
    }

    fn from_ranges(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut out: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match out.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => out.push((low, high)),
            }
        }
        Self(out)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a number is in the set.
    pub(super) fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, high)| *high < number);
        self.0.get(at).is_some_and(|(low, _)| *low <= number)
    }

    /// Returns the set of some numbers.
    pub(super) fn of(numbers: &[u32]) -> Self {
        Self::from_ranges(numbers.iter().map(|number| (*number, *number)).collect())
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.0.iter().chain(&other.0).copied().collect())
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        let mut cuts = other.0.iter().copied().peekable();
        for (mut low, high) in self.0.iter().copied() {
            while cuts.next_if(|cut| cut.1 < low).is_some() {}
            let mut ahead = cuts.clone();
            let mut open = true;
            while let Some(cut) = ahead.next_if(|cut| cut.0 <= high) {
                if cut.0 > low {
                    out.push((low, cut.0 - 1));
                }
                if cut.1 >= high {
                    open = false;
                    break;
                }
                low = cut.1 + 1;
            }
            if open {
                out.push((low, high));
            }
        }
        Self(out)
    }

    /// Returns every number, at most 4096 of them.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.0.iter().flat_map(|(low, high)| *low..=*high).take(4096).collect()
    }

    /// Prints the set; `none` where the page has a word for nothing.
    pub(super) fn print(&self, page: &RangePage) -> String {
        if self.0.is_empty() {
            return page.none.clone().unwrap_or_default();
        }
        self.pieces(page).join(&page.separator)
    }

    fn pieces(&self, page: &RangePage) -> Vec<String> {
        let piece = |(low, high): &(u32, u32)| {
            if low == high { low.to_string() } else { format!("{low}{}{high}", page.dash) }
        };
        self.0.iter().map(piece).collect()
    }

    /// Prints the set in pieces that fit into `chars_max` (0: no limit).
    pub(super) fn chunks(&self, page: &RangePage, chars_max: usize) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut pieces = 0;
        for piece in self.pieces(page) {
            let fits = |last: &String| chars_max == 0 || last.len() + page.separator.len() + piece.len() <= chars_max;
            match out.last_mut() {
                Some(last) if fits(last) && (page.pieces_max == 0 || pieces < page.pieces_max) => {
                    last.push_str(&page.separator);
                    last.push_str(&piece);
                    pieces += 1;
                }
                _ => {
                    out.push(piece);
                    pieces = 1;
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(separator: &str, dash: &str) -> RangePage {
        RangePage { separator: separator.into(), dash: dash.into(), none: Some("none".into()), ..RangePage::default() }
    }

    #[test]
    fn sets_are_read_and_printed() {
        let comma = page(",", "-");
        let set = NumberSet::parse("20,10-12,11-13", &comma).unwrap();
        assert_eq!(set.print(&comma), "10-13,20");
        let words = page(" ", " to ");
        let set = NumberSet::parse("10 20 to 30", &words).unwrap();
        assert_eq!(set.print(&words), "10 20 to 30");
        assert_eq!(NumberSet::parse("none", &comma), Some(NumberSet::default()));
        for bad in ["all", "5-", "9-3", "", "1,x", "4294967296"] {
            assert_eq!(NumberSet::parse(bad, &comma), None, "{bad}");
        }
        assert_eq!(NumberSet::parse("to 5", &words), None);
    }

    #[test]
    fn differences_agree_with_counting() {
        let comma = page(",", "-");
        let sets: Vec<NumberSet> = ["1-10", "3-4,8", "1,5,9-20", "none", "10", "2-3,5-6,8-9"]
            .iter()
            .map(|t| NumberSet::parse(t, &comma).unwrap())
            .collect();
        for a in &sets {
            for b in &sets {
                let slow: Vec<u32> = a.numbers().into_iter().filter(|n| !b.numbers().contains(n)).collect();
                assert_eq!(a.minus(b).numbers(), slow, "{a:?} {b:?}");
                assert_eq!(a.minus(b).union(b), a.union(b));
            }
        }
    }
}
