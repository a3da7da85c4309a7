//! One name and whose it is: asked for first, then kept.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{Instant, sleep, timeout_at},
};

use super::{
    GROUP,
    packet::{self, Heard},
};

/// How often it is asked whether the name is taken, and how long each time is waited for an answer (RFC 6762 §8.1).
const PROBES: u32 = 3;
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// The pause before the second announcement (§8.3).
const ANNOUNCEMENT_PAUSE: Duration = Duration::from_secs(1);

/// How long everybody takes an answer for known (§6).
const ANSWER_PAUSE: Duration = Duration::from_secs(1);

/// The largest message that is read, in bytes (§17).
const LARGEST: usize = 9000;

/// A name that is to be ours.
pub(super) struct Owner<'s> {
    socket: &'s UdpSocket,
    name: &'s str,
    address: Ipv4Addr,
    buffer: Vec<u8>,
}

impl<'s> Owner<'s> {
    pub(super) fn new(socket: &'s UdpSocket, name: &'s str, address: Ipv4Addr) -> Self {
        Self { socket, name, address, buffer: vec![0; LARGEST] }
    }

    /// Whether nobody else has it.
    pub(super) async fn probe(&mut self) -> io::Result<bool> {
        // Those that are switched on together should not all ask together.
        sleep(PROBE_PAUSE.mul_f64(some_share())).await;
        for _ in 0..PROBES {
            self.send(&packet::probe(self.name, self.address), GROUP.into()).await?;
            let until = Some(Instant::now() + PROBE_PAUSE);
            while let Some((heard, _)) = self.hear(until).await? {
                if self.is_lost(&heard, |theirs| heard.is_answer || theirs > self.address) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Says that it is ours and answers whoever asks. Returns when somebody else says that it is theirs.
    pub(super) async fn keep(&mut self) -> io::Result<()> {
        let mut said = self.announce().await;
        let mut again = Some(said + ANNOUNCEMENT_PAUSE);
        loop {
            match self.hear(again).await? {
                None => {
                    said = self.announce().await;
                    again = None;
                }
                Some((heard, _)) if self.is_lost(&heard, |_| heard.is_answer) => return Ok(()),
                Some((heard, from)) if heard.is_asked && !heard.is_answer => {
                    said = self.answer(&heard, from, said).await;
                }
                Some(_) => (),
            }
        }
    }

    /// Says that it is nobody's any more.
    pub(super) async fn leave(&self) {
        let _ = self.send(&packet::goodbye(self.name, self.address), GROUP.into()).await;
    }

    /// Whether another address has it, by the word of somebody who counts.
    fn is_lost(&self, heard: &Heard, counts: impl Fn(Ipv4Addr) -> bool) -> bool {
        heard.claims.iter().any(|theirs| *theirs != self.address && counts(*theirs))
    }

    /// Tells everybody. When that fails the network is gone for now, and whoever comes back to it asks.
    async fn announce(&self) -> Instant {
        let _ = self.send(&packet::answer(self.name, self.address), GROUP.into()).await;
        Instant::now()
    }

    async fn answer(&self, heard: &Heard, from: SocketAddr, said: Instant) -> Instant {
        if from.port() != GROUP.port() {
            let _ = self.send(&packet::legacy_answer(self.name, self.address, heard), from).await;
        } else if heard.is_private {
            let _ = self.send(&packet::answer(self.name, self.address), from).await;
        } else if said.elapsed() >= ANSWER_PAUSE {
            return self.announce().await;
        }
        said
    }

    async fn send(&self, message: &[u8], to: SocketAddr) -> io::Result<()> {
        self.socket.send_to(message, to).await.map(drop)
    }

    /// The next message that can be read, with its sender; `None` when there is none by then.
    async fn hear(&mut self, until: Option<Instant>) -> io::Result<Option<(Heard, SocketAddr)>> {
        loop {
            let arriving = self.socket.recv_from(&mut self.buffer);
            let (length, from) = match until {
                None => arriving.await?,
                Some(until) => match timeout_at(until, arriving).await {
                    Ok(arrived) => arrived?,
                    Err(_) => return Ok(None),
                },
            };
            if let Some(heard) = packet::parse(&self.buffer[..length], self.name) {
                return Ok(Some((heard, from)));
            }
        }
    }
}

/// Between 0 and 1.
fn some_share() -> f64 {
    let mut byte = [0];
    // Without a random source all of it is waited for.
    if getrandom::fill(&mut byte).is_err() { 1.0 } else { f64::from(byte[0]) / f64::from(u8::MAX) }
}
