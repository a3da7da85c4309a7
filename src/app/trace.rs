//! Finds what goes wrong in a program that goes on: a stack trace in its output, once it is complete.
//!
//! A request that failed is no failure of the generation: nothing is stale, and no page is covered. The console names the place, under
//! the trace as the program wrote it.

use std::time::Duration;

use tokio::time::Instant;

/// Lines that are kept from the one that may begin a trace: a deep one fits.
const LINES: usize = 300;

/// How long the program must have been silent before a trace counts as complete. One that ends because of it is gone by then, and its
/// report says the same.
const QUIET: Duration = Duration::from_millis(250);

/// What stands in the first lines of a trace.
const BEGINNINGS: [&str; 8] =
    ["Traceback (most recent call last):", "panic", "fatal error: ", "Error: ", "Error [", "Exception", ":in `", ":in '"];

/// The lines of what may be a trace.
#[derive(Debug, Default)]
pub(super) struct Trace {
    lines: Vec<String>,
    due: Option<Instant>,
}

impl Trace {
    /// Takes a line that the program wrote.
    pub(super) fn add(&mut self, line: &str) {
        let is_first = self.lines.is_empty();
        if is_first && !BEGINNINGS.iter().any(|beginning| line.contains(beginning)) {
            return;
        }
        if self.lines.len() < LINES {
            self.lines.push(line.to_owned());
            self.due = Some(Instant::now() + QUIET);
        }
    }

    /// When what is there is to be looked at; `None` when there is nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The lines, which are forgotten.
    pub(super) fn take(&mut self) -> String {
        self.due = None;
        std::mem::take(&mut self.lines).iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_may_be_a_trace() {
        let mut trace = Trace::default();
        for line in ["listening", "GET / 200", ""] {
            trace.add(line);
        }
        assert_eq!((trace.due(), trace.take()), (None, String::new()));
        for line in ["GET /", "Traceback (most recent call last):", "  File \"a.py\", line 3", "KeyError: 'a'"] {
            trace.add(line);
        }
        assert!(trace.due().is_some());
        assert_eq!(trace.take(), "Traceback (most recent call last):\n  File \"a.py\", line 3\nKeyError: 'a'\n");
        assert_eq!(trace.due(), None);
        (0..1000).for_each(|_| trace.add("Error: x"));
        assert_eq!(trace.take().lines().count(), LINES);
    }
}
