//! Where a program listens, and how it wants to be spoken to. Plain data; configuration fills it in.

use std::time::Duration;

use http::Uri;

use crate::config::ANSWER;

/// A connection on this machine is made in microseconds, one to a container in milliseconds, one across an ocean in 300 of them.
const CONNECT: Duration = Duration::from_secs(2);

/// Where a program listens, and how it wants to be spoken to.
///
/// ```
/// use everlit::proxy::{Protocol, Target};
///
/// let base = http::Uri::from_static("http://127.0.0.1:3000");
/// let target = Target { protocol: Protocol::Http2, ..Target::from(base) };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `http://HOST:PORT` or `https://HOST:PORT`; a path is ignored.
    pub base: Uri,
    /// What is spoken over a connection.
    pub protocol: Protocol,
    /// Whose certificate is believed; `https` only.
    pub trust: Trust,
    /// What the program reads in `Host`.
    pub host: HostPolicy,
    /// How long it may be silent after the request, or after the last piece of its body that it took, before 504.
    pub answer: Duration,
    /// How long it may take to accept a connection.
    pub connect: Duration,
}

/// What is spoken over a connection to a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 for the gRPC calls that cannot do without it.
    #[default]
    Http1,
    /// HTTP/2 always: without TLS from the first byte on, without asking (RFC 9113 §3.3).
    Http2,
}

/// Whose certificate is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that this system believes.
    #[default]
    System,
    /// Every one, as it is right for a certificate that somebody signed for themselves on this machine.
    Anyone,
}

/// What a program reads in `Host`; `X-Forwarded-Host` is the browser's name for us in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPolicy {
    /// What the browser wrote: links and checks of `Origin` come out right.
    #[default]
    Keep,
    /// The name in [`Target::base`], for servers that tell their sites apart by it.
    Rewrite,
}

impl From<Uri> for Target {
    fn from(base: Uri) -> Self {
        let (protocol, trust, host) = (Protocol::default(), Trust::default(), HostPolicy::default());
        Self { base, protocol, trust, host, answer: ANSWER, connect: CONNECT }
    }
}
