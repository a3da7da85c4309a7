//! Reads single values from text: the one set of rules that flags, `EVERLIT_*` variables and `everlit.toml` share.
//!
//! An [`Invalid`] completes a sentence that begins with the name of the flag, variable or key: "must be …". Nothing here knows
//! where a value came from.

use std::{
    net::IpAddr,
    path::{Component, Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use http::{HeaderName, Method};
use jiff::Timestamp;
use regex::Regex;

use super::{LogFormat, route::target};

/// The longest wait that can be configured: beyond it a session hangs for all a person can tell, and a typed `3000s` that was
/// meant as milliseconds is better refused.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Why a value cannot be used; reads on after its name: `must be true or false`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(super) String);

impl Invalid {
    pub(super) fn must(what: impl std::fmt::Display) -> Self {
        Self(format!("must {what}"))
    }
}

/// Where to listen, as it can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// 127.0.0.1 and ::1 alike; written `localhost`.
    Loopback,
    /// This address alone.
    Address(IpAddr),
}

impl Host {
    /// The address, as [`ServerConfig::host`](super::ServerConfig::host) wants it.
    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Loopback => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl FromStr for Host {
    type Err = Invalid;

    /// An IP address, IPv6 with or without brackets, or `localhost`. Other names are refused: which address they mean can
    /// change from one start to the next.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Loopback);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(Self::Address).map_err(|_| Invalid::must("be an IP address or `localhost`"))
    }
}

/// Which of a folder's programs is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// None; written `false`.
    Nothing,
    /// The one of this name.
    Named(String),
}

impl FromStr for Wanted {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim() {
            "" => Err(Invalid::must("be the name of a program, or `false`")),
            "false" => Ok(Self::Nothing),
            name => Ok(Self::Named(name.to_owned())),
        }
    }
}

impl FromStr for LogFormat {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(Invalid::must("be `human` or `json`")),
        }
    }
}

/// A port to listen on, 0 included.
///
/// # Errors
/// When it is no number from 0 to 65535.
pub fn port(text: &str) -> Result<u16, Invalid> {
    text.parse().map_err(|_| Invalid::must("be a number from 0 to 65535"))
}

/// A switch, as environments spell it.
///
/// # Errors
/// When it is none of `true`, `false`, `1`, `0`, `yes`, `no`, `on`, `off`.
pub fn switch(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Invalid::must("be `true` or `false`")),
    }
}

/// The base URL of a server that already runs.
///
/// # Errors
/// When it is not `http://host[:port]` or `https://host[:port]`, with nothing behind it.
pub fn upstream(text: &str) -> Result<http::Uri, Invalid> {
    let uri = target(text)?;
    if uri.path() == "/" {
        Ok(uri)
    } else {
        Err(Invalid::must("be without a path, which `[[proxy]]` can put in front: `path = \"/\"`"))
    }
}

/// A file, wherever it is.
///
/// # Errors
/// When it is empty.
pub fn file(text: &str) -> Result<PathBuf, Invalid> {
    if text.trim().is_empty() { Err(Invalid::must("be the path of a file")) } else { Ok(PathBuf::from(text)) }
}

/// A shell line.
///
/// # Errors
/// When it is empty, or holds a NUL, which no command can carry.
pub fn shell_line(text: &str) -> Result<String, Invalid> {
    if text.trim().is_empty() || text.contains('\0') {
        return Err(Invalid::must("be a command"));
    }
    Ok(text.to_owned())
}

/// The name of a build step: it stands in front of each line of its output.
pub(super) fn step_name(text: &str) -> Result<String, Invalid> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > LONGEST_STEP_NAME || !text.chars().all(plain) {
        return Err(Invalid::must("be a short name of letters, digits, `-`, `_` and `.`"));
    }
    Ok(text.to_owned())
}

/// Longer ones leave no room for what they stand in front of.
const LONGEST_STEP_NAME: usize = 24;

/// A name that may stand in a request's `Host`, lower case, without its port.
pub(super) fn host_name(text: &str) -> Result<String, Invalid> {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || !text.chars().all(name) {
        return Err(Invalid::must("be a host name, without scheme and port"));
    }
    Ok(text.to_ascii_lowercase())
}

/// A glob over paths relative to the project. Those are compared as they are listed, so a leading `./` could never match.
pub(super) fn project_glob(text: &str) -> Result<String, Invalid> {
    if ["/", "./", "../"].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(Invalid::must("be relative to the project, without a leading `/`, `./` or `../`"));
    }
    glob(text)
}

/// A glob over URL paths.
pub(super) fn url_glob(text: &str) -> Result<String, Invalid> {
    if !text.starts_with('/') {
        return Err(Invalid::must("begin with `/`"));
    }
    glob(text)
}

