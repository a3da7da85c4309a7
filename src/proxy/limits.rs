//! The bounds of the proxy, each with its reason.

use std::time::Duration;

use crate::config::{AtOnceLimits, TimeLimits};

/// How long a program that serves may refuse connections before 502: long enough for its exit to be noticed, or for a server
/// that somebody else restarts to come back; short enough that a wrong address is told soon.
const RECONNECT: Duration = Duration::from_secs(2);

/// What a request may take, in one value so that tests can wait for less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) park: Duration,
    pub(super) parked: usize,
    pub(super) reconnect: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { park: TimeLimits::default().wait, parked: AtOnceLimits::default().waiting, reconnect: RECONNECT }
    }
}
