//! Networks that are not as they should be, in namespaces of the tests' own: one family missing, a client that is gone, a wire that
//! loses half of what it should carry.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::{SOON, Signal, TestProject, TestServer, require};

fn site() -> TestProject {
    TestProject::from_text("-- index.html --\n<p>Here</p>\n")
}

/// What curl gets from inside the server's network.
fn curl(server: &TestServer, args: &[&str]) -> Output {
    let mut command = server.inside();
    command.arg(require("curl")).args(["--silent", "--max-time", "5"]).args(args);
    command.output().expect("curl starts")
}

fn text_at(server: &TestServer, url: &str) -> String {
    String::from_utf8_lossy(&curl(server, &[url]).stdout).into_owned()
}

/// Answers at one address of the loopback and has its control listener there.
fn check_family(script: &str, host: &str) {
    require("ip");
    let project = site();
    let mut server = TestServer::start_networked(project.path(), script);
    server.rewind();
    let ready = server.wait_event("ready", SOON);
    assert!(ready["control"].as_str().is_some_and(|url| url.starts_with(&format!("http://{host}:"))), "{ready}");
    let url = format!("http://{host}:{}/", server.port());
    assert!(text_at(&server, &url).contains("<p>Here</p>"), "{}", server.transcript());
    project.save("index.html", "<p>There</p>\n");
    server.wait_event("reloaded", SOON);
    assert!(text_at(&server, &url).contains("<p>There</p>"), "{}", server.transcript());
}

#[test]
fn a_machine_without_ipv6_is_served() {
    check_family("ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6", "127.0.0.1");
}

#[test]
fn a_machine_with_ipv6_alone_is_served() {
    check_family("ip link set lo up; ip address del 127.0.0.1/8 dev lo", "[::1]");
}

/// As a laptop gets another address from the next network.
#[test]
fn an_address_that_comes_later_answers_too() {
    require("ip");
    let project = site();
    project.save("everlit.toml", "host = \"0.0.0.0\"\n");
    let first =
        "ip link set lo up; ip link add net type veth peer name far; ip link set net up; ip address add 10.78.0.1/24 dev net";
    let server = TestServer::start_networked(project.path(), first);
    let answers = |host: &str| text_at(&server, &format!("http://{host}:{}/", server.port())).contains("<p>Here</p>");
    assert!(answers("10.78.0.1"), "{}", server.transcript());
    let change = "ip address del 10.78.0.1/24 dev net; ip address add 10.78.1.7/24 dev net";
    assert!(server.inside().args(["sh", "-ec", change]).status().expect("nsenter starts").success());
    assert!(answers("10.78.1.7") && answers("127.0.0.1"), "{}", server.transcript());
    assert!(!answers("10.78.0.1"), "that one is gone");
}

/// The two ends of a cable: the server's, and that of a phone.
const HERE: &str = "10.77.0.1";
const THERE: &str = "10.77.0.2";

