//! What happened, as values: the [`Notice`]s that the console prints.
//!
//! Modules send a notice instead of printing; [`Notices`] never blocks the sender and is bounded. What does not fit is counted, and
//! [`Heard`] says so in its place. [`Output`] is the way of a program's lines, which may be too many. [`Pace`] counts how fast saves reach browsers.
//! [`PageMessage`] is what an open page says, [`OpenPage`] what it is, [`Phases`] what the time of an answer
//! goes to, [`Timeline`] what the dev loop did. [`json_line`] is a notice for other programs.

mod flood;
mod json;
mod notice;
mod output;
mod pace;
mod page;
mod phases;
mod timeline;

pub use json::{event_line, in_milliseconds, json_line};
pub use notice::{Change, DevTools, Heard, Invited, Notice, Notices, Source};
pub use output::Output;
pub use pace::{Pace, Shown, Summary};
pub use page::{Level, OpenPage, PageKind, PageMessage, Place, Teller};
pub use phases::{Phase, Phases, Spent, in_micros};
pub use timeline::{Entry, Stage, Timeline, in_words};
