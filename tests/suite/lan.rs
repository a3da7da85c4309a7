//! Phones in the network: who is let in, what everybody else sees, and what a change of the network does.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use http::Method;
use rustix::net::sockopt::set_ip_multicast_if;
use serde_json::Value;

use crate::harness::{
    Answer, Chromium, Home, Machine, PHONE, ReloadSocket, SOON, TestProject, TestServer, apart, get, require, send, token_of,
};

/// A word that stands in every file of the project.
const SECRET: &str = "xyzzy";

const SITE: &str = "-- static/index.html --\n<!doctype html><title>xyzzy</title><h1>one</h1>\n\
                    -- static/a.txt --\nxyzzy\n\
                    -- data/posts.json --\n[{ \"id\": 1, \"title\": \"xyzzy\" }]\n";

/// What multicast DNS is spoken at.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);

/// How long a client of multicast DNS waits before it asks again.
const ASK_AGAIN: Duration = Duration::from_millis(500);

fn serve(machine: &Machine, project: &Path, args: &[&str], env: &[(&str, &str)]) -> TestServer {
    let args = [&["--port", "0", "--lan"], args].concat();
    TestServer::start_by(machine.command(), project, &args, env)
}

fn text(event: &Value, member: &str) -> String {
    event[member].as_str().unwrap_or_else(|| panic!("no `{member}` in {event}")).to_owned()
}

/// Opens an invitation's link; the cookie that it gives.
async fn pair(invited: &Value) -> String {
    let answer = get(&text(invited, "link")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{}", answer.text());
    let cookie = answer.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().expect("a pair").to_owned()
}

async fn with(url: &str, cookie: &str) -> Answer {
    send(Method::GET, url, &[("cookie", cookie)], "").await
}

/// Everything that is answered to bytes sent on a connection of their own.
fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    stream.write_all(request.as_bytes()).expect("it takes the request");
    let mut answer = Vec::new();
    // One that was refused before it was read to its end may be reset.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_stranger_sees_no_byte_of_the_project() {
    apart("lan::a_stranger_sees_no_byte_of_the_project", async {
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        let mut server = serve(&machine, project.path(), &[], &[]);
        let invited = server.wait_event("invited", SOON);
        let address = format!("192.168.77.1:{}", server.port());
        assert_eq!(text(&invited, "url"), format!("http://{address}/"));
        let script = machine.said("curl", &["--silent", &server.at("/__everlit/client.js")]);
        let token = token_of(&script).expect("loopback is as it was");

        let name = text(&server.events()[0], "project");
        let hosts =
            [address.as_str(), "localhost", "shop.localhost", "127.0.0.1", "evil.example", "192.168.77.1", "", "a b", "x/y"];
        let targets = [
            "/".to_owned(),
            "/a.txt".to_owned(),
            "/api/posts".to_owned(),
            "/api/openapi.json".to_owned(),
            "/missing".to_owned(),
            "/__everlit/client.js".to_owned(),
            "/__everlit/hot.js".to_owned(),
            "/__everlit/pair".to_owned(),
            "/__everlit/pair?token=x".to_owned(),
            "/__everlit/open".to_owned(),
            format!("/__everlit/ws?token={token}"),
            "//a.txt".to_owned(),
            "/%61.txt".to_owned(),
            "http://localhost/a.txt".to_owned(),
            "*".to_owned(),
        ];
        for host in hosts {
            for target in &targets {
                for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "TRACE"] {
                    for upgrade in [
                        "",
                        "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
                    ] {
                        let close = if upgrade.is_empty() { "Connection: close\r\n" } else { "" };
                        let request = format!(
                            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n{close}{upgrade}Content-Length: 0\r\n\r\n"
                        );
                        let answer = refused_by(&address, &request);
                        assert!(!answer.contains(SECRET) && !answer.contains(token), "{request}{answer}");
                        assert!(
                            !answer.contains(&name) && !answer.to_lowercase().contains("everlit-generation"),
                            "{request}{answer}"
                        );
                    }
                }
            }
        }
        let page =
            refused_by(&address, &format!("GET / HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"));
        assert!(page.starts_with("HTTP/1.1 403 ") && page.contains("not paired") && page.contains("text/html"), "{page}");

        // The control listener is not there, and nothing listens everywhere.
        let control = text(&server.events()[0], "control");
        let control = control.trim_end_matches('/').rsplit(':').next().expect("a port");
        assert!(TcpStream::connect(format!("192.168.77.1:{control}")).is_err());
        let table = |name: &str| std::fs::read_to_string(format!("/proc/{}/net/{name}", server.pid())).expect("a table");
        let sockets = table("tcp") + &table("tcp6");
        let listening = sockets.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A"));
        let places: Vec<_> = listening.filter_map(|line| line.split_whitespace().nth(1)).collect();
        // 192.168.77.1, 127.0.0.1 and ::1, as the kernel writes them.
        let in_network: Vec<_> = places.iter().filter(|place| place.starts_with("014DA8C0:")).collect();
        assert_eq!(in_network, [&format!("014DA8C0:{:04X}", server.port())]);
        let is_here = |place: &&str| place.starts_with("0100007F:") || place.starts_with("00000000000000000000000001000000:");
        assert!(places.iter().filter(|place| !is_here(place)).count() == 1 && places.len() > 1, "{places:?}");
    });
}

