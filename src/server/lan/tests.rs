use http::uri::Scheme;
use http_body_util::BodyExt;
use tower::service_fn;

use super::*;
use crate::device::lan::{Board, Network};

const SECRET: &str = "what only paired phones see";

/// A gate at `http://192.168.1.20:4747`, called shop.local.
struct Entry {
    gate: Gate,
    _board: Board,
}

/// An answer whose body was read.
struct Said {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn certificate() -> Certificate {
    Certificate {
        name: "Everlit local authority ab12".into(),
        id: "ab12".into(),
        der: b"public".to_vec(),
        fingerprint: [0x1f; 32],
    }
}

impl Entry {
    fn new(scheme: Scheme) -> Self {
        let (lan, board) = Lan::new();
        let network = Network { interface: "wlan0".into(), address: [192, 168, 1, 20].into() };
        let certificate = (scheme == Scheme::HTTPS).then(|| Arc::new(certificate()));
        board.put(Some(Place { scheme, network, port: 4747, name: Some("shop.local".into()) }));
        let (notices, _) = Notices::channel();
        Self { gate: Gate::new(LanRooms { lan, certificate }, notices), _board: board }
    }

    fn token(&self) -> String {
        self.gate.rooms.lan.invite().unwrap().link.split_once("?token=").unwrap().1.to_owned()
    }

    async fn ask_by(&self, transport: Transport, method: &str, target: &str, headers: &[(&str, &str)]) -> Said {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if !request.headers().contains_key(header::HOST) {
            request.headers_mut().insert(header::HOST, HeaderValue::from_static("192.168.1.20:4747"));
        }
        let [local, remote] = ["192.168.1.20:4747", "192.168.1.30:50000"].map(|address| address.parse().unwrap());
        request.extensions_mut().insert(Connection { local, remote, transport });
        // It says what it sees of the request, behind the secret.
        let project = service_fn(async |request: Request<Body>| {
            let Admitted(host) = request.extensions().get().cloned().expect("the gate says which name it was");
            let cookie = request.headers().get(header::COOKIE).map_or("", |value| value.to_str().unwrap()).to_owned();
            Ok(Response::new(Body::from(format!("{SECRET}; {host}; {cookie}"))))
        });
        let Ok(response) = self.gate.pass(request, project).await;
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Said { status: head.status.as_u16(), headers: head.headers, text }
    }

    async fn ask(&self, target: &str, headers: &[(&str, &str)]) -> Said {
        self.ask_by(Transport::Plain, "GET", target, headers).await
    }

