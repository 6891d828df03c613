//! A map from words to rules that is asked for every line: the first bytes of a word are compared as one number.

/// Sorted words, each with its value.
#[derive(Clone, Debug)]
pub(super) struct WordMap<T>(Vec<(u64, Box<str>, T)>);

impl<T> Default for WordMap<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> WordMap<T> {
    /// Returns the value of a word, which is made when it is not there.
    pub(super) fn entry(&mut self, word: &str) -> &mut T {
        let at = self.place(word).unwrap_or_else(|at| {
            self.0.insert(at, (beginning(word), word.into(), T::default()));
            at
        });
        &mut self.0[at].2
    }
}

impl<T> WordMap<T> {
    /// Returns the value of a word.
    pub(super) fn get(&self, word: &str) -> Option<&T> {
        self.place(word).ok().map(|at| &self.0[at].2)
    }

    fn place(&self, word: &str) -> Result<usize, usize> {
        let wanted = beginning(word);
        self.0.binary_search_by(|(first, known, _)| {
            first.cmp(&wanted).then_with(|| known.len().min(9).cmp(&word.len().min(9))).then_with(|| {
                // Up to eight bytes are compared already.
                if word.len() > 8 { known.as_ref().cmp(word) } else { std::cmp::Ordering::Equal }
            })
        })
    }
}

/// Returns the first eight bytes as a number that is ordered like them.
fn beginning(word: &str) -> u64 {
    let mut bytes = [0; 8];
    let count = word.len().min(8);
    bytes[..count].copy_from_slice(&word.as_bytes()[..count]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_length() {
        let words =
            ["", "a", "ab", "\0", "a\0", "interfac", "interface", "interfaces", "interfacf", "é", "zzzzzzzzzzzz"];
        let mut map = WordMap::<usize>::default();
        for (index, word) in words.iter().enumerate().rev() {
            *map.entry(word) = index + 1;
        }
        for (index, word) in words.iter().enumerate() {
            assert_eq!(map.get(word), Some(&(index + 1)), "{word:?}");
            *map.entry(word) += 100;
            assert_eq!(map.get(word), Some(&(index + 101)), "{word:?}");
        }
        for word in ["b", "a\0\0", "interfa", "interface ", "zzzzzzzzzzzy"] {
            assert_eq!(map.get(word), None, "{word:?}");
        }
    }
}
