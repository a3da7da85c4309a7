//! The bounds of the proxy, each with its reason.

use std::time::Duration;

/// How long a request waits for a program, all its waits together. A start that takes longer has a page that says so; browsers
/// and test tools give up at about this time.
const PARK: Duration = Duration::from_secs(30);

/// How many requests may wait at once. A page asks for a few hundred things; each waiting one costs a socket and some KiB.
const PARKED: usize = 4096;

/// How long a program may be silent after the request (or the last piece of its body) before 504. A little more than the minute
/// at which nginx gives up and to which long polls are cut.
const ANSWER: Duration = Duration::from_secs(62);

/// How long a program that serves may refuse connections before 502: long enough for its exit to be noticed, or for a server
/// that somebody else restarts to come back; short enough that a wrong address is told soon.
const RECONNECT: Duration = Duration::from_secs(2);

/// What a request may take, in one value so that tests can wait for less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) park: Duration,
    pub(super) parked: usize,
    pub(super) answer: Duration,
    pub(super) reconnect: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { park: PARK, parked: PARKED, answer: ANSWER, reconnect: RECONNECT }
    }
}
