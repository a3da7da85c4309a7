//! The processes a server started, however far they moved away.
//!
//! Each server gets a mark in its environment, which every descendant inherits: one that called `setsid` or was adopted by
//! init as well. Reads `/proc`.

use std::{
    fs, process, thread,
    time::{Duration, Instant},
};

/// How often the list is read again while waiting.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The environment variable that holds the mark.
pub(crate) const MARK: &str = "SUITE_MARK";

/// All living processes with one mark.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    mark: String,
}

impl Processes {
    /// A mark no other process has.
    pub(crate) fn unique() -> Self {
        let nanos = std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970").as_nanos();
        Self { mark: format!("{}-{nanos}", process::id()) }
    }

    /// The value of [`MARK`].
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// Pid and command line of each.
    pub(crate) fn alive(&self) -> Vec<(u32, String)> {
        let wanted = format!("{MARK}={}", self.mark);
        let all = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| has_variable(*pid, wanted.as_bytes()))
            .map(|pid| (pid, command_line(pid)))
            .collect()
    }

    /// Waits until none is left.
    pub(crate) fn wait_gone(&self, limit: Duration) -> Result<(), String> {
        let deadline = Instant::now() + limit;
        loop {
            match self.alive() {
                none if none.is_empty() => return Ok(()),
                left if Instant::now() > deadline => return Err(format!("after {limit:?} there are still {left:?}")),
                _ => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Ends what is left.
    pub(crate) fn kill(&self) {
        for (pid, _) in self.alive() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed()) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

/// A zombie has an empty environment, so that it counts as gone.
fn has_variable(pid: u32, wanted: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|one| one == wanted))
}

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ").trim_end().to_owned()
}
