//! The parts tests are made of, one noun per file.
//!
//! Everything here is real: temporary folders, the built binary, sockets, Chromium. Each part cleans up when dropped, and
//! each wait has a deadline and says what it waited for.

mod chromium;
mod command;
mod fake_server;
mod firefox;
mod fixed_port;
mod http;
mod processes;
mod project;
mod random;
mod server;
mod socket;

use std::time::Duration;

pub(crate) use self::{
    chromium::{Chromium, Page},
    command::require,
    fake_server::{FakeServer, document_without_tag},
    firefox::{Firefox, Tab},
    fixed_port::FixedPort,
    http::{Connection, get, send},
    processes::{MARK, Processes},
    project::{TestProject, names},
    random::Random,
    server::{Signal, TestServer},
    socket::ReloadSocket,
};

/// How long a thing may take that needs no compiler: generous, since a loaded machine with two cores runs all tests at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How long a thing may take that needs a compiler.
pub(crate) const BUILD: Duration = Duration::from_secs(180);