/// The answer to a request that must not be granted.
fn refused_by(address: &str, request: &str) -> String {
    let answer = raw(address, request);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(["400", "403", "404", "405", "421", "429"].contains(&status), "{request}{answer}");
    answer
}

#[test]
fn a_paired_phone_has_all_of_it() {
    apart("lan::a_paired_phone_has_all_of_it", async {
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        let mut server = serve(&machine, project.path(), &[], &[]);
        let invited = server.wait_event("invited", SOON);
        let at = |path: &str| format!("http://192.168.77.1:{}{path}", server.port());
        let cookie = pair(&invited).await;
        for path in ["/", "/a.txt", "/api/posts"] {
            assert!(with(&at(path), &cookie).await.text().contains(SECRET), "{path}");
        }
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/json"), ("origin", &at("")[..])];
        let written = send(Method::POST, &at("/api/posts"), &headers, "{\"title\":\"two\"}").await;
        assert_eq!(written.status.as_u16(), 201, "{}", written.text());

        let again = get(&text(&invited, "link")).await;
        assert!(again.status.as_u16() == 403 && again.text().contains("used already"), "{}", again.text());
        assert_eq!(get(&at("/")).await.status.as_u16(), 403);

        let script = with(&at("/__everlit/client.js"), &cookie).await.text();
        let path = format!("/__everlit/ws?token={}", token_of(&script).expect("a token"));
        let address = format!("192.168.77.1:{}", server.port());
        let mut socket = ReloadSocket::open_at(&address, &path, &cookie).await;
        assert_eq!(socket.hello["type"], "hello");
        project.save("static/a.txt", "xyzzy two\n");
        assert!(socket.next_change(SOON).await.to_string().contains("a.txt"));

        // The page on this machine shows the next code, and its picture says the same as its link.
        let page = machine.said("curl", &["--silent", &server.at("/__everlit/pair")]);
        assert!(page.contains("<svg") && !page.contains("<script"), "{page}");
        let link = page.split("<code>").nth(1).and_then(|rest| rest.split('<').next()).expect("a link").to_owned();
        assert_eq!(get(&link).await.status.as_u16(), 303, "{link}");
        let device = server.wait_event("device", SOON);
        assert_eq!((text(&device, "name").as_str(), text(&device, "what").contains("paired")), (PHONE, true));
    });
}

#[test]
fn a_browser_scans_the_code_and_reloads() {
    apart("lan::a_browser_scans_the_code_and_reloads", async {
        require("chromium");
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        let mut server = serve(&machine, project.path(), &[], &[]);
        let invited = server.wait_event("invited", SOON);
        let browser = Chromium::start().await;
        let stranger = browser.open(&text(&invited, "url")).await;
        stranger.wait_until("document.body.innerText.includes('not paired')", SOON).await;
        let page = browser.open(&text(&invited, "link")).await;
        page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
        assert_eq!(page.evaluate("location.href").await, invited["url"], "the token is not in the address");
        assert_eq!(page.evaluate("document.cookie").await, Value::from(""));
        project.save("static/index.html", "<!doctype html><title>xyzzy</title><h1>two</h1>\n");
        page.wait_until("document.querySelector('h1').textContent === 'two'", SOON).await;
    });
}

#[test]
fn a_change_of_the_address_is_followed() {
    apart("lan::a_change_of_the_address_is_followed", async {
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        let mut server = serve(&machine, project.path(), &[], &[]);
        let first = server.wait_event("invited", SOON);
        let cookie = pair(&first).await;
        machine.ip(&["address", "flush", "dev", "lan0"]);
        machine.ip(&["address", "add", "192.168.77.9/24", "dev", "lan0"]);
        let second = server.wait_event("invited", SOON);
        let port = server.port();
        assert_eq!(text(&second, "url"), format!("http://192.168.77.9:{port}/"));
        let at = format!("http://192.168.77.9:{port}/a.txt");
        assert_eq!(get(&at).await.status.as_u16(), 403);
        assert!(with(&at, &cookie).await.text().contains(SECRET), "who is paired stays paired");
        assert!(get(&text(&second, "link")).await.status.as_u16() == 303);
        assert!(machine.said("curl", &["--silent", &server.at("/a.txt")]).contains(SECRET), "loopback is as it was");

        machine.ip(&["address", "flush", "dev", "lan0"]);
        server.wait_for("warning", SOON, |event| {
            event["event"] == "warning" && event["text"].as_str().is_some_and(|text| text.contains("no private network"))
        });
        machine.ip(&["address", "add", "192.168.77.1/24", "dev", "lan0"]);
        assert_eq!(text(&server.wait_event("invited", SOON), "url"), format!("http://192.168.77.1:{port}/"));
    });
}

