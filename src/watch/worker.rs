//! The thread that ties it together: waits for events, lets them settle, looks at what they name.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    canary::Canary,
    change_set::ChangeSet,
    engine::{Engine, Signal},
    event::Event,
    folder::FolderId,
    git_work::{self, GitWork, Hold},
    inbox::{Inbox, Orders},
    intake::{self, Arrival},
    moment::Moment,
    pending::{Pending, Phase, Ready},
    poller::Poller,
    read_ahead::ReadAhead,
    reader::{Contents, Reader, Why},
    root::{Root, Seen},
    rules::{Rules, is_rule_file},
    tree::{Findings, Suspect, Tree},
};
use crate::{
    config::WatchConfig,
    failpoint,
    telemetry::{Notice, Notices},
};

/// How often git's work, or a set the session has not taken yet, is looked at again.
const RETRY: Duration = Duration::from_millis(10);

/// How exactly, in nanoseconds, the system keeps the time of a wait. Its default is a third of what a save waits.
#[cfg(target_os = "linux")]
const SLACK: std::num::NonZeroU64 = std::num::NonZeroU64::new(1_000).expect("more than nothing");

/// A wait that is over sooner is not slept through: to be woken again takes longer.
const SHORT: Duration = Duration::from_micros(60);

/// Names beyond which a storm is read in naps, and how long one is: many events cost as much as one.
const STORM: usize = 64;
const NAP: Duration = Duration::from_millis(2);

/// Reads of the system's events in one turn; then the rest of the work has its turn.
const READS: usize = 64;

pub(super) struct Worker {
    place: PathBuf,
    pub(super) tree: Tree,
    pub(super) engine: Engine,
    inbox: Arc<Inbox>,
    sets: mpsc::Sender<ChangeSet>,
    notices: Notices,
    reader: Reader,
    pub(super) pending: Pending,
    poller: Poller,
    root: Root,
    canary: Option<Canary>,
    git: GitWork,
    /// Git is at work until then at least.
    held_until: Option<Instant>,
    began: Instant,
    read_ahead: Option<ReadAhead>,
    /// What the session had no room for.
    unsent: Option<ChangeSet>,
}

/// What a worker is made from. It is made before the worker's thread is: what fails is told, and nothing is missed that is saved
/// before the thread has its first turn.
pub(super) struct Start {
    root: PathBuf,
    config: WatchConfig,
    inbox: Arc<Inbox>,
    sets: mpsc::Sender<ChangeSet>,
    notices: Notices,
    reader: Reader,
    began: Instant,
    since: Moment,
}

impl Start {
    /// What changes from now on is a change.
    ///
    /// # Errors
    /// When the thread that reads cannot be started.
    pub(super) fn now(
        root: &Path,
        config: &WatchConfig,
        inbox: Arc<Inbox>,
        sets: mpsc::Sender<ChangeSet>,
        notices: Notices,
    ) -> io::Result<Self> {
        let (root, config, reader) = (root.to_owned(), config.clone(), Reader::start(Arc::clone(&inbox))?);
        Ok(Self { root, config, inbox, sets, notices, reader, began: Instant::now(), since: Moment::mark() })
    }
}

impl Worker {
    pub(super) fn new(start: Start) -> Self {
        let Start { root, config, inbox, sets, notices, reader, began, since } = start;
        Self {
            tree: Tree::new(&root, Rules::new(&root, &config), since),
            engine: engine(&config, &inbox),
            reader,
            inbox,
            sets,
            notices,
            pending: Pending::default(),
            poller: Poller::default(),
            root: Root::new(&root),
            canary: None,
            git: GitWork::around(&root),
            held_until: None,
            began,
            read_ahead: Some(ReadAhead::default()),
            unsent: None,
            place: root,
        }
    }

    pub(super) fn run(mut self) {
        be_punctual();
        self.walk();
        while self.turn().is_continue() {}
    }

    /// Walks the tree for the first time; the system keeps events meanwhile, and what was saved without one is found.
    pub(super) fn walk(&mut self) {
        let saved = self.tree.scan(&mut self.engine);
        let now = Instant::now();
        for suspect in saved {
            self.pending.complete(suspect.key, now);
        }
        self.tell_of_watches();
        if !self.engine.is_poll() {
            self.canary = Canary::release(&self.place);
        }
        self.read_ahead();
    }

    /// Waits for whatever comes first and acts on it; breaks when nobody listens any more.
    pub(super) fn turn(&mut self) -> ControlFlow<()> {
        self.wait();
        let orders = self.inbox.take();
        if orders.closed || self.sets.is_closed() {
            return ControlFlow::Break(());
        }
        self.look_at_root();
        self.receive(orders);
        self.poll();
        self.look_after_canary();
        self.fire();
        failpoint::pass("watch");
        self.send();
        ControlFlow::Continue(())
    }

