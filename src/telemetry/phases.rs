//! What the time of one answer goes to, counted by whoever spends it.
//!
//! A [`Phases`] goes with a request in its extensions; parts that are gone through more than once add up. It is empty, and counts
//! nothing, for requests that nobody times.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use http::Extensions;

/// A part of the way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a program that answers: for the first build, during a swap, or for its port.
    Queue,
    /// The program, or another server that was asked, until the head of its answer.
    App,
    /// A template.
    Render,
    /// Putting the script into a page, before its head leaves.
    Inject,
}

impl Phase {
    /// In the order in which a request goes through them.
    pub const ALL: [Self; 4] = [Self::Queue, Self::App, Self::Render, Self::Inject];

    /// `queue`, `app`, `render`, `inject`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::App => "app",
            Self::Render => "render",
            Self::Inject => "inject",
        }
    }
}

/// Counts while an answer is made; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Phases(Option<Arc<[AtomicU32; Phase::ALL.len()]>>);

impl Phases {
    /// With nothing spent yet.
    #[must_use]
    pub fn begin() -> Self {
        Self(Some(Arc::default()))
    }

    /// Those of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Counts this as time of a phase.
    pub fn add(&self, phase: Phase, took: Duration) {
        if let Some(micros) = &self.0 {
            micros[phase as usize].fetch_add(in_micros(took), Ordering::Relaxed);
        }
    }

    /// Counts the time until there is an output as that of a phase.
    pub fn during<F: Future>(&self, phase: Phase, future: F) -> impl Future<Output = F::Output> {
        let began = self.0.as_ref().map(|_| Instant::now());
        // An asynchronous function would have room for the future twice: as its argument, and as what it waits for.
        future.map(move |output| {
            if let Some(began) = began {
                self.add(phase, began.elapsed());
            }
            output
        })
    }

    /// What was spent until now.
    #[must_use]
    pub fn spent(&self) -> Spent {
        Spent(self.0.as_ref().map(|micros| micros.each_ref().map(|micros| micros.load(Ordering::Relaxed))).unwrap_or_default())
    }
}

/// What each phase took, in microseconds: an hour at most, and nothing where it was not gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent([u32; Phase::ALL.len()]);

impl Spent {
    /// The phases that were gone through, and the microseconds they took.
    pub fn iter(self) -> impl Iterator<Item = (Phase, u32)> {
        Phase::ALL.into_iter().zip(self.0).filter(|(_, micros)| *micros > 0)
    }
}

/// A duration in microseconds, as far as it can be counted.
#[must_use]
pub fn in_micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_gone_through_twice_adds_up() {
        let mut extensions = Extensions::new();
        extensions.insert(Phases::begin());
        let phases = Phases::of(&extensions);
        phases.add(Phase::Queue, Duration::from_micros(1500));
        phases.add(Phase::Queue, Duration::from_micros(2));
        phases.add(Phase::Render, Duration::from_nanos(10));
        assert_eq!(phases.during(Phase::App, async { 7 }).await, 7);
        phases.add(Phase::App, Duration::from_secs(1));
        let spent: Vec<_> = Phases::of(&extensions).spent().iter().collect();
        assert_eq!(spent[0], (Phase::Queue, 1502));
        assert!(spent[1].0 == Phase::App && spent[1].1 >= 1_000_000 && spent.len() == 2, "{spent:?}");
    }

    #[tokio::test]
    async fn nobody_times_a_request_without_them() {
        let phases = Phases::of(&Extensions::new());
        phases.add(Phase::App, Duration::from_secs(1));
        assert_eq!(phases.during(Phase::Queue, async { 7 }).await, 7);
        assert_eq!(phases.spent().iter().count(), 0);
        assert_eq!(in_micros(Duration::MAX), u32::MAX);
    }
}
