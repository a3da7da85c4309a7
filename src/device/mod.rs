//! Makes the server reachable from phones: over adb, a phone's own `http://localhost:PORT/` is ours.
//!
//! [`serve`] is one task for a whole session. It talks to the adb server that already runs (one TCP connection to follow the
//! devices, a short one per request), asks every phone that is ready for a reverse rule, asks again whenever the rule is
//! missing, says in words why a phone cannot be reached, and takes its rules back at the end.
//!
//! No `adb` program is started here, and no adb server: where none listens there is most likely no phone, and not a word is
//! said. Only the app listener's port is ever forwarded. What a phone or the adb server says is untrusted text.

mod adb;
mod frame;
mod limits;
mod listing;
mod phones;
mod reverse;
mod rule;
mod situation;
mod track;
mod untrusted;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};

use tokio_util::sync::CancellationToken;

use crate::telemetry::Notices;
use adb::Adb;
use limits::Limits;
use phones::Phones;

/// Keeps `http://localhost:{port}/` working on every phone that the adb server on `127.0.0.1:{adb_port}` knows, until `stop`;
/// then removes the rules again, which takes a second at most.
///
/// It never fails: what is in the way is said through `notices`, once.
pub async fn serve(adb_port: u16, port: u16, notices: Notices, stop: CancellationToken) {
    serve_within(Limits::default(), adb_port, port, notices, stop).await;
}

async fn serve_within(limits: Limits, adb_port: u16, port: u16, notices: Notices, stop: CancellationToken) {
    let adb = Adb::new(SocketAddr::from((Ipv4Addr::LOCALHOST, adb_port)), limits.answer);
    let mut phones = Phones::new(adb.clone(), port, notices);
    // Whatever is under way is dropped at the stop; `phones` has kept what must be taken back.
    let _ = stop.run_until_cancelled(track::forever(&adb, &mut phones, limits)).await;
    let _ = tokio::time::timeout(limits.withdrawal, phones.withdraw()).await;
}
