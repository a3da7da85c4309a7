//! Which state of the project answers, and whether it is the newest one.
//!
//! A [`Generation`] is made by each plan that succeeds. [`Standing`] says which one answers requests now and, when the
//! newest save could not be made into a generation, why: the project is then *stale*. The session alone writes it (through a
//! `tokio::sync::watch` channel); pages, headers and the reload socket read it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::report::Report;

/// A numbered state of the project that can answer requests. The first one of a run is 1; 0 means that there is none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Hands out the numbers of a run, each once; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// The next generation.
    #[must_use]
    pub fn next(&self) -> Generation {
        Generation(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The number that [`Self::next`] will hand out, if nobody else asks before.
    #[must_use]
    pub fn upcoming(&self) -> Generation {
        Generation(self.0.load(Ordering::Relaxed) + 1)
    }
}

/// What answers now, and what stands between it and the newest save.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The generation that requests get.
    pub generation: Generation,
    /// The failure that keeps the newest save from being served; `None` when the generation is fresh.
    pub failure: Option<Arc<Report>>,
    /// Whether a build or a start is under way.
    pub building: bool,
    /// The generation whose program answers; 0 without one.
    pub program: Generation,
    /// The generation in which the text of pages (templates, data, HTML) last changed; 0 when it never did.
    pub pages: Generation,
    /// The files that changed since the start, by URL path; `None` when there are too many to name.
    pub resources: Option<Arc<Resources>>,
}

/// Files by URL path.
pub type Resources = BTreeMap<String, ResourceState>;

/// A file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceState {
    /// The generation in which it last did.
    pub generation: Generation,
    /// What it holds now; equal for equal bytes.
    pub hash: String,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            generation: Generation::default(),
            failure: None,
            building: false,
            program: Generation::default(),
            pages: Generation::default(),
            resources: Some(Arc::default()),
        }
    }
}

impl Standing {
    /// Whether what is served is older than what is saved.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.failure.is_some()
    }

    /// The value of the `Everlit-Generation` header for an answer made by `generation`: `41`, or `41; stale`.
    #[must_use]
    pub fn header(&self, generation: Generation) -> String {
        if self.is_stale() { format!("{generation}; stale") } else { generation.to_string() }
    }
}