#[test]
fn a_network_is_chosen() {
    apart("lan::a_network_is_chosen", async {
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        machine.ip(&["link", "add", "other0", "type", "veth", "peer", "name", "other1"]);
        machine.ip(&["address", "add", "10.9.9.1/24", "dev", "other0"]);
        machine.ip(&["link", "set", "other0", "up"]);
        machine.ip(&["link", "set", "other1", "up"]);
        let check = |args: &[&str], url: &str, said: Option<&str>| {
            let mut server = TestServer::start_by(machine.command(), project.path(), &[&["--port", "0"], args].concat(), &[]);
            let invited = server.wait_event("invited", SOON);
            assert_eq!(text(&invited, "url"), format!("http://{url}:{}/", server.port()), "{args:?}");
            let told =
                server.events().iter().filter_map(|event| event["text"].as_str()).any(|text| text.contains("`--lan=ADDRESS`"));
            assert_eq!(told, said.is_some(), "{}", server.transcript());
            said.into_iter().for_each(|said| assert!(server.transcript().contains(said), "{}", server.transcript()));
        };
        check(&["--lan=10.9.9.1"], "10.9.9.1", None);
        check(&["--lan=other0"], "10.9.9.1", None);
        machine.ip(&["route", "add", "default", "via", PHONE]);
        check(&["--lan"], "192.168.77.1", Some("10.9.9.1 (other0)"));
        let mut server = TestServer::start_by(machine.command(), project.path(), &["--port", "0", "--lan=wlan7"], &[]);
        let warning = server.wait_event("warning", SOON);
        assert!(text(&warning, "text").contains("wlan7; it is in"), "{warning}");
    });
}

/// A question of multicast DNS for an address of IPv4.
fn question(name: &str) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("a short label"));
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// Asks until somebody answers; the answer.
fn resolve(name: &str) -> Vec<u8> {
    let socket = UdpSocket::bind((PHONE, 0)).expect("a socket");
    socket.set_read_timeout(Some(ASK_AGAIN)).expect("a limit");
    let deadline = Instant::now() + SOON;
    let mut answer = [0; 1500];
    loop {
        socket.send_to(&question(name), GROUP).expect("the network takes it");
        match socket.recv(&mut answer) {
            Ok(length) => return answer[..length].to_vec(),
            Err(_) => assert!(Instant::now() < deadline, "nobody is called {name}"),
        }
    }
}

/// A socket that hears what everybody is told.
fn listener() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, GROUP.1)).expect("nobody else listens here");
    socket.join_multicast_v4(&GROUP.0, &PHONE.parse().expect("an address")).expect("the group");
    set_ip_multicast_if(&socket, &PHONE.parse().expect("an address")).expect("the interface");
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    socket
}

/// The project's name in the network, as the server says it, with the number that tells it from others.
fn named(server: &mut TestServer) -> String {
    let event = server.wait_for("info about the name", SOON, |event| {
        event["event"] == "info" && event["text"].as_str().is_some_and(|text| text.contains(".local:"))
    });
    let text = text(&event, "text");
    let (_, rest) = text.rsplit_once("http://").expect("an address");
    rest.split(':').next().expect("a name").to_owned()
}

#[test]
fn the_network_knows_the_project_by_name() {
    apart("lan::the_network_knows_the_project_by_name", async {
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        let folder = project.path().join("My Shop");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("index.html"), SECRET).expect("a page");
        let heard = listener();
        let mut server = serve(&machine, &folder, &[], &[]);
        let cookie = pair(&server.wait_event("invited", SOON)).await;
        let name = named(&mut server);
        assert_eq!(name, "my-shop.local");
        let answer = resolve(&name);
        assert_eq!(&answer[..2], [0x12, 0x34], "the id of the question");
        assert!(answer.ends_with(&[192, 168, 77, 1]), "{answer:?}");
        let host = format!("{name}:{}", server.port());
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
        let address = format!("192.168.77.1:{}", server.port());
        assert!(raw(&address, &request).contains(SECRET));

        // It says goodbye: an address that is good for no time.
        server.signal(crate::harness::Signal::TERM);
        let mut message = [0; 1500];
        loop {
            let length = heard.recv(&mut message).expect("a goodbye");
            if message[..length].ends_with(&[0, 0, 0, 0, 0, 4, 192, 168, 77, 1]) {
                break;
            }
        }
        assert!(server.wait_end(SOON).success());
    });
}

