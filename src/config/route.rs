//! What goes to another server: one `[[proxy]]`, or one `--proxy PATH=URL`.
//!
//! Which of several routes a path takes is decided by [`RoutePath`] alone: the longest one wins, wherever it stands. What becomes of
//! the path on its way is [`Rewrite`]'s.

use std::{
    fmt::{self, Display},
    net::IpAddr,
    str::FromStr,
    time::Duration,
};

use http::{HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::{
    Origins, Pattern,
    value::{self, Invalid},
};

/// Where requests below a path go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// Which requests.
    pub path: RoutePath,
    /// Where they go: `http` or `https`, an authority, and a path that is put in front of theirs.
    pub to: Uri,
    /// What becomes of their path.
    pub rewrite: Rewrite,
    /// Set on each request; the values never show in what is printed.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who may open websockets.
    pub websockets: Websockets,
    /// How long the server may be silent; `None` is as long as the program may.
    pub timeout: Option<Duration>,
    /// Which `Host` it gets.
    pub host: HostHeader,
    /// Whether the certificate of an `https` server has to be one that this machine trusts.
    pub verify: bool,
    /// Whether it is spoken to in HTTP/2 from the first byte.
    pub http2: bool,
    /// Whether the site answers what it has, and the server only the rest.
    pub site_first: bool,
}

/// What becomes of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// Nothing.
    #[default]
    Keep,
    /// The route's own path is taken off its front.
    Strip,
    /// What the pattern finds is replaced by the text, in which `$1` is what its first group found.
    Replace(Pattern, String),
}

/// Which `Host` a server gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// The one that the browser sent.
    Keep,
    /// Its own.
    Rewrite,
}

/// Who may open websockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Websockets {
    /// Nobody: no request changes its protocol.
    Nobody,
    /// Our own pages, programs that are no browser, and pages of these origins.
    Pages(Vec<Origins>),
}

impl Default for Websockets {
    fn default() -> Self {
        Self::Pages(Vec::new())
    }
}

impl RouteConfig {
    /// A route of which nothing else was said.
    pub(super) fn new(path: RoutePath, to: Uri) -> Self {
        Self {
            host: HostHeader::default_for(&to),
            path,
            to,
            rewrite: Rewrite::Keep,
            headers: Vec::new(),
            websockets: Websockets::default(),
            timeout: None,
            verify: true,
            http2: false,
            site_first: false,
        }
    }
}

impl RouteConfig {
    /// Where it leads, as it was most likely written.
    #[must_use]
    pub fn address(&self) -> String {
        let text = self.to.to_string();
        if self.to.path() == "/" { text.trim_end_matches('/').to_owned() } else { text }
    }
}

impl HostHeader {
    /// A server on this machine is most likely the developer's own, and makes links of what it gets; another one answers to its
    /// own name, or is one of many behind an address.
    #[must_use]
    pub fn default_for(to: &Uri) -> Self {
        let name = to.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
        if is_local_name(name) || name.parse().is_ok_and(is_here) { Self::Keep } else { Self::Rewrite }
    }
}

/// Whether a name means this machine wherever it is looked up (RFC 6761 §6.3).
pub(super) fn is_local_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

impl FromStr for HostHeader {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "keep" => Ok(Self::Keep),
            "rewrite" => Ok(Self::Rewrite),
            _ => Err(Invalid::must("be \"keep\" or \"rewrite\"")),
        }
    }
}

/// A path by its segments: `/api` is `/api` and all below it, never `/apix`; `/api/` is only what is below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePath {
    segments: Vec<String>,
    /// Whether the path itself is left out.
    is_below: bool,
}

