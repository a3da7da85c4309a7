//! A control group of this run, where one can be made: the list of all it started that nothing can leave by accident.
//!
//! Keepers and marks end what they find. A group finds also what cleared its environment and outlived its keeper; it is asked
//! last: at the end of a run, and at the start of the next. There is none where the system has no second version of control
//! groups, or they belong to somebody else.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use xxhash_rust::xxh3::xxh3_64;

use super::handle::Identity;

/// What the names of our groups begin with.
const PREFIX: &str = "everlit-";

/// How often a group is looked at that was told to end; SIGKILL takes effect in far less.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks before a group is left to the next run: a process in an uninterruptible system call cannot be ended by anybody.
const LOOKS: usize = 200;

/// The group that this process and all it starts are in.
#[derive(Debug)]
pub struct Cgroup {
    /// Where this process was before.
    before: PathBuf,
    ours: PathBuf,
}

impl Cgroup {
    /// Moves this process into a group of its own; what earlier runs on the project in `root` left in theirs is ended.
    #[must_use]
    pub fn enter(root: &Path) -> Option<Self> {
        let before = current()?;
        let project = format!("{PREFIX}{:016x}-", xxh3_64(root.as_os_str().as_encoded_bytes()));
        remove_old(&before, &project);
        let ours = before.join(format!("{project}{}", Identity::of(std::process::id())?));
        fs::create_dir(&ours).ok()?;
        if move_here(&ours).is_err() {
            let _ = fs::remove_dir(&ours);
            return None;
        }
        Some(Self { before, ours })
    }

    /// Moves back, and ends what is left in the group.
    pub fn leave(self) {
        if move_here(&self.before).is_ok() {
            end(&self.ours);
        }
    }
}

/// Moves this process out of a session's group.
pub(super) fn step_out() -> io::Result<()> {
    let Some(group) = current() else { return Ok(()) };
    let is_ours = group.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
    group.parent().filter(|_| is_ours).map_or(Ok(()), move_here)
}

/// The folder of the group that this process is in.
fn current() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    Some(mounts.lines().find_map(mounted)?.join(group))
}

/// Where a line of `mountinfo` says that the whole second version is mounted.
fn mounted(line: &str) -> Option<PathBuf> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(3);
    let (root, place) = (fields.next()?, fields.next()?);
    (kind.starts_with("cgroup2 ") && root == "/").then(|| PathBuf::from(place))
}

fn move_here(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string())
}

/// Removes groups whose run is over; those of this project with all that is in them, others only when they are empty.
fn remove_old(parent: &Path, project: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for group in entries.flatten() {
        let name = group.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let run = name.rsplit('-').next().and_then(Identity::parse);
        if run.is_none_or(Identity::is_alive) {
            continue;
        }
        match name.starts_with(project) {
            true => end(&group.path()),
            false => drop(fs::remove_dir(group.path())),
        }
    }
}

/// Ends all that is in a group, and the group.
fn end(group: &Path) {
    for _ in 0..LOOKS {
        if fs::remove_dir(group).is_ok() || !group.exists() {
            return;
        }
        let _ = fs::write(group.join("cgroup.kill"), "1");
        thread::sleep(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_groups_are() {
        let unified = "36 25 0:32 / /sys/fs/cgroup/unified rw,relatime shared:11 - cgroup2 cgroup2 rw";
        assert_eq!(mounted(unified), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mounted("36 25 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"), None);
        assert_eq!(mounted("36 25 0:32 /a/b /mnt rw - cgroup2 cgroup2 rw"), None);
    }
}
