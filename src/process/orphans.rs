//! What an earlier run on the same project left behind, for it was killed together with its keepers.
//!
//! Ours is what carries the mark of a run on this project that is over. All else is a stranger, whatever port it holds and
//! whatever it is called, and is never signalled.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    handle::{Handle, Identity},
    mark::{Environment, Session, command_line, processes},
    tree,
};

/// From SIGTERM to SIGKILL. A keeper that is still at work gives its tree as long.
const GRACE: Duration = Duration::from_secs(3);

/// How often it is looked whether they have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A process that was left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its number.
    pub pid: u32,
    /// Its command line; untrusted text.
    pub command: String,
}

/// A process of an earlier run.
struct Left {
    handle: Handle,
    /// Whether its keeper is just ending it.
    is_kept: bool,
}

/// Ends what earlier runs on the project in `root` left behind, and answers what that was, once it is gone. Takes as long as it
/// takes them to end.
#[must_use]
pub fn end_orphans(root: &Path) -> Vec<Orphan> {
    // Somebody may start us from a shell that was left behind.
    let is_above_us = |pid| pid == std::process::id() || tree::is_below(std::process::id(), pid);
    let mut left: Vec<_> = processes().into_iter().filter_map(|pid| left_by_a_run_on(root, pid)).collect();
    left.retain(|left| !is_above_us(left.handle.pid));
    let orphans = left.iter().filter(|left| !left.is_kept).map(|left| {
        let pid = left.handle.pid;
        Orphan { pid, command: command_line(pid) }
    });
    let orphans = orphans.collect();
    left.iter().filter(|left| !left.is_kept).for_each(|left| left.handle.signal(Signal::TERM));
    wait(&mut left, GRACE);
    left.iter().for_each(|left| left.handle.signal(Signal::KILL));
    wait(&mut left, GRACE);
    orphans
}

fn left_by_a_run_on(root: &Path, pid: u32) -> Option<Left> {
    // Opened before it is looked at: what is signalled is what was seen, or nothing.
    let handle = Handle::open(pid)?;
    let environment = Environment::of(pid)?;
    let session = Session::of(&environment)?;
    let is_left = session.root == root && !session.everlit.is_alive();
    // A keeper has none itself: it goes when its tree has gone.
    let is_kept = environment.keeper().is_none_or(Identity::is_alive);
    is_left.then_some(Left { handle, is_kept })
}

/// Waits until all have ended or the time is over.
fn wait(left: &mut Vec<Left>, limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        left.retain(|left| !left.handle.has_ended());
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        thread::sleep(LOOK_AGAIN);
    }
}
