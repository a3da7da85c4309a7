//! Git at work: while it changes files, a change set is not complete.
//!
//! Git holds its index lock while it checks out. A rebase, or a series of picks, does so again and again, with pauses in which the
//! tree is half way: it counts as work as long as its own folder changes every now and then. One that has stopped, so that
//! somebody edits a commit or a conflict, leaves its folder alone, and saves do not wait for it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{moment::Moment, repository::Repository};

/// How long a change waits for git to finish. A lock left behind by a crash, or held while somebody writes the message of a
/// commit, must not stop reloading.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Folders in which git keeps what is left to do.
const SERIES: [&str; 3] = ["rebase-merge", "rebase-apply", "sequencer"];

/// How long the folder of a series may stay as it is before the series has stopped: longer than a step, shorter than it takes a
/// person to begin to edit.
const STILL: Duration = Duration::from_millis(500);

/// The repository the project lies in.
#[derive(Debug)]
pub(super) struct GitWork {
    lock: Option<PathBuf>,
    series: Vec<Series>,
    /// The lock was there at the last look.
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

impl GitWork {
    /// In the innermost repository around a folder; without one nothing ever waits.
    pub(super) fn around(folder: &Path) -> Self {
        let own = Repository::around(folder).map(|found| found.own);
        let series = own.iter().flat_map(|own| SERIES.map(|name| Series { folder: own.join(name), last: None }));
        Self { series: series.collect(), lock: own.map(|own| own.join("index.lock")), seen: false, given_up: None }
    }

    /// Whether a change that has waited so long goes on waiting.
    pub(super) fn look(&mut self, waited: Duration) -> Hold {
        match self.look_at_lock(waited) {
            Hold::Free if waited < LIMIT && self.series.iter_mut().any(Series::is_going_on) => Hold::Wait,
            hold => hold,
        }
    }

    fn look_at_lock(&mut self, waited: Duration) -> Hold {
        let Some((path, metadata)) = self.lock.as_ref().and_then(|path| Some((path, fs::metadata(path).ok()?))) else {
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

/// A series of commits that git makes one after the other.
#[derive(Debug)]
struct Series {
    folder: PathBuf,
    /// When its folder was changed last, and when that was seen; `None` where it was seen long after.
    last: Option<(Moment, Option<Instant>)>,
}

impl Series {
    fn is_going_on(&mut self) -> bool {
        let Ok(metadata) = fs::metadata(&self.folder) else {
            self.last = None;
            return false;
        };
        let changed = Moment::of_change(&metadata);
        let seen = match self.last {
            Some((before, seen)) if before == changed => seen,
            Some(_) => Some(Instant::now()),
            None => (Moment::ago(STILL)..Moment::ahead(STILL)).contains(&changed).then(Instant::now),
        };
        self.last = Some((changed, seen));
        seen.is_some_and(|seen| seen.elapsed() < STILL)
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
        let mut lock = GitWork::around(&folder.path().join("project"));
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
        let mut lock = GitWork { lock: None, series: Vec::new(), seen: false, given_up: None };
        assert_eq!(lock.look(Duration::ZERO), Hold::Free);
    }

    #[test]
    fn a_rebase_is_waited_for_while_it_moves_and_not_once_it_has_stopped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let steps = folder.path().join(".git/rebase-merge");
        fs::create_dir_all(&steps).expect("a folder");
        let mut work = GitWork::around(folder.path());
        assert_eq!(work.look(Duration::ZERO), Hold::Wait, "it has just begun");
        assert_eq!(work.look(LIMIT), Hold::Free, "it takes too long");
        let stopped = Instant::now();
        while work.look(Duration::ZERO) == Hold::Wait {
            assert!(stopped.elapsed() < Duration::from_secs(20), "it waits for ever");
            std::thread::yield_now();
        }
        fs::write(steps.join("done"), "a step").expect("git goes on");
        assert_eq!(work.look(Duration::ZERO), Hold::Wait);
        fs::remove_dir_all(&steps).expect("git is done");
        assert_eq!(work.look(Duration::ZERO), Hold::Free);
    }
}
