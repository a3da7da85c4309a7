//! One request with its response.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{Method, StatusCode};

use super::Capture;
use crate::{generation::Generation, telemetry::Spent};

/// One request with its response, as far as it is kept.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Counts from 1 in each run.
    pub id: u64,
    /// When the request's head was read.
    pub began: SystemTime,
    /// The same, on a clock that nobody sets.
    pub clock: Instant,
    /// The request's method.
    pub method: Method,
    /// The request's path without its query, which may hold secrets; untrusted.
    pub path: String,
    /// Whether the path is all that was asked for: without a query, and whole.
    pub is_target_kept: bool,
    /// The response's status.
    pub status: StatusCode,
    /// The generation that answered.
    pub generation: Generation,
    /// From the request's head to the response's head.
    pub took: Duration,
    /// What of it each phase took.
    pub spent: Spent,
    /// Its heads and bodies, where somebody looked.
    pub capture: Option<Arc<Capture>>,
}

/// Exchanges of one run are the same where their numbers are.
impl PartialEq for Exchange {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
