//! Reads what files hold beside the watching thread: large ones that were saved, and all of them once at the start.
//!
//! It is a thread of low priority, so that neither a save nor a request waits for it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, TrySendError},
    },
    thread,
};

use super::{inbox::Inbox, pending::Key, stamp::Stamp};
use crate::failpoint;

/// How nice the thread is: where cores are short it gets a tenth of what others get, so that a large file is read in the end.
const NICENESS: i32 = 10;

/// Requests that may wait. Large files that are saved faster than they can be read are looked at again instead.
const REQUESTS: usize = 64;

/// A file to read.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) place: PathBuf,
}

/// What the files of one request hold. A file that was written meanwhile is left out: an event tells of it.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) files: Vec<(Key, Stamp)>,
    pub(super) why: Why,
}

/// Why files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// They were saved.
    Saved,
    /// To know what they hold before they are saved.
    Ahead,
}

/// Takes requests until it is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    requests: mpsc::SyncSender<(Vec<Job>, Why)>,
}

impl Reader {
    /// Starts the thread; it leaves what it read in the inbox, one answer for each request.
    pub(super) fn start(inbox: Arc<Inbox>) -> std::io::Result<Self> {
        let (requests, waiting) = mpsc::sync_channel::<(Vec<Job>, Why)>(REQUESTS);
        thread::Builder::new().name("watch-read".into()).spawn(move || {
            be_nice();
            // Should reading panic, watching ends as well: what was saved would be waited for.
            let inbox = ClosedAtEnd(inbox);
            for (jobs, why) in waiting {
                failpoint::pass("watch-read");
                inbox.0.put_contents(Contents { files: jobs.into_iter().filter_map(read).collect(), why });
            }
        })?;
        Ok(Self { requests })
    }

    /// Asks for what files hold.
    ///
    /// # Errors
    /// The files, when too many requests wait; the thread ends with us only.
    pub(super) fn read(&self, jobs: Vec<Job>, why: Why) -> Result<(), Vec<Job>> {
        self.requests.try_send((jobs, why)).map_err(|refused| match refused {
            TrySendError::Full((jobs, _)) | TrySendError::Disconnected((jobs, _)) => jobs,
        })
    }
}

/// The inbox of who waits for what is read; without a reader, there is nothing to wait for.
struct ClosedAtEnd(Arc<Inbox>);

impl Drop for ClosedAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn read(Job { key, place }: Job) -> Option<(Key, Stamp)> {
    Some((key, steady(&place)?))
}

fn steady(place: &Path) -> Option<Stamp> {
    let before = fs::metadata(place).ok().filter(fs::Metadata::is_file)?;
    let stamp = Stamp::read(place, &before);
    stamp.same_attributes(&Stamp::unread(&fs::metadata(place).ok()?)).then_some(stamp)
}

/// On Linux a thread has a priority of its own.
fn be_nice() {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(NICENESS);
    }
}
