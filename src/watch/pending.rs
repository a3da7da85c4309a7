//! When a save is complete: the coalescing value.
//!
//! It is pure; the worker feeds it events with their times and asks how long to wait. A single atomic save waits [`QUIET`].
//! While events keep coming the window doubles up to [`WIDEST`]. A file that was written but not closed, or is gone, waits
//! longer, for it is usually half of a save. Nothing waits longer than [`LIMIT`] after its first event.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::inbox::{Batch, Phase};

/// How long after the last event a complete save fires. Editors that write two files with one save do so within less.
const QUIET: Duration = Duration::from_millis(1);

/// The widest the window gets while events keep coming.
const WIDEST: Duration = Duration::from_millis(64);

/// How long a file that is gone may be missing before that is the news: editors rename away, then write anew.
const GONE_QUIET: Duration = Duration::from_millis(25);

/// How long a file may stay open after its last write. A close usually follows within a millisecond; a program that keeps
/// its file open is heard all the same.
const OPEN_QUIET: Duration = Duration::from_millis(100);

/// The hard limit from the first event.
pub(super) const LIMIT: Duration = Duration::from_millis(400);

/// The events of a save that is going on.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) dirty: HashMap<PathBuf, Phase>,
    pub(super) lost: bool,
    pub(super) last: Instant,
    first: Instant,
    window: Duration,
}

impl Pending {
    /// Begins with a batch that is not empty.
    pub(super) fn new(batch: Batch, now: Instant) -> Self {
        let last = batch.last.unwrap_or(now);
        Self { dirty: batch.dirty, lost: batch.lost, last, first: last, window: QUIET }
    }

    /// Adds what came in while waiting.
    pub(super) fn add(&mut self, batch: Batch) {
        if batch.last.is_none() {
            return;
        }
        self.window = (self.window * 2).min(WIDEST);
        self.last = batch.last.unwrap_or(self.last);
        self.lost |= batch.lost;
        self.dirty.extend(batch.dirty);
    }

    /// How long to wait for more; `None` when it is complete now.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let due = (self.last + self.quiet()).min(self.first + LIMIT);
        due.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// How long it has gone on.
    pub(super) fn age(&self) -> Duration {
        self.first.elapsed()
    }

    fn quiet(&self) -> Duration {
        let slowest = self.dirty.values().map(|phase| match phase {
            Phase::Open => OPEN_QUIET,
            Phase::Complete => QUIET,
            Phase::Gone => GONE_QUIET,
        });
        slowest.max().unwrap_or(QUIET).max(self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(path: &str, phase: Phase, at: Instant) -> Batch {
        Batch { dirty: [(path.into(), phase)].into(), last: Some(at), ..Batch::default() }
    }

    /// Feeds events given as (milliseconds, phase) of one file; expects to fire at that millisecond.
    fn check(events: &[(u64, Phase)], fires_at: u64) {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pending = Pending::new(batch("f", events[0].1, at(events[0].0)), at(events[0].0));
        for &(ms, phase) in &events[1..] {
            assert!(pending.wait(at(ms)).is_some(), "fired before {ms}");
            pending.add(batch("f", phase, at(ms)));
        }
        let last = events[events.len() - 1].0;
        let left = pending.wait(at(last)).unwrap_or_default();
        assert_eq!(at(last) + left, at(fires_at), "{events:?}");
    }

    #[test]
    fn an_atomic_save_fires_at_once() {
        check(&[(0, Phase::Complete)], 1);
        check(&[(0, Phase::Open), (1, Phase::Complete)], 3);
    }

    #[test]
    fn half_a_save_waits_for_the_other_half() {
        check(&[(0, Phase::Gone)], 25);
        check(&[(0, Phase::Gone), (3, Phase::Open), (4, Phase::Complete)], 8);
        check(&[(0, Phase::Open)], 100);
    }

    #[test]
    fn a_storm_ends_at_the_limit() {
        let storm: Vec<_> = (0..=396).step_by(4).map(|ms| (ms, Phase::Open)).collect();
        check(&storm, 400);
    }
}
