//! Everlit: a local development web server with hot reload that never goes dark.
//!
//! The crate is one program and a few pieces an axum developer can use alone. This page is its architecture; the modules
//! stand in reading order, and each says in its header what it owns and what it leaves to others.
//!
//! # Two flows
//!
//! ```text
//! save ─► watch ─► ChangeSet ─► plan ─► build ─► candidate ─► ready ─► swap ─► drain old ─► hub: one message
//!                                 │        └─ failed: report to page and terminal, last good stays, marked stale
//!                                 └─ styles, images, templates, data: no build, new generation at once
//!
//! request ─► host check ─► memo ─► cors ─► record ─► faults ─► encode ─► inject ─┬─► site  (static, page, data; negotiated)
//!                                                                                └─► proxy (app, current generation)
//! ```
//!
//! [`session`] owns the first flow and every long task; [`server`] owns the second. The request path owns nothing: it reads
//! three cheap handles, [`proxy::Upstream`] (where the app is), [`reload::Hub`] (who is listening) and
//! [`traffic::Recorder`] (what to keep).
//!
//! # Invariants, by what is absent
//!
//! - Only [`cli`] prints, reads argv or the environment, or exits. The rest returns values and sends [`telemetry::Notice`]s.
//! - Nothing but [`session`] starts a long task; [`server`] adds one per connection, in one of a few threads of its own. No static
//!   holds state, but for the terminal's mode in `cli::keys`: it has to be put back even while the process is being ended. (Builds for
//!   tests have failpoints, too.)
//! - Nothing uses [`session`] or [`cli`]; every module may use [`config`], [`generation`] and [`report`].
//! - A panic ends one request or connection, or the program in order: whoever needs what a task does hears of its panic.
//! - No queue, wait, buffer or retry is without a named bound.
//! - No HTML, CSS or JavaScript stands in Rust: pages are in `templates/`, what browsers load is in `static/`.

// In reading order, which a formatter would undo without the lines between.

// Who starts, and who decides.
pub mod cli;

pub mod session;

// The request flow, from socket to answer.
pub mod server;

pub mod router;

pub mod tls;

pub mod site;

pub mod negotiate;

pub mod proxy;

pub mod reload;

pub mod editor;

pub mod device;

pub mod traffic;

// The save flow, from event to generation.
pub mod watch;

pub mod build;

pub mod app;

pub mod process;

// What everybody may use.
pub mod config;

pub mod generation;

pub mod report;

pub mod telemetry;

mod after;

mod detached;

mod websocket;

mod joined;

mod failpoint;

mod plain;

mod field;

mod assets;
