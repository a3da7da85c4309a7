//! Exchanges as they go over the wire.

use serde::Serialize;

use super::exchanges::{App, Field};
use crate::traffic::{Exchange, Side};

/// An [`Exchange`], in a list or with all that is kept of it.
#[derive(Serialize)]
pub(super) struct WireExchange {
    id: u64,
    began: String,
    method: String,
    path: String,
    status: u16,
    generation: u64,
    took_us: u64,
    /// Whether its heads and bodies are kept.
    captured: bool,
    #[serde(flatten)]
    kept: Option<WireCapture>,
}

#[derive(Serialize)]
struct WireCapture {
    url: String,
    http: String,
    replay_of: Option<u64>,
    request: WireSide,
    response: WireSide,
}

#[derive(Serialize)]
struct WireSide {
    headers: Vec<Field>,
    body: WireBody,
}

#[derive(Serialize)]
struct WireBody {
    /// Bytes that passed, and those of them that are kept.
    size: u64,
    kept: usize,
    whole: bool,
    redacted: bool,
}

impl WireExchange {
    /// A line of a list.
    pub(super) fn brief(exchange: &Exchange) -> Self {
        Self {
            id: exchange.id,
            began: jiff::Timestamp::try_from(exchange.began).map(|at| at.to_string()).unwrap_or_default(),
            method: exchange.method.to_string(),
            path: exchange.path.clone(),
            status: exchange.status.as_u16(),
            generation: exchange.generation.0,
            took_us: u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX),
            captured: exchange.capture.is_some(),
            kept: None,
        }
    }

    /// With its heads, and what is known of its bodies.
    pub(super) fn whole(exchange: &Exchange, app: &App) -> Self {
        let kept = exchange.capture.as_ref().map(|capture| WireCapture {
            url: app.url_of(capture),
            http: format!("{:?}", capture.version),
            replay_of: capture.replay_of,
            request: WireSide::of(&capture.request),
            response: WireSide::of(&capture.response),
        });
        Self { kept, ..Self::brief(exchange) }
    }
}

impl WireSide {
    fn of(side: &Side) -> Self {
        let body = side.body();
        let (size, kept) = (body.passed, body.bytes.len());
        let body = WireBody { size, kept, whole: body.is_whole, redacted: body.is_redacted };
        Self { headers: Field::all(&side.headers), body }
    }
}
