//! What a phone's browser tells of its tabs, by the Chrome DevTools Protocol.
//!
//! A browser offers it on an abstract socket of the phone, which is reached through the adb server without a rule. [`tabs`] lists what is
//! open in all browsers of a phone, [`picture`] takes a picture of one tab, [`follow`] tells what the tabs that show the project say, and a
//! [`Debuggee`] is one that somebody else's DevTools may attach to.
//!
//! Whatever comes from there is untrusted: answers are bounded, and text is made fit to be shown. No script is run in a page.

mod attach;
mod ear;
mod error;
mod follow;
mod frontend;
mod http;
mod listen;
mod load;
mod origin;
mod picture;
mod quota;
mod remote;
mod sockets;
mod tab;
mod wire;

pub use attach::Debuggee;
pub use frontend::Frontend;
pub use tab::Tab;

pub(super) use error::Error;
pub(super) use follow::follow;
pub(super) use origin::Ours;
pub(super) use picture::picture;
pub(super) use tab::{Target, shows_us, tabs};
