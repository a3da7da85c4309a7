//! Who belongs to a process tree, and how to end it. Read from `/proc`; without one only process groups are known.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

/// Times [`kill`] looks for processes that were forked while it looked. Each look stops those it finds, so the second one
/// usually finds none.
const KILL_LOOKS: usize = 16;

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

/// Sends a signal to each of these processes; those that are gone are passed over.
pub(crate) fn signal_all(pids: &[u32], signal: Signal) {
    for pid in pids.iter().filter_map(|&pid| pid_of(pid)) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process belongs to the process group that `leader` leads.
pub(crate) fn is_in_group(pid: u32, leader: u32) -> bool {
    pid_of(pid).is_some_and(|pid| getpgid(Some(pid)).ok() == pid_of(leader))
}

/// Sends a signal to the process group that `leader` leads.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = pid_of(leader) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Ends `root`, its process group and everything below it at once, for when there is no keeper to do it.
///
/// All are stopped before the first is ended: one that runs can fork, and one whose parent has ended is not found any more.
/// What had left the tree before, by outliving its parent, is beyond reach. The parent of `root` must not be about to end: the
/// kernel hangs up a group that is orphaned while it is stopped, which would end `root` before the rest is found.
pub(crate) fn kill(root: u32) {
    let mut found = vec![root];
    for _ in 0..KILL_LOOKS {
        signal_all(&found, Signal::STOP);
        let known = found.len();
        found.extend(every_descendant(root).into_iter().filter(|pid| !found[..known].contains(pid)).collect::<Vec<_>>());
        if found.len() == known {
            break;
        }
    }
    signal_group(root, Signal::KILL);
    signal_all(&found, Signal::KILL);
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
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, parent_in(&stat)?))
        })
        .collect()
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
        signal_all(&pids, Signal::KILL);
        shell.wait().unwrap();
        assert!(descendants(shell.id()).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn kills_what_left_the_group() {
        let (mut shell, pids) = shell("setsid sh -c 'echo $$; exec sleep 30' & wait");
        kill(shell.id());
        shell.wait().unwrap();
        // Somebody else reaps it; until then it is a zombie, which has no memory.
        let ended = || fs::read(format!("/proc/{}/environ", pids[0])).map_or(true, |environ| environ.is_empty());
        while !ended() {
            std::thread::yield_now();
        }
    }
}
