//! `GET /api/pages`: the pages that are open.

use serde::Serialize;

use crate::telemetry::{OpenPage, in_micros};

/// An [`OpenPage`] as it goes over the wire.
#[derive(Serialize)]
pub(super) struct WirePage {
    path: String,
    browser: &'static str,
    device: &'static str,
    generation: Option<u64>,
    newest: bool,
    latency_us: Option<u32>,
}

impl From<OpenPage> for WirePage {
    fn from(page: OpenPage) -> Self {
        let OpenPage { path, browser, device, generation, is_newest: newest, latency } = page;
        let generation = (generation.0 > 0).then_some(generation.0);
        Self { path, browser, device, generation, newest, latency_us: latency.map(in_micros) }
    }
}
