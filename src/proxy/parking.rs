//! Counts the requests that wait for a program, and refuses those beyond the limit.
//!
//! A [`Ticket`] is held for as long as a request waits; dropping it (the browser left, the program came) frees the place.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// The places.
#[derive(Debug)]
pub(super) struct Parking {
    places: usize,
    taken: AtomicUsize,
    waited: AtomicU64,
}

/// A taken place.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Parking>);

impl Parking {
    pub(super) fn new(places: usize) -> Self {
        Self { places, taken: AtomicUsize::new(0), waited: AtomicU64::new(0) }
    }

    /// A place, or `None` when all are taken.
    pub(super) fn take(self: &Arc<Self>) -> Option<Ticket> {
        let more = |taken| (taken < self.places).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        self.waited.fetch_add(1, Ordering::Relaxed);
        Some(Ticket(self.clone()))
    }

    /// How many took a place since the last [`Parking::forget`].
    pub(super) fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }

    /// Counts from zero again.
    pub(super) fn forget(&self) {
        self.waited.store(0, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let parking = Arc::new(Parking::new(2));
        let first = parking.take();
        let second = parking.take();
        assert!(first.is_some() && second.is_some() && parking.take().is_none());
        drop(first);
        assert!(parking.take().is_some());
        assert_eq!(parking.waited(), 3);
        parking.forget();
        assert_eq!(parking.waited(), 0);
    }
}
