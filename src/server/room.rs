//! How much there is room for: connections at once, and headers in the head of a request.
//!
//! A [`Place`] is held for as long as a connection lives. When all are taken the next one waits, those behind it in the kernel's queue,
//! and the console says so, once, with the key that allows more: nobody else can be told before they are listened to.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustix::io::Errno;
use tokio::sync::watch;

use crate::{config::LimitsConfig, telemetry::Notices};

/// The headers for which hyper's parser has room on its stack; for more it asks for memory twice, for every request.
const HEADERS_AT_NO_COST: usize = 100;

/// What some listeners share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: watch::Sender<Places>,
    headers: AtomicUsize,
    notices: Notices,
    is_told: AtomicBool,
    is_refusal_told: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Places {
    taken: usize,
    most: usize,
}

/// A taken place.
#[derive(Debug)]
pub(super) struct Place(Arc<Inner>);

impl Room {
    /// Room for as much as there may be unless more is allowed.
    #[must_use]
    pub fn new(notices: Notices) -> Self {
        let LimitsConfig { at_once, head, .. } = LimitsConfig::default();
        let places = watch::Sender::new(Places { taken: 0, most: at_once.connections });
        let (headers, is_told, is_refusal_told) =
            (AtomicUsize::new(head.headers), AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Inner { places, headers, notices, is_told, is_refusal_told }))
    }

    /// Allows so much from now on; connections that are open stay as they are.
    pub fn allow(&self, limits: &LimitsConfig) {
        self.0.places.send_modify(|places| places.most = limits.at_once.connections);
        self.0.headers.store(limits.head.headers, Ordering::Relaxed);
        self.0.is_told.store(false, Ordering::Relaxed);
    }

    /// Whether a new connection's parser has to make room for headers.
    pub(super) fn is_for_many_headers(&self) -> bool {
        self.0.headers.load(Ordering::Relaxed) > HEADERS_AT_NO_COST
    }

    /// Waits for a place. Cancel-safe.
    pub(super) async fn enter(&self) -> Place {
        loop {
            if let Some(place) = self.take() {
                return place;
            }
            self.tell_full();
            // The sender is our own, so the channel cannot close meanwhile.
            let _ = self.0.places.subscribe().wait_for(|places| places.taken < places.most).await;
        }
    }

    fn take(&self) -> Option<Place> {
        let mut is_taken = false;
        // Nobody waits for a rise of the count, so nobody is woken.
        self.0.places.send_if_modified(|places| {
            is_taken = places.taken < places.most;
            places.taken += usize::from(is_taken);
            false
        });
        is_taken.then(|| Place(Arc::clone(&self.0)))
    }

    /// Says once that the system gives no further connection, though there is room.
    pub(super) fn tell_refused(&self, error: &io::Error) {
        let is_for_descriptors = matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
        if is_for_descriptors && !self.0.is_refusal_told.swap(true, Ordering::Relaxed) {
            self.0.notices.warn("the system lets everlit open no more files, and connections wait: raise `ulimit -n`");
        }
    }

    fn tell_full(&self) {
        if !self.0.is_told.swap(true, Ordering::Relaxed) {
            let most = self.0.places.borrow().most;
            self.0.notices.warn(format!(
                "{most} connections are open, and further ones wait: `[limits] connections` in everlit.toml allows more"
            ));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.send_modify(|places| places.taken -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::telemetry::Notice;

    fn room(most: usize) -> (Room, crate::telemetry::Heard) {
        let (notices, heard) = Notices::channel();
        let room = Room::new(notices);
        room.allow(&limits(most, 100));
        (room, heard)
    }

    fn limits(connections: usize, headers: usize) -> LimitsConfig {
        let mut limits = LimitsConfig::default();
        (limits.at_once.connections, limits.head.headers) = (connections, headers);
        limits
    }

    #[tokio::test]
    async fn places_are_bounded_and_come_back() {
        let (room, mut heard) = room(2);
        let first = room.enter().await;
        assert!(heard.try_recv().is_err(), "there is room yet");
        let _second = room.enter().await;
        assert!(room.enter().now_or_never().is_none() && room.enter().now_or_never().is_none());
        assert!(
            matches!(heard.try_recv(), Ok(Notice::Warning(text)) if text.contains("2 connections") && text.contains("[limits] connections"))
        );
        assert!(heard.try_recv().is_err(), "once is enough");
        let mut waiting = Box::pin(room.enter());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        waiting.await;
    }

    #[tokio::test]
    async fn the_systems_own_bound_is_told_once() {
        let (room, mut heard) = room(2);
        room.tell_refused(&io::ErrorKind::ConnectionAborted.into());
        assert!(heard.try_recv().is_err());
        for _ in 0..2 {
            room.tell_refused(&Errno::MFILE.into());
        }
        assert!(matches!(heard.try_recv(), Ok(Notice::Warning(text)) if text.contains("ulimit -n")));
        assert!(heard.try_recv().is_err());
    }

    #[tokio::test]
    async fn another_bound_holds_at_once() {
        let (room, _heard) = room(1);
        let first = room.enter().await;
        let mut waiting = Box::pin(room.enter());
        assert!(waiting.as_mut().now_or_never().is_none());
        room.allow(&limits(2, 100));
        let second = waiting.await;
        room.allow(&limits(1, 100));
        drop(first);
        assert!(room.enter().now_or_never().is_none(), "one is open still");
        drop(second);
        assert!(room.enter().now_or_never().is_some());
    }

    #[tokio::test]
    async fn more_headers_than_the_parser_has_room_for_are_asked_for() {
        let (room, _heard) = room(1);
        let is_for_many = [100, 101, 100].map(|headers| {
            room.allow(&limits(1, headers));
            room.is_for_many_headers()
        });
        assert_eq!(is_for_many, [false, true, false]);
    }
}
