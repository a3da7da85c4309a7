//! Turns a `ChangeSet` into a [`Plan`] and runs plans: one at a time, newest wins.
//!
//! [`Planner`] is pure. [`Builder`] runs *rounds*: the steps that are due, beside one another where they can be; the pure `ledger`
//! knows which. A request that comes meanwhile and concerns what runs ends the round, every tree of it, and takes its causes over,
//! so no edit is lost. What the compilers say is read by `diagnostics` and becomes a [`Report`](crate::report::Report); what they
//! made is copied as an [`Artifact`], so that the next round overwrites nothing that runs.
//!
//! This module does not start the program it built; that is `app`.

mod artifact;
mod builder;
mod diagnostics;
#[cfg(test)]
pub(crate) mod fixture;
mod git;
mod ledger;
mod outputs;
mod plan;
mod program;
mod provenance;
mod round;
mod step;

pub use artifact::Artifact;
pub use builder::{Builder, Cause, Outcome, Product};
pub use diagnostics::{Ground, in_last_words};
pub use ledger::{Changed, Need, Work};
pub use plan::{Plan, Planner};
pub use provenance::Provenance;
