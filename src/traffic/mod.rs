//! Treats exchanges as values: keeps the last ones, and simulates faults.
//!
//! [`Recorder`] is the request path's handle; its layer stands outside of [`FaultLayer`], because to the recorder a fault looks
//! like a slow or broken network. At rest a line is kept of each exchange, without query, head and body; while somebody
//! [looks](Recorder::look), a [`Capture`] too, redacted before it is kept, in memory alone and bounded by bytes.

mod capture;
mod exchange;
mod faults;
mod random;
mod recorder;
mod redact;

pub use capture::{Capture, KeptBody, Side};
pub(crate) use capture::{Recorded, ReplayOf};
pub use exchange::Exchange;
pub use faults::FaultLayer;
pub use recorder::{RecordLayer, Recorder};
