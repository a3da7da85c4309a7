//! The app listener's service as a whole: what an origin is granted, and in which order the layers stand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{Connection, Rooms, Routes, Transport, Workers, app_service};
use crate::{
    config::{Layer, fixture::TestFolder, load},
    device::OtherPorts,
    editor::{Editors, Surroundings},
    generation::Standing,
    reload::{Hub, Token},
    router::Router,
    site::{Site, Told},
    telemetry::{Heard, Notice, Notices},
    traffic::Recorder,
};

const GRANTED: &str = "http://app.example:5000";
const BELOW: &str = "https://a.b.example.test";
const EVIL: &str = "http://evil.example";

/// Grants to both of the first two.
const CORS: &str = "[cors]\norigins = [\"http://app.example:5000\", \"https://*.example.test\"]\n";

const SITE: &str = "-- data/posts.json --\n[{\"id\": 1, \"title\": \"one\"}]\n-- static/a.txt --\na\n";

/// A served project.
struct Served {
    service: Router,
    recorder: Recorder,
    heard: Heard,
    _standing: watch::Sender<Standing>,
    _folder: TestFolder,
}

impl Served {
    fn new(toml: &str) -> Self {
        Self::telling(&format!("-- everlit.toml --\n{toml}"), |_| ())
    }

    /// With more files, and somebody who is told of what the site says.
    fn telling(files: &str, told: impl Fn(Told) + Send + Sync + 'static) -> Self {
        let folder = TestFolder::new(&format!("{SITE}{files}"));
        let config = load(folder.path(), Layer::default(), Layer::default()).unwrap();
        let (notices, heard) = Notices::channel();
        let (standing, reader) = watch::channel(Standing::default());
        let rooms = Rooms {
            site: config.site.as_ref().map(|site| Site::new(site, told)),
            routes: Routes::new(&config, &Routes::default()),
            upstream: None,
            missing: mpsc::channel(1).0,
            hub: Hub::alone(&config.project, reader.clone(), notices.clone()),
            recorder: Recorder::new(reader.clone()),
            editors: Editors::new(folder.path(), Surroundings::from_env(|_| None), reader.clone(), notices.clone()),
            standing: reader,
            lan: None,
            notices,
            other_ports: OtherPorts::default(),
            workers: Workers::default(),
            control_token: Token::new().unwrap(),
            sockets: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
            stop: CancellationToken::new(),
        };
        let service = app_service(&config, &rooms);
        Self { service, recorder: rooms.recorder, heard, _standing: standing, _folder: folder }
    }

    /// The answer to a line like `GET /path`, with headers like `name: value`.
    async fn ask(&self, line: &str, headers: &[&str]) -> Response<Body> {
        self.ask_by(Transport::Plain, line, headers).await
    }

    async fn ask_by(&self, transport: Transport, line: &str, headers: &[&str]) -> Response<Body> {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:4747");
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from("{\"title\": \"two\"}")).unwrap();
        let [local, remote] = ["127.0.0.1:4747", "127.0.0.1:50000"].map(|address| address.parse().unwrap());
        request.extensions_mut().insert(Connection { local, remote, transport });
        self.service.clone().oneshot(request).await.unwrap()
    }

    /// What was said in the terminal since the last time.
    fn heard(&mut self) -> Vec<String> {
        let text = |notice| match notice {
            Notice::Warning(text) => text,
            other => format!("{other:?}"),
        };
        std::iter::from_fn(|| self.heard.try_recv().ok()).map(text).collect()
    }
}

fn origin(origin: &str) -> String {
    format!("origin: {origin}")
}

/// All lines of a header, empty when there is none.
fn lines(headers: &HeaderMap, name: &str) -> String {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
}

/// The headers of the CORS protocol in an answer.
fn protocol(headers: &HeaderMap) -> Vec<String> {
    let mut names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
    names.sort_by_key(|name| name.as_str());
    names.iter().map(|name| format!("{}: {}", &name.as_str()["access-control-".len()..], lines(headers, name.as_str()))).collect()
}

