//! The worker on real folders, with the system's own events.

mod load;
mod programs;
mod saving;
mod starting;
mod storm;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc as channel},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{
    ChangeSet, Kind, QUEUE,
    inbox::Inbox,
    worker::{Start, Worker},
};
use crate::{
    config::WatchConfig,
    telemetry::{Heard, Notice, Notices},
};

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

/// A file that is saved to see that nothing else is left to be told.
const LAST: &str = "last-save";

/// What was reported: the last word on each path.
type Reported = BTreeMap<PathBuf, Kind>;

/// A worker whose turns the test takes itself, on `project/` in a temporary folder.
struct Bench {
    folder: TempDir,
    worker: Worker,
    inbox: Arc<Inbox>,
    sets: mpsc::Receiver<ChangeSet>,
    heard: Heard,
    /// Dropped with the bench; until then a test that waits for ever is ended after [`SOON`].
    _watchdog: channel::Sender<()>,
}

impl Bench {
    /// With these files (`path=text`, relative to the temporary folder), past the first walk.
    fn new(files: &[&str]) -> Self {
        let mut bench = Self::unwalked(files);
        bench.settle();
        bench
    }

    /// Walks, and reads what there is.
    fn settle(&mut self) {
        self.worker.walk();
        while !self.worker.is_settled() {
            assert!(self.worker.turn().is_continue(), "not settled within {SOON:?}");
        }
    }

    fn unwalked(files: &[&str]) -> Self {
        Self::below(&env::temp_dir(), files, |_| ())
    }

    /// In a temporary folder at some place, once the project is prepared and before the first walk.
    fn below(place: &Path, files: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir_in(place).expect("a temporary folder");
        fs::create_dir(folder.path().join("project")).expect("a folder");
        for file in files {
            let (path, text) = file.split_once('=').expect("path=text");
            write(&folder.path().join(path), text);
        }
        let (sender, sets) = mpsc::channel(QUEUE);
        let (notices, heard) = Notices::channel();
        let inbox = Arc::new(Inbox::new().expect("a pair of sockets"));
        let root = folder.path().join("project");
        prepare(&root);
        let start = Start::now(&root, &WatchConfig::default(), Arc::clone(&inbox), sender, notices).expect("a thread");
        let worker = Worker::new(start);
        Self { folder, worker, _watchdog: watchdog(&inbox), inbox, sets, heard }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// The next change set, as it comes.
    fn next_set(&mut self) -> ChangeSet {
        loop {
            if let Ok(set) = self.sets.try_recv() {
                return set;
            }
            assert!(self.worker.turn().is_continue(), "no change set within {SOON:?}");
        }
    }

    /// The next change set.
    fn next(&mut self) -> Reported {
        self.next_set().iter().map(|change| (change.path.to_owned(), change.kind)).collect()
    }

    /// All that is reported up to one last save, without it.
    fn rest(&mut self) -> Reported {
        let text = fs::read_to_string(self.at(LAST)).unwrap_or_default();
        write(&self.at(LAST), &format!("{text}."));
        self.until_last()
    }

    /// The same, when somebody else makes the last save.
    fn until_last(&mut self) -> Reported {
        let mut reported = Reported::new();
        while reported.remove(Path::new(LAST)).is_none() {
            reported.extend(self.next());
        }
        reported
    }

    fn warnings(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.heard.try_recv().ok())
            .filter_map(|notice| if let Notice::Warning(text) = notice { Some(text) } else { None })
            .collect()
    }
}

/// Paths with a sign: `+` written, `-` removed.
fn reported(signs: &[&str]) -> Reported {
    let change = |sign: &&str| match sign.split_at(1) {
        ("+", path) => (path.into(), Kind::Written),
        (_, path) => (path.into(), Kind::Removed),
    };
    signs.iter().map(change).collect()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

fn watchdog(inbox: &Arc<Inbox>) -> channel::Sender<()> {
    let (alive, done) = channel::channel();
    let inbox = Arc::clone(inbox);
    thread::spawn(move || {
        if done.recv_timeout(SOON) == Err(channel::RecvTimeoutError::Timeout) {
            inbox.close();
        }
    });
    alive
}
