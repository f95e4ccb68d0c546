//! A small seeded generator (splitmix64), so that a run of the sandbox can be repeated from its seed.

/// A reproducible stream of numbers. Not for secrets.
#[derive(Debug, Clone)]
pub struct Seeded {
    state: u64,
}

impl Seeded {
    /// Starts a stream at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A stream of its own for one purpose: the same seed and label always give the same stream,
    /// so that one consumer drawing more numbers does not shift another's.
    #[must_use]
    pub fn labelled(seed: u64, label: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in label.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut mixed = Self::new(seed ^ hash);
        let state = mixed.next_u64();
        Self::new(state)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// An index into a slice of this length; 0 when it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        let bound = u64::try_from(len).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// True with a probability of `ppm` millionths.
    pub fn chance(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    /// `len` characters of `[a-zA-Z0-9]`.
    pub fn token(&mut self, len: usize) -> String {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        (0..len).map(|_| char::from(ALPHABET[self.index(ALPHABET.len())])).collect()
    }

    /// Puts a slice into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.index(end + 1);
            items.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seeded;

    #[test]
    fn the_same_seed_and_label_repeat_and_another_label_differs() {
        let draw = |seed, label| {
            let mut stream = Seeded::labelled(seed, label);
            [stream.next_u64(), stream.next_u64(), stream.next_u64()]
        };
        assert_eq!(draw(7, "orders"), draw(7, "orders"));
        assert_ne!(draw(7, "orders"), draw(7, "stock"));
        assert_ne!(draw(7, "orders"), draw(8, "orders"));
    }

    #[test]
    fn a_chance_in_millionths_comes_out_near_its_rate() {
        let mut stream = Seeded::new(1);
        let hits = (0..100_000).filter(|_| stream.chance(50_000)).count();
        assert!((4_500..5_500).contains(&hits), "{hits}");
    }

    #[test]
    fn splitmix_gives_its_published_first_values() {
        let mut stream = Seeded::new(1_234_567);
        assert_eq!(stream.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(stream.next_u64(), 3_203_168_211_198_807_973);
    }
}
