//! Turns raw file events into settled [`ChangeSet`]s.
//!
//! Editors write one save as up to six events, a checkout as thousands. [`Watcher::next`] answers as soon as a save is
//! complete, and never later than a second after its first event, unless git is at work. What is equal to what was there before is no
//! change, whatever the events said.
//!
//! ```text
//! engine, poller ─► intake ─► pending (when?) ─► tree (what really?) ─► ChangeSet
//! ```
//!
//! This module does not know what a change means; that is `build::plan`. It never drops a path: when events were lost the
//! tree is scanned anew and compared, and a folder nobody tells of is polled.

mod bell;
mod canary;
mod change_set;
mod engine;
mod event;
mod folder;
mod git_config;
mod git_work;
mod inbox;
#[cfg(target_os = "linux")]
mod inotify;
mod intake;
mod links;
mod moment;
mod mounts;
#[cfg(any(test, not(target_os = "linux")))]
mod notifier;
mod outer_rules;
mod pending;
mod poller;
mod read_ahead;
mod reader;
mod repository;
mod root;
mod rules;
mod stamp;
mod temporaries;
#[cfg(test)]
mod tests;
mod tree;
mod worker;

use std::{future, io, path::Path, sync::Arc, thread};

use tokio::sync::mpsc;

pub use change_set::{Change, ChangeSet, Kind};

use crate::{config::WatchConfig, telemetry::Notices};
use inbox::Inbox;
use worker::{Start, Worker};

/// Change sets that may wait for the session. It takes them at once; the worker merges what does not fit.
const QUEUE: usize = 16;

/// Watches a project until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    /// `None` once the end of the watching thread was told.
    sets: Option<mpsc::Receiver<ChangeSet>>,
    inbox: Arc<Inbox>,
}

impl Watcher {
    /// Begins to watch in a thread of its own; returns at once, the walk goes on behind it. What is saved from now on is a
    /// change, whenever the walk comes to it.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub fn start(root: &Path, config: &WatchConfig, notices: Notices) -> io::Result<Self> {
        let (sender, sets) = mpsc::channel(QUEUE);
        let inbox = Arc::new(Inbox::new()?);
        let start = Start::now(root, config, Arc::clone(&inbox), sender, notices)?;
        thread::Builder::new().name("watch".into()).spawn(move || Worker::new(start).run())?;
        Ok(Self { sets: Some(sets), inbox })
    }

    /// Goes on with other settings; no save is lost in between.
    pub fn adopt(&self, config: &WatchConfig) {
        self.inbox.put_config(config.clone());
    }

    /// The next set of files that really changed. Cancel-safe. `None`, once, when the watching thread has ended, which it never
    /// should; after that it waits for ever.
    pub async fn next(&mut self) -> Option<ChangeSet> {
        let Some(sets) = &mut self.sets else { return future::pending().await };
        let next = sets.recv().await;
        if next.is_none() {
            self.sets = None;
        }
        next
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.inbox.close();
    }
}
