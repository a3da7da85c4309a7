//! The task against an adb server that follows a script, byte for byte as real ones were recorded.

mod absence;
mod phone;
mod real;
mod server;
mod stopping;

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{AdbServer, Ends, Links, OtherPorts, limits::Limits, serve_within};
use crate::telemetry::{Heard, Notice, Notices};
use server::Server;

/// Long enough never to be reached by a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing is ever late, and what is absent or refused is asked again soon.
const LIMITS: Limits = Limits {
    retry: Duration::from_millis(20),
    soon_again: Duration::from_millis(20),
    soon_for: PATIENCE,
    settle: Duration::from_millis(20),
    answer: PATIENCE,
    withdrawal: PATIENCE,
};

const PIXEL: &str = "39071FDJH0             device usb:1-2 product:shiba model:Pixel_8 device:shiba transport_id:3\n";
const OFFLINE: &str = "39071FDJH0             offline usb:1-2 transport_id:3\n";
const SERIAL: &str = "39071FDJH0";
const NAME: &str = "Pixel 8 (39071FDJH0)";

const LIST: &str = "reverse:list-forward";
const FORWARD: &str = "reverse:forward:tcp:localhost:4747;tcp:4747";
const PLAIN_FORWARD: &str = "reverse:forward:tcp:4747;tcp:4747";
const REMOVE: &str = "reverse:killforward:tcp:4747";

const NO_RULE: &str = "OKAY0000";
const OUR_RULE: &str = "OKAY001ahost-14 tcp:4747 tcp:4747\n";
const BOUND: &str = "OKAYOKAY00044747";
const TAKEN: &str = "OKAYFAIL002ccannot bind listener: Address already in use";

/// The task under test, forwarding port 4747.
struct Session {
    notices: Heard,
    other_ports: OtherPorts,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Session {
    fn start(adb_port: u16, limits: Limits) -> Self {
        Self::start_with(adb_port, limits, &[])
    }

    /// As [`Self::start`], forwarding these ports as well.
    fn start_with(adb_port: u16, limits: Limits, ports: &[u16]) -> Self {
        let (sender, notices) = Notices::channel();
        let (stop, other_ports) = (CancellationToken::new(), OtherPorts::default());
        let (stopped, others) = (stop.clone(), other_ports.clone());
        let server = AdbServer { port: adb_port, folders: Vec::new() };
        let links = Links { page: Ends { phone: 4747, here: 4747 }, ports: ports.to_vec(), devtools: false };
        let task = tokio::spawn(async move { serve_within(limits, &server, &links, others, sender, stopped).await });
        Self { notices, other_ports, stop, task }
    }

    /// A server and a session that has reached the phone at it, with the connection that tells of devices.
    async fn with_phone() -> (Server, Self, server::Client) {
        let server = Server::start().await;
        let mut session = Self::start(server.port(), LIMITS);
        let tracking = server.tracked(PIXEL).await;
        server.reach(SERIAL).await;
        session.expect_device(NAME, "http://localhost:4747/ through adb reverse").await;
        (server, session, tracking)
    }

    async fn next(&mut self) -> Notice {
        timeout(PATIENCE, self.notices.recv()).await.expect("a notice in time").expect("a notice")
    }

    async fn expect_device(&mut self, expected_name: &str, expected: &str) {
        match self.next().await {
            Notice::Device { name, what } => {
                assert_eq!(name, expected_name);
                assert!(what.starts_with(expected), "{what}");
            }
            other => panic!("{other:?} instead of {expected}"),
        }
    }

    /// The end of the task after a stop; nothing more was said than was expected.
    async fn ended(mut self) {
        timeout(PATIENCE, self.task).await.expect("an end in time").expect("no panic");
        assert!(self.notices.try_recv().is_err(), "an unexpected notice");
    }
}

impl Server {
    /// Grants the rule to a phone that has none.
    async fn reach(&self, serial: &str) {
        self.serve(serial, LIST, NO_RULE).await;
        self.serve(serial, FORWARD, BOUND).await;
        self.serve(serial, LIST, OUR_RULE).await;
    }

    /// Stands by while the rule is taken back at the stop.
    async fn released(&self, session: Session) {
        session.stop.cancel();
        self.serve(SERIAL, LIST, OUR_RULE).await;
        self.serve(SERIAL, REMOVE, "OKAYOKAY").await;
        session.ended().await;
    }
}
