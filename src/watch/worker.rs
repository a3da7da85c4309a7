//! The thread that ties it together: waits for events, lets them settle, looks at what they name.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    change_set::ChangeSet,
    engine::{Engine, POLL},
    inbox::{Batch, Inbox, Phase},
    index_lock::{self, Hold, IndexLock},
    pending::Pending,
    rules::{Rules, is_rule_file},
    tree::Tree,
};
use crate::{
    config::WatchConfig,
    telemetry::{Notice, Notices},
};

/// How often a lock of git's, or a set the session has not taken yet, is looked at again.
const RETRY: Duration = Duration::from_millis(10);

/// A poll may use this share of the time: one part scanning, so many parts idle.
const POLL_IDLE: u32 = 20;

pub(super) struct Worker {
    root: PathBuf,
    pub(super) tree: Tree,
    engine: Engine,
    inbox: Arc<Inbox>,
    sets: mpsc::Sender<ChangeSet>,
    notices: Notices,
    git: IndexLock,
    /// What the session had no room for.
    unsent: Option<ChangeSet>,
    root_missing: bool,
    poll_every: Duration,
}

impl Worker {
    /// What changes from now on is a change.
    pub(super) fn new(
        root: &Path,
        config: &WatchConfig,
        inbox: Arc<Inbox>,
        sets: mpsc::Sender<ChangeSet>,
        notices: Notices,
    ) -> Self {
        Self {
            root: root.to_owned(),
            tree: Tree::new(root, Rules::new(root, &config.ignore)),
            engine: engine(config, &inbox, &notices),
            inbox,
            sets,
            notices,
            git: IndexLock::around(root),
            unsent: None,
            root_missing: false,
            poll_every: POLL,
        }
    }

    pub(super) fn run(mut self) {
        self.walk();
        while self.turn().is_continue() {}
    }

    /// Walks the tree for the first time; events are kept in the inbox meanwhile, and so is what was saved without one.
    pub(super) fn walk(&mut self) {
        let began = Instant::now();
        let mut saved = Vec::new();
        self.with_watches(|tree, watch| saved = tree.walk(watch));
        for path in saved {
            self.inbox.put(path, Phase::Complete);
        }
        let (folders, files) = self.tree.size();
        self.notices.send(Notice::Watching { folders, files, took: began.elapsed() });
    }

    /// Waits for events and hands on what really changed; breaks when nobody listens any more.
    pub(super) fn turn(&mut self) -> ControlFlow<()> {
        let batch = self.receive(self.patience());
        if batch.closed || self.sets.is_closed() {
            return ControlFlow::Break(());
        }
        if batch.last.is_none() {
            self.idle();
        } else if let Some(pending) = self.settle(batch) {
            self.look(&pending);
        }
        self.send();
        ControlFlow::Continue(())
    }

    /// How long to wait for events; `None` is for ever.
    fn patience(&self) -> Option<Duration> {
        match self.engine {
            _ if self.unsent.is_some() => Some(RETRY),
            _ if self.root_missing => Some(self.poll_every),
            Engine::Poll => Some(self.poll_every),
            Engine::Native(_) => None,
        }
    }

    /// Takes what has come in, without what is no news: a log that is left out must not keep a save waiting.
    pub(super) fn receive(&mut self, limit: Option<Duration>) -> Batch {
        let mut batch = self.inbox.take(limit);
        if let Some(config) = batch.config.take() {
            self.adopt(&config);
        }
        batch.dirty.retain(|path, phase| {
            // Only a file that was there can be half of its own save; others are what it was written to first.
            if *phase == Phase::Gone && !self.tree.knows(path) {
                *phase = Phase::Complete;
            }
            self.tree.heeds(path)
        });
        if batch.dirty.is_empty() && !batch.lost {
            batch.last = None;
        }
        batch
    }