#[test]
fn a_name_that_somebody_has_is_left_to_them() {
    apart("lan::a_name_that_somebody_has_is_left_to_them", async {
        let (machine, project) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE));
        let folder = project.path().join("shop");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("index.html"), SECRET).expect("a page");
        let socket = listener();
        let mut server = serve(&machine, &folder, &[], &[]);
        // Whoever asks for shop.local hears that it is the phone's.
        let mut asked = [0; 1500];
        loop {
            let length = socket.recv(&mut asked).expect("a probe");
            let wanted = &question("shop.local")[12..23];
            if asked[..length].windows(wanted.len()).any(|bytes| bytes == wanted) {
                break;
            }
        }
        let mut answer = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        answer.extend(&question("shop.local")[12..]);
        answer.extend([0, 0, 0, 120, 0, 4, 192, 168, 77, 2]);
        socket.send_to(&answer, GROUP).expect("the network takes it");
        assert_eq!(named(&mut server), "shop-2.local");
        assert!(server.transcript().contains("is called shop.local"), "{}", server.transcript());
        assert!(resolve("shop-2.local").ends_with(&[192, 168, 77, 1]));
    });
}

#[test]
fn the_certificate_of_the_page_is_the_one_to_trust() {
    apart("lan::the_certificate_of_the_page_is_the_one_to_trust", async {
        let (machine, project, home) = (Machine::at("192.168.77.1/24"), TestProject::from_text(SITE), Home::new());
        let env = home.env();
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut server = serve(&machine, project.path(), &["--tls"], &env);
        let invited = server.wait_event("invited", SOON);
        let place = text(&invited, "certificate");
        assert_eq!(place, format!("http://192.168.77.1:{}/__everlit/ca", server.port()));
        let page = get(&place).await.text();
        assert!(page.contains(&text(&invited, "fingerprint")) && !page.contains(SECRET), "{page}");
        let der = get(&format!("{place}/everlit.crt")).await;
        assert_eq!(der.header("content-type"), "application/x-x509-ca-cert");
        let profile = get(&format!("{place}/everlit.mobileconfig")).await.text();
        for given in [page.as_bytes(), &der.body, profile.as_bytes()] {
            assert!(!String::from_utf8_lossy(given).contains("PRIVATE KEY"));
        }
        let name = text(
            &server.wait_for("the name", SOON, |event| event["text"].as_str().is_some_and(|text| text.contains(".local:"))),
            "text",
        );
        let name = name.rsplit_once("https://").and_then(|(_, rest)| rest.split(':').next()).expect("a name").to_owned();

        let [crt, pem] = ["phone.crt", "phone.pem"].map(|file| home.path().join(file));
        std::fs::write(&crt, &der.body).expect("a file");
        let convert =
            Command::new(require("openssl")).args(["x509", "-inform", "der", "-in"]).arg(&crt).arg("-out").arg(&pem).status();
        assert!(convert.expect("openssl starts").success());
        let (jar, port) = (home.path().join("cookies"), server.port());
        let fetch = |url: &str, trusted: bool| {
            let mut command = Command::new(require("curl"));
            command
                .args(["--silent", "--show-error", "--location", "--max-time", "20", "--cookie"])
                .arg(&jar)
                .arg("--cookie-jar")
                .arg(&jar);
            command.arg("--resolve").arg(format!("{name}:{port}:192.168.77.1"));
            if trusted {
                command.arg("--cacert").arg(&pem);
            }
            let output = command.arg(url).output().expect("curl starts");
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let link = text(&invited, "link");
        assert_eq!(fetch(&link, false), (false, String::new()), "nobody trusts it before");
        let (fetched, page) = fetch(&link, true);
        assert!(fetched && page.contains(SECRET), "{page}");
        let (fetched, page) = fetch(&format!("https://{name}:{port}/"), true);
        assert!(fetched && page.contains("not paired"), "the certificate names {name}: {page}");
        assert!(std::fs::read_to_string(&jar).expect("cookies").contains("everlit-lan-"), "it is kept");
        let plain = get(&format!("http://192.168.77.1:{port}/a.txt")).await;
        assert_eq!((plain.status.as_u16(), plain.text().as_str()), (307, ""));
    });
}
