//! What stands between a listener and its service: TLS, or nothing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{lanes::Lanes, room::Room};
use crate::{telemetry::Notices, tls::Tls};

/// How a listener takes its connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    pub(super) tls: Option<Tls>,
    /// The port that clients know, where it is not the listener's own: the phone's end of a forwarded one.
    pub(super) known_port: Option<u16>,
    /// How many may be in at once.
    pub(super) room: Room,
    /// The threads they are answered by; the caller's own, where there are none.
    pub(super) lanes: Option<Lanes>,
    notices: Notices,
    is_told: Arc<AtomicBool>,
}

impl Door {
    /// TLS where there is one, and plain HTTP is sent there; otherwise plain HTTP alone.
    #[must_use]
    pub fn new(tls: Option<Tls>, room: Room, notices: Notices) -> Self {
        Self { tls, known_port: None, room, lanes: None, notices, is_told: Arc::default() }
    }

    /// Speaks TLS, where there is one.
    #[must_use]
    pub fn speaking(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Its connections are answered by these threads.
    #[must_use]
    pub fn through(self, lanes: Lanes) -> Self {
        Self { lanes: Some(lanes), ..self }
    }

    /// Clients know it by this port.
    #[must_use]
    pub fn known_as(self, port: u16) -> Self {
        Self { known_port: Some(port), ..self }
    }

    /// Says once that somebody speaks TLS, and that nobody here does.
    pub(super) fn tell_tls_is_off(&self, port: u16) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            self.notices.warn(format!(
                "somebody asked for https://localhost:{port}/, and plain HTTP is spoken there: use http://, or start with --tls"
            ));
        }
    }
}
