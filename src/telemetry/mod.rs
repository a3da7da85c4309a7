//! What happened, as values: the [`Notice`]s that the console prints.
//!
//! Modules send a notice instead of printing; [`Notices`] never blocks the sender and is bounded. What does not fit is counted, and
//! [`Heard`] says so in its place. [`Output`] is the way of a program's lines, which may be too many. [`Pace`] counts how fast saves reach browsers.

mod flood;
mod notice;
mod output;
mod pace;

pub use notice::{Change, Heard, Notice, Notices, Source};
pub use output::Output;
pub use pace::{Pace, Shown, Summary};