/// A page as a browser has it open: it answers pings, says so once it is connected, and what it is told from then on.
const PAGE: &str = r#"
import base64, os, re, socket, struct, sys, urllib.request
host, port = sys.argv[1], int(sys.argv[2])
script = urllib.request.urlopen(f"http://{host}:{port}/__everlit/client.js").read().decode()
token = re.search('const token = "([^"]+)"', script)[1]
# Longer than anything here may take: who waits for it has waited in vain.
line = socket.create_connection((host, port), 120)
key = base64.b64encode(os.urandom(16)).decode()
line.sendall((f"GET /__everlit/ws?token={token} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
source = line.makefile("rb")
assert b" 101 " in source.readline()
while source.readline().strip():
    pass
print("open", flush=True)
while head := source.read(2):
    size = head[1] & 127
    if size == 126:
        size = struct.unpack(">H", source.read(2))[0]
    text = source.read(size)
    if head[0] & 15 == 9:
        line.sendall(bytes([0x8A, 0x80 | len(text), 0, 0, 0, 0]) + text)
    elif head[0] & 15 == 1:
        print(text.decode(), flush=True)
"#;

/// A machine of its own on the other end of the cable, for as long as it is held.
struct Phone(Child);

impl Phone {
    fn new() -> Self {
        let phone = Command::new(require("unshare")).args(["--net", "sleep", "600"]).spawn().expect("unshare starts");
        let space = |pid: u32| fs::read_link(Path::new("/proc").join(pid.to_string()).join("ns/net")).ok();
        let deadline = Instant::now() + SOON;
        while space(phone.id()) == space(std::process::id()) {
            assert!(Instant::now() < deadline, "it has a network of its own");
            thread::sleep(Duration::from_millis(5));
        }
        Self(phone)
    }

    fn run(&self, script: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new(require("nsenter")).args(["--net", "--target", &pid, "sh", "-ec", script]).status();
        assert!(status.expect("nsenter starts").success(), "{script}");
    }

    /// Opens a page.
    fn open(&self, port: u16) -> Child {
        let mut command = Command::new(require("nsenter"));
        command.args(["--net", "--target", &self.0.id().to_string()]);
        open_page(command, port)
    }
}

/// Opens a page in the network that a command begins in.
fn open_page(mut inside: Command, port: u16) -> Child {
    let page = inside.arg(require("python3")).args(["-c", PAGE, HERE, &port.to_string()]);
    let mut page = page.stdout(Stdio::piped()).spawn().expect("python starts");
    // No byte more: what comes behind it is for whoever reads on.
    let mut said = [0; 5];
    page.stdout.as_mut().expect("piped").read_exact(&mut said).expect("it says something");
    assert_eq!(&said, b"open\n");
    page
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a client that is gone may hold its place.
const GONE_LIMIT: Duration = Duration::from_secs(90);

/// The handshake of another page, and the status it gets.
fn handshake(server: &TestServer, token: &str) -> String {
    let url = format!("http://{HERE}:{}/__everlit/ws?token={token}", server.port());
    let fields =
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    let mut args = vec!["--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "1"];
    args.extend(fields.iter().flat_map(|field| ["--header", field]));
    args.push(&url);
    String::from_utf8_lossy(&curl(server, &args).stdout).into_owned()
}

/// It takes as long as two pings: what a person who unplugs a phone waits at most.
#[test]
fn a_client_whose_cable_is_pulled_is_let_go() {
    require("ip");
    let project = site();
    project.save("everlit.toml", &format!("host = \"{HERE}\"\n[limits]\nsockets = 1\n"));
    let cable = format!(
        "ip link set lo up; ip link add here type veth peer name there; ip address add {HERE}/24 dev here; ip link set here up"
    );
    let server = TestServer::start_networked(project.path(), &cable);
    let phone = Phone::new();
    let plug = format!("ip link set there netns {}", phone.0.id());
    assert!(server.inside().args(["sh", "-ec", &plug]).status().expect("nsenter starts").success());
    phone.run(&format!("ip address add {THERE}/24 dev there; ip link set there up"));
    let mut page = phone.open(server.port());
    let script = text_at(&server, &format!("http://{HERE}:{}/__everlit/client.js", server.port()));
    let token = script.split_once("const token = \"").expect("a token").1.split('"').next().expect("a token").to_owned();
    assert_eq!(handshake(&server, &token), "503", "the only place is taken");

    let unplugged = Instant::now();
    phone.run("ip link set there down");
    while handshake(&server, &token) != "101" {
        assert!(unplugged.elapsed() < GONE_LIMIT, "the place is held still\n{}", server.transcript());
        let url = format!("http://{HERE}:{}/", server.port());
        assert!(text_at(&server, &url).contains("<p>Here</p>"), "others are answered meanwhile");
        thread::sleep(Duration::from_secs(1));
    }
    let _ = page.kill();
    let _ = page.wait();
}

/// What a page is told, line by line.
struct Told {
    page: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Told {
    /// Of a page that is open; the first thing it is told is where things stand.
    fn of(mut page: Child) -> Self {
        let lines = BufReader::new(page.stdout.take().expect("piped"));
        let mut told = Self { page, lines };
        assert_eq!(told.next()["type"], "hello");
        told
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("UTF-8");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.page.kill();
        let _ = self.page.wait();
    }
}

/// A wire of which one packet in ten is lost and the others take a while; `wire.py` carries them.
struct Wire(Child);

impl Wire {
    fn between(server: &TestServer, phone: &Phone) -> Self {
        let mut wire = Command::new(require("python3"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/wire.py"))
            .args([server.pid().to_string(), phone.0.id().to_string(), "100".into(), "10".into()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut said = String::new();
        BufReader::new(wire.stdout.take().expect("piped")).read_line(&mut said).expect("UTF-8");
        assert_eq!(said, "ready\n");
        Self(wire)
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).expect("it runs");
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A phone at the edge of its Wi-Fi: whatever is lost on the way and however long nothing comes through, it hears of each save once, and who is
/// near hears of it while the phone cannot.
#[test]
fn a_phone_on_a_bad_wire_hears_of_each_save_once_and_nobody_waits_for_it() {
    require("ip");
    let project = site();
    project.save("everlit.toml", &format!("host = \"{HERE}\"\n"));
    let plug = |address: &str| {
        format!("ip link set lo up; ip tuntap add dev wire mode tun; ip address add {address}/24 dev wire; ip link set wire up")
    };
    let server = TestServer::start_networked(project.path(), &plug(HERE));
    let phone = Phone::new();
    phone.run(&plug(THERE));
    let wire = Wire::between(&server, &phone);
    let mut far = Told::of(phone.open(server.port()));
    let mut near = Told::of(open_page(server.inside(), server.port()));

    let mut heard = Vec::new();
    for round in 0..8 {
        // Every other save falls into a time in which nothing comes through.
        if round % 2 == 1 {
            wire.signal(Signal::STOP);
        }
        project.save("index.html", &format!("<p>{round}</p>\n"));
        heard.push(near.next());
        wire.signal(Signal::CONT);
    }
    assert!(heard.iter().all(|message| message["type"] == "reload"), "{heard:?}");
    let there: Vec<_> = heard.iter().map(|_| far.next()).collect();
    assert_eq!(there, heard, "in the same order, and none twice");
    project.save("index.html", "<p>the last</p>\n");
    let last = near.next();
    assert!(last != heard[heard.len() - 1], "{last}");
    assert_eq!(far.next(), last, "nothing came in between");
}
