//! `[limits]`.

use toml::de::DeValue;

use super::{
    sections::wait,
    table::{Fault, Table, Value, decimal, number, parsed},
};
use crate::config::{
    LimitsConfig,
    limits::{
        AtOnceLimits, BodyLimits, FEWEST_CONNECTIONS, HeadLimits, MOST_AT_ONCE, MOST_BODY_BYTES, MOST_HEADER_BYTES, MOST_HEADERS,
        MOST_URI_BYTES, TimeLimits,
    },
    value::{self, Invalid},
};

pub(super) fn read(table: &Table<'_, '_>) -> Result<LimitsConfig, Fault> {
    let LimitsConfig { head, body, time, at_once } = LimitsConfig::default();
    let most_headers = u16::try_from(MOST_HEADERS).unwrap_or(u16::MAX);
    Ok(LimitsConfig {
        head: HeadLimits {
            uri_bytes: table.get("uri", |uri| size(uri, MOST_URI_BYTES))?.unwrap_or(head.uri_bytes),
            header_bytes: table.get("header_bytes", |bytes| size(bytes, MOST_HEADER_BYTES))?.unwrap_or(head.header_bytes),
            headers: table.get("headers", |headers| number(headers, 1, most_headers))?.map_or(head.headers, usize::from),
        },
        body: BodyLimits {
            bytes: table.get("body", |body| size(body, MOST_BODY_BYTES))?.unwrap_or(body.bytes),
            arrival: table.get("body_timeout", wait)?.unwrap_or(body.arrival),
        },
        time: TimeLimits {
            wait: table.get("wait", wait)?.unwrap_or(time.wait),
            answer: table.get("answer", wait)?.unwrap_or(time.answer),
        },
        at_once: AtOnceLimits {
            connections: count(table, "connections", FEWEST_CONNECTIONS)?.unwrap_or(at_once.connections),
            sockets: count(table, "sockets", 1)?.unwrap_or(at_once.sockets),
            waiting: count(table, "waiting", 1)?.unwrap_or(at_once.waiting),
        },
    })
}

/// How many of something there may be at once.
fn count(table: &Table<'_, '_>, key: &str, fewest: u16) -> Result<Option<usize>, Fault> {
    Ok(table.get(key, |value| number(value, fewest, MOST_AT_ONCE))?.map(usize::from))
}

/// A size with its unit, or a number of bytes; at least 1 and at most `most`.
fn size(value: &Value<'_>, most: usize) -> Result<usize, Fault> {
    let bytes = match value.get_ref() {
        DeValue::String(_) => parsed(value, value::size)?,
        _ => decimal(value).filter(|bytes| bytes.fract() == 0.0 && *bytes >= 0.0).map_or(0, |bytes| bytes as usize),
    };
    let refused = || Invalid::must(format_args!("be a size like \"64KiB\" or a number of bytes, from 1 to {most}"));
    if (1..=most).contains(&bytes) { Ok(bytes) } else { Err(Fault::at(value, &refused())) }
}
