//! From socket to router: listeners, layer order, host check, CORS, and the two services.
//!
//! The *app listener* is what browsers and phones open; below `/__everlit/` it carries the client runtime and the reload
//! socket only. The *control listener* is a second one, loopback only, behind a token: pages under development are
//! same-origin with the app listener and must not reach it.
//!
//! ```text
//! accept ─► host check ─► own routes · cors ─► record ─► faults ─► encode ─► inject ─► site or proxy
//! ```
//!
//! What is decided by the request alone (`hosts`, `origin`) is pure; who was granted what is in `cors`. This module starts one
//! task per connection, and ends them all within [`DRAIN_LIMIT`].

mod accept;
mod app;
mod bind;
mod control;
mod cors;
mod encode;
mod hint;
mod hosts;
mod open;
mod origin;
mod reply;

pub use accept::{Connection, DRAIN_LIMIT, serve};
pub use app::{Rooms, app_service};
pub use bind::{BindError, Bound, Moved, bind, bind_control};
pub use control::{ControlRooms, control_service};

#[cfg(test)]
mod tests;
