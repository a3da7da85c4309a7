//! How long to wait before a program that ended is started again.

use std::time::{Duration, Instant};

/// The first pause.
const FIRST: Duration = Duration::from_millis(200);

/// The longest pause: at most twelve starts a minute.
const LONGEST: Duration = Duration::from_secs(5);

/// A program that ran this long was healthy: its next end is a new story.
const HEALTHY: Duration = Duration::from_secs(10);

/// Growing pauses.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    last: Option<Instant>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST, last: None }
    }
}

impl Backoff {
    /// The pause after an end at `now`.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > HEALTHY) {
            *self = Self::default();
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        self.last = Some(now + pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_forgets() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let mut now = start;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let pause = backoff.pause(now);
            pauses.push(pause.as_millis());
            now += pause;
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000]);
        assert_eq!(backoff.pause(now + HEALTHY * 2), FIRST);
    }
}
