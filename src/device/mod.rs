//! Makes the server reachable from phones: over adb, a phone's own `http://localhost:PORT/` is ours. Without a cable it is [`lan`].
//!
//! [`serve`] is one task for a whole session. It talks to the adb server (one TCP connection to follow the devices, a short one per
//! request), asks every phone that is ready for its reverse rules, asks again whenever one is missing, says in words why a
//! phone cannot be reached, and takes its rules back at the end. [`list`], [`open()`], [`shoot`] and [`debuggees`] are for whoever asks for phones.
//!
//! Where no adb server listens there is most likely no phone, and not a word is said; one is started when a phone is plugged in, or asked
//! for, and is never ended. Only the app listener's port is forwarded, or the one beside it where that speaks TLS, and those
//! that the configuration names. What a phone or the adb server says is untrusted text.

mod adb;
mod adb_server;
mod asked;
mod devtools;
mod frame;
pub mod lan;
mod limits;
mod link;
mod listing;
mod other_ports;
mod page;
mod phones;
mod plugged;
mod reverse;
mod rule;
mod situation;
mod track;
mod untrusted;

#[cfg(test)]
mod tests;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use adb_server::AdbServer;
pub use asked::{Found, Opening, Phone, Picture, Shot, Unreachable, debuggees, is_any, list, open, shoot};
pub use devtools::{Debuggee, Frontend, Tab};
pub use other_ports::OtherPorts;
pub use page::{BadPath, PagePath};

use crate::{joined::joined, telemetry::Notices};
use limits::Limits;
use phones::Phones;

/// The two ends of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The port that the phone asks for.
    pub phone: u16,
    /// The port on this computer that it leads to.
    pub here: u16,
}

/// What every phone is to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The project's pages. Where their port is taken on a phone it has another one there, which is said.
    pub page: Ends,
    /// What pages ask for by its port, which is the same on both ends.
    pub ports: Vec<u16>,
    /// Whether their browsers are asked what the pages say, by DevTools.
    pub devtools: bool,
}

/// Keeps `http://localhost:{phone}/` working on every phone that the adb server knows, until `stop`; then removes the rules again, which
/// takes a second at most. The ports by which some phone knows us instead are in `other_ports`.
///
/// It never fails: what is in the way is said through `notices`, once.
pub async fn serve(server: AdbServer, links: Links, other_ports: OtherPorts, notices: Notices, stop: CancellationToken) {
    serve_within(Limits::default(), &server, &links, other_ports, notices, stop).await;
}

async fn serve_within(
    limits: Limits,
    server: &AdbServer,
    links: &Links,
    other_ports: OtherPorts,
    notices: Notices,
    stop: CancellationToken,
) {
    let adb = server.connect(limits.answer);
    let mut hearing = JoinSet::new();
    if links.devtools {
        hearing.spawn(devtools::follow(adb.clone(), links.page.here, notices.clone()));
    }
    let mut phones = Phones::new(adb.clone(), link::all(links), other_ports, notices);
    // Whatever is under way is dropped at the stop; `phones` has kept what must be taken back.
    tokio::select! {
        () = stop.cancelled() => (),
        never = track::forever(server, &adb, &mut phones, limits) => match never {},
        Some(ended) = hearing.join_next() => drop(joined(ended)),
    }
    hearing.shutdown().await;
    let _ = tokio::time::timeout(limits.withdrawal, phones.withdraw()).await;
}
