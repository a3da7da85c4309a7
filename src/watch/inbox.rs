//! What other threads leave for the worker: new settings, the end, contents that were read, and, where the system calls back,
//! its events.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{bell::Bell, reader::Contents};
use crate::config::WatchConfig;

/// Events of one callback engine that may wait. Beyond it the whole tree is looked at: a scan is cheaper than the list by then.
#[cfg(any(test, not(target_os = "linux")))]
const CAPACITY: usize = 20_000;

/// All that was left.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// New settings; the whole tree is to be compared with what was known under the old ones.
    pub(super) config: Option<WatchConfig>,
    pub(super) closed: bool,
    pub(super) contents: Vec<Contents>,
    /// By absolute path.
    #[cfg(any(test, not(target_os = "linux")))]
    pub(super) events: Vec<(std::path::PathBuf, super::event::What)>,
    /// Events were lost: everything may have changed.
    #[cfg(any(test, not(target_os = "linux")))]
    pub(super) lost: bool,
}

/// Filled by anybody, who never waits; emptied by the worker.
#[derive(Debug)]
pub(super) struct Inbox {
    orders: Mutex<Orders>,
    bell: Bell,
}

impl Inbox {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { orders: Mutex::default(), bell: Bell::new()? })
    }

    /// Hands over new settings.
    pub(super) fn put_config(&self, config: WatchConfig) {
        self.lock().config = Some(config);
        self.bell.ring();
    }

    /// Hands over what files hold.
    pub(super) fn put_contents(&self, contents: Contents) {
        self.lock().contents.push(contents);
        self.bell.ring();
    }

    /// Tells the worker to end; every later look says so.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.bell.ring();
    }

    /// Takes what has come in.
    pub(super) fn take(&self) -> Orders {
        self.bell.silence();
        let mut orders = self.lock();
        let left = Orders { closed: orders.closed, ..Orders::default() };
        std::mem::replace(&mut *orders, left)
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(any(test, not(target_os = "linux")))]
impl Inbox {
    pub(super) fn put_event(&self, path: std::path::PathBuf, what: super::event::What) {
        let mut orders = self.lock();
        if orders.events.len() >= CAPACITY {
            orders.events.clear();
            orders.lost = true;
        }
        orders.events.push((path, what));
        self.bell.ring();
    }

    /// Says that events were lost.
    pub(super) fn put_lost(&self) {
        self.lock().lost = true;
        self.bell.ring();
    }
}

/// Readable once something was left.
impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::event::What;

    #[test]
    fn closed_stays_closed() {
        let inbox = Inbox::new().expect("a pair of sockets");
        inbox.close();
        for look in ["first", "second"] {
            assert!(inbox.take().closed, "at the {look} look");
        }
    }

    #[test]
    fn too_many_paths_are_the_whole_tree() {
        let inbox = Inbox::new().expect("a pair of sockets");
        for number in 0..=CAPACITY {
            inbox.put_event(number.to_string().into(), What::Closed);
        }
        let orders = inbox.take();
        assert!(orders.lost && orders.events.len() == 1);
    }
}
