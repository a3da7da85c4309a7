//! How fast saves reach browsers, since the start.

use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::generation::Generation;

/// Samples that are kept of each kind: a day's saves.
const SAMPLES: usize = 1_000;

/// Saves whose showing is still waited for. A page that was asleep for longer says nothing about speed.
const SAVES: usize = 64;

/// The figures of a session.
#[derive(Debug, Default)]
pub struct Pace {
    saves: VecDeque<Save>,
    told: Samples,
    painted: Samples,
}

#[derive(Debug)]
struct Save {
    generation: Generation,
    saved: Instant,
    cause: Vec<PathBuf>,
    is_shown: bool,
}

/// The first showing of what a save caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// From the end of the save to the browser's word that it is on the screen.
    pub took: Duration,
    /// The files that caused it.
    pub cause: Vec<PathBuf>,
}

impl Pace {
    /// Browsers were told of a generation; `took` is from the end of the save.
    pub fn told(&mut self, generation: Generation, saved: Instant, took: Duration, cause: &[PathBuf]) {
        self.told.push(took);
        if self.saves.len() == SAVES {
            self.saves.pop_front();
        }
        self.saves.push_back(Save { generation, saved, cause: cause.to_vec(), is_shown: false });
    }

    /// A browser says that it showed a generation at that moment. Gives the first one's figures.
    pub fn painted(&mut self, generation: Generation, at: Instant) -> Option<Shown> {
        let save = self.saves.iter_mut().find(|save| save.generation == generation)?;
        let took = at.saturating_duration_since(save.saved);
        self.painted.push(took);
        let is_first = !std::mem::replace(&mut save.is_shown, true);
        is_first.then(|| Shown { took, cause: save.cause.clone() })
    }

    /// From the end of a save to the message on the sockets.
    #[must_use]
    pub fn until_told(&self) -> Summary {
        self.told.summary()
    }

    /// From the end of a save to its being on a screen, of each browser.
    #[must_use]
    pub fn until_painted(&self) -> Summary {
        self.painted.summary()
    }
}

/// The latest durations of one kind.
#[derive(Debug, Default)]
struct Samples(VecDeque<Duration>);

/// The middle and the slow end of some durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there are; without any the others are zero.
    pub count: usize,
    /// Half of them are at most this.
    pub p50: Duration,
    /// 95 of a hundred are at most this.
    pub p95: Duration,
}

impl Samples {
    fn push(&mut self, sample: Duration) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// By nearest rank.
    fn summary(&self) -> Summary {
        let mut sorted: Vec<_> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Summary { count: sorted.len(), p50: rank(50).unwrap_or_default(), p95: rank(95).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_middle_and_the_slow_end() {
        let summary = |durations: &[u64]| {
            let mut samples = Samples::default();
            durations.iter().for_each(|duration| samples.push(ms(*duration)));
            let Summary { count, p50, p95 } = samples.summary();
            (count, p50, p95)
        };
        assert_eq!(summary(&[]), (0, ms(0), ms(0)));
        assert_eq!(summary(&[7]), (1, ms(7), ms(7)));
        assert_eq!(summary(&(1..=100).rev().collect::<Vec<_>>()), (100, ms(50), ms(95)));
        assert_eq!(summary(&vec![1; SAMPLES + 5]).0, SAMPLES);
    }

    #[test]
    fn the_first_browser_that_shows_a_save_is_told_of() {
        let (mut pace, saved) = (Pace::default(), Instant::now());
        pace.told(Generation(4), saved, ms(1), &["a.css".into()]);
        assert_eq!(pace.painted(Generation(3), saved), None);
        assert_eq!(pace.painted(Generation(4), saved + ms(20)), Some(Shown { took: ms(20), cause: vec!["a.css".into()] }));
        assert_eq!(pace.painted(Generation(4), saved + ms(30)), None);
        assert_eq!((pace.until_told().count, pace.until_painted().count), (1, 2));
        for generation in 5..=(4 + SAVES as u64) {
            pace.told(Generation(generation), saved, ms(1), &[]);
        }
        assert_eq!(pace.painted(Generation(4), saved), None, "nobody waits for it any more");
    }
}
