//! A file that is made and removed at once, to see whether the system tells of it.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    path::Path,
    process,
    time::{Duration, Instant},
};

/// How long its event may take. The kernel leaves it before the file is there; a file system of a program may be slower.
const LIMIT: Duration = Duration::from_millis(250);

/// A canary that is out.
#[derive(Debug)]
pub(super) struct Canary {
    name: String,
    until: Instant,
}

impl Canary {
    /// Makes and removes it in a folder that is watched; `None` where nothing can be written, so that nothing is proved.
    pub(super) fn release(folder: &Path) -> Option<Self> {
        // A name that is known as a temporary one: it is never told, nor served.
        let name = format!(".canary-{}.everlit-unfinished", process::id());
        let place = folder.join(&name);
        OpenOptions::new().write(true).create_new(true).open(&place).ok()?;
        let _ = fs::remove_file(place);
        Some(Self { name, until: Instant::now() + LIMIT })
    }

    /// Whether a file of this name is it.
    pub(super) fn is(&self, name: &OsStr) -> bool {
        name == self.name.as_str()
    }

    /// When it is given up.
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}
