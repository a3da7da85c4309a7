//! How much may be kept in all, and who takes how much of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A number of bytes that are shared out; a clone is the same room.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<AtomicUsize>);

/// A part of a [`Room`], given back with the value.
#[derive(Debug)]
pub(super) struct Claim {
    room: Room,
    bytes: usize,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// `None` when there is less than that left.
    pub(super) fn claim(&self, bytes: usize) -> Option<Claim> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.ok().map(|_| Claim { room: self.clone(), bytes })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.room.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let room = Room::new(10);
        let (seven, three) = (room.claim(7), room.claim(3));
        assert!(seven.is_some() && three.is_some() && room.claim(1).is_none());
        drop(seven);
        assert!(room.claim(8).is_none());
        assert!(room.claim(7).is_some());
    }
}