    /// The cookie of a browser that is paired.
    async fn pair(&self) -> String {
        let said = self.ask(&format!("{PAIR}?token={}", self.token()), &[]).await;
        assert_eq!((said.status, said.header("location"), said.text.as_str()), (303, "/", ""));
        assert_eq!((said.header("cache-control"), said.header("referrer-policy")), ("no-store", "no-referrer"));
        said.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_the_project_whatever_is_asked() {
    let entry = Entry::new(Scheme::HTTP);
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-version", "13")];
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "BREW"] {
        for target in
            ["/", "/a.txt", "/api/posts", "/__everlit/client.js", "/__everlit/ws?token=x", "/__everlit/open", "//", PAIR]
        {
            for headers in [&[][..], &upgrade, &[("cookie", "everlit-lan-4747=")], &[("cookie", "everlit-lan-4747=x")]] {
                let said = entry.ask_by(Transport::Plain, method, target, headers).await;
                assert_eq!(said.status, 403, "{method} {target}");
                assert!(said.text.contains("not paired") && !said.text.contains(SECRET), "{method} {target}: {}", said.text);
                assert_eq!(said.header("cache-control"), "no-store");
            }
        }
    }
}

#[tokio::test]
async fn the_reason_is_in_the_form_that_is_asked_for() {
    let entry = Entry::new(Scheme::HTTP);
    let check = async |accept: &str, media_type: &str| {
        let said = entry.ask("/", &[("accept", accept)]).await;
        assert!(said.header("content-type").starts_with(media_type), "{accept}: {}", said.header("content-type"));
        assert!(said.text.contains("scan it"), "{}", said.text);
    };
    check("text/html,*/*;q=0.8", "text/html").await;
    check("application/json", "application/problem+json").await;
}

#[tokio::test]
async fn a_paired_browser_is_let_through_and_its_cookie_is_not() {
    let entry = Entry::new(Scheme::HTTP);
    let cookie = entry.pair().await;
    let said = entry.ask("/", &[("cookie", &format!("a=1; {cookie}"))]).await;
    assert_eq!(said.text, format!("{SECRET}; 192.168.1.20:4747; a=1"));
    let said = entry.ask("/", &[("cookie", &cookie), ("host", "shop.local:4747")]).await;
    assert_eq!(said.text, format!("{SECRET}; shop.local:4747; "));
    // Its own link is no mistake.
    assert_eq!(entry.ask(&format!("{PAIR}?token=old"), &[("cookie", &cookie)]).await.status, 303);
    let other_port = cookie.replace("4747", "4748");
    assert_eq!(entry.ask("/", &[("cookie", &other_port)]).await.status, 403);
}

#[tokio::test]
async fn other_names_are_refused_before_anything_else() {
    let entry = Entry::new(Scheme::HTTPS);
    let cookie = entry.pair().await;
    for host in
        ["evil.example:4747", "localhost:4747", "shop.localhost:4747", "192.168.1.20", "192.168.1.21:4747", "blog.local:4747"]
    {
        for target in ["/", "/__everlit/ca", PAIR] {
            let said = entry.ask(target, &[("cookie", &cookie), ("host", host)]).await;
            assert!(said.status == 421 && said.text.contains(".local name"), "{host} {target}: {}", said.text);
        }
    }
    assert_eq!(entry.ask("/", &[("cookie", &cookie), ("host", "a b")]).await.status, 400);
}

#[tokio::test]
async fn each_reason_is_told_apart() {
    let entry = Entry::new(Scheme::HTTP);
    let check = async |token: &str, status: u16, words: &str| {
        let said = entry.ask(&format!("{PAIR}?token={token}"), &[]).await;
        assert!(said.status == status && said.text.contains(words), "{status} {words}: {} {}", said.status, said.text);
        assert!(said.header("set-cookie").is_empty());
    };
    let token = entry.token();
    // What only looks, ahead of a person, takes nothing away from them.
    let link = format!("{PAIR}?token={token}");
    assert_eq!(entry.ask_by(Transport::Plain, "HEAD", &link, &[]).await.status, 405);
    assert_eq!(entry.ask(&link, &[("sec-purpose", "prefetch")]).await.status, 403);
    assert_eq!(entry.ask(&link, &[]).await.status, 303);
    check(&token, 403, "used already").await;
    for _ in 0..4 {
        check("wrong", 403, "not known here").await;
    }
    check(&entry.token(), 429, "too many wrong codes").await;
}

#[tokio::test]
async fn plain_http_leads_to_tls_but_for_the_certificate() {
    let entry = Entry::new(Scheme::HTTPS);
    let said = entry.ask_by(Transport::Unencrypted, "GET", "/a?b", &[]).await;
    assert_eq!((said.status, said.header("location")), (307, "https://192.168.1.20:4747/a?b"));
    for transport in [Transport::Unencrypted, Transport::Tls] {
        let page = entry.ask_by(transport, "GET", "/__everlit/ca", &[]).await;
        assert!(page.status == 200 && page.text.contains("1F 1F") && page.text.contains("Everlit local authority ab12"));
        assert!(!page.text.contains("<script") && page.header("content-security-policy").starts_with("default-src 'none'"));
        let der = entry.ask_by(transport, "GET", "/__everlit/ca/everlit.crt", &[]).await;
        assert_eq!((der.text.as_str(), der.header("content-type")), ("public", "application/x-x509-ca-cert"));
        assert_eq!(der.header("content-disposition"), "attachment; filename=\"everlit-ab12.crt\"");
        let profile = entry.ask_by(transport, "GET", "/__everlit/ca/everlit.mobileconfig", &[]).await;
        assert_eq!(profile.header("content-type"), "application/x-apple-aspen-config");
        assert!(profile.text.contains("<data>cHVibGlj</data>") && profile.text.contains("1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"));
    }
    assert_eq!(entry.ask_by(Transport::Tls, "POST", "/__everlit/ca", &[]).await.status, 405);
    assert_eq!(entry.ask_by(Transport::Tls, "GET", "/__everlit/ca/authority.pem", &[]).await.status, 404);
    let none = Entry::new(Scheme::HTTP).ask("/__everlit/ca", &[]).await;
    assert!(none.status == 404 && none.text.contains("--lan --tls"), "{}", none.text);
}

#[tokio::test]
async fn the_page_with_a_code_is_for_the_person_at_this_machine() {
    let entry = Entry::new(Scheme::HTTPS);
    let ask = async |method: &str, host: &str, remote: &str, headers: &[(&'static str, &'static str)], status: u16| {
        let request = Request::builder().method(method).uri(PAIR);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::empty()).unwrap();
        let response = entry.gate.rooms.shown_here(&request, &host.parse().unwrap(), remote.parse().unwrap());
        assert_eq!(response.status().as_u16(), status, "{remote} {headers:?}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(response.headers()["cross-origin-opener-policy"], "same-origin");
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    let check = async |remote: &str, headers: &[(&'static str, &'static str)], status: u16| {
        ask("GET", "shop.localhost:4747", remote, headers, status).await
    };
    let page = check("127.0.0.1", &[("sec-fetch-dest", "document"), ("sec-fetch-site", "none")], 200).await;
    for part in [
        "<svg viewBox=\"0 0 41 41\"",
        "https://192.168.1.20:4747/__everlit/pair?token=",
        "https://shop.local:4747",
        "/__everlit/ca",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script"));
    check("::1", &[], 200).await;
    let link = page.split("token=").nth(1).unwrap()[..48].to_owned();
    assert_eq!(entry.ask(&format!("{PAIR}?token={link}"), &[]).await.status, 303);
    for headers in [
        [("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")],
        [("sec-fetch-dest", "iframe"), ("sec-fetch-site", "same-origin")],
        [("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")],
    ] {
        assert!(!check("127.0.0.1", &headers, 403).await.contains("token="));
    }
    check("192.168.1.30", &[], 403).await;
    check("127.0.0.1", &[("sec-purpose", "prefetch;prerender")], 403).await;
    ask("HEAD", "localhost:4747", "127.0.0.1", &[], 403).await;
    // By a tunnel that ends at this machine.
    assert!(!ask("GET", "shop.example", "127.0.0.1", &[], 403).await.contains("token="));
}
