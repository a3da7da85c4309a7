//! The project's folder itself: whether it is there, and whether it is still the same.
//!
//! The system tells when the folder is moved or deleted, not when one above it is, and not when a file system is mounted over it.
//! So it is looked at now and then as well.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// From one look to the next: one call of the system.
const EVERY: Duration = Duration::from_secs(1);

/// The same while it is gone and somebody waits for it.
const EVERY_WHILE_GONE: Duration = Duration::from_millis(100);

/// A file system and a folder on it.
type Identity = (u64, u64);

#[derive(Debug)]
pub(super) struct Root {
    place: PathBuf,
    identity: Option<Identity>,
    /// What lies at its place since its file system is another: as long as it is empty, that was unmounted.
    beneath: Option<Identity>,
    next: Instant,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing new.
    Same,
    /// It has gone.
    Gone,
    /// It is back, and may be another.
    Back,
    /// It is another of the same name.
    Replaced,
}

impl Root {
    pub(super) fn new(place: &Path) -> Self {
        Self { place: place.to_owned(), identity: identity(place), beneath: None, next: Instant::now() + EVERY }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.identity.is_none()
    }

    pub(super) fn due(&self) -> Instant {
        self.next
    }

    /// Looks at once the next time.
    pub(super) fn suspect(&mut self) {
        self.next = Instant::now();
    }

    /// Its file system was unmounted: the empty folder that lies there now is not the project.
    pub(super) fn unmounted(&mut self) {
        self.beneath = identity(&self.place);
        self.suspect();
    }

    pub(super) fn look(&mut self) -> Seen {
        let now = self.present();
        let seen = match (self.identity, now) {
            (Some(before), Some(now)) if before == now => Seen::Same,
            (Some(_), Some(_)) => Seen::Replaced,
            (Some(_), None) => Seen::Gone,
            (None, Some(_)) => Seen::Back,
            (None, None) => Seen::Same,
        };
        self.identity = now;
        self.next = Instant::now() + if now.is_some() { EVERY } else { EVERY_WHILE_GONE };
        seen
    }

    fn present(&mut self) -> Option<Identity> {
        let now = identity(&self.place)?;
        if self.identity.is_some_and(|(file_system, _)| file_system != now.0) {
            self.beneath = Some(now);
        }
        let is_beneath = self.beneath == Some(now) && fs::read_dir(&self.place).is_ok_and(|mut entries| entries.next().is_none());
        if !is_beneath {
            self.beneath = None;
        }
        (!is_beneath).then_some(now)
    }
}

fn identity(place: &Path) -> Option<Identity> {
    let metadata = fs::metadata(place).ok().filter(fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_and_comes_back_and_is_told_from_another() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (place, aside) = (folder.path().join("root"), folder.path().join("aside"));
        fs::create_dir(&place).expect("a folder");
        let mut root = Root::new(&place);
        assert_eq!(root.look(), Seen::Same);
        fs::rename(&place, &aside).expect("it is moved away");
        assert_eq!((root.look(), root.look()), (Seen::Gone, Seen::Same));
        assert!(root.is_gone());
        fs::rename(&aside, &place).expect("it is moved back");
        assert_eq!((root.look(), root.look()), (Seen::Back, Seen::Same));
        fs::create_dir(&aside).expect("another folder");
        fs::rename(&place, folder.path().join("old")).expect("it is moved away");
        fs::rename(&aside, &place).expect("the other takes its place");
        assert_eq!(root.look(), Seen::Replaced);
    }

    #[test]
    fn an_empty_folder_on_another_file_system_is_not_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut root = Root::new(folder.path());
        root.identity = Some((u64::MAX, 1));
        assert_eq!((root.look(), root.look()), (Seen::Gone, Seen::Same));
        fs::write(folder.path().join("index.html"), "").expect("a file");
        assert_eq!(root.look(), Seen::Back);
    }
}
