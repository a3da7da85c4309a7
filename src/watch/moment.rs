//! Moments on the clock that stamps files.
//!
//! The kernel stamps most changes with a clock that only moves in ticks, so a file may bear a time that lies before its change.
//! [`Moment::mark`] is a moment that tells earlier changes from later ones all the same.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    time::{Duration, SystemTime},
};

/// Nanoseconds since the epoch, as few bytes as a tree of many files can have. Its order is that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// Before every change of a file.
    pub(super) const NEVER: Self = Self(i64::MIN);

    /// When a file was changed last: its content, its name or its attributes.
    pub(super) fn of_change(metadata: &Metadata) -> Self {
        Self(metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec()))
    }

    /// So long ago, by the system's clock.
    pub(super) fn ago(age: Duration) -> Self {
        Self(Self::now().0.saturating_sub(nanoseconds(age)))
    }

    /// So long from now, by the system's clock.
    pub(super) fn ahead(time: Duration) -> Self {
        Self(Self::now().0.saturating_add(nanoseconds(time)))
    }

    fn now() -> Self {
        Self(nanoseconds(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
    }

    /// Now, as a mark: a file changed before never bears this time or a later one. A file changed after it does, on Linux 6.13
    /// and later at once, elsewhere from the next tick of the kernel's clock on (1 to 10 ms).
    pub(super) fn mark() -> Self {
        let now = Self::now();
        exact_stamp().map_or(now, |stamp| stamp.max(now))
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Lets the kernel stamp a file of its memory. A change that follows a look at the last one gets the exact time, and once that
/// was given away no file's change gets an earlier one (Linux 6.13, "multigrain timestamps").
#[cfg(target_os = "linux")]
fn exact_stamp() -> io::Result<Moment> {
    use std::{fs::File, io::Write};

    let mut file = File::from(rustix::fs::memfd_create("everlit-clock", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.metadata()?;
    file.write_all(b"now")?;
    Ok(Moment::of_change(&file.metadata()?))
}

/// Elsewhere files are stamped with the system's clock itself.
#[cfg(not(target_os = "linux"))]
fn exact_stamp() -> io::Result<Moment> {
    Ok(Moment::NEVER)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_mark_tells_earlier_changes_from_later_ones() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (earlier, later) = (folder.path().join("earlier"), folder.path().join("later"));
        let save = |path: &std::path::Path| {
            fs::write(path, "saved").expect("it is written");
            Moment::of_change(&fs::metadata(path).expect("it is there"))
        };
        for _ in 0..200 {
            save(&earlier);
            let last = save(&earlier);
            let mark = Moment::mark();
            assert!(last < mark, "{last:?} was saved before {mark:?}");
            // At once where marks are exact; a kernel without exact times needs a tick.
            let ticked = std::time::Instant::now() + Duration::from_millis(20);
            while save(&later) < mark {
                assert!(std::time::Instant::now() < ticked, "the clock stands still");
            }
        }
    }
}
