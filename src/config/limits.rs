//! Bounds that a person may have to move; all others are constants where they are kept.

use std::time::Duration;

/// The longest address of a request, in bytes (R25). Browsers send more, but hardly anybody means to: what is longer is most often
/// a form that was sent by the wrong method.
const URI_BYTES: usize = 16 * 1024;

/// All headers of a request, in bytes (R25). Cookies are by far the most of them, and a host may leave 180 of 4 KiB each.
const HEADER_BYTES: usize = 64 * 1024;

/// How many headers (R25); a browser sends about 20, and proxies before it a dozen.
const HEADERS: usize = 100;

/// The longest body that the API takes, in bytes: some thousands of items.
const BODY_BYTES: usize = 8 * 1024 * 1024;

/// How long such a body may take to arrive: a phone on a bad network needs seconds.
const BODY_ARRIVAL: Duration = Duration::from_secs(30);

/// How long a request waits for a program, all its waits together. A start that takes longer has a page that says so; browsers
/// and test tools give up at about this time.
const WAIT: Duration = Duration::from_secs(30);

/// How long a program may be silent after the request (or the last piece of its body) before 504. A little more than the minute
/// at which nginx gives up and to which long polls are cut.
pub(crate) const ANSWER: Duration = Duration::from_secs(62);

/// Connections at once; more wait in the kernel's queue. It is above the sockets a hub takes and below common descriptor limits.
const CONNECTIONS: usize = 10_000;

/// Sockets of pages that listen, at once. A developer has dozens of tabs; the rest is for load tests, and the bound for hostile pages.
const SOCKETS: usize = 8192;

/// How many requests may wait for a program at once. A page asks for a few hundred things; each waiting one costs a socket and
/// some KiB.
const WAITING: usize = 4096;

/// The fewest connections that can be configured: a browser opens six for a page, and one for its socket.
pub(super) const FEWEST_CONNECTIONS: u16 = 10;

/// The most that can be configured of what there is at once: a client has so many ports, and each connection costs us a descriptor.
pub(super) const MOST_AT_ONCE: u16 = 60_000;

/// The most that can be configured of an address, a little less than what the parser takes at all (65,534 bytes).
pub(crate) const MOST_URI_BYTES: usize = 60 * 1024;

/// The most that can be configured of headers. Each connection may hold so much.
pub(crate) const MOST_HEADER_BYTES: usize = 256 * 1024;

/// The most headers that can be configured.
pub(crate) const MOST_HEADERS: usize = 400;

/// The longest body that can be configured, as much as all bodies together may hold.
pub(super) const MOST_BODY_BYTES: usize = 64 * 1024 * 1024;

/// All of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Of a request's head.
    pub head: HeadLimits,
    /// Of a body that Everlit itself takes; those for programs have none.
    pub body: BodyLimits,
    /// Of time.
    pub time: TimeLimits,
    /// Of what there is at once.
    pub at_once: AtOnceLimits,
}

/// Of a request's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of its address.
    pub uri_bytes: usize,
    /// Bytes of its headers.
    pub header_bytes: usize,
    /// How many headers.
    pub headers: usize,
}

/// Of a body that Everlit itself takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// How long it may be.
    pub bytes: usize,
    /// How long it may take to arrive.
    pub arrival: Duration,
}

/// Of the time that a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// How long it may wait for a program that is being built or started.
    pub wait: Duration,
    /// How long a program, or a server in its place, may be silent.
    pub answer: Duration,
}

/// Of what there is at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtOnceLimits {
    /// Connections, whatever goes over them.
    pub connections: usize,
    /// Sockets by which pages hear of changes.
    pub sockets: usize,
    /// Requests that wait for a program that is being built or started.
    pub waiting: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { uri_bytes: URI_BYTES, header_bytes: HEADER_BYTES, headers: HEADERS }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: BODY_BYTES, arrival: BODY_ARRIVAL }
    }
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { wait: WAIT, answer: ANSWER }
    }
}

impl Default for AtOnceLimits {
    fn default() -> Self {
        Self { connections: CONNECTIONS, sockets: SOCKETS, waiting: WAITING }
    }
}
