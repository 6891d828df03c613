//! Choices by name: a configuration is a function of them, so that a second one differs exactly where a choice is made again.

/// Where the second configuration of a pair makes its own choices.
#[derive(Clone, Debug)]
pub(crate) enum Again {
    /// Nowhere: this is the first configuration.
    Never,
    /// Everywhere.
    Everywhere,
    /// Here and there: this many choices of a thousand.
    Sometimes(u64),
    /// In the part whose names begin so.
    Within(&'static str),
    /// Here and there in one part.
    SometimesWithin(&'static str, u64),
}

/// The source of every choice; the same seeds give the same configuration on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    seed: u64,
    other: u64,
    again: Again,
}

impl Choices {
    /// Makes the choices of a pair: `seed` for what is common, `other` for what differs.
    pub(crate) fn new(seed: u64, other: u64, again: Again) -> Self {
        Self { seed, other, again }
    }

    fn draw(&self, name: &str) -> u64 {
        let dice = hash(self.other ^ 0x5bd1_e995, name) % 1000;
        let again = match self.again {
            Again::Never => false,
            Again::Everywhere => true,
            Again::Sometimes(often) => dice < often,
            Again::Within(part) => name.starts_with(part),
            Again::SometimesWithin(part, often) => name.starts_with(part) && dice < often,
        };
        hash(if again { self.other } else { self.seed }, name)
    }

    /// Tells whether something with this probability, in percent, happens.
    pub(crate) fn chance(&self, name: &str, percent: u64) -> bool {
        self.draw(name) % 100 < percent
    }

    /// Picks one of several.
    pub(crate) fn pick<'a, T: ?Sized>(&self, name: &str, from: &[&'a T]) -> &'a T {
        let count = u64::try_from(from.len()).expect("a short list");
        from[usize::try_from(self.draw(name) % count).expect("less than the length")]
    }

    /// Picks a number, both ends included.
    pub(crate) fn number(&self, name: &str, from: u64, to: u64) -> u64 {
        from + self.draw(name) % (to - from + 1)
    }
}

/// FNV-1a over the name, mixed with the seed as in SplitMix64.
fn hash(seed: u64, name: &str) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in name.bytes() {
        h = (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^ (h >> 31)
}
