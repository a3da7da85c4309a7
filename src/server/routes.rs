//! The table of `[[proxy]]`: which server gets a request, what becomes of it on the way there, and of the answer on the way back.
//!
//! Of several routes to a path the most particular is taken, whatever their order. A route has no generation of its own: its
//! answers are of the one in which they were asked for. A table that takes the place of another keeps the connections of each
//! route that is as it was.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
    header::{CONTENT_LOCATION, LOCATION, ORIGIN, SET_COOKIE, UPGRADE},
    uri::{Authority, PathAndQuery},
};

use super::{
    cors::Grant,
    origin::{Source, is_foreign_write, says, source},
};
use crate::{
    config::{AtOnceLimits, Config, HostHeader, Rewrite, RouteConfig, RoutePath, TimeLimits, Websockets},
    field::{SEC_FETCH_MODE, SEC_FETCH_SITE},
    generation::Generation,
    proxy::{self, Backend, HostPolicy, Peer, Protocol, ProxyError, Slot, State, Target, Trust, Upstream, Welcome},
};

/// All routes, the most particular first. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    routes: Arc<[Arc<Route>]>,
    /// Where the site is never asked.
    except: Arc<[RoutePath]>,
}

/// One way to another server. It holds its connections for as long as anybody holds it.
#[derive(Debug)]
pub struct Route {
    config: RouteConfig,
    time: TimeLimits,
    upstream: Upstream,
    /// Kept, for a slot that is gone means that we are stopping.
    _slot: Slot,
}

/// Why a request got no answer by a route.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may not pass.
    Refused(StatusCode, String),
    /// The server gave none; with the route in words.
    Unanswered(ProxyError, String),
}

impl Routes {
    /// The routes that are configured; those that `before` has as well go on with their connections.
    #[must_use]
    pub fn new(config: &Config, before: &Self) -> Self {
        let except = config.site.iter().flat_map(|site| &site.except).cloned().collect();
        Self { routes: routes(&config.routes, config.limits.time, &before.routes), except }
    }

    /// The way that a path takes.
    pub(super) fn find(&self, path: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.config.path.rest(path).is_some()).map(|route| &**route)
    }

    /// Whether the site is asked for a path before anybody else.
    pub(super) fn begin_at_site(&self, path: &str) -> bool {
        self.find(path).is_none_or(|route| route.config.site_first)
            && self.except.iter().all(|except| except.rest(path).is_none())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(|route| &**route)
    }
}

fn routes(configs: &[RouteConfig], time: TimeLimits, before: &[Arc<Route>]) -> Arc<[Arc<Route>]> {
    let known = |config: &RouteConfig| before.iter().find(|route| route.config == *config && route.time == time).cloned();
    configs.iter().map(|config| known(config).unwrap_or_else(|| Arc::new(Route::new(config, time)))).collect()
}

impl Route {
    fn new(config: &RouteConfig, time: TimeLimits) -> Self {
        // Nobody waits: its server is taken to be there.
        let (slot, upstream) = proxy::slot(time.wait, AtOnceLimits::default().waiting);
        slot.replace(State::Serving(Backend::new(target(config, time.answer), Generation::default())));
        Self { config: config.clone(), time, upstream, _slot: slot }
    }

    /// Which paths take it.
    #[must_use]
    pub fn path(&self) -> &RoutePath {
        &self.config.path
    }

    /// Where it leads.
    #[must_use]
    pub fn to(&self) -> &Uri {
        &self.config.to
    }

