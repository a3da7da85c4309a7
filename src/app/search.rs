//! Finds where a starting program listens, and whether it answers.
//!
//! The port the program was given wins at once. Any other it opened has to be the only news for [`SETTLE`]: debuggers and
//! metrics answer HTTP too, and often before the program itself. A port the program had before is known and needs no such wait.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use super::{
    hand_over::protocol,
    probe::{self, Answer},
};
use crate::{
    config::{AppConfig, AppPort},
    process::{Exit, sockets, tree},
    proxy::Protocol,
};

/// How long the ports of a program must be the same before one that was not given is taken for it.
const SETTLE: Duration = Duration::from_millis(250);

/// Ports asked in one look; a program with more is asked for its first ones.
const PORTS: usize = 16;

/// Where a ready program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) address: SocketAddr,
    /// Whether it took the port it was given. One that did not can only run alone.
    pub(super) as_given: bool,
}

/// Why a program is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotReady {
    Exited(Exit),
    /// It opened no port.
    NoPort,
    /// It did not print what it prints once it is ready.
    NoLine,
    /// It listens there, but does not answer as it should.
    NoAnswer(SocketAddr, Option<u16>),
}

impl NotReady {
    /// What is to be said after another look. One that found no port, or whose question was not answered (most likely because time was
    /// over), says less than an answer before it.
    pub(super) fn then(self, next: Self) -> Self {
        match (&self, &next) {
            (_, Self::NoPort) => self,
            (Self::NoAnswer(asked, Some(_)), Self::NoAnswer(again, None)) if asked == again => self,
            _ => next,
        }
    }
}

/// The port a program is given, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) port: u16,
    /// Whether it is the only one that counts.
    pub(super) fixed: bool,
    /// Whether nobody listened on it before the start. Then whoever answers there is the program, even when it runs outside
    /// of the process tree, in a container.
    pub(super) was_free: bool,
}

impl Given {
    /// The configured port, or `free`, which is.
    pub(super) fn new(port: AppPort, free: u16) -> Self {
        match port {
            AppPort::Auto => Self { port: free, fixed: false, was_free: true },
            AppPort::Fixed(port) => Self { port, fixed: true, was_free: sockets::owner(port).is_none() },
        }
    }
}

/// The search of one start.
#[derive(Debug)]
pub(super) struct Search {
    root: u32,
    given: Given,
    /// Where the run before was found.
    known: Option<u16>,
    protocol: Protocol,
    ready_path: Option<String>,
    /// Whether it has printed what it prints once it is ready; `None` where nothing is waited for.
    said: Option<watch::Receiver<bool>>,
    open: Vec<SocketAddr>,
    since: Instant,
}

impl Search {
    pub(super) fn new(
        root: u32,
        given: Given,
        known: Option<u16>,
        config: &AppConfig,
        said: Option<watch::Receiver<bool>>,
    ) -> Self {
        let (protocol, ready_path) = (protocol(config), config.ready.clone());
        Self { root, given, known, protocol, ready_path, said, open: Vec::new(), since: Instant::now() }
    }

    /// One look at every port the program may be on.
    pub(super) async fn look(&mut self, deadline: Instant) -> Result<Found, NotReady> {
        self.scan().await;
        if let Some(said) = &self.said {
            if !*said.borrow() {
                return Err(NotReady::NoLine);
            }
            if self.ready_path.is_none() {
                return self.first_open();
            }
        }
        let mut answers = self.ask(deadline);
        let (mut ready, mut reason) = (Vec::new(), NotReady::NoPort);
        while let Some(answered) = answers.join_next().await {
            let Ok((address, answer)) = answered else { continue };
            if answer.is_ready(self.ready_path.as_deref()) {
                if self.is_certain(address) {
                    return Ok(self.found(address));
                }
                ready.push((answer, address));
            }
            reason = match answer {
                Answer::Status(status) => NotReady::NoAnswer(address, Some(status)),
                Answer::Refused | Answer::Mute => NotReady::NoAnswer(address, None),
                Answer::Closed => reason,
            };
        }
        // A page is more likely the program than what refuses everything, as debuggers do.
        ready.sort_by_key(|(answer, address)| (matches!(answer, Answer::Status(400..) | Answer::Refused), *address));
        match ready.first() {
            Some((_, address)) if self.since.elapsed() >= SETTLE => Ok(self.found(*address)),
            _ => Err(reason),
        }
    }