fn glob(text: &str) -> Result<String, Invalid> {
    match globset::Glob::new(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        Ok(_) => Err(Invalid::must("be a glob")),
        Err(error) => Err(Invalid::must(format_args!("be a glob: {}", error.kind()))),
    }
}

/// A URL path that is asked whether the program is ready.
pub(super) fn url_path(text: &str) -> Result<String, Invalid> {
    let parsed = text.parse::<http::uri::PathAndQuery>();
    if !text.starts_with('/') || text.contains('#') || parsed.is_err() {
        return Err(Invalid::must("be a URL path that begins with `/`"));
    }
    Ok(text.to_owned())
}

/// A regular expression for a line.
pub(super) fn line_pattern(text: &str) -> Result<Regex, Invalid> {
    Regex::new(text).map_err(|error| Invalid::must(format_args!("be a regular expression: {}", reason(&error))))
}

/// The last line says what is wrong; those above draw where.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// A method, as it stands in a request. Case matters there, and browsers put only some of them right.
pub(super) fn method(text: &str) -> Result<Method, Invalid> {
    let refused = || Invalid::must("be a method in capitals, like `PATCH`");
    let plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    Method::from_bytes(text.as_bytes()).ok().filter(|_| plain).ok_or_else(refused)
}

/// The name of a header. `*` would be one as well, but with credentials it means a header of that name and no other.
pub(super) fn header_name(text: &str) -> Result<HeaderName, Invalid> {
    let refused = || Invalid::must("be the name of a header, like `X-Request-Id`");
    HeaderName::from_bytes(text.as_bytes()).ok().filter(|name| name != "*").ok_or_else(refused)
}

/// A moment: a date, which begins at midnight UTC, or a date-time with its offset (RFC 3339 §5.6). Before 1970 there is none
/// that `Sunset` could carry.
pub(super) fn instant(text: &str) -> Result<Timestamp, Invalid> {
    let refused = || Invalid::must("be a date like 2026-01-01, or a date and time with its offset like 2026-01-01T12:00:00Z");
    let written = if text.len() == DATE { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let moment: Timestamp = written.parse().map_err(|_| refused())?;
    if moment < Timestamp::UNIX_EPOCH { Err(Invalid::must("not be before 1970")) } else { Ok(moment) }
}

/// The length of `2026-01-01`.
const DATE: usize = 10;

/// A path inside the project, normalised, relative.
pub(super) fn inner_path(text: &str) -> Result<PathBuf, Invalid> {
    let mut inside = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => (),
            Component::ParentDir if inside.pop() => (),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(leaves_the_project()),
        }
    }
    if text.is_empty() || text.contains('\0') { Err(Invalid::must("be a path")) } else { Ok(inside) }
}

fn leaves_the_project() -> Invalid {
    Invalid::must("be a path relative to the project that does not leave it")
}

/// A size with its unit: `64KiB`, `8MiB`, `10MB`.
pub(super) fn size(text: &str) -> Result<usize, Invalid> {
    let refused = || Invalid::must("be a size like \"64KiB\", \"8MiB\" or \"10MB\"");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1024,
        "MB" => 1000 * 1000,
        "MiB" => 1024 * 1024,
        _ => return Err(refused()),
    };
    number.parse().ok().and_then(|number: usize| number.checked_mul(unit)).ok_or_else(refused)
}

/// A time with its unit: `30s`, `200ms`, `1.5s`, `2m`.
///
/// # Errors
/// When it has no unit, or is longer than an hour.
pub fn duration(text: &str) -> Result<Duration, Invalid> {
    let refused = || Invalid::must("be a time like \"200ms\", \"30s\" or \"2m\"");
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refused)?;
    let (number, unit) = text.split_at(unit_at);
    let scale = match unit.trim_start() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(refused()),
    };
    seconds(number.parse::<f64>().map_err(|_| refused())? * scale)
}

