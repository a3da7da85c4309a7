//! Resources: the files of `data/` as collections that are read, changed and written.
//!
//! A [`Resource`] shows one immutable [`Snapshot`] at a time. Readers take it and go. Writers hand a decision to
//! [`Resource::change`] ([`commit`]): those that wait for the disk at the same time share one write of the file, and nothing is
//! shown or acknowledged before it is durable. An edit made in an editor is read before a write goes over it.
//!
//! Locks are held for a moment (what is shown) or by one blocking task (the disk); nothing awaits inside. HTTP is the business of
//! `api`.

mod commit;
pub(super) mod compact;
mod document;
mod durable;
#[cfg(fuzzing)]
pub mod fuzzing;
mod lens;
pub(super) mod link;
pub(super) mod patch;
pub(super) mod refusal;
pub(super) mod relation;
mod rules;
mod schema;
mod seen;
pub(super) mod selection;
mod snapshot;
mod store;
pub(super) mod value;
mod versions;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::SystemTime,
};

use xxhash_rust::xxh3::xxh3_128;

use self::{
    commit::Queue,
    document::{Format, Text},
    refusal::Refusal,
    seen::Seen,
};
pub(super) use self::{
    document::{Form, ID, Row, id_text},
    schema::Schema,
    snapshot::Snapshot,
    store::Store,
    versions::Versions,
};
use super::guard::{Guard, OpenError, OpenFile, Opened};
use crate::{config::Writes, report::Report};

/// The longest data file that is read and written; every write writes it whole.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The longest one in YAML or TOML, whose readers take seconds for it and many times its size.
const MAX_TREE_BYTES: u64 = 16 * 1024 * 1024;

/// One data file.
pub(super) struct Resource {
    pub(super) name: String,
    /// `posts.json`.
    file: String,
    format: Format,
    guard: Guard,
    writes: Writes,
    queue: Queue,
    /// What the writer knows of the file; held while it reads or writes.
    disk: Mutex<Disk>,
    shown: RwLock<Shown>,
}

/// The file as it was read or written last.
#[derive(Debug, Default)]
struct Disk {
    /// `None` before it was read.
    seen: Option<Seen>,
    /// An edit was read on the way to a write, and nobody was told yet.
    is_untold: bool,
}

/// What requests get.
#[derive(Clone, Default)]
struct Shown {
    /// `None` before the file was read, and when it never could be.
    snapshot: Option<Arc<Snapshot>>,
    /// Why the file as it is now is not the snapshot.
    failure: Option<Arc<Report>>,
    versions: Arc<Versions>,
    schema: Option<Arc<Schema>>,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Resource {
    fn new(name: &str, file: &str, format: Format, guard: &Guard, writes: Writes) -> Self {
        Self {
            name: name.to_owned(),
            file: file.to_owned(),
            format,
            guard: guard.clone(),
            writes,
            queue: Queue::default(),
            disk: Mutex::default(),
            shown: RwLock::default(),
        }
    }

    /// What to answer with; the failure when the file never was readable. The first call reads the file.
    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        let shown = self.shown();
        let shown = if shown.snapshot.is_none() && shown.failure.is_none() {
            self.refresh();
            self.shown()
        } else {
            shown
        };
        match (shown.snapshot, shown.failure) {
            (Some(snapshot), _) => Ok(snapshot),
            (None, Some(report)) => Err(Refusal::Unreadable(report)),
            // What cannot be read at all is a failure, but for want of descriptors.
            (None, None) => Err(Refusal::Exhausted),
        }
    }

    pub(super) fn versions(&self) -> Arc<Versions> {
        self.shown().versions
    }

    /// What an item must be; `None` takes any object.
    pub(super) fn schema(&self) -> Option<Arc<Schema>> {
        self.shown().schema
    }

    pub(super) fn writes(&self) -> Writes {
        self.writes
    }

    /// How long the file may be, in bytes.
    fn limit(&self) -> u64 {
        match self.format {
            Format::Yaml | Format::Toml => MAX_TREE_BYTES,
            Format::Csv | Format::Json | Format::Ndjson => MAX_FILE_BYTES,
        }
    }

    /// Reads the file again; whether it is something else than requests got so far.
    fn refresh(&self) -> bool {
        let mut disk = self.lock_disk();
        let is_untold = std::mem::take(&mut disk.is_untold);
        match self.open() {
            Ok(opened) => self.look(&mut disk, &opened) || is_untold,
            // Without descriptors nothing can be said about the file; what is served stays.
            Err(OpenError::Exhausted(_)) => is_untold,
            Err(error) => {
                let is_news = disk.seen.take().is_some() || self.shown().failure.is_none();
                self.fail(store::unreadable(&self.guard, &self.file, &error));
                is_news || is_untold
            }
        }
    }

    fn open(&self) -> Result<Box<OpenFile>, OpenError> {
        match self.guard.open(&[&self.file])? {
            Opened::File(file) => Ok(file),
            Opened::Folder => Err(OpenError::Missing),
        }
    }

    /// Reads the opened file if it is not what is known of it; whether it is something else.
    fn look(&self, disk: &mut Disk, opened: &OpenFile) -> bool {
        if disk.seen.as_ref().is_some_and(|seen| seen.is(&opened.metadata)) {
            return false;
        }
        let now = SystemTime::now();
        let text = opened.read(self.limit());
        let hash = xxh3_128(text.as_ref().map_or(&b""[..], |text| text.as_bytes()));
        let before = disk.seen.replace(Seen::new(&opened.metadata, hash, now));
        if before.is_some_and(|before| before.has(hash)) {
            return false;
        }
        let text = text.map_err(|error| store::unreadable(&self.guard, &self.file, &error));
        match text.and_then(|text| self.parse(text, opened.metadata.modified().ok())) {
            Ok(snapshot) => self.show(Arc::new(snapshot)),
            Err(report) => self.fail(report),
        }
        true
    }

    fn parse(&self, text: String, modified: Option<SystemTime>) -> Result<Snapshot, Arc<Report>> {
        let text = Text::from(text);
        match Snapshot::read(self.format, text.clone(), modified) {
            Ok(snapshot) => Ok(snapshot.named(&self.name)),
            Err(error) => Err(store::no_data(&self.guard, &self.file, &text, error)),
        }
    }

    fn lock_disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, snapshot: Arc<Snapshot>) {
        self.show_otherwise(|shown| {
            shown.snapshot = Some(snapshot);
            shown.failure = None;
        });
    }

    /// What is shown stays, and why it is not the file.
    fn fail(&self, report: Arc<Report>) {
        self.show_otherwise(|shown| shown.failure = Some(report));
    }

    fn show_otherwise(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.write().unwrap_or_else(PoisonError::into_inner));
    }
}
