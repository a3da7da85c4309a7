//! Treats exchanges as values: keeps the last ones, and simulates faults.
//!
//! [`Recorder`] is the request path's handle; its layer stands outside of [`FaultLayer`], because to the recorder a fault looks
//! like a slow or broken network. What is kept was redacted before: no header, no body, no query is stored.

mod exchange;
mod faults;
mod random;
mod recorder;

pub use exchange::Exchange;
pub use faults::FaultLayer;
pub use recorder::{RecordLayer, Recorder};