/// A time in seconds.
pub(super) fn seconds(number: f64) -> Result<Duration, Invalid> {
    match Duration::try_from_secs_f64(number) {
        Ok(time) if time <= LONGEST_WAIT => Ok(time),
        _ => Err(Invalid::must("be a time from 0 to one hour")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: std::fmt::Debug>(read: impl Fn(&str) -> Result<T, Invalid>, input: &str, expected: &str) {
        let shown = match read(input) {
            Ok(value) => format!("{value:?}"),
            Err(invalid) => invalid.to_string(),
        };
        assert_eq!(shown, expected, "{input:?}");
    }

    #[test]
    fn hosts_are_addresses_or_localhost() {
        check(Host::from_str, "localhost", "Loopback");
        check(Host::from_str, "0.0.0.0", "Address(0.0.0.0)");
        check(Host::from_str, "[::1]", "Address(::1)");
        check(Host::from_str, "example.com", "must be an IP address or `localhost`");
    }

    #[test]
    fn an_upstream_is_a_bare_http_url() {
        const PATH: &str = "must be without a path, which `[[proxy]]` can put in front: `path = \"/\"`";
        check(upstream, "http://localhost:3000", "http://localhost:3000/");
        check(upstream, "http://[::1]:3000/", "http://[::1]:3000/");
        check(upstream, "https://localhost", "https://localhost/");
        check(upstream, "http://a/b", PATH);
        for refused in ["localhost:3000", "http://a/?q", "http://u@a", "/", "", "http://a#b"] {
            assert!(upstream(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        const REFUSED: &str = "must be a size like \"64KiB\", \"8MiB\" or \"10MB\"";
        check(size, "64KiB", "65536");
        check(size, "8 MiB", "8388608");
        check(size, "10MB", "10000000");
        check(size, "2kB", "2000");
        check(size, "5B", "5");
        for refused in ["64", "64k", "KiB", "-1KiB", "1.5MiB", "99999999999999999999B", "18446744073709551615MiB"] {
            check(size, refused, REFUSED);
        }
    }

    #[test]
    fn times_have_a_unit() {
        const REFUSED: &str = "must be a time like \"200ms\", \"30s\" or \"2m\"";
        check(duration, "200ms", "200ms");
        check(duration, "1.5s", "1.5s");
        check(duration, "2m", "120s");
        check(duration, "30", REFUSED);
        check(duration, "-1s", REFUSED);
        check(duration, "1..5s", REFUSED);
        check(duration, "61m", "must be a time from 0 to one hour");
        assert!(seconds(-1.0).is_err());
        assert!(seconds(f64::NAN).is_err());
    }

    #[test]
    fn moments_have_a_place_in_time() {
        const REFUSED: &str = "must be a date like 2026-01-01, or a date and time with its offset like 2026-01-01T12:00:00Z";
        check(instant, "2026-01-01", "2026-01-01T00:00:00Z");
        check(instant, "2026-01-01T12:00:00+02:00", "2026-01-01T10:00:00Z");
        check(instant, "2026-01-01t12:00:00.5z", "2026-01-01T12:00:00.5Z");
        check(instant, "1969-12-31", "must not be before 1970");
        for refused in ["2026-01-01T12:00:00", "2026-02-30", "12:00:00", "2026", "", "soon", "2026-1-001"] {
            check(instant, refused, REFUSED);
        }
    }

    #[test]
    fn methods_and_headers_are_tokens() {
        check(method, "PATCH", "PATCH");
        for refused in ["patch", "*", "", "GET, POST"] {
            check(method, refused, "must be a method in capitals, like `PATCH`");
        }
        check(header_name, "X-Request-Id", r#""x-request-id""#);
        for refused in ["*", "", "a b", "a:"] {
            check(header_name, refused, "must be the name of a header, like `X-Request-Id`");
        }
    }

    #[test]
    fn paths_stay_inside() {
        check(inner_path, "public", r#""public""#);
        check(inner_path, "./a/../b/", r#""b""#);
        check(inner_path, ".", r#""""#);
        for refused in ["..", "a/../../b", "/etc"] {
            check(inner_path, refused, "must be a path relative to the project that does not leave it");
        }
    }

    #[test]
    fn globs_can_match() {
        check(project_glob, "**/*.{js,ts}", r#""**/*.{js,ts}""#);
        check(project_glob, ".cargo/config.toml", r#"".cargo/config.toml""#);
        check(project_glob, "/src/**", "must be relative to the project, without a leading `/`, `./` or `../`");
        check(project_glob, "./src/**", "must be relative to the project, without a leading `/`, `./` or `../`");
        check(project_glob, "a[", "must be a glob: unclosed character class; missing ']'");
        check(url_glob, "api/**", "must begin with `/`");
    }

    #[test]
    fn switches_ready_paths_and_names() {
        check(switch, "On", "true");
        check(switch, "maybe", "must be `true` or `false`");
        check(url_path, "/healthz?full=1", r#""/healthz?full=1""#);
        check(url_path, "healthz", "must be a URL path that begins with `/`");
        check(line_pattern, "ready|up", r#"Regex("ready|up")"#);
        check(line_pattern, "ready(", "must be a regular expression: unclosed group");
        check(host_name, "Shop.test", r#""shop.test""#);
        check(host_name, "http://shop.test", "must be a host name, without scheme and port");
        check(shell_line, "  ", "must be a command");
    }
}