    /// Where a program listens that has said that it is ready: it is not asked.
    fn first_open(&self) -> Result<Found, NotReady> {
        let certain = self.open.iter().find(|&&address| self.is_certain(address));
        let settled = self.open.first().filter(|_| self.since.elapsed() >= SETTLE);
        certain.or(settled).map(|&address| self.found(address)).ok_or(NotReady::NoPort)
    }

    fn found(&self, address: SocketAddr) -> Found {
        Found { address, as_given: address.port() == self.given.port && !self.given.fixed }
    }

    fn is_certain(&self, address: SocketAddr) -> bool {
        address.port() == self.given.port || self.known == Some(address.port())
    }

    /// Asks every open port at once: one that is silent must not hold up the others.
    fn ask(&self, deadline: Instant) -> JoinSet<(SocketAddr, Answer)> {
        let mut answers = JoinSet::new();
        for &address in self.open.iter().take(PORTS) {
            let (protocol, path) = (self.protocol, self.ready_path.clone().unwrap_or_else(|| "/".into()));
            let left = deadline.saturating_duration_since(Instant::now());
            answers.spawn(async move {
                let answer = timeout(left, probe::ask(address, protocol, &path)).await;
                (address, answer.unwrap_or(Answer::Mute))
            });
        }
        answers
    }

    /// Notes which ports are open now. Reading `/proc` takes a while on a machine with many processes: not here.
    async fn scan(&mut self) {
        let (root, given) = (self.root, self.given);
        let open = spawn_blocking(move || addresses(root, given)).await.unwrap_or_default();
        if open != self.open {
            self.open = open;
            self.since = Instant::now();
        }
    }
}

/// What the process tree opened, the given port first. Only that counts, where it can be seen: a stranger on the same port
/// would answer as well.
fn addresses(root: u32, given: Given) -> Vec<SocketAddr> {
    let mut pids = tree::descendants(root);
    pids.push(root);
    let mut open: Vec<_> = sockets::listening(&pids).into_iter().map(reachable).collect();
    open.retain(|address| !given.fixed || address.port() == given.port);
    if open.is_empty() && given.was_free && (given.fixed || cfg!(not(target_os = "linux"))) {
        open = vec![(Ipv4Addr::LOCALHOST, given.port).into(), (Ipv6Addr::LOCALHOST, given.port).into()];
    }
    open.sort_by_key(|address| (address.port() != given.port, address.is_ipv6(), *address));
    open.dedup();
    open
}

/// An address that reaches a listener: all addresses are reached through the loopback.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        // A listener on all IPv6 addresses takes IPv4 too unless told otherwise; ::1 it takes for certain.
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server in this process that answers with this status, or never.
    async fn server(status: Option<u16>) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(status) = status else {
                    silent.push(stream);
                    continue;
                };
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
            }
        });
        (address, task)
    }

    /// A search that sees just these ports.
    fn search(open: &[SocketAddr], given: u16) -> Search {
        let given = Given { port: given, fixed: false, was_free: true };
        let since = Instant::now();
        Search {
            root: 0,
            given,
            known: None,
            protocol: Protocol::Http1,
            ready_path: None,
            said: None,
            open: open.to_vec(),
            since,
        }
    }

    #[test]
    fn sees_only_the_tree() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let given = Given { port, fixed: false, was_free: true };
        assert_eq!(addresses(std::process::id(), given)[0].port(), port);
        assert!(addresses(1_000_000_000, given).is_empty());
    }

    #[test]
    fn an_answer_says_more_than_none() {
        let (port, other): (SocketAddr, SocketAddr) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let check = |last: NotReady, next: NotReady, expected: NotReady| assert_eq!(last.then(next), expected);
        let (answered, silent) = (NotReady::NoAnswer(port, Some(503)), NotReady::NoAnswer(port, None));
        check(answered.clone(), silent.clone(), answered.clone());
        check(answered.clone(), NotReady::NoPort, answered.clone());
        check(silent, answered.clone(), answered.clone());
        check(answered.clone(), NotReady::NoAnswer(other, None), NotReady::NoAnswer(other, None));
        check(NotReady::NoPort, answered.clone(), answered);
        check(NotReady::NoLine, NotReady::NoPort, NotReady::NoLine);
    }

    #[tokio::test]
    async fn a_silent_port_holds_nobody_up() {
        let ((silent, _one), (page, _two)) = (server(None).await, server(Some(200)).await);
        let search = search(&[silent, page], page.port());
        let mut answers = search.ask(Instant::now() + Duration::from_secs(5));
        let first = answers.join_next().await.unwrap().unwrap();
        assert_eq!(first, (page, Answer::Status(200)));
    }
}