    /// Whether the first walk and the reading behind it are done.
    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        self.read_ahead.is_none()
    }

    fn wait(&self) {
        let now = Instant::now();
        let due = self.next_due(now);
        let left = Some(due.saturating_duration_since(now)).filter(|left| *left > SHORT).unwrap_or_default();
        let is_storm = self.pending.len() > STORM && left > NAP;
        let inbox = PollFd::new(&*self.inbox, PollFlags::IN);
        match self.engine.descriptor().filter(|_| !is_storm) {
            Some(engine) => await_any(&mut [inbox, PollFd::from_borrowed_fd(engine, PollFlags::IN)], left),
            None if is_storm => await_any(&mut [inbox], NAP),
            None => await_any(&mut [inbox], left),
        }
    }

    fn next_due(&self, now: Instant) -> Instant {
        let retry = self.unsent.as_ref().map(|_| now + RETRY);
        let canary = self.canary.as_ref().map(Canary::until);
        let poll = self.poller.due(&self.tree, now).filter(|_| !self.root.is_gone());
        let first = [self.set_due(), retry, canary, poll].into_iter().flatten().min();
        first.unwrap_or(self.root.due()).min(self.root.due())
    }

    fn set_due(&self) -> Option<Instant> {
        let due = self.pending.due()?;
        Some(self.held_until.map_or(due, |held| held.max(due)))
    }

    /// Takes in what others left and what the system says. Contents come last: a file that was written before it was read has
    /// told so by now.
    pub(super) fn receive(&mut self, mut orders: Orders) {
        if let Some(config) = orders.config.take() {
            self.adopt(&config);
        }
        #[cfg(any(test, not(target_os = "linux")))]
        self.receive_called_back(&mut orders);
        for _ in 0..READS {
            if !self.read_engine() {
                break;
            }
        }
        for contents in orders.contents {
            self.learn(contents);
        }
    }

    fn read_engine(&mut self) -> bool {
        let (at, mut arrivals) = (Instant::now(), Vec::new());
        let Self { engine, tree, pending, canary, root, .. } = self;
        let has_read = engine.read(&mut |signal| match signal {
            Signal::Event(event) if canary.as_ref().is_some_and(|canary| canary.is(event.name)) => *canary = None,
            Signal::Event(event) => intake::note(&event, tree, pending, &mut arrivals, at),
            Signal::Lost => {
                *canary = None;
                pending.lose(at);
            }
            Signal::Ended(folder, watch) => tree.lost_watch(folder, watch),
            Signal::Unmounted(FolderId::ROOT) => root.unmounted(),
            Signal::Unmounted(_) => pending.lose(at),
            Signal::RootMoved => root.suspect(),
        });
        self.welcome(arrivals);
        has_read
    }

    #[cfg(any(test, not(target_os = "linux")))]
    fn receive_called_back(&mut self, orders: &mut Orders) {
        let (at, mut arrivals) = (Instant::now(), Vec::new());
        if std::mem::take(&mut orders.lost) {
            self.pending.lose(at);
        }
        for (path, what) in orders.events.drain(..) {
            if path == self.place {
                self.root.suspect();
            }
            let Some((folder, name)) = self.tree.key(&path) else { continue };
            if self.canary.as_ref().is_some_and(|canary| canary.is(&name)) {
                self.canary = None;
                continue;
            }
            let event = Event { folder, name: &name, what, is_folder: path.is_dir() && !path.is_symlink() };
            intake::note(&event, &mut self.tree, &mut self.pending, &mut arrivals, at);
            // Its watch must be there before the next event's folder is asked for.
            self.welcome(std::mem::take(&mut arrivals));
        }
    }

    /// Watches and lists folders that have appeared, at once: what is written into them would be lost otherwise.
    fn welcome(&mut self, arrivals: Vec<Arrival>) {
        for Arrival { key, is_complete } in arrivals {
            let suspects = self.tree.adopt(key.0, &key.1, &mut self.engine);
            let at = Instant::now();
            for Suspect { key, is_gone, is_empty } in suspects {
                match () {
                    () if is_gone => self.pending.wait_for(key, Phase::Gone, at),
                    () if is_complete => self.pending.complete_one_of_several(key, at),
                    // Most likely somebody has just made it and is about to write.
                    () if is_empty => self.pending.wait_for(key, Phase::Open, at),
                    () => self.pending.wait_for(key, Phase::Found, at),
                }
            }
            if self.tree.has_replaced() {
                self.pending.complete(key, at);
            }
        }
        self.tell_of_watches();
    }

    /// Goes on under new settings with all that is known.
    fn adopt(&mut self, config: &WatchConfig) {
        self.tree.set_rules(Rules::new(&self.place, config));
        if config.poll != self.engine.is_poll() {
            self.tree.unwatch();
            self.engine = engine(config, &self.inbox);
            self.poller.begin_anew();
        }
        self.pending.lose(Instant::now());
    }

    fn learn(&mut self, contents: Contents) {
        let mut changes = ChangeSet::new(Instant::now());
        for (key, stamp) in contents.files {
            // One that is being saved is looked at again.
            if !self.pending.contains(&key) {
                self.tree.learn(&key, stamp, &mut changes);
            }
        }
        self.queue(changes);
        if contents.why == Why::Ahead {
            self.read_ahead();
        }
    }

    /// Has the next files read that nobody has read yet; tells when all are.
    fn read_ahead(&mut self) {
        let Some(ahead) = &mut self.read_ahead else { return };
        if let Some(jobs) = ahead.next(&self.tree) {
            // Where large saves fill the queue, reading ahead is over: the first save of what is left counts as a change.
            if self.reader.read(jobs, Why::Ahead).is_ok() {
                return;
            }
        }
        self.read_ahead = None;
        let (folders, files) = self.tree.size();
        self.notices.send(Notice::Watching { folders, files, took: self.began.elapsed() });
    }

    fn look_at_root(&mut self) {
        if self.root.due() > Instant::now() {
            return;
        }
        match self.root.look() {
            Seen::Same => (),
            Seen::Gone => self.notices.warn(format!("{} is gone; waiting for it to come back", self.place.display())),
            Seen::Back => {
                self.notices.send(Notice::Info(format!("{} is back", self.place.display())));
                self.pending.lose(Instant::now());
            }
            Seen::Replaced => self.pending.lose(Instant::now()),
        }
    }

    /// Looks at folders nobody tells of.
    fn poll(&mut self) {
        let now = Instant::now();
        if self.root.is_gone() || self.poller.due(&self.tree, now).is_none_or(|due| due > now) {
            return;
        }
        let (found, mut arrivals) = (self.poller.look(&mut self.tree), Vec::new());
        let at = Instant::now();
        for found in found {
            let (folder, name) = (found.key.0, &*found.key.1);
            let event = Event { folder, name, what: found.what, is_folder: found.is_folder };
            intake::note(&event, &mut self.tree, &mut self.pending, &mut arrivals, at);
        }
        self.welcome(arrivals);
    }

    fn look_after_canary(&mut self) {
        if self.canary.as_ref().is_some_and(|canary| canary.until() <= Instant::now()) {
            self.canary = None;
            self.tree.distrust();
            self.notices.warn("the file system of the project reports no changes, so that it is polled");
        }
    }

    /// Hands on what is complete and really changed.
    fn fire(&mut self) {
        let now = Instant::now();
        if self.set_due().is_none_or(|due| due > now) || self.is_held(now) {
            return;
        }
        let ready = self.pending.take(now);
        if !self.root.is_gone() {
            self.look(&ready);
        }
    }

    /// Git changes many files one by one: the save is complete when it is done.
    fn is_held(&mut self, now: Instant) -> bool {
        let hold = self.git.look(self.pending.age(now));
        self.held_until = (hold == Hold::Wait).then_some(now + RETRY);
        if let Hold::GivenUp(lock) = &hold {
            let (lock, limit) = (lock.display(), git_work::LIMIT.as_secs());
            self.notices.warn(format!(
                "git has held {lock} for {limit} s; saves no longer wait for it. Delete it if no git command is running"
            ));
        }
        hold == Hold::Wait
    }

    fn look(&mut self, ready: &Ready) {
        let mut findings = Findings { changes: ChangeSet::new(ready.last), large: Vec::new() };
        // Before the look: the file may have come back meanwhile.
        self.tree.take_replaced(&mut findings.changes);
        let has_rules = ready.names.iter().any(|(_, name)| is_rule_file(name));
        for key in &ready.names {
            self.tree.look(key, &mut self.engine, &mut findings);
        }
        if has_rules || ready.lost {
            self.rescan(&mut findings);
        }
        self.tree.take_replaced(&mut findings.changes);
        if !findings.large.is_empty()
            && let Err(refused) = self.reader.read(findings.large, Why::Saved)
        {
            let now = Instant::now();
            refused.into_iter().for_each(|job| self.pending.complete(job.key, now));
        }
        self.tell_of_watches();
        self.queue(findings.changes);
    }

    /// Compares the whole tree. What is being written is looked at when it is complete.
    fn rescan(&mut self, findings: &mut Findings) {
        self.tree.expire_rules();
        for suspect in self.tree.scan(&mut self.engine) {
            if !self.pending.is_waiting(&suspect.key) {
                self.tree.look(&suspect.key, &mut self.engine, findings);
            }
        }
    }

    fn tell_of_watches(&mut self) {
        if let Some(refusal) = self.engine.take_refusal() {
            self.notices.warn(refusal);
        }
        for (place, kind) in self.tree.take_shared() {
            let place = place.display();
            self.notices.send(Notice::Info(format!("{place} lies on {kind}, which does not report what others change: polled")));
        }
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
}

/// The system's events, unless they are not wanted.
fn engine(config: &WatchConfig, inbox: &Arc<Inbox>) -> Engine {
    if config.poll { Engine::poll() } else { Engine::of_system(inbox) }
}

/// Waits until one of them is readable, at most that long.
fn await_any(descriptors: &mut [PollFd<'_>], limit: Duration) {
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: limit.subsec_nanos().into() };
    // Whatever else goes wrong, the next turn sees it.
    while rustix::event::poll(descriptors, Some(&limit)) == Err(Errno::INTR) {}
}

/// Waits of this thread end when they should.
fn be_punctual() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(Some(SLACK));
}
