//! `[[proxy]]`.

use http::HeaderName;
use toml::de::DeValue;

use super::{
    sections::wait,
    table::{Fault, Table, Value, list, parsed, switch, text},
};
use crate::config::{
    FileError, HostHeader, Pattern, Rewrite, RouteConfig, Websockets, route,
    template::Template,
    value::{self, Invalid},
};

/// A route as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RouteKeys {
    /// All of it but its headers.
    pub(in crate::config) route: RouteConfig,
    pub(in crate::config) headers: Vec<HeaderKeys>,
}

/// A header that is set, before its variables are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct HeaderKeys {
    pub(in crate::config) name: HeaderName,
    pub(in crate::config) value: Template,
    /// Where the value stands; the message is for whoever finds something wrong with it.
    pub(in crate::config) place: FileError,
}

/// All of them, in their order. `source` is the whole text.
pub(super) fn read(top: &Table<'_, '_>, source: &str) -> Result<Vec<RouteKeys>, Fault> {
    let routes = top.sections("proxy", |table, whole| one(&table, whole, source))?;
    let mut read: Vec<RouteKeys> = Vec::with_capacity(routes.len());
    for (route, at) in routes {
        if let Some(twin) = read.iter().find(|twin| twin.route.path == route.route.path) {
            let message = format!("`{}` goes to {} already; one path has one `[[proxy]]`", twin.route.path, twin.route.address());
            return Err(Fault { at, message });
        }
        read.push(route);
    }
    Ok(read)
}

/// One route, with the place of its path.
fn one(table: &Table<'_, '_>, whole: &Value<'_>, source: &str) -> Result<(RouteKeys, usize), Fault> {
    let lacking = |message: &str| Fault { at: whole.span().start, message: message.to_owned() };
    let (path, at) = table
        .get("path", |path| Ok((parsed(path, str::parse)?, path.span().start)))?
        .ok_or_else(|| lacking("a `[[proxy]]` needs a `path`, like `path = \"/api/\"`"))?;
    let to = table
        .get("to", |to| parsed(to, route::target))?
        .ok_or_else(|| lacking("a `[[proxy]]` needs a `to`, like `to = \"http://127.0.0.1:9000\"`"))?;
    let strip = table.get("strip_prefix", switch)?.unwrap_or(false);
    let replace = table.get("rewrite", replace)?;
    let rewrite = match (strip, replace) {
        (true, Some(_)) => {
            return Err(lacking("`strip_prefix` and `rewrite` exclude each other; the pattern can take off the front too"));
        }
        (true, None) => Rewrite::Strip,
        (false, replace) => replace.unwrap_or_default(),
    };
    let origins = table.get("ws_origins", |origins| list(origins, |origin| parsed(origin, str::parse)))?;
    let websockets = match (table.get("ws", switch)?, origins) {
        (Some(false), Some(_)) => return Err(lacking("`ws = false` and `ws_origins` exclude each other")),
        (Some(false), None) => Websockets::Nobody,
        (_, origins) => Websockets::Pages(origins.unwrap_or_default()),
    };
    let bare = RouteConfig::new(path, to);
    let route = RouteConfig {
        rewrite,
        websockets,
        timeout: table.get("timeout", wait)?,
        host: table.get("host", |host| parsed(host, str::parse::<HostHeader>))?.unwrap_or(bare.host),
        verify: table.get("verify", switch)?.unwrap_or(bare.verify),
        http2: table.get("http2", switch)?.unwrap_or(bare.http2),
        site_first: table.get("site_first", switch)?.unwrap_or(bare.site_first),
        ..bare
    };
    let headers = table.get("headers", |headers| fields(headers, source))?.unwrap_or_default();
    Ok((RouteKeys { route, headers }, at))
}

/// `{ from = "^/api/v1/(.*)", to = "/$1" }`.
fn replace(value: &Value<'_>) -> Result<Rewrite, Fault> {
    let refused = || Fault::at(value, &Invalid::must("be like `{ from = \"^/api/v1/(.*)\", to = \"/$1\" }`"));
    let DeValue::Table(entries) = value.get_ref() else { return Err(refused()) };
    let (Some(from), Some(to), 2) = (entries.get("from"), entries.get("to"), entries.len()) else { return Err(refused()) };
    let pattern = parsed(from, value::line_pattern)?;
    let groups = pattern.captures_len();
    Ok(Rewrite::Replace(Pattern(pattern), parsed(to, |text| replacement(text, groups))?))
}

/// The text in place of what a pattern with so many groups finds.
fn replacement(text: &str, groups: usize) -> Result<String, Invalid> {
    if !text.starts_with(['/', '$']) {
        return Err(Invalid::must("begin with `/`, as paths do, or with a group like `$1`"));
    }
    if text.contains(['?', '#']) {
        return Err(Invalid::must("be a path without `?` and `#`: each request brings its own query"));
    }
    let numbers = text.split('$').skip(1).map(|behind| behind.trim_start_matches('{'));
    for behind in numbers {
        let digits = &behind[..behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len())];
        if digits.parse::<usize>().is_ok_and(|number| number >= groups) {
            return Err(Invalid::must(format_args!("name a group that `from` has: there is no `${digits}`")));
        }
    }
    Ok(text.to_owned())
}

/// `{ Authorization = "Bearer ${API_TOKEN}" }`. No message shows a value.
fn fields(value: &Value<'_>, source: &str) -> Result<Vec<HeaderKeys>, Fault> {
    let refused = || Invalid::must("be a table of texts, like `{ Authorization = \"Bearer ${API_TOKEN}\" }`");
    let DeValue::Table(entries) = value.get_ref() else { return Err(Fault::at(value, &refused())) };
    let field = |(name, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &Value<'_>)| {
        let wrong = |at: usize, reason: &Invalid| Fault { at, message: format!("`{}` {reason}", name.get_ref()) };
        let known = field_name(name.get_ref()).map_err(|reason| wrong(name.span().start, &reason))?;
        let at = value.span().start;
        let written = text(value).map_err(|_| wrong(at, &Invalid::must("be a text")))?;
        let template = Template::parse(written).map_err(|reason| wrong(at, &reason))?;
        Ok(HeaderKeys { name: known, value: template, place: super::place(source, at, String::new()) })
    };
    entries.iter().map(field).collect()
}

/// A header that may be set: none that is about the connection, the length of the body, or where the request goes.
fn field_name(text: &str) -> Result<HeaderName, Invalid> {
    let name = value::header_name(text)?;
    match name.as_str() {
        "host" => Err(Invalid::must("be left to `host = \"keep\"` or `host = \"rewrite\"`")),
        "content-length" | "transfer-encoding" | "expect" | "trailer" => {
            Err(Invalid::must("be left to the connection: it says how long a body is"))
        }
        "connection"
        | "keep-alive"
        | "proxy-connection"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "te"
        | "upgrade"
        | "http2-settings"
        | "via" => Err(Invalid::must("be left to the connection: it ends at the next server")),
        name if name.starts_with("x-forwarded-") || name.starts_with("everlit-") || name == "forwarded" => {
            Err(Invalid::must("be left to Everlit, which says by it who asked"))
        }
        _ => Ok(name),
    }
}
