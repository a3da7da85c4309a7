//! `[[fault]]`.

use http::StatusCode;
use toml::de::DeValue;

use super::{
    cors::methods,
    table::{Fault, Table, Value, decimal, duration, number, parsed},
};
use crate::config::{FAILURE, Failure, FaultConfig, Share, value};

/// One fault. It must do something, or it would hide the ones after it without a trace.
pub(super) fn read(table: &Table<'_, '_>, whole: &Value<'_>) -> Result<FaultConfig, Fault> {
    let lacking = |message: &str| Fault { at: whole.span().start, message: message.to_owned() };
    let path = table.get("path", |path| parsed(path, value::url_glob))?.ok_or_else(|| lacking("a `[[fault]]` needs a `path`"))?;
    let methods = table.get("methods", methods)?;
    let delay = table.get("delay", duration)?;
    let jitter = table.get("jitter", duration)?;
    let failure = failure(table.get("fail", share)?, table.get("status", status)?);
    if delay.is_none() && jitter.is_none() && failure.is_none() {
        return Err(lacking("a `[[fault]]` needs a `delay`, a `jitter`, a `fail` or a `status`"));
    }
    Ok(FaultConfig { path, methods, delay: delay.unwrap_or_default(), jitter: jitter.unwrap_or_default(), failure })
}

/// A status alone is every answer, a share alone is of failures of the usual kind.
fn failure(share: Option<Share>, status: Option<StatusCode>) -> Option<Failure> {
    (share.is_some() || status.is_some())
        .then(|| Failure { share: share.unwrap_or(Share::ALL), status: status.unwrap_or(FAILURE) })
}

/// A share of all requests, with its sign or as a number of percent.
pub(super) fn share(value: &Value<'_>) -> Result<Share, Fault> {
    if let DeValue::String(_) = value.get_ref() {
        return parsed(value, str::parse);
    }
    decimal(value).ok_or_else(Share::refused).and_then(Share::bare).map_err(|reason| Fault::at(value, &reason))
}

/// An error's status; anything else is no failure.
fn status(value: &Value<'_>) -> Result<StatusCode, Fault> {
    let code = number(value, 400, 599)?;
    StatusCode::from_u16(code).map_err(|_| Fault::at(value, &value::Invalid::must("be a status")))
}