const EXPOSED: &str = "expose-headers: etag,link,location,x-total-count,deprecation,sunset,idempotent-replayed,content-language,\
     everlit-generation";

#[tokio::test]
async fn a_method_that_no_project_takes_is_told_of_those_there_are() {
    let served = Served::new("");
    for line in ["TRACE /posts", "CONNECT /posts"] {
        let response = served.ask(line, &[]).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{line}");
        assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE", "{line}");
    }
}

#[tokio::test]
async fn what_is_asked_of_the_server_itself_is_answered_here() {
    let served = Served::new("");
    let response = served.ask("OPTIONS *", &[]).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
    assert_eq!(served.recorder.exchanges()[0].status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn nobody_is_granted_anything_unasked() {
    let served = Served::new("");
    for from in [GRANTED, EVIL, "null", "file://", "http://localhost:4747", "https://localhost:4747", "http://localhost:4747@x"] {
        for line in ["GET /api/posts", "GET /a.txt", "OPTIONS /api/posts"] {
            let asked = [&origin(from), "access-control-request-method: GET", "access-control-request-private-network: true"];
            let answer = served.ask(line, &asked).await;
            assert!(answer.status().is_success(), "{line} of {from}: {}", answer.status());
            assert_eq!(protocol(answer.headers()), [""; 0], "{line} of {from}");
        }
    }
    assert_eq!(lines(served.ask("GET /api/posts", &[]).await.headers(), "vary"), "Accept", "no origin is looked at");
}

#[tokio::test]
async fn granted_origins_read() {
    let served = Served::new(CORS);
    for from in [GRANTED, BELOW] {
        let answer = served.ask("GET /api/posts", &[&origin(from)]).await;
        let expected = ["allow-credentials: true", &format!("allow-origin: {from}"), EXPOSED];
        assert_eq!(
            (answer.status(), protocol(answer.headers())),
            (StatusCode::OK, expected.map(str::to_owned).to_vec()),
            "{from}"
        );
        assert_eq!(lines(answer.headers(), "vary"), "Accept, Origin");
        assert!(answer.headers().contains_key("etag"), "the site's own headers stay");
    }
    let missing = served.ask("GET /nowhere", &[&origin(GRANTED)]).await;
    assert_eq!(lines(missing.headers(), "access-control-allow-origin"), GRANTED, "errors can be read as well");
    for other in [EVIL, "null", "https://example.test", "http://a.example.test", "http://app.example:50000"] {
        let answer = served.ask("GET /api/posts", &[&origin(other)]).await;
        assert_eq!((answer.status(), protocol(answer.headers())), (StatusCode::OK, Vec::new()), "{other}");
        assert_eq!(lines(answer.headers(), "vary"), "Accept, Origin", "{other}");
    }
    assert_eq!(
        lines(served.ask("GET /a.txt", &[]).await.headers(), "vary"),
        "Accept-Encoding, Origin",
        "a cache must not keep it for others"
    );
}

#[tokio::test]
async fn what_is_granted_can_be_narrowed() {
    let narrow = "methods = [\"GET\", \"PUT\"]\nheaders = [\"content-type\"]\nexpose = [\"x-rate\"]\ncredentials = false\nmax_age = \"10m\"\n";
    let served = Served::new(&format!("{CORS}{narrow}"));
    let answer = served.ask("GET /a.txt", &[&origin(GRANTED)]).await;
    let expected = [format!("allow-origin: {GRANTED}"), format!("{EXPOSED},x-rate")];
    assert_eq!(protocol(answer.headers()), expected);
    let preflight = [&origin(GRANTED), "access-control-request-method: DELETE", "access-control-request-headers: x-a"];
    let answer = served.ask("OPTIONS /a.txt", &preflight).await;
    let expected = [
        "allow-headers: content-type".to_owned(),
        "allow-methods: GET,PUT".to_owned(),
        format!("allow-origin: {GRANTED}"),
        "max-age: 600".to_owned(),
    ];
    assert_eq!(protocol(answer.headers()), expected);
    assert_eq!(lines(answer.headers(), "vary"), "Origin, Access-Control-Request-Method");
    let json = "content-type: application/json";
    let written = served.ask("POST /api/posts", &[&origin(GRANTED), json]).await;
    assert_eq!(written.status(), StatusCode::FORBIDDEN, "browsers send a plain POST without asking");
    assert!(served.ask("PUT /api/posts/1", &[&origin(GRANTED), json]).await.status().is_success());
    assert_eq!(served.ask("POST /api/posts", &[json]).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn preflights_of_granted_origins_are_answered_first() {
    let served = Served::new(&format!("{CORS}[[fault]]\npath = \"/**\"\nstatus = 500\n"));
    let headers = [&origin(BELOW), "access-control-request-method: PATCH", "access-control-request-headers: x-a, content-type"];
    let answer = served.ask("OPTIONS /nowhere", &headers).await;
    let expected = [
        "allow-credentials: true",
        "allow-headers: x-a, content-type",
        "allow-methods: PATCH",
        &format!("allow-origin: {BELOW}"),
    ];
    assert_eq!((answer.status(), protocol(answer.headers())), (StatusCode::OK, expected.map(str::to_owned).to_vec()));
    let varies = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    assert_eq!(lines(answer.headers(), "vary"), varies);
    assert_eq!(served.recorder.exchanges(), [], "it is not recorded");
    assert_eq!(to_bytes(answer.into_body(), 1).await.unwrap(), "");

    let private = [&headers[..], &["access-control-request-private-network: true"]].concat();
    assert_eq!(protocol(served.ask("OPTIONS /nowhere", &private).await.headers()), expected);
}

#[tokio::test]
async fn other_options_reach_the_site() {
    let served = Served::new(CORS);
    let allow = lines(served.ask("OPTIONS /api/posts", &[]).await.headers(), "allow");
    assert!(allow.contains("POST"), "{allow}");
    let asking = "access-control-request-method: POST";
    for headers in [vec![asking], vec!["origin: http://evil.example"], vec!["origin: http://evil.example", asking]] {
        let answer = served.ask("OPTIONS /api/posts", &headers).await;
        assert_eq!((lines(answer.headers(), "allow"), protocol(answer.headers())), (allow.clone(), Vec::new()), "{headers:?}");
    }
    let plain = served.ask("OPTIONS /api/posts", &[&origin(GRANTED)]).await;
    assert_eq!(
        (lines(plain.headers(), "allow"), lines(plain.headers(), "access-control-allow-origin")),
        (allow, GRANTED.to_owned())
    );
}

#[tokio::test]
async fn only_granted_origins_write() {
    let served = Served::new(CORS);
    let check = async |from: &str, expected: StatusCode| {
        let answer = served.ask("POST /api/posts", &[&origin(from), "content-type: application/json"]).await;
        assert_eq!(answer.status(), expected, "{from}");
    };
    check(GRANTED, StatusCode::CREATED).await;
    check(BELOW, StatusCode::CREATED).await;
    check("http://localhost:4747", StatusCode::CREATED).await;
    check(EVIL, StatusCode::FORBIDDEN).await;
    check("https://example.test", StatusCode::FORBIDDEN).await;
}

#[tokio::test]
async fn simulated_failures_can_be_read_and_our_own_routes_do_not_fail() {
    let served = Served::new(&format!("fail = 100\n{CORS}"));
    let answer = served.ask("GET /api/posts", &[&origin(GRANTED)]).await;
    assert_eq!(
        (answer.status(), lines(answer.headers(), "everlit-fault").as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "status=503")
    );
    assert_eq!(lines(answer.headers(), "access-control-allow-origin"), GRANTED);
    assert_eq!(served.recorder.exchanges()[0].status, StatusCode::SERVICE_UNAVAILABLE);
    let own = served.ask("GET /__everlit/client.js", &[]).await;
    assert_eq!((own.status(), lines(own.headers(), "everlit-fault").as_str()), (StatusCode::OK, ""));
}

/// What each request makes Everlit say in the terminal.
async fn check_hints(toml: &str, asked: &[(&str, &[&str], &str)]) {
    let mut served = Served::new(toml);
    for (line, headers, expected) in asked {
        served.ask(line, headers).await;
        assert_eq!(served.heard().join("\n"), *expected, "{line} {headers:?}");
    }
}

#[tokio::test]
async fn a_refused_page_leads_to_one_hint() {
    check_hints(
        "",
        &[
            ("GET /api/posts", &[], ""),
            ("GET /api/posts", &["origin: http://localhost:4747"], ""),
            (
                "GET /api/posts",
                &["origin: http://evil.example"],
                "a page of http://evil.example asked for /api/posts and may not read it; \
                 `[cors] origins = [\"http://evil.example\"]` in everlit.toml lets it",
            ),
            ("GET /a.txt", &["origin: http://evil.example"], ""),
            (
                "OPTIONS /api/posts/1",
                &["origin: http://b.example", "access-control-request-method: PUT"],
                "a page of http://b.example asked to PUT /api/posts/1 in vain; \
                 `[cors] origins = [\"http://b.example\"]` in everlit.toml lets it",
            ),
            ("GET /a.txt", &["origin: http://c.example", "sec-fetch-mode: navigate"], ""),
            (
                "POST /api/posts",
                &["origin: http://c.example", "sec-fetch-mode: navigate"],
                "a page of http://c.example asked to POST /api/posts in vain; \
                 `[cors] origins = [\"http://c.example\"]` in everlit.toml lets it",
            ),
            (
                "GET /a.txt",
                &["origin: null"],
                "a page of null asked for /a.txt and may not read it; \
                 a file or a sandboxed frame has no origin that could be granted; open the page over http",
            ),
            ("GET /a.txt", &["origin: no origin"], ""),
            ("GET /a.txt", &["origin: http://*.example.test"], ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_hint_names_the_setting_that_lacks() {
    check_hints(
        &format!("{CORS}methods = [\"GET\"]\nheaders = [\"content-type\"]\n"),
        &[
            ("GET /a.txt", &["origin: http://app.example:5000"], ""),
            (
                "GET /a.txt",
                &["origin: http://evil.example"],
                "a page of http://evil.example asked for /a.txt and may not read it; \
                 \"http://evil.example\" in `[cors] origins` of everlit.toml lets it",
            ),
            (
                "OPTIONS /a.txt",
                &["origin: http://app.example:5000", "access-control-request-method: DELETE"],
                "a page of http://app.example:5000 asked to DELETE /a.txt in vain; \
                 \"DELETE\" in `[cors] methods` of everlit.toml lets it",
            ),
            (
                "POST /api/posts",
                &["origin: http://app.example:5000"],
                "a page of http://app.example:5000 asked to POST /api/posts in vain; \
                 \"POST\" in `[cors] methods` of everlit.toml lets it",
            ),
            (
                "OPTIONS /a.txt",
                &[
                    "origin: http://app.example:5000",
                    "access-control-request-method: GET",
                    "access-control-request-headers: content-type,x-a",
                ],
                "a page of http://app.example:5000 asked for /a.txt and may not read it; \
                 \"x-a\" in `[cors] headers` of everlit.toml lets it",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_page_cannot_fill_the_terminal() {
    let mut served = Served::new("");
    served.ask("GET /a.txt", &[&format!("origin: http://{}example", "a.".repeat(400))]).await;
    assert_eq!(served.heard(), [""; 0]);
    for number in 0..40 {
        served.ask("GET /a.txt", &[&format!("origin: http://{number}.example")]).await;
    }
    assert_eq!(served.heard().len(), 16);
    let mut served = Served::new("");
    served.ask(&format!("GET /{}", "a".repeat(10_000)), &[&origin(EVIL)]).await;
    let heard = served.heard().join("\n");
    assert!(heard.len() < 600, "{heard}");
}

#[tokio::test]
async fn a_panic_ends_one_request() {
    let broken = "-- templates/broken.html --\n{{ items.none.at.all }}\n";
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let served = Served::telling(broken, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("for a test");
    });
    assert_eq!(served.ask("GET /broken", &["accept: text/html"]).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(panics.load(Ordering::Relaxed), 1);
    for path in ["/a.txt", "/api/posts"] {
        assert_eq!(served.ask(&format!("GET {path}"), &[]).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn plain_http_is_sent_to_tls_on_our_own_names_alone() {
    let served = Served::new("");
    for (line, target) in [
        ("GET /", "/"),
        ("GET /posts?a=1", "/posts?a=1"),
        ("POST /api/posts", "/api/posts"),
        ("GET //evil.example/%2e%2e", "/evil.example/%2e%2e"),
        ("GET /__everlit/client.js", "/__everlit/client.js"),
        ("OPTIONS *", "/*"),
    ] {
        let response = served.ask_by(Transport::Unencrypted, line, &[]).await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT, "{line}");
        assert_eq!(lines(response.headers(), "location"), format!("https://localhost:4747{target}"), "{line}");
        assert_eq!(lines(response.headers(), "cache-control"), "no-store", "{line}");
        assert_eq!(lines(response.headers(), "strict-transport-security"), "", "{line}");
    }
    let mut request = Request::builder().uri("/").header("host", "evil.example:4747").body(Body::empty()).unwrap();
    let [local, remote] = ["127.0.0.1:4747", "127.0.0.1:50000"].map(|address| address.parse().unwrap());
    request.extensions_mut().insert(Connection { local, remote, transport: Transport::Unencrypted });
    let response = served.service.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(lines(response.headers(), "location"), "");
}

#[tokio::test]
async fn a_strange_name_is_refused_before_any_other_work() {
    let served = Served::new(CORS);
    let ask = async |line: &str, host: &str, more: &[(&str, &str)]| {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", host);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let mut request = request.header("content-type", "application/json").body(Body::from("{}")).unwrap();
        let [local, remote] = ["127.0.0.1:4747", "127.0.0.1:50000"].map(|address| address.parse().unwrap());
        request.extensions_mut().insert(Connection { local, remote, transport: Transport::Plain });
        served.service.clone().oneshot(request).await.unwrap()
    };
    let forwarded = [("x-forwarded-host", "localhost:4747"), ("forwarded", "host=localhost:4747"), ("x-real-ip", "127.0.0.1")];
    let granted = [("origin", GRANTED), ("access-control-request-method", "GET")];
    for line in [
        "GET /a.txt",
        "HEAD /a.txt",
        "GET /nowhere",
        "GET /.env",
        "OPTIONS /api/posts",
        "POST /api/posts",
        "TRACE /a.txt",
        "GET /__everlit/client.js",
        "GET /__everlit/ws",
        "POST /__everlit/open",
        "GET /.well-known/appspecific/com.chrome.devtools.json",
    ] {
        for more in [&forwarded[..], &granted[..]] {
            let answer = ask(line, "localhost.evil.example:4747", more).await;
            assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{line}");
            assert_eq!(protocol(answer.headers()), [""; 0], "{line}");
        }
    }
    assert_eq!(served.recorder.exchanges(), [], "nothing is recorded");
    let strange =
        [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example;proto=https"), ("x-forwarded-proto", "https")];
    assert_eq!(ask("GET /a.txt", "localhost:4747", &strange).await.status(), StatusCode::OK, "what is forwarded decides nothing");
}

#[tokio::test]
async fn a_page_of_another_site_loads_none_of_our_files() {
    let served = Served::new("");
    let [foreign, embeds] = ["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors"];
    for path in ["/a.txt", "/api/posts", "/__everlit/client.js", "/__everlit/hot.js", "/__everlit/ws"] {
        // An answer that is remembered is no way around.
        served.ask(&format!("GET {path}"), &["sec-fetch-site: same-origin", embeds]).await;
        let refused = served.ask(&format!("GET {path}"), &[foreign, embeds]).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
    }
    for path in ["/a.txt", "/__everlit/client.js"] {
        for headers in
            [["sec-fetch-site: same-site", embeds], [foreign, "sec-fetch-mode: navigate"], [foreign, "sec-fetch-mode: cors"]]
        {
            let answer = served.ask(&format!("GET {path}"), &headers).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path} {headers:?}");
            assert_eq!(lines(answer.headers(), "cross-origin-resource-policy"), "same-origin", "{path} {headers:?}");
            assert_eq!(lines(answer.headers(), "x-content-type-options"), "nosniff", "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn our_own_addresses_take_their_own_methods() {
    let served = Served::new("");
    for (line, allow) in [
        ("POST /__everlit/client.js", "GET, HEAD"),
        ("POST /__everlit/hot.js", "GET, HEAD"),
        ("POST /__everlit/ws", "GET, HEAD"),
        ("TRACE /__everlit/client.js", "GET, HEAD"),
        ("PUT /__everlit/open", "POST"),
        ("GET /__everlit/open", "POST"),
        ("OPTIONS /__everlit/open", "POST"),
    ] {
        let answer = served.ask(line, &["origin: http://localhost:4747"]).await;
        assert_eq!(
            (answer.status(), lines(answer.headers(), "allow").as_str()),
            (StatusCode::METHOD_NOT_ALLOWED, allow),
            "{line}"
        );
        assert_eq!(protocol(answer.headers()), [""; 0], "{line}");
    }
    for line in ["POST /__everlit/", "POST /__everlit/OPEN", "GET /__everlit/client.js/", "GET /__everlit/../__everlit/client.js"]
    {
        assert_eq!(served.ask(line, &[]).await.status(), StatusCode::NOT_FOUND, "{line}");
    }
    assert_eq!(served.ask("POST /__everlit/open", &[]).await.status(), StatusCode::FORBIDDEN, "it comes from no page of ours");
}

/// The names in the `Server-Timing` of an answer, but for `cache`: whether a file that is so new may be remembered depends on the clock.
fn timed(response: &Response<Body>) -> Vec<String> {
    let said = lines(response.headers(), "server-timing");
    let names = said.split(", ").map(|entry| entry.split(';').next().unwrap().to_owned());
    names.filter(|name| name != "cache").collect()
}

#[tokio::test]
async fn every_answer_says_what_its_time_went_to() {
    let served = Served::telling("-- templates/made.html --\n<p>\n-- templates/404.html --\n<p>none\n", |_| ());
    let check = async |line: &str, headers: &[&str], expected: &[&str]| {
        assert_eq!(timed(&served.ask(line, headers).await), expected, "{line} {headers:?}");
    };
    check("GET /a.txt", &[], &["total", "generation"]).await;
    check("HEAD /a.txt", &[], &["total", "generation"]).await;
    check("GET /api/posts", &[], &["total", "generation"]).await;
    check("POST /api/posts", &["content-type: application/json"], &["total", "generation"]).await;
    check("GET /made", &["accept: text/html"], &["total", "render", "inject", "generation"]).await;
    check("GET /none", &["accept: text/html"], &["total", "render", "inject", "generation"]).await;
    check("TRACE /", &[], &["total", "inject", "generation"]).await;
    check("GET /__everlit/client.js", &[], &["total"]).await;
    check("GET /__everlit/none", &[], &["total"]).await;
    check("GET /a.txt", &["host: evil.example"], &["total"]).await;
    assert_eq!(timed(&served.ask_by(Transport::Unencrypted, "GET /", &[]).await), ["total"]);
    let silent = Served::new("[live]\ntiming = false\n");
    assert_eq!(timed(&silent.ask("GET /a.txt", &[]).await), [""]);
}