    /// Goes on under new settings with all that is known.
    fn adopt(&mut self, config: &WatchConfig) {
        self.tree.set_rules(Rules::new(&self.root, &config.ignore));
        if config.poll != matches!(self.engine, Engine::Poll) {
            self.engine = engine(config, &self.inbox, &self.notices);
        }
    }

    /// Waits until the save is complete; `None` when nobody listens any more.
    fn settle(&mut self, batch: Batch) -> Option<Pending> {
        let mut pending = Pending::new(batch, Instant::now());
        while let Some(wait) = pending.wait(Instant::now()).or_else(|| self.git_wait(&pending)) {
            let batch = self.receive(Some(wait));
            if batch.closed {
                return None;
            }
            pending.add(batch);
        }
        Some(pending)
    }

    /// Git writes its index lock while it changes files: the save is complete when it is gone.
    fn git_wait(&mut self, pending: &Pending) -> Option<Duration> {
        match self.git.look(pending.age()) {
            Hold::Free => None,
            Hold::Wait => Some(RETRY),
            Hold::GivenUp(lock) => {
                let (lock, limit) = (lock.display(), index_lock::LIMIT.as_secs());
                self.notices.warn(format!(
                    "git has held {lock} for {limit} s; saves no longer wait for it. Delete it if no git command is running"
                ));
                None
            }
        }
    }

    fn look(&mut self, pending: &Pending) {
        let mut changes = ChangeSet::new(pending.last);
        let rescan = pending.lost || pending.dirty.keys().any(|path| is_rule_file(path));
        self.with_watches(|tree, watch| {
            for path in pending.dirty.keys() {
                tree.look(path, watch, &mut changes);
            }
            if rescan {
                tree.rescan(watch, &mut changes);
            }
        });
        self.check_root();
        self.queue(changes);
    }

    /// Nothing came in: look for what no event tells.
    fn idle(&mut self) {
        if !matches!(self.engine, Engine::Poll) && !self.root_missing {
            return;
        }
        let started = Instant::now();
        let mut changes = ChangeSet::new(started);
        self.with_watches(|tree, watch| tree.rescan(watch, &mut changes));
        self.poll_every = POLL.max(started.elapsed() * POLL_IDLE);
        self.check_root();
        self.queue(changes);
    }

    fn check_root(&mut self) {
        let missing = !self.tree.root_exists();
        if missing && !self.root_missing {
            self.notices.warn(format!("{} is gone; waiting for it to come back", self.root.display()));
        }
        self.root_missing = missing;
    }

    fn queue(&mut self, changes: ChangeSet) {
        if changes.is_empty() {
            return;
        }
        match &mut self.unsent {
            Some(unsent) => unsent.merge(changes),
            None => self.unsent = Some(changes),
        }
    }

    fn send(&mut self) {
        let Some(changes) = self.unsent.take() else { return };
        if let Err(TrySendError::Full(changes)) = self.sets.try_send(changes) {
            self.unsent = Some(changes);
        }
    }

    /// Lets the tree be looked at with a way to watch new folders; falls back to polling when the system has no more watches.
    fn with_watches(&mut self, act: impl FnOnce(&mut Tree, &mut dyn FnMut(&Path))) {
        let engine = &mut self.engine;
        let mut refused = None;
        act(&mut self.tree, &mut |folder| {
            if refused.is_none() {
                refused = engine.watch(folder).err();
            }
        });
        if let Some(reason) = refused {
            self.notices.warn(format!("{reason}; the project is polled meanwhile"));
            self.engine = Engine::Poll;
        }
    }
}

/// The system's events, unless they are not wanted or cannot be had.
fn engine(config: &WatchConfig, inbox: &Arc<Inbox>, notices: &Notices) -> Engine {
    if config.poll {
        return Engine::Poll;
    }
    Engine::native(Arc::clone(inbox)).unwrap_or_else(|reason| {
        notices.warn(format!("{reason}; the project is polled meanwhile"));
        Engine::Poll
    })
}