impl RoutePath {
    /// Whether it leads to a path, and what is left of that behind it: empty, or with a slash in front. Each segment is compared
    /// as what its escapes mean.
    #[must_use]
    pub fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut rest = path;
        for wanted in &self.segments {
            let inner = rest.strip_prefix('/')?;
            let (segment, behind) = inner.split_at(inner.find('/').unwrap_or(inner.len()));
            if !percent_decode_str(segment).eq(wanted.bytes()) {
                return None;
            }
            rest = behind;
        }
        (!self.is_below || rest.starts_with('/')).then_some(rest)
    }

    /// The more particular of two routes to a path has the greater one.
    #[must_use]
    pub fn depth(&self) -> (usize, bool) {
        (self.segments.len(), self.is_below)
    }

    /// Whether it leads everywhere.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.segments.is_empty()
    }
}

impl FromStr for RoutePath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        value::url_path(text)?;
        if text.contains(['*', '?']) {
            return Err(Invalid::must("be a path without `*` and `?`; all below it goes the same way"));
        }
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned);
        let mut segments: Vec<_> = text.split('/').skip(1).map(decode).collect::<Result<_, _>>().unwrap_or_default();
        let is_below = segments.last().is_some_and(String::is_empty);
        if is_below {
            segments.pop();
        }
        if segments.iter().any(|segment| segment.is_empty() || matches!(segment.as_str(), "." | "..")) {
            return Err(Invalid::must("be a path without empty segments, `.` and `..`"));
        }
        match segments.first() {
            Some(first) if first == "__everlit" => Err(Invalid::must("not be below `/__everlit/`, which is Everlit's own")),
            Some(_) => Ok(Self { segments, is_below }),
            None => Ok(Self { segments, is_below: false }),
        }
    }
}

impl Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))?;
        f.write_str(if self.is_below || self.segments.is_empty() { "/" } else { "" })
    }
}

/// The URL of another server.
pub(super) fn target(text: &str) -> Result<Uri, Invalid> {
    let (scheme, _) =
        text.split_once("://").ok_or_else(|| Invalid::must("be a URL with its scheme, like `http://127.0.0.1:9000`"))?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(Invalid::must("begin with `http://` or `https://`; websockets take the same way"));
    }
    let uri: Uri = text.parse().map_err(|_| Invalid::must("be a URL like `http://127.0.0.1:9000`"))?;
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if authority.contains('@') {
        return Err(Invalid::must("be without a user and password; send them by `headers = { Authorization = \"…\" }`"));
    }
    if uri.query().is_some() || text.contains('#') {
        return Err(Invalid::must("be without `?` and `#`: each request brings its own query"));
    }
    let port_is_none = uri.host() == Some(authority);
    if uri.host().is_none_or(str::is_empty) || !port_is_none && uri.port_u16().is_none_or(|port| port == 0) {
        return Err(Invalid::must("be a URL like `http://127.0.0.1:9000`, its port from 1 to 65535"));
    }
    Ok(uri)
}

/// `/api=http://127.0.0.1:9000`, as flags say it.
///
/// # Errors
/// When it is not a path, a `=` and a URL.
pub fn short(text: &str) -> Result<RouteConfig, Invalid> {
    let (path, to) =
        text.split_once('=').ok_or_else(|| Invalid::must("be a path and a URL, like `/api=http://127.0.0.1:9000`"))?;
    Ok(RouteConfig::new(path.parse()?, target(to)?))
}

