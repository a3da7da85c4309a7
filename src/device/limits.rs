//! The bounds of the device module, each with its reason.

use std::time::Duration;

/// How long until an absent adb server is looked for again, and a phone that could not be reached is asked again. A person who
/// has just started one of them waits about as long for the first sign; a refused connection on loopback costs nothing.
const RETRY: Duration = Duration::from_secs(3);

/// How long until a lost adb server is looked for again, and for how long so often: `adb kill-server; adb start-server`, and adb's
/// own restarts when two versions of it meet, take a second or two.
const SOON_AGAIN: Duration = Duration::from_millis(250);
const SOON_FOR: Duration = Duration::from_secs(30);

/// How long a device that is listed as offline may take to become something else before it is called so. Every connection that is
/// being made begins that way, for some milliseconds.
const SETTLE: Duration = Duration::from_millis(500);

/// How long one request to the adb server may take. A phone on a slow Wi-Fi answers in a second or two; one that hangs must not
/// hold up the others' next check for long.
const ANSWER: Duration = Duration::from_secs(5);

/// How long the removal of all rules may take when the session ends. They point to a closed port afterwards and go with the
/// cable, so nothing is lost if a phone does not answer.
const WITHDRAWAL: Duration = Duration::from_secs(1);

/// How long `adb start-server` may take. It answers once it has looked at every USB port, for which it gives itself three seconds.
pub(super) const START: Duration = Duration::from_secs(15);

/// How long whoever asks to open a page waits for a phone's rule: an adb server that was just started is found within [`RETRY`], and
/// its phones take a moment to answer it.
pub(super) const REACHED: Duration = Duration::from_secs(6);

/// How often it is looked for meanwhile.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long a phone may take to say that it opened a page: seconds, where it wakes its browser for it.
pub(super) const OPENING: Duration = Duration::from_secs(20);

/// How long the adb server may take where somebody waits at the keyboard to hear whether there are phones.
pub(super) const GLANCE: Duration = Duration::from_millis(200);

/// How much of what a phone's command prints is read: its last words are looked at, and nothing else.
pub(super) const OUTPUT: usize = 64 * 1024;

/// How many bytes the path of a page may have. Older phones take 4096 for the whole command; browsers' addresses are rarely longer.
pub(super) const PATH: usize = 2048;

/// How many other ports of a phone are tried when ours is taken there. A phone has few programs that listen.
pub(super) const OTHERS: u16 = 9;

/// How many devices are served. Each costs a connection per check; a desk with more is a device farm, which has its own tools.
pub(super) const DEVICES: usize = 16;

/// How many bytes a serial number may have. USB allows 126 characters, network names are a little longer; it also keeps every
/// request inside the four digits of its length.
pub(super) const SERIAL: usize = 256;

/// How many characters of somebody else's text stand in a message: a line of a terminal or two.
pub(super) const SHOWN: usize = 160;

/// The waits, in one value so that tests can wait for less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) retry: Duration,
    pub(super) soon_again: Duration,
    pub(super) soon_for: Duration,
    pub(super) settle: Duration,
    pub(super) answer: Duration,
    pub(super) withdrawal: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { retry: RETRY, soon_again: SOON_AGAIN, soon_for: SOON_FOR, settle: SETTLE, answer: ANSWER, withdrawal: WITHDRAWAL }
    }
}
