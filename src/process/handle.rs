//! A process that is signalled through a descriptor of it, where the system has such.
//!
//! A number may have been given to a stranger since it was read somewhere; a descriptor means one process for ever. So: open it,
//! look again whether the process is the one that is meant, and only then signal it.

use std::fs;

use rustix::process::Signal;
#[cfg(target_os = "linux")]
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    process::{PidfdFlags, pidfd_open, pidfd_send_signal},
};

/// One process.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) pid: u32,
    #[cfg(target_os = "linux")]
    descriptor: OwnedFd,
}

#[cfg(target_os = "linux")]
impl Handle {
    /// The process that has this number now; `None` when there is none.
    pub(crate) fn open(pid: u32) -> Option<Self> {
        let descriptor = pidfd_open(super::tree::pid_of(pid)?, PidfdFlags::empty()).ok()?;
        Some(Self { pid, descriptor })
    }

    /// Sends it a signal; one that is gone is passed over.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.descriptor, signal);
    }

    /// Whether it has ended, reaped or not.
    pub(crate) fn has_ended(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.descriptor, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

#[cfg(not(target_os = "linux"))]
impl Handle {
    /// The process that has this number now.
    pub(crate) fn open(pid: u32) -> Option<Self> {
        Some(Self { pid })
    }

    /// Sends it a signal; one that is gone is passed over.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = super::tree::pid_of(self.pid) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        super::tree::pid_of(self.pid).is_none_or(|pid| rustix::process::test_kill_process(pid).is_err())
    }
}

/// A process as a text can name it for good: by its number and when it started, in the kernel's clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pid: u32,
    started: u64,
}

impl Identity {
    /// The process that has this number now; `None` when there is none, or it has only to be reaped.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything. State is the third field, the start the twenty-second.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some(Self { pid, started })
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (pid, started) = text.split_once('.')?;
        Some(Self { pid: pid.parse().ok()?, started: started.parse().ok()? })
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.pid, self.started)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_known_until_it_ends() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let (handle, identity) = (Handle::open(child.id()).unwrap(), Identity::of(child.id()).unwrap());
        assert!(!handle.has_ended() && identity.is_alive());
        assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        handle.signal(Signal::KILL);
        while !handle.has_ended() {
            std::thread::yield_now();
        }
        assert!(!identity.is_alive(), "a zombie does not live");
        child.wait().unwrap();
        handle.signal(Signal::KILL);
        assert!(handle.has_ended() && Handle::open(child.id()).is_none());
    }

    #[test]
    fn another_process_of_the_same_number_is_a_stranger() {
        let ours = Identity::of(std::process::id()).unwrap();
        assert!(ours.is_alive());
        assert!(!Identity { started: ours.started + 1, ..ours }.is_alive());
        assert_eq!(Identity::parse("1"), None);
    }
}
