//! Who belongs to a process tree, and how to end it. Read from `/proc`; without one only process groups are known.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{
    handle::{Handle, Identity},
    mark::{Environment, processes},
};

/// Times [`kill`] looks for processes that were forked while it looked. Each look stops those it finds, so the second one
/// usually finds none.
const KILL_LOOKS: usize = 16;

/// Generations of processes that are followed upwards: more than any tree has, and an end should the numbers run in a circle.
const DEEPEST: usize = 1_000;

/// Every process below `root`, `root` itself left out, at the cost of one look at each of them. One may be missed whose
/// sibling is ending just now; whoever must have all of them asks [`every_descendant`].
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    below(root, children).unwrap_or_else(|_| every_descendant(root))
}

/// Every process below `root`, `root` itself left out, at the cost of one look at each process of the machine.
pub(crate) fn every_descendant(root: u32) -> Vec<u32> {
    let parents = parents();
    let children = |parent: u32| parents.iter().filter(move |(_, ppid)| *ppid == parent).map(|(pid, _)| *pid).collect();
    below(root, |parent| Ok(children(parent))).unwrap_or_default()
}

/// The programs that run for the person who started us, as absolute names where the system tells them.
#[cfg(target_os = "linux")]
pub(crate) fn programs_of_this_user() -> Vec<PathBuf> {
    use std::os::unix::fs::MetadataExt;

    let uid = rustix::process::getuid().as_raw();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ours = entries.flatten().filter(|entry| entry.metadata().is_ok_and(|found| found.uid() == uid));
    let programs = ours.filter_map(|entry| fs::read_link(entry.path().join("exe")).ok());
    // What was replaced by an update while it runs is marked so.
    programs.map(|program| program.to_string_lossy().trim_end_matches(" (deleted)").into()).collect()
}

/// The programs that run for the person who started us, as absolute names where the system tells them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn programs_of_this_user() -> Vec<PathBuf> {
    let listed = std::process::Command::new("ps").args(["-x", "-o", "comm="]).output();
    let listed = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
    listed.lines().map(|program| PathBuf::from(program.trim_end())).collect()
}

/// Sends a signal to every process below `root`, each once; strangers that got the number of one meanwhile never.
pub(crate) fn signal_descendants(root: u32, signal: Signal) {
    let handles = every_descendant(root).into_iter().filter_map(Handle::open);
    // All are looked at before the first one may end, and take from others the way up to the root.
    let handles: Vec<_> = handles.filter(|handle| is_below(handle.pid, root)).collect();
    handles.iter().for_each(|handle| handle.signal(signal));
}

/// Sends a signal to the process group that `leader` leads, where processes cannot be told one by one.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = pid_of(leader).filter(|_| cfg!(not(target_os = "linux"))) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Whether a process descends from another one, as far as that can be seen.
pub(super) fn is_below(pid: u32, root: u32) -> bool {
    let parent = |pid: &u32| parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    cfg!(not(target_os = "linux")) || std::iter::successors(parent(&pid), parent).take(DEEPEST).any(|above| above == root)
}

/// Ends `root`, everything below it, and whatever carries the mark of its keeper, at once: for when there is no keeper to do it.
///
/// All are stopped before the first is ended: one that runs can fork, and one whose parent has ended is found by its mark alone.
/// The parent of `root` must not be about to end: the kernel hangs up a group that is orphaned while it is stopped, which would
/// end `root` before the rest is found.
pub(super) fn kill(root: Option<&Handle>, keeper: Option<Identity>) {
    let mut found: Vec<Handle> = Vec::new();
    for _ in 0..KILL_LOOKS {
        root.iter().for_each(|root| root.signal(Signal::STOP));
        let new: Vec<_> = kin(root, keeper).into_iter().filter(|kin| found.iter().all(|known| known.pid != kin.pid)).collect();
        if new.is_empty() {
            break;
        }
        new.iter().for_each(|kin| kin.signal(Signal::STOP));
        found.extend(new);
    }
    root.iter().for_each(|root| signal_group(root.pid, Signal::KILL));
    found.iter().chain(root).for_each(|kin| kin.signal(Signal::KILL));
}

