//! Tells browsers what changed: the hub, its websocket, and the script that is put into HTML pages.
//!
//! A reload is a state, not an event: a page knows the generation it was made from, and on (re)connect it compares. So a
//! message may be lost, and a socket too, without a page staying old or reloading for nothing. What a browser sends causes a
//! line in the log and nothing else.
//!
//! [`Hub`] is the session's and the request path's handle; `inject` is the layer. Nobody here decides what to tell.

mod hub;
pub mod inject;
mod message;
mod page;
mod runtime;
mod socket;
mod token;

pub use hub::Hub;
pub use message::{Message, Otherwise, PROTOCOL};
pub use token::Token;
