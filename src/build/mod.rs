//! Turns a `ChangeSet` into a [`Plan`] and runs plans: one at a time, newest wins.
//!
//! [`Planner`] is pure. [`Builder`] runs the build command; a request that comes meanwhile ends the running build, tree and all,
//! and takes its causes over, so no edit is lost. What the compiler says is read by `diagnostics` and becomes a
//! [`Report`](crate::report::Report).
//!
//! This module does not start the program it built; that is `app`.

mod builder;
mod diagnostics;
mod git;
mod plan;
mod provenance;

pub use builder::{Builder, Cause, Outcome, Product};
pub use diagnostics::{Ground, in_last_words};
pub use plan::{Plan, Planner};
pub use provenance::Provenance;