/// What is below `root` as long as that lives, and what carries its keeper's mark.
fn kin(root: Option<&Handle>, keeper: Option<Identity>) -> Vec<Handle> {
    let root = root.filter(|root| !root.has_ended()).map(|root| root.pid);
    let below = root.map(every_descendant).unwrap_or_default();
    let below = below.into_iter().filter_map(Handle::open).filter(|handle| root.is_some_and(|root| is_below(handle.pid, root)));
    let is_marked = |pid: u32| keeper.is_some() && Environment::of(pid).is_some_and(|its| its.keeper() == keeper);
    let marked = processes().into_iter().filter_map(Handle::open).filter(|handle| is_marked(handle.pid));
    below.chain(marked).filter(|handle| Some(handle.pid) != root).collect()
}

pub(super) fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Follows `children` from `root` down. A process that is met twice, for it moved meanwhile, counts once.
fn below(root: u32, children: impl Fn(u32) -> io::Result<Vec<u32>>) -> io::Result<Vec<u32>> {
    let (mut found, mut seen) = (vec![root], HashSet::from([root]));
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(children(parent)?.into_iter().filter(|&pid| seen.insert(pid)));
        next += 1;
    }
    Ok(found.split_off(1))
}

/// The children of one process: a list per thread, for each thread has its own. None when it is gone.
///
/// # Errors
/// When the kernel was built without these lists.
fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for thread in threads(pid) {
        match fs::read_to_string(thread.join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            // A thread that has ended takes its whole folder along.
            Err(error) if thread.exists() => return Err(error),
            Err(_) => (),
        }
    }
    Ok(found)
}

fn threads(pid: u32) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"));
    entries.into_iter().flatten().flatten().map(|entry| entry.path())
}

/// `(pid, parent)` of every process.
fn parents() -> Vec<(u32, u32)> {
    let parent = |pid| Some((pid, parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
    processes().into_iter().filter_map(parent).collect()
}

/// The fourth field of `/proc/PID/stat`. The second, the name, is in parentheses and may hold anything, parentheses too.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// A shell that runs `script`, and the pids it printed on its first line.
    fn shell(script: &str) -> (Child, Vec<u32>) {
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (shell, line.split_whitespace().map(|pid| pid.parse().unwrap()).collect())
    }

    #[test]
    fn reads_the_parent_behind_any_name() {
        assert_eq!(parent_in("42 (sh) S 7 42 42"), Some(7));
        assert_eq!(parent_in("42 (a) b) (c) R 9 1 1"), Some(9));
        assert_eq!(parent_in("garbage"), None);
    }

    #[test]
    fn counts_a_process_that_moves_once() {
        let children = |pid| Ok(if pid == 4 { vec![] } else { vec![pid + 1, 4, 1] });
        assert_eq!(below(1, children).unwrap(), [2, 4, 3]);
    }

    #[test]
    fn a_kernel_without_lists_is_an_error() {
        assert!(below(1, |_| Err(io::ErrorKind::NotFound.into())).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn finds_a_child_of_a_child_either_way() {
        let (mut shell, pids) = shell("sleep 30 & echo $!; wait");
        for look in [descendants, every_descendant] {
            assert_eq!(look(shell.id()), pids);
            assert!(look(std::process::id()).contains(&pids[0]), "below us too");
        }
        signal_descendants(shell.id(), Signal::KILL);
        shell.wait().unwrap();
        assert!(descendants(shell.id()).is_empty());
    }

    /// Waits until a process has ended. Somebody else reaps it; until then it is a zombie, which has no memory.
    fn wait_gone(pid: u32) {
        while fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| !environ.is_empty()) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn knows_what_runs() {
        let own = std::env::current_exe().unwrap().canonicalize().unwrap();
        let running = programs_of_this_user();
        assert!(running.iter().any(|program| program.file_name() == own.file_name()), "{running:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn kills_what_left_the_group() {
        let (mut shell, pids) = shell("setsid sh -c 'echo $$; exec sleep 30' & wait");
        kill(Handle::open(shell.id()).as_ref(), None);
        shell.wait().unwrap();
        wait_gone(pids[0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn kills_what_outlived_its_parent_and_no_stranger() {
        let keeper = Identity::of(std::process::id()).unwrap();
        let marked = format!("EVERLIT_KEEPER={keeper} setsid sh -c 'sleep 600 & echo $!'");
        let (mut shell, pids) = shell(&format!("{marked}; exec sleep 30"));
        let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
        // It is told by its parent, and leaves when that ends.
        while descendants(shell.id()).contains(&pids[0]) {
            std::thread::yield_now();
        }
        kill(Handle::open(shell.id()).as_ref(), Some(keeper));
        shell.wait().unwrap();
        wait_gone(pids[0]);
        assert_eq!(stranger.try_wait().unwrap(), None);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
