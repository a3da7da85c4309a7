//! Git's index lock: while it is there, git changes files, and a change set is not complete.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{moment::Moment, repository::Repository};

/// How long a change waits for git to finish. A lock left behind by a crash, or held while somebody writes the message of a
/// commit, must not stop reloading.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// The lock of the repository the project lies in.
#[derive(Debug)]
pub(super) struct IndexLock {
    path: Option<PathBuf>,
    /// It was there at the last look.
    seen: bool,
    /// The lock that was waited for in vain: its inode and its time.
    given_up: Option<(u64, Moment)>,
}

/// Whether a change waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Git is done, or this lock was given up.
    Free,
    /// Git is at work.
    Wait,
    /// The limit is reached; said once of each lock.
    GivenUp(PathBuf),
}

impl IndexLock {
    /// The lock of the innermost repository around a folder; without one nothing ever waits.
    pub(super) fn around(folder: &Path) -> Self {
        Self { path: Repository::around(folder).map(|found| found.own.join("index.lock")), seen: false, given_up: None }
    }

    /// Whether a change that has waited so long goes on waiting.
    pub(super) fn look(&mut self, waited: Duration) -> Hold {
        let Some((path, metadata)) = self.path.as_ref().and_then(|path| Some((path, fs::metadata(path).ok()?))) else {
            self.given_up = None;
            // Once more: the events of what git wrote last may be on their way.
            return if std::mem::take(&mut self.seen) { Hold::Wait } else { Hold::Free };
        };
        let lock = Some((metadata.ino(), Moment::of_change(&metadata)));
        // A clock that was set back makes it young, and `waited` still ends the wait.
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
        if self.given_up == lock {
            return Hold::Free;
        }
        if waited < LIMIT && age < LIMIT {
            self.seen = true;
            return Hold::Wait;
        }
        (self.given_up, self.seen) = (lock, false);
        Hold::GivenUp(path.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::SystemTime};

    use super::*;

    #[test]
    fn a_lock_is_waited_for_within_a_limit_and_given_up_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".git/index.lock");
        fs::create_dir(folder.path().join(".git")).expect("a folder");
        fs::create_dir(folder.path().join("project")).expect("a folder");
        let mut lock = IndexLock::around(&folder.path().join("project"));
        let seconds = Duration::from_secs;
        assert_eq!(lock.look(seconds(0)), Hold::Free, "there is none");
        File::create(&path).expect("a lock");
        assert_eq!(lock.look(seconds(9)), Hold::Wait);
        assert_eq!(lock.look(seconds(10)), Hold::GivenUp(path.clone()));
        assert_eq!(lock.look(seconds(0)), Hold::Free, "the next change does not wait for it");
        fs::remove_file(&path).expect("the lock is removed");
        assert_eq!(lock.look(seconds(0)), Hold::Free);
        File::create(&path).expect("a lock");
        assert_eq!(lock.look(seconds(0)), Hold::Wait);
        fs::remove_file(&path).expect("the lock is removed");
        assert_eq!((lock.look(seconds(0)), lock.look(seconds(0))), (Hold::Wait, Hold::Free), "the last events may be on the way");
        let next = File::create(&path).expect("the next lock");
        assert_eq!(lock.look(seconds(0)), Hold::Wait);
        next.set_modified(SystemTime::now() - seconds(60)).expect("it is old");
        assert_eq!(lock.look(seconds(0)), Hold::GivenUp(path), "one left behind long ago is not waited for");
    }

    #[test]
    fn without_a_repository_nothing_waits() {
        let mut lock = IndexLock { path: None, seen: false, given_up: None };
        assert_eq!(lock.look(Duration::ZERO), Hold::Free);
    }
}
