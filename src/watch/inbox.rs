//! Where the engine leaves raw events for the worker: a set of dirty paths, so that a thousand events of one file take the
//! room of one.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::config::WatchConfig;

/// Dirty paths kept apart. Beyond it the whole tree is dirty: a scan is cheaper than the list by then.
const CAPACITY: usize = 20_000;

/// How far a save of one path has come, by the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Somebody writes it, or has just made it.
    Open,
    /// It was closed, renamed over or its attributes changed.
    Complete,
    /// It was removed or renamed away; often half of a save.
    Gone,
}

/// What has come in since the last look.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) dirty: HashMap<PathBuf, Phase>,
    /// Events were lost: everything may have changed.
    pub(super) lost: bool,
    pub(super) last: Option<Instant>,
    /// New settings; the whole tree is to be compared with what was known under the old ones.
    pub(super) config: Option<WatchConfig>,
    pub(super) closed: bool,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.dirty.is_empty() && !self.lost && !self.closed
    }
}

/// The shared set; the engine's callback fills it and never waits.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    batch: Mutex<Batch>,
    filled: Condvar,
}

impl Inbox {
    pub(super) fn put(&self, path: PathBuf, phase: Phase) {
        let mut batch = self.lock();
        if batch.dirty.len() >= CAPACITY {
            batch.dirty.clear();
            batch.lost = true;
        }
        batch.dirty.insert(path, phase);
        batch.last = Some(Instant::now());
        self.filled.notify_one();
    }

    /// Says that events were lost.
    pub(super) fn put_lost(&self) {
        let mut batch = self.lock();
        batch.lost = true;
        batch.last = Some(Instant::now());
        self.filled.notify_one();
    }

    /// Hands over new settings.
    pub(super) fn put_config(&self, config: WatchConfig) {
        self.lock().config = Some(config);
        self.put_lost();
    }

    /// Tells the worker to end; every later look says so.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Takes what has come in, waiting for something at most that long.
    pub(super) fn take(&self, limit: Option<Duration>) -> Batch {
        let batch = self.lock();
        let mut batch = match limit {
            None => self.filled.wait_while(batch, |batch| batch.is_empty()).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.filled.wait_timeout_while(batch, limit, |batch| batch.is_empty()).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let left = Batch { closed: batch.closed, ..Batch::default() };
        std::mem::replace(&mut *batch, left)
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_stays_closed() {
        let inbox = Inbox::default();
        inbox.close();
        for look in ["first", "second"] {
            assert!(inbox.take(Some(Duration::ZERO)).closed, "at the {look} look");
        }
    }

    #[test]
    fn too_many_paths_are_the_whole_tree() {
        let inbox = Inbox::default();
        for number in 0..=CAPACITY {
            inbox.put(number.to_string().into(), Phase::Complete);
        }
        let batch = inbox.take(Some(Duration::ZERO));
        assert!(batch.lost && batch.dirty.len() == 1);
    }
}
