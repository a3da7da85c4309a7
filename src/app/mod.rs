//! Runs the developer's program: start, find its port, readiness, hand-over, stop.
//!
//! ```text
//! start new ─► ready by a deadline ─► swap ─► drain old ─► stop old
//! ```
//!
//! [`App`] owns the run that serves and the proxy's slot. A program that takes the port it is given runs beside its
//! predecessor; one that insists on a port of its own is stopped first, while requests wait. A program that crashes is started
//! again with growing pauses; one that does so while it is on probation is rolled back to the generation before it.
//!
//! This module builds nothing and tells browsers nothing.

mod backoff;
mod ears;
mod failure;
mod hand_over;
mod instance;
mod memory;
mod past;
mod probation;
mod probe;
mod rollback;
mod search;
mod start;
mod supervisor;
mod tail;
mod trace;

pub use hand_over::{Follows, Swapped};
pub use rollback::Way;
pub use start::Start;
pub use supervisor::{App, Event, RolledBack};
