//! From socket to router: listeners, TLS and the HTTP versions, layer order, host check, CORS, and the two services.
//!
//! The *app listener* is what browsers and phones open; below `/__everlit/` it carries the client runtime and the reload
//! socket only. The *control listener* is a second one, loopback only, behind a token: pages under development are
//! same-origin with the app listener and must not reach it. The *relay*, a third one, is there from the first time on that somebody opens
//! DevTools for a phone.
//!
//! ```text
//! accept ─► TLS ─► (pairing, in a network) ─► host check ─► own routes · memo · cors ─► record ─► faults ─► encode ─► inject ─► quiet ─► site or proxy
//! ```
//!
//! The `memo` gives answers with files again as long as they hold. What is decided by the request alone (`hosts`, `origin`) is pure;
//! who was granted what is in `cors`. This module starts one task per connection, and ends them all within [`DRAIN_LIMIT`].

mod accept;
mod app;
mod bare;
mod bind;
mod control;
mod converse;
mod cors;
mod door;
mod early;
mod encode;
mod excess;
mod hint;
mod hosts;
mod http2;
mod lan;
mod lanes;
mod memo;
mod missing;
mod names;
mod open;
mod opening;
mod origin;
mod quiet;
mod relay;
mod reply;
mod room;
mod routes;
mod timing;
mod unread;
mod wire;

pub use accept::{DRAIN_LIMIT, serve};
pub use app::{Rooms, app_service};
pub use bind::{BindError, Bound, Moved, bind, bind_control, bind_lan, bind_phones};
pub use control::{App, ControlLinks, ControlRooms, control_service};
pub use converse::{Connection, Transport};
pub use door::Door;
pub use lan::{Gate, LanRooms};
pub use lanes::Lanes;
pub use missing::{Missing, Server};
pub use quiet::Workers;
pub use relay::{LinkAsked, Relay, RelayRooms, serve_relay};
pub use room::Room;
pub use routes::{Route, Routes};

#[cfg(test)]
mod tests;
