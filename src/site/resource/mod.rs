//! Resources: the files of `data/` as collections that are read, changed and written.
//!
//! A [`Resource`] shows one immutable [`Snapshot`] at a time. Readers take it and go; [`Resource::change`] lets one writer at a time
//! make the next one, and shows it only when it is on the disk. An edit made in an editor is read before a write goes over it.
//!
//! Locks are held for a moment (what is shown) or by one blocking task (the disk); nothing awaits inside. HTTP is the business of
//! `api`.

mod durable;
pub(super) mod patch;
pub(super) mod refusal;
pub(super) mod selection;
pub(super) mod shape;
pub(super) mod snapshot;
mod store;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use xxhash_rust::xxh3::xxh3_128;

pub(super) use self::store::Store;
use self::{refusal::Refusal, shape::Shape, snapshot::Snapshot};
use super::guard::{Guard, OpenError, Opened};
use crate::report::Report;

/// The longest data file that is read and written; every write writes it whole.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// One data file.
pub(super) struct Resource {
    pub(super) name: String,
    guard: Guard,
    /// What the writer knows of the file; held while it writes.
    disk: Mutex<Disk>,
    shown: RwLock<Shown>,
}

/// The file as it was read or written last.
#[derive(Debug, Default)]
struct Disk {
    /// Of its content; `None` before it was read.
    hash: Option<u128>,
    /// An edit was read on the way to a write, and nobody was told yet.
    untold: bool,
}

/// What requests get.
#[derive(Clone, Default)]
struct Shown {
    snapshot: Option<Arc<Snapshot>>,
    /// Why the file as it is now is not the snapshot.
    failure: Option<Arc<Report>>,
    versions: Arc<Versions>,
}

/// The versions of a resource by number; what is stored is one more than the last of them.
#[derive(Debug, Default)]
pub(super) struct Versions {
    pub(super) older: BTreeMap<u32, Shape>,
    stored: Shape,
}

impl Versions {
    /// The number of what is stored.
    pub(super) fn current(&self) -> u32 {
        self.older.keys().next_back().map_or(1, |newest| newest.saturating_add(1))
    }

    /// All numbers, the current one first.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.current()).chain(self.older.keys().rev().copied())
    }

    /// How a version differs from what is stored.
    pub(super) fn shape(&self, number: u32) -> Option<&Shape> {
        if number == self.current() { Some(&self.stored) } else { self.older.get(&number) }
    }
}

impl Resource {
    fn new(name: &str, guard: &Guard) -> Self {
        Self { name: name.to_owned(), guard: guard.clone(), disk: Mutex::default(), shown: RwLock::default() }
    }

    /// What to answer with; the failure when the file never was readable.
    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        let shown = self.shown();
        match (shown.snapshot, shown.failure) {
            (Some(snapshot), _) => Ok(snapshot),
            (None, Some(report)) => Err(Refusal::Unreadable(report)),
            (None, None) => Err(Refusal::Missing),
        }
    }

    pub(super) fn versions(&self) -> Arc<Versions> {
        self.shown().versions
    }

    /// Makes the next snapshot out of the newest one, puts it on the disk, and only then shows it. Blocks.
    pub(super) fn change<T>(&self, decide: impl FnOnce(&Snapshot) -> Result<(Snapshot, T), Refusal>) -> Result<T, Refusal> {
        let mut disk = self.lock_disk();
        let path = self.catch_up(&mut disk)?;
        let (next, outcome) = decide(&*self.snapshot()?)?;
        let text = next.to_text();
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(Refusal::Full { limit: MAX_FILE_BYTES });
        }
        durable::replace(&path, text.as_bytes()).map_err(Refusal::Disk)?;
        disk.hash = Some(xxh3_128(text.as_bytes()));
        self.show(|shown| shown.snapshot = Some(Arc::new(next)));
        Ok(outcome)
    }

    /// Reads what an editor wrote since; a file that cannot be read now is not written over. Gives the file's real path.
    fn catch_up(&self, disk: &mut Disk) -> Result<PathBuf, Refusal> {
        let path = match self.guard.open(&[self.file_name()]) {
            Ok(Opened::File(file)) => file.path,
            Err(OpenError::Exhausted(error)) => return Err(Refusal::Disk(error)),
            _ => return Err(Refusal::Missing),
        };
        disk.untold |= self.read(disk);
        match self.shown().failure {
            Some(report) => Err(Refusal::Unreadable(report)),
            None => Ok(path),
        }
    }

    /// Reads the file if it is not what is known of it; whether it was something else.
    fn read(&self, disk: &mut Disk) -> bool {
        let text = self.guard.read(&[self.file_name()], MAX_FILE_BYTES);
        let hash = xxh3_128(text.as_ref().map_or(&b""[..], |text| text.as_bytes()));
        if disk.hash.replace(hash) == Some(hash) {
            return false;
        }
        match text.map_err(|error| store::unreadable(&self.guard, &self.file_name(), &error)).and_then(|text| self.parse(&text)) {
            Ok(snapshot) => self.show(|shown| {
                shown.snapshot = Some(Arc::new(snapshot));
                shown.failure = None;
            }),
            Err(report) => self.show(|shown| shown.failure = Some(report)),
        }
        true
    }

    fn parse(&self, text: &str) -> Result<Snapshot, Arc<Report>> {
        Snapshot::parse(text).map_err(|error| store::no_data(&self.guard, &self.file_name(), text, &error))
    }

    /// Reads the file again; whether it is something else than requests got so far.
    fn refresh(&self) -> bool {
        let mut disk = self.lock_disk();
        let told = std::mem::take(&mut disk.untold);
        self.read(&mut disk) || told
    }

    fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    fn lock_disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.write().unwrap_or_else(PoisonError::into_inner));
    }
}
