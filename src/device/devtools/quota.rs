//! How much of what a tab says is passed on.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::telemetry::{Notice, PageMessage, Teller};

/// Messages of one tab that are passed on within [`WINDOW`]: more than anybody reads.
const MESSAGES: u64 = 100;

const WINDOW: Duration = Duration::from_secs(1);

/// What was passed on in the present window, and what was not.
#[derive(Debug)]
pub(super) struct Quota {
    since: Instant,
    passed: u64,
    left_out: u64,
}

impl Quota {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), passed: 0, left_out: 0 }
    }

    /// The message, when there is room for it.
    pub(super) fn take(&mut self, message: PageMessage) -> Option<Notice> {
        if self.left_out == 0 && self.since.elapsed() > WINDOW {
            *self = Self::new();
        }
        if self.passed == MESSAGES {
            self.left_out += 1;
            return None;
        }
        self.passed += 1;
        Some(Notice::Console(message))
    }

    /// When to tell what was left out; `None` when nothing was.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.left_out > 0).then_some(self.since + WINDOW)
    }

    /// Tells it, and begins anew.
    pub(super) fn close(&mut self, teller: &Arc<Teller>) -> Notice {
        let messages = std::mem::replace(self, Self::new()).left_out;
        Notice::ConsoleLeftOut { teller: Arc::clone(teller), messages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Level, PageKind};

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_the_first_are_heard_and_the_others_counted() {
        let (mut quota, teller) = (Quota::new(), Arc::new(Teller::default()));
        let message = || PageMessage {
            kind: PageKind::Console,
            level: Level::Log,
            text: String::new(),
            place: None,
            times: 1,
            teller: Arc::clone(&teller),
        };
        let passed = (0..MESSAGES + 7).filter_map(|_| quota.take(message())).count();
        assert_eq!(passed as u64, MESSAGES);
        tokio::time::sleep_until(quota.due().unwrap()).await;
        assert!(matches!(quota.close(&teller), Notice::ConsoleLeftOut { messages: 7, .. }));
        assert_eq!(quota.due(), None);
        assert!(quota.take(message()).is_some());
    }
}
