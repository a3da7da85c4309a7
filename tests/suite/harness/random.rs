//! Random numbers from a seed that is printed, so that a failure can be had again.

use std::{env, ops::Range, time::UNIX_EPOCH};

/// The environment variable that chooses the seed.
const SEED: &str = "SUITE_SEED";

/// A sequence of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Begins with the seed of the environment, or one of the clock; a failing test shows which.
    pub(crate) fn seeded() -> Self {
        let chosen = env::var(SEED).ok().map(|seed| seed.parse().expect("the seed is a number"));
        let seed = chosen.unwrap_or_else(|| UNIX_EPOCH.elapsed().expect("the clock is past 1970").subsec_nanos().into());
        println!("{SEED}={seed}");
        Self(seed)
    }

    /// Another sequence, which does not depend on how far this one is read.
    pub(crate) fn fork(&self, stream: u64) -> Self {
        let mut forked = Self(self.0 ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        forked.next();
        forked
    }

    /// A number of a range.
    pub(crate) fn of(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