    /// The server it leads to.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The server's answer.
    pub(super) async fn forward(&self, mut request: Request<Body>, peer: Peer, grant: &Grant) -> Result<Response<Body>, Failure> {
        if let Some(why) = self.refusal(&request, &peer.host, grant) {
            return Err(Failure::Refused(StatusCode::FORBIDDEN, why));
        }
        if self.is_welcome(&request) {
            request.extensions_mut().insert(Welcome);
        }
        let too_long =
            || Failure::Refused(StatusCode::URI_TOO_LONG, format!("the address is too long once {self} has rewritten it"));
        *request.uri_mut() = self.inner(request.uri()).ok_or_else(too_long)?;
        for (name, value) in &self.config.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let forwarded = self.upstream.forward(request, peer.clone()).await;
        let mut response = forwarded.map_err(|error| Failure::Unanswered(error, self.to_string()))?;
        response.extensions_mut().remove::<Generation>();
        self.bring_home(response.headers_mut(), &peer);
        Ok(response)
    }

    /// Why a request may not pass. A route that sends credentials along would lend them to any page that can reach us: pages of
    /// other origins need a grant to read or write by it.
    fn refusal(&self, request: &Request<Body>, host: &Authority, grant: &Grant) -> Option<String> {
        let headers = request.headers();
        if self.config.websockets == Websockets::Nobody && changes_protocol(request) {
            return Some(format!("{self} takes no websockets: it says `ws = false`"));
        }
        let is_foreign = matches!(source(headers, host, grant), Source::Foreign(_)) && !self.is_welcome(request)
            || is_foreign_write(request.method(), headers, host, grant)
            || is_embedded_elsewhere(headers);
        (is_foreign && !self.config.headers.is_empty())
            .then(|| format!("{self} sends headers of its own, which pages of another origin may use only by `[cors]`"))
    }

    /// Whether a page of this origin may open websockets.
    fn is_welcome(&self, request: &Request<Body>) -> bool {
        let Websockets::Pages(origins) = &self.config.websockets else { return false };
        let mut given = request.headers().get_all(ORIGIN).iter();
        match (given.next().map(HeaderValue::to_str), given.next()) {
            (Some(Ok(origin)), None) => changes_protocol(request) && origins.iter().any(|known| known.contain(origin)),
            _ => false,
        }
    }

    /// The address at the server.
    fn inner(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path();
        let rest = self.config.path.rest(path).unwrap_or(path);
        let path = match &self.config.rewrite {
            Rewrite::Keep => path.to_owned(),
            Rewrite::Strip => rest.to_owned(),
            Rewrite::Replace(pattern, to) => pattern.0.replace(path, to.as_str()).into_owned(),
        };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let base = self.config.to.path().trim_end_matches('/');
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = PathAndQuery::try_from(format!("{base}{slash}{path}{query}")).ok()?;
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }

    /// Puts addresses in an answer right: those of the server are below our path.
    fn bring_home(&self, headers: &mut HeaderMap, peer: &Peer) {
        for name in [LOCATION, CONTENT_LOCATION] {
            let moved = headers.get(&name).and_then(|value| self.outer_address(value.to_str().ok()?, peer));
            if let Some(moved) = moved.and_then(|moved| HeaderValue::try_from(moved).ok()) {
                headers.insert(name, moved);
            }
        }
        if headers.contains_key(SET_COOKIE) {
            let cookies: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().map(|cookie| self.outer_cookie(cookie)).collect();
            headers.remove(SET_COOKIE);
            for cookie in cookies {
                headers.append(SET_COOKIE, cookie);
            }
        }
    }

    /// An address on our side; `None` where it is right already, or of another server.
    fn outer_address(&self, address: &str, peer: &Peer) -> Option<String> {
        let ours = format!("{}://{}", peer.scheme, peer.host);
        let (origin, path) = match address.strip_prefix(&ours) {
            Some(path) => (ours.as_str(), path),
            None => ("", address),
        };
        if !path.starts_with('/') || path.starts_with("//") {
            return None;
        }
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let moved = self.outer_path(&path[..end])?;
        Some(format!("{origin}{moved}{}", &path[end..]))
    }