/// Several of them, between blanks.
///
/// # Errors
/// When one of them is not as [`short`] wants it.
pub fn shorts(text: &str) -> Result<Vec<RouteConfig>, Invalid> {
    let routes: Vec<_> = text.split_whitespace().map(short).collect::<Result<_, _>>()?;
    if routes.is_empty() { short(text).map(|route| vec![route]) } else { Ok(routes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_itself_and_below_by_whole_segments() {
        let check = |route: &str, path: &str, expected: Option<&str>| {
            assert_eq!(route.parse::<RoutePath>().unwrap().rest(path), expected, "{route} {path}");
        };
        check("/api", "/api", Some(""));
        check("/api", "/api/", Some("/"));
        check("/api", "/api/v1/a", Some("/v1/a"));
        check("/api", "/apix", None);
        check("/api", "/API", None);
        check("/api", "/a", None);
        check("/api", "/", None);
        check("/api/", "/api", None);
        check("/api/", "/api/", Some("/"));
        check("/api/", "/api/a", Some("/a"));
        check("/api/v1", "/api/v1/a%2fb", Some("/a%2fb"));
        check("/api/v1", "/api%2fv1/a", None);
        check("/api", "/%61pi/x", Some("/x"));
        check("/a%20b", "/a%20b/c", Some("/c"));
        check("/é", "/%C3%A9", Some(""));
        check("/", "/", Some("/"));
        check("/", "/a/b", Some("/a/b"));
        check("/api", "//api", None);
    }

    #[test]
    fn what_is_no_path_says_why() {
        let check = |text: &str, expected: &str| {
            let said = text.parse::<RoutePath>().map_or_else(|invalid| invalid.to_string(), |path| path.to_string());
            assert_eq!(said, expected, "{text}");
        };
        check("/api", "/api");
        check("/api/", "/api/");
        check("/", "/");
        check("api", "must be a URL path that begins with `/`");
        check("/api/**", "must be a path without `*` and `?`; all below it goes the same way");
        check("/a?b", "must be a path without `*` and `?`; all below it goes the same way");
        check("/a//b", "must be a path without empty segments, `.` and `..`");
        check("/a/../b", "must be a path without empty segments, `.` and `..`");
        check("/__everlit/ws", "must not be below `/__everlit/`, which is Everlit's own");
    }

    #[test]
    fn what_is_no_server_says_why() {
        let check = |text: &str, expected: &str| {
            let said = target(text).map_or_else(|invalid| invalid.to_string(), |uri| uri.to_string());
            assert!(said.contains(expected), "{text}: {said}");
        };
        check("http://127.0.0.1:9000", "http://127.0.0.1:9000/");
        check("https://api.example.test/v2/", "https://api.example.test/v2/");
        check("http://[::1]:9000", "http://[::1]:9000/");
        check("127.0.0.1:9000", "with its scheme");
        check("localhost:9000/x", "with its scheme");
        check("ws://127.0.0.1:9000", "websockets take the same way");
        check("unix:///run/app.sock", "begin with `http://` or `https://`");
        check("http://me:secret@a", "without a user and password");
        check("http://a/?b", "without `?` and `#`");
        check("http://a/#b", "without `?` and `#`");
        check("http://", "be a URL like");
        check("http://a:0", "its port from 1 to 65535");
        check("http://a:99999", "be a URL like");
    }

    #[test]
    fn a_server_here_gets_the_host_that_was_asked_for() {
        let check = |to: &str, expected| assert_eq!(HostHeader::default_for(&to.parse().unwrap()), expected, "{to}");
        check("http://127.0.0.1:9000", HostHeader::Keep);
        check("http://[::1]:9000", HostHeader::Keep);
        check("http://localhost:9000", HostHeader::Keep);
        check("http://api.localhost", HostHeader::Keep);
        check("http://192.168.1.2:9000", HostHeader::Rewrite);
        check("https://api.example.test", HostHeader::Rewrite);
    }

    #[test]
    fn flags_say_it_in_one_word() {
        let route = short("/api=http://127.0.0.1:9000").unwrap();
        assert_eq!((route.path.to_string(), route.to.to_string()), ("/api".into(), "http://127.0.0.1:9000/".into()));
        assert_eq!(shorts("/a=http://a  /b=http://b").unwrap().len(), 2);
        let check = |text: &str, expected: &str| assert_eq!(shorts(text).unwrap_err().to_string(), expected);
        check(" ", "must be a path and a URL, like `/api=http://127.0.0.1:9000`");
        check("http://a", "must be a path and a URL, like `/api=http://127.0.0.1:9000`");
        check("api=http://a", "must be a URL path that begins with `/`");
        check("/api=a:1", "must be a URL with its scheme, like `http://127.0.0.1:9000`");
    }
}
