//! The chance in simulated faults: numbers that look random, from one seed.
//!
//! Nothing secret is drawn here; tokens are made of the system's randomness.

use std::sync::atomic::{AtomicU64, Ordering};

/// The odd constant that SplitMix64 counts by: 2⁶⁴ divided by the golden ratio (Steele, Lea, Flood: *Fast splittable
/// pseudorandom number generators*, 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64: a counter whose every value is stirred. Requests draw from it side by side without a lock.
#[derive(Debug)]
pub(super) struct Generator(AtomicU64);

impl Generator {
    /// One whose numbers are the same in each run.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// One whose numbers are others in each run. A system without randomness still simulates faults, the same in each run.
    pub(super) fn new() -> Self {
        Self::seeded(getrandom::u64().unwrap_or(STEP))
    }

    /// A number below `limit`, all alike likely but for one part in 2⁶⁴ divided by `limit`; 0 when there is none below.
    pub(super) fn below(&self, limit: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    fn next(&self) -> u64 {
        let counted = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let stirred = (counted ^ (counted >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let stirred = (stirred ^ (stirred >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        stirred ^ (stirred >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_algorithm() {
        let generator = Generator::seeded(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| generator.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn they_spread_over_what_is_below_the_limit() {
        let generator = Generator::seeded(1);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[generator.below(10) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!((generator.below(1), generator.below(0)), (0, 0));
    }
}
