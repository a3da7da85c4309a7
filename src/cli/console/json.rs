//! `--log json`: one object per line, for other programs. What it says of notices is in `telemetry`.

use serde_json::json;

use super::Ready;
use crate::telemetry::{event_line, in_milliseconds};

pub(super) fn ready(ready: &Ready<'_>) -> String {
    event_line(
        "ready",
        json!({
            "url": ready.opened.url,
            "named_url": ready.opened.named,
            "other_urls": ready.opened.others,
            "control": ready.opened.control,
            "control_token": ready.opened.control_token.reveal(),
            "project": ready.config.project,
            "root": ready.config.root.to_string_lossy(),
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "ready_ms": in_milliseconds(ready.took),
            "detected": ready.config.detected.iter().map(|found| json!({ "what": found.what, "why": found.why })).collect::<Vec<_>>(),
        }),
    )
}
