//! One request with its response.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

use crate::generation::Generation;

/// One request with its response, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Counts from 1 in each run.
    pub id: u64,
    /// When the request's head was read.
    pub began: SystemTime,
    /// The request's method.
    pub method: Method,
    /// The request's path without its query, which may hold secrets; untrusted.
    pub path: String,
    /// The response's status.
    pub status: StatusCode,
    /// The generation that answered.
    pub generation: Generation,
    /// From the request's head to the response's head.
    pub took: Duration,
}
