//! Ports that example programs insist on: one test at a time may have one.

use std::net::{Ipv4Addr, TcpListener};

use tokio::sync::{Mutex, MutexGuard};

/// The port of `examples/hello-go`.
const GO_PORT: u16 = 8080;

static GO: Mutex<()> = Mutex::const_new(());

/// The right to run the Go example; given back when dropped.
pub(crate) struct FixedPort {
    _turn: MutexGuard<'static, ()>,
}

impl FixedPort {
    /// Waits for the turn, and fails the test when a program outside the tests has the port.
    pub(crate) async fn of_hello_go() -> Self {
        let turn = GO.lock().await;
        if let Err(error) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, GO_PORT)) {
            panic!("examples/hello-go needs port {GO_PORT}: {error}; stop the program that has it");
        }
        Self { _turn: turn }
    }
}
