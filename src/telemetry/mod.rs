//! What happened, as values: the [`Notice`]s that the console prints.
//!
//! Modules send a notice instead of printing; [`Notices`] never blocks the sender and is bounded. What does not fit is counted, and
//! [`Heard`] says so in its place. [`Pace`] counts how fast saves reach browsers.

mod notice;
mod pace;

pub use notice::{Change, Heard, Notice, Notices};
pub use pace::{Pace, Shown, Summary};
