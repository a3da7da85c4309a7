//! Tells browsers what changed: the hub, its websocket, and the script that is put into HTML pages.
//!
//! A reload is a state, not an event: a page knows the generation it was made from, and on (re)connect it compares. So a
//! message may be lost, and a socket too, without a page staying old or reloading for nothing. What a browser says is bounded and typed, see
//! `ear`. Where the project asks for it, what a person does in one page reaches the others (`act`, `mirror`).
//!
//! Whether a page's own text is another is found by asking for it once more (`source`) and comparing it with what was served
//! (`shelf`): a page that would be byte-equal hears nothing, and one that is not is changed in place.
//!
//! [`Hub`] is the session's and the request path's handle; `inject` is the layer. Nobody here decides what changed.

mod act;
mod browser;
mod console;
mod ear;
pub(crate) mod hot;
mod hub;
pub mod inject;
mod message;
mod mirror;
mod originals;
mod registry;
mod runtime;
mod shelf;
mod socket;
mod source;
mod source_map;
mod timing;
mod token;
mod update;
mod verdict;

pub(crate) use console::{name, safe};
pub use hub::{Hub, Painted, Wiring};
pub use message::{Files, Message, Otherwise, PROTOCOL};
pub use runtime::hot_script;
pub use source::{Again, Source};
pub use timing::{Timing, WireTiming};
pub use token::Token;
pub use update::{Only, Update};

/// Where our own addresses begin, on the app listener; nothing below is ever the project's.
pub(crate) const OWN: &str = "/__everlit/";
