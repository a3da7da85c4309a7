//! Keeps a program that prints without end from flooding whoever reads along.
//!
//! So many lines a second pass as they come. What goes beyond is left out and counted, but for the last lines, which are shown
//! once the second is over, or the program. Nobody waits: the program is read as fast as it writes.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Lines that pass in one [`SECOND`]: more than anybody reads, and as many as a terminal takes without falling behind. A compiler
/// that has more to say than that says it on the page.
const LINES: usize = 1_000;

/// How long the lines of a burst are counted together.
const SECOND: Duration = Duration::from_secs(1);

/// Lines at the end of a burst that are shown in any case: a stack trace.
const LAST: usize = 60;

/// The lines of one source.
#[derive(Debug)]
pub(super) struct Flood<L> {
    began: Option<Instant>,
    passed: usize,
    last: VecDeque<L>,
    left_out: u64,
}

impl<L> Default for Flood<L> {
    fn default() -> Self {
        Self { began: None, passed: 0, last: VecDeque::new(), left_out: 0 }
    }
}

/// What was held back, in the order it is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held<L> {
    /// Lines that nobody will see, before those that follow.
    pub(super) left_out: u64,
    /// The last ones.
    pub(super) last: VecDeque<L>,
}

impl<L> Flood<L> {
    /// Takes a line in; gives it back when it passes. Ask for what is held first, when it is due.
    pub(super) fn pass(&mut self, line: L, now: Instant) -> Option<L> {
        if self.last.is_empty() && self.began.is_none_or(|began| now >= began + SECOND) {
            (self.began, self.passed) = (Some(now), 0);
        }
        if self.passed < LINES && self.last.is_empty() {
            self.passed += 1;
            return Some(line);
        }
        if self.last.len() == LAST {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(line);
        None
    }

    /// When what is held is to be told; `None` when nothing is.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        self.began.filter(|_| !self.last.is_empty()).map(|began| began + SECOND)
    }

    /// What is held, told by now or never.
    pub(super) fn release(&mut self, now: Instant) -> Held<L> {
        let last = std::mem::take(&mut self.last);
        // They count as the first lines of the second that begins with them.
        (self.began, self.passed) = (Some(now), last.len());
        Held { left_out: std::mem::take(&mut self.left_out), last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_program_is_never_held_up() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        for second in 0..5 {
            let now = start + SECOND * second;
            assert!((0..LINES).all(|line| flood.pass(line, now) == Some(line)));
            assert_eq!(flood.due(), None);
        }
    }

    #[test]
    fn of_a_flood_the_first_and_the_last_lines_are_seen() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        let passed = (0..1_000_000).filter_map(|line| flood.pass(line, start)).count();
        assert_eq!((passed, flood.due()), (LINES, Some(start + SECOND)));
        let held = flood.release(start + SECOND);
        assert_eq!(held.left_out, 1_000_000 - LINES as u64 - LAST as u64);
        assert!(held.last.iter().copied().eq(1_000_000 - LAST..1_000_000));
        assert_eq!(flood.due(), None);
        let passed = (0..LINES).filter_map(|line| flood.pass(line, start + SECOND)).count();
        assert_eq!(passed, LINES - LAST, "those that were held count too");
    }

    #[test]
    fn a_line_never_overtakes_another() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        assert_eq!((0..=LINES).filter_map(|line| flood.pass(line, start)).count(), LINES);
        assert_eq!(flood.pass(LINES + 1, start + SECOND * 2), None, "what is held comes first");
        assert_eq!(flood.release(start + SECOND * 2), Held { left_out: 0, last: [LINES, LINES + 1].into() });
    }
}