    fn outer_cookie(&self, cookie: &HeaderValue) -> HeaderValue {
        let moved = cookie.to_str().ok().and_then(|text| {
            let (at, path) = cookie_path(text)?;
            let moved = self.outer_path(path)?;
            HeaderValue::try_from(format!("{}{moved}{}", &text[..at], &text[at + path.len()..])).ok()
        });
        moved.unwrap_or_else(|| cookie.clone())
    }

    /// The path at which a browser asks for a path of the server; `None` where that is the same, or cannot be known.
    fn outer_path(&self, path: &str) -> Option<String> {
        let base = self.config.to.path().trim_end_matches('/');
        let behind = path.strip_prefix(base).filter(|behind| behind.is_empty() || behind.starts_with('/'));
        match &self.config.rewrite {
            Rewrite::Keep => {
                behind.filter(|_| !base.is_empty()).map(|behind| if behind.is_empty() { "/" } else { behind }.to_owned())
            }
            // A server that knows under which path it is seen says it by itself.
            Rewrite::Strip if self.config.path.rest(path).is_some() => None,
            Rewrite::Strip => behind.map(|behind| format!("{}{behind}", self.config.path.to_string().trim_end_matches('/'))),
            Rewrite::Replace(..) => None,
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`[[proxy]]` {} to {}", self.config.path, self.config.address())
    }
}

/// Whether a request asks for a websocket or the like (RFC 9110 §7.8, RFC 8441).
fn changes_protocol(request: &Request<Body>) -> bool {
    request.headers().contains_key(UPGRADE) || request.extensions().get::<hyper::ext::Protocol>().is_some()
}

/// Whether a page of another origin loads this as its script, style or picture.
fn is_embedded_elsewhere(headers: &HeaderMap) -> bool {
    says(headers, &SEC_FETCH_MODE, "no-cors")
        && ["cross-site", "same-site"].iter().any(|site| says(headers, &SEC_FETCH_SITE, site))
}

/// Where the value of a cookie's `Path` begins, and the value (RFC 6265 §5.2.4: the last one counts).
fn cookie_path(cookie: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    let mut found = None;
    for part in cookie.split(';') {
        if let Some((name, value)) = part.split_once('=')
            && at > 0
            && name.trim().eq_ignore_ascii_case("path")
        {
            let value_at = at + name.len() + 1 + (value.len() - value.trim_start().len());
            found = Some((value_at, value.trim()));
        }
        at += part.len() + 1;
    }
    found.filter(|(_, path)| path.starts_with('/'))
}

fn target(config: &RouteConfig, answer: Duration) -> Target {
    let bare = Target::from(config.to.clone());
    Target {
        protocol: if config.http2 { Protocol::Http2 } else { Protocol::default() },
        trust: if config.verify { Trust::System } else { Trust::Anyone },
        host: match config.host {
            HostHeader::Keep => HostPolicy::Keep,
            HostHeader::Rewrite => HostPolicy::Rewrite,
        },
        answer: config.timeout.unwrap_or(answer),
        ..bare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, to: &str, rewrite: Rewrite) -> Arc<Route> {
        let config = RouteConfig { rewrite, ..crate::config::route::short(&format!("{path}={to}")).unwrap() };
        Arc::new(Route::new(&config, TimeLimits::default()))
    }

    fn replace(from: &str, to: &str) -> Rewrite {
        Rewrite::Replace(crate::config::Pattern(regex::Regex::new(from).unwrap()), to.to_owned())
    }

    #[tokio::test]
    async fn paths_on_their_way_there() {
        let check = |path: &str, to: &str, rewrite: Rewrite, asked: &str, expected: &str| {
            let inner = route(path, to, rewrite).inner(&asked.parse().unwrap()).unwrap();
            assert_eq!(inner.path_and_query().unwrap().as_str(), expected, "{path} {to} {asked}");
        };
        check("/api", "http://a", Rewrite::Keep, "/api/x?q=1", "/api/x?q=1");
        check("/api", "http://a/v2/", Rewrite::Keep, "/api/x?q", "/v2/api/x?q");
        check("/api", "http://a", Rewrite::Strip, "/api", "/");
        check("/api", "http://a", Rewrite::Strip, "/api?x", "/?x");
        check("/api/", "http://a/v2", Rewrite::Strip, "/api/x%2fy", "/v2/x%2fy");
        check("/api", "http://a", Rewrite::Strip, "/%61pi/x", "/x");
        check("/api", "http://a", Rewrite::Strip, "/api//evil.example/x", "//evil.example/x");
        check("/api", "http://a", replace("^/api/v1/(.*)", "/$1"), "/api/v1/x?y=/api/v1/", "/x?y=/api/v1/");
        check("/api", "http://a", replace("^/api/v1/(.*)", "/$1"), "/api/v2/x", "/api/v2/x");
        check("/api", "http://a", replace("^/api/", ""), "/api/x", "/x");
        check("/", "http://a", Rewrite::Keep, "/x", "/x");
    }

    #[tokio::test]
    async fn addresses_on_their_way_back() {
        let host = Authority::from_static("localhost:4747");
        let peer = Peer { remote: "127.0.0.1:5".parse().unwrap(), scheme: http::uri::Scheme::HTTP, host };
        let check = |path: &str, to: &str, rewrite: Rewrite, told: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, told.parse().unwrap());
            route(path, to, rewrite).bring_home(&mut headers, &peer);
            assert_eq!(headers[LOCATION], expected, "{path} {to}");
        };
        check("/api", "http://a", Rewrite::Strip, "/login?next=/x", "/api/login?next=/x");
        check("/api/", "http://a/v2", Rewrite::Strip, "/v2/login", "/api/login");
        check("/api", "http://a/v2", Rewrite::Strip, "/v2", "/api");
        check("/api", "http://a/v2", Rewrite::Strip, "/other", "/other");
        check("/api", "http://a", Rewrite::Strip, "/api/login", "/api/login");
        check("/api", "http://a", Rewrite::Strip, "login", "login");
        check("/api", "http://a", Rewrite::Strip, "//b/login", "//b/login");
        check("/api", "http://a", Rewrite::Strip, "https://b/login", "https://b/login");
        check("/api", "http://a", Rewrite::Strip, "http://localhost:4747/login", "http://localhost:4747/api/login");
        check("/api", "http://a", Rewrite::Keep, "/login", "/login");
        check("/api", "http://a/v2", Rewrite::Keep, "/v2/api/login", "/api/login");
        check("/api", "http://a", replace("^/api", ""), "/login", "/login");
    }

    #[tokio::test]
    async fn paths_of_cookies_come_along() {
        let route = route("/api", "http://a", Rewrite::Strip);
        let check = |told: &str, expected: &str| {
            let cookie = route.outer_cookie(&told.parse().unwrap());
            assert_eq!(cookie, expected, "{told}");
        };
        check("a=1; Path=/x; HttpOnly", "a=1; Path=/api/x; HttpOnly");
        check("a=1; HttpOnly;path= /x", "a=1; HttpOnly;path= /api/x");
        check("a=1; Path=/", "a=1; Path=/api/");
        check("Path=/x", "Path=/x");
        check("a=1; Path=x", "a=1; Path=x");
        check("a=1", "a=1");
    }

    #[tokio::test]
    async fn a_route_that_is_as_it_was_keeps_its_connections() {
        let configs = ["/a=http://a", "/b=http://b"].map(|text| crate::config::route::short(text).unwrap());
        let time = TimeLimits::default();
        let before = routes(&configs, time, &[]);
        let [a, b] = configs;
        let after = routes(&[RouteConfig { timeout: Some(Duration::from_secs(1)), ..a }, b], time, &before);
        assert!(!Arc::ptr_eq(&before[0], &after[0]) && Arc::ptr_eq(&before[1], &after[1]));
    }
}
