//! `[cors]`.

use http::{HeaderName, Method};

use super::table::{Fault, Table, Value, duration, list, parsed, switch};
use crate::config::{CorsConfig, value};

pub(super) fn read(table: &Table<'_, '_>) -> Result<CorsConfig, Fault> {
    let default = CorsConfig::default();
    let mut expose = default.expose;
    for name in table.get("expose", headers)?.unwrap_or_default() {
        if !expose.contains(&name) {
            expose.push(name);
        }
    }
    Ok(CorsConfig {
        origins: table.get("origins", |origins| list(origins, |origin| parsed(origin, str::parse)))?.unwrap_or_default(),
        methods: table.get("methods", methods)?,
        headers: table.get("headers", headers)?,
        expose,
        credentials: table.get("credentials", switch)?.unwrap_or(default.credentials),
        max_age: table.get("max_age", duration)?,
    })
}

/// Methods; `[[fault]]` names them as well.
pub(super) fn methods(value: &Value<'_>) -> Result<Vec<Method>, Fault> {
    list(value, |method| parsed(method, value::method))
}

fn headers(value: &Value<'_>) -> Result<Vec<HeaderName>, Fault> {
    list(value, |name| parsed(name, value::header_name))
}
