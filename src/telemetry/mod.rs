//! What happened, as values: the [`Notice`]s that the console prints.
//!
//! Modules send a notice instead of printing; [`Notices`] never blocks the sender and is bounded. What does not fit is counted, and
//! [`Heard`] says so in its place.

mod notice;

pub use notice::{Change, Heard, Notice, Notices};
