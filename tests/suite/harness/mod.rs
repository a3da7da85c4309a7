//! The parts tests are made of, one noun per file.
//!
//! Everything here is real: temporary folders, the built binary, sockets, Chromium. Each part cleans up when dropped, and
//! each wait has a deadline and says what it waited for.

mod chromium;
mod command;
mod control;
mod echo;
mod fake_server;
mod far_server;
mod firefox;
mod fixed_port;
mod home;
mod http;
mod http2;
mod network;
mod phone;
mod processes;
mod project;
mod random;
mod server;
mod socket;

use std::time::Duration;

pub(crate) use self::{
    chromium::{Chromium, Page},
    command::require,
    control::Control,
    echo::EchoServer,
    fake_server::{FakeServer, document_without_tag},
    far_server::FarServer,
    firefox::{Firefox, Tab},
    fixed_port::FixedPort,
    home::Home,
    http::{Answer, Connection, get, send},
    http2::{Http2, StreamSocket},
    network::{Machine, PHONE, apart},
    phone::{AdbServer, PLUGGED, Phone},
    processes::{MARK, Processes},
    project::{TestProject, names},
    random::Random,
    server::{Signal, TestServer},
    socket::{ReloadSocket, token_of},
};

/// How long a thing may take that needs no compiler: generous, since a loaded machine with two cores runs all tests at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How long a thing may take that needs a compiler.
pub(crate) const BUILD: Duration = Duration::from_secs(180);
