//! Phones on a real adb server: what they reach on their own localhost, and what is said of them.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use futures_util::{SinkExt, StreamExt};
use http::{StatusCode, header::ORIGIN};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::harness::{AdbServer, Chromium, PLUGGED, Phone, SOON, TestProject, TestServer, get, require};

const PIXEL: &str = "Pixel 8";

fn site() -> TestProject {
    TestProject::from_text("-- index.html --\n<!doctype html><title>Shop</title><h1>one</h1>\n")
}

fn serve(adb: &AdbServer, project: &TestProject, args: &[&str]) -> TestServer {
    let env = adb.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args: Vec<_> = ["--port", "0"].iter().chain(args).collect();
    TestServer::start_with(project.path(), &args, &env)
}

/// Waits for a line about a phone that begins so.
fn wait_said(server: &mut TestServer, name: &str, words: &str) -> String {
    let event = server.wait_for(words, PLUGGED, |event| {
        event["event"] == "device" && event["name"] == name && event["what"].as_str().is_some_and(|what| what.starts_with(words))
    });
    event["what"].as_str().unwrap_or_default().to_owned()
}

fn wait_reached(server: &mut TestServer, phone: &Phone, model: &str) {
    let url = format!("http://localhost:{}/ through adb reverse", server.port());
    wait_said(server, &phone.name(model), &url);
}

/// What a command printed that did what it was told.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All that a command printed.
fn printed_words(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The page that is opened, and one that asks for attention.
async fn check_reload(project: &TestProject, phone: &Phone, port: u16, text: &str) {
    let mut socket = phone.reload_socket(port).await;
    project.save("index.html", &format!("<!doctype html><title>Shop</title><h1>{text}</h1>\n"));
    assert_eq!(socket.next_change(SOON).await["type"], "reload");
    assert!(phone.page(port).await.contains(&format!("<h1>{text}</h1>")), "{text}");
}

#[tokio::test]
async fn a_phone_that_is_plugged_in_has_the_page_on_its_localhost() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let port = server.port();
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_reached(&mut server, &phone, PIXEL);
    assert!(phone.page(port).await.contains("<h1>one</h1>"));
    check_reload(&project, &phone, port, "two").await;
    assert!(phone.dial_from_wifi(port).await.is_err(), "its neighbours have no business there");
    assert_eq!(phone.rules(&adb), [format!("tcp:{port} tcp:{port}")]);

    phone.hand("cut").await;
    phone.hand("plug").await;
    assert!(phone.page(port).await.contains("<h1>two</h1>"), "the rules went with the cable");
    check_reload(&project, &phone, port, "three").await;

    server.signal(crate::harness::Signal::TERM);
    server.wait_end(SOON);
    assert_eq!(phone.rules(&adb), Vec::<String>::new());
    assert!(phone.dial(port).await.is_err());
}

#[tokio::test]
async fn an_adb_server_that_is_started_again_is_followed_again() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_reached(&mut server, &phone, PIXEL);
    adb.run(&["kill-server"]);
    server.wait_for("the end of adb", SOON, |event| {
        event["text"].as_str().is_some_and(|text| text.starts_with("the adb server ended"))
    });
    adb.run(&["start-server"]);
    phone.connect(&adb);
    wait_reached(&mut server, &phone, PIXEL);
    assert!(phone.page(server.port()).await.contains("<h1>one</h1>"));
}

#[tokio::test]
async fn phones_are_served_side_by_side() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let (one, other) = (Phone::plugged_in(&adb, PIXEL), Phone::plugged_in(&adb, "SM G991B"));
    for (phone, model) in [(&one, PIXEL), (&other, "SM G991B")] {
        wait_reached(&mut server, phone, model);
        server.rewind();
        assert!(phone.page(server.port()).await.contains("<h1>one</h1>"), "{model}");
    }
    one.hand("cut").await;
    assert!(other.page(server.port()).await.contains("<h1>one</h1>"), "the other is not concerned");
}

#[tokio::test]
async fn a_port_that_is_taken_on_a_phone_is_another_one_there() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let port = server.port();
    let phone = Phone::lying_there(PIXEL, &[]);
    phone.hand(&format!("listen {port}")).await;
    phone.connect(&adb);
    let said = wait_said(&mut server, &phone.name(PIXEL), &format!("http://localhost:{}/ through adb reverse", port + 1));
    assert!(said.ends_with(&format!("as its port {port} is taken")), "{said}");
    assert!(phone.page(port + 1).await.contains("<h1>one</h1>"), "a request by that port is for us");
    check_reload(&project, &phone, port + 1, "two").await;

    let list = printed(&adb.devices(project.path(), &[]));
    assert!(list.contains(&format!("http://localhost:{}/  ports {} → {port}", port + 1, port + 1)), "{list}");
    let opened = printed(&adb.devices(project.path(), &["--open", "/cart"]));
    assert!(opened.contains(&format!("opened http://localhost:{}/cart", port + 1)), "{opened}");

    // Plugged in anew it has the port that is free by then.
    phone.hand(&format!("close {port}")).await;
    phone.hand("cut").await;
    phone.hand("plug").await;
    assert!(phone.page(port).await.contains("<h1>two</h1>"));
    wait_reached(&mut server, &phone, PIXEL);
}

#[tokio::test]
async fn more_ports_are_forwarded_where_the_project_says_so() {
    let (adb, project) = (AdbServer::start(), site());
    let api = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = api.local_addr().expect("bound").port();
    project.save("everlit.toml", &format!("[device]\nports = [{port}]\n"));
    let mut server = serve(&adb, &project, &[]);
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_said(&mut server, &phone.name(PIXEL), &format!("port {port} through adb reverse"));
    let (dialled, accepted) = tokio::join!(phone.dial(port), api.accept());
    assert!(dialled.is_ok() && accepted.is_ok(), "the phone reaches the other server");
    server.signal(crate::harness::Signal::TERM);
    server.wait_end(SOON);
    assert_eq!(phone.rules(&adb), Vec::<String>::new());
}

#[tokio::test]
async fn a_phone_that_cannot_keep_the_port_to_itself_is_said_to() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let phone = Phone::lying_there("Old Phone", &["old"]);
    phone.connect(&adb);
    let url = format!("http://localhost:{}/ through adb reverse", server.port());
    let said = wait_said(&mut server, &phone.name("Old Phone"), &url);
    assert!(said.ends_with("this phone cannot keep the port to itself: its Wi-Fi reaches it too"), "{said}");
    assert!(phone.page(server.port()).await.contains("<h1>one</h1>"));
    assert!(phone.dial_from_wifi(server.port()).await.is_ok());
}

#[tokio::test]
async fn a_phone_is_reached_the_moment_its_user_allows_it() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let phone = Phone::lying_there(PIXEL, &["locked"]);
    // It is not connected by the end of this, which adb calls a failure in words alone.
    phone.connect(&adb);
    // By version, adb calls it the one or the other; neither knows its model yet.
    let explained =
        server.wait_for("what is in the way", PLUGGED, |event| event["event"] == "device" && event["name"] == phone.serial);
    let explained = explained["what"].as_str().unwrap_or_default().to_owned();
    assert!(explained.contains("unlock it"), "{explained}");
    let list = printed(&adb.devices(project.path(), &[]));
    assert!(list.contains("unlock it"), "{list}");
    let refused = adb.devices(project.path(), &["--open"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not opened on 1 of 1 phones"), "{refused:?}");
    phone.hand("allow").await;
    wait_reached(&mut server, &phone, PIXEL);
    assert!(phone.page(server.port()).await.contains("<h1>one</h1>"));
}

#[tokio::test]
async fn phones_are_listed_for_people_and_programs() {
    let (adb, project) = (AdbServer::start(), site());
    let none = printed(&adb.devices(project.path(), &[]));
    assert!(none.starts_with("adb knows no phone: plug one in"), "{none}");
    let phone = Phone::plugged_in(&adb, PIXEL);
    let idle = printed(&adb.devices(project.path(), &[]));
    assert!(idle.contains(&format!("{}  ready\n", phone.name(PIXEL))), "{idle}");

    let mut server = serve(&adb, &project, &[]);
    wait_reached(&mut server, &phone, PIXEL);
    let (port, url) = (server.port(), &server.url);
    let list = printed(&adb.devices(project.path(), &[]));
    assert!(list.contains(&format!("{}  ready  {url}  ports {port} → {port}\n", phone.name(PIXEL))), "{list}");
    let json: Value = serde_json::from_str(&printed(&adb.devices(project.path(), &["--json"]))).expect("JSON");
    let expected = serde_json::json!({
        "version": 1,
        "server": url,
        "devices": [{
            "serial": phone.serial,
            "model": PIXEL,
            "state": "device",
            "explanation": null,
            "forwards": [{ "phone": format!("tcp:{port}"), "here": format!("tcp:{port}") }],
            "url": url,
            "tabs": [],
        }],
    });
    assert_eq!(json, expected);
}

const COLOUR: [u8; 3] = [12, 200, 34];

/// A page of one colour, whose title says how large it is in the phone's own pixels.
fn coloured_site() -> TestProject {
    let [red, green, blue] = COLOUR;
    TestProject::from_text(&format!(
        "-- index.html --\n<!doctype html><title>Shop</title><style>html {{ background: rgb({red} {green} {blue}) }}</style>\n\
         <script>(onresize = () => (document.title = `${{innerWidth * devicePixelRatio}}x${{innerHeight * devicePixelRatio}}`))()</script>\n"
    ))
}

/// Whether a title is the page's own: before that it is the address.
fn is_size(title: &str) -> bool {
    title.split_once('x').is_some_and(|sides| sides.0.parse::<u32>().is_ok() && sides.1.parse::<u32>().is_ok())
}

/// The tabs of the only phone, once one of them shows the project.
async fn wait_tabs(adb: &AdbServer, project: &TestProject) -> Vec<Value> {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let json: Value = serde_json::from_str(&printed(&adb.devices(project.path(), &["--json"]))).expect("JSON");
        let tabs = json["devices"][0]["tabs"].as_array().expect("tabs").clone();
        if tabs.iter().any(|tab| tab["shows_project"] == true && tab["title"].as_str().is_some_and(is_size)) {
            return tabs;
        }
        assert!(std::time::Instant::now() < deadline, "{json}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The size of a picture and the colour in the middle of it, as a browser sees them.
async fn looked_at(png: &[u8]) -> Value {
    let chromium = Chromium::start().await;
    let page = chromium.open("data:text/html,<title>viewer</title>").await;
    let data = data_encoding::BASE64.encode(png);
    let look = format!(
        "new Promise((seen, broken) => {{
            const image = new Image();
            image.onerror = () => broken(new Error('no picture'));
            image.onload = () => {{
                const {{ width, height }} = image;
                const canvas = Object.assign(document.createElement('canvas'), {{ width, height }}).getContext('2d');
                canvas.drawImage(image, 0, 0);
                seen([`${{width}}x${{height}}`, ...canvas.getImageData(width / 2, height / 2, 1, 1).data.slice(0, 3)]);
            }};
            image.src = 'data:image/png;base64,{data}';
        }})"
    );
    page.evaluate(&look).await
}

#[tokio::test]
async fn the_tabs_of_a_phone_are_listed_and_a_picture_is_taken_of_the_projects() {
    let (adb, project, folder) = (AdbServer::start(), coloured_site(), tempfile::tempdir().expect("a folder"));
    let mut server = serve(&adb, &project, &[]);
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_reached(&mut server, &phone, PIXEL);
    let refused = adb.shot(project.path(), &[], folder.path());
    assert!(printed_words(&refused).contains("none of its tabs shows this project"), "{refused:?}");
    assert_eq!(refused.status.code(), Some(1));

    phone.browse(&server.url).await;
    let tabs = wait_tabs(&adb, &project).await;
    let tab = tabs.iter().find(|tab| tab["shows_project"] == true).expect("waited for");
    let size = tab["title"].as_str().expect("a title").to_owned();
    assert_eq!(
        *tab,
        serde_json::json!({ "title": size, "url": server.url, "browser": "chrome_devtools_remote", "shows_project": true })
    );
    let list = printed(&adb.devices(project.path(), &[]));
    assert!(list.contains(&format!("\n    {size}  {}  (this project)\n", server.url)), "{list}");

    let said = printed(&adb.shot(project.path(), &[], folder.path()));
    assert!(said.contains(&format!("{}  Pixel-8.png  of {}", phone.name(PIXEL), server.url)), "{said}");
    let png = fs::read(folder.path().join("Pixel-8.png")).expect("it was written");
    let [red, green, blue] = COLOUR;
    assert_eq!(looked_at(&png).await, serde_json::json!([size, red, green, blue]));

    printed(&adb.shot(project.path(), &[], folder.path()));
    assert_eq!(fs::read(folder.path().join("Pixel-8.png")).expect("it is there"), png, "no file was written over");
    let named = ["-o", "cart.png", "--device", &phone.serial, "--json"];
    let json: Value = serde_json::from_str(&printed(&adb.shot(project.path(), &named, folder.path()))).expect("JSON");
    let written = serde_json::json!({ "name": phone.name(PIXEL), "url": server.url, "file": "cart.png", "error": null });
    assert_eq!(json, serde_json::json!({ "version": 1, "devices": [written] }));
    let mut files: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file").file_name()).collect();
    files.sort();
    assert_eq!(files, ["Pixel-8-2.png", "Pixel-8.png", "cart.png"]);
    let unknown = adb.shot(project.path(), &["--device", "nosuch"], folder.path());
    assert!(printed_words(&unknown).contains("adb knows no phone nosuch"), "{unknown:?}");
}

/// A page that says who it is, and goes on breaking things: who listens comes later than it. It is loaded anew when a file changes.
const TALKING: &str = r#"
-- everlit.toml --
[device]
devtools = true
-- static/index.html --
<!doctype html><title>Shop</title><h1>shop</h1><script src="/app.js"></script>
-- static/app.js --
console.warn("said by %s", performance.timeOrigin);
Promise.reject(new Error("nobody cares"));
let first;
setInterval(async () => {
  fetch("/none?a");
  new EventSource("/no-events");
  const again = await (await fetch("/again.txt")).text();
  first ??= again;
  if (first !== again) location.reload();
}, 300);
-- static/again.txt --
one
"#;

/// What the phone's page said by these words, and how often in all.
fn said(server: &mut TestServer, words: &str) -> Value {
    server.rewind();
    server.wait_for(words, PLUGGED, |event| {
        event["event"] == "console" && event["text"].as_str().is_some_and(|text| text.starts_with(words))
    })
}

/// All that the page said so far by these words.
fn all_said(server: &TestServer, words: &str) -> Vec<String> {
    let events = server.transcript();
    let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter_map(|event| Some(event["text"].as_str()?.to_owned())).filter(|text| text.starts_with(words)).collect()
}

#[tokio::test]
async fn a_page_without_the_script_is_heard_through_devtools() {
    let (adb, project) = (AdbServer::start(), TestProject::from_text(TALKING));
    let mut server = serve(&adb, &project, &["--no-inject"]);
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_reached(&mut server, &phone, PIXEL);
    phone.browse(&server.url).await;
    let warned = said(&mut server, "said by ");
    let who = serde_json::json!(["console", "warn", "/", "Chrome", PIXEL, "/app.js", 1]);
    assert_eq!(
        serde_json::json!(["kind", "level", "page", "browser", "device", "source", "line"].map(|name| &warned[name])),
        who
    );
    let rejected = said(&mut server, "Error: nobody cares");
    assert_eq!((&rejected["kind"], &rejected["source"], &rejected["line"]), (&"rejection".into(), &"/app.js".into(), &2.into()));
    let failed = said(&mut server, "GET /none?a 404 Not Found");
    assert_eq!((&failed["kind"], &failed["device"]), (&"request".into(), &PIXEL.into()));
    // A page that is loaded while it is listened to tells how long that took.
    project.save(
        "static/again.txt",
        "two
",
    );
    let loaded = wait_said(&mut server, &phone.name(PIXEL), "/ loaded in ");
    assert!(loaded.ends_with(" ms") && loaded.contains(", its largest part painted after "), "{loaded}");
}

#[tokio::test]
async fn a_page_with_the_script_says_nothing_twice() {
    let (adb, project) = (AdbServer::start(), TestProject::from_text(TALKING));
    let mut server = serve(&adb, &project, &[]);
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_reached(&mut server, &phone, PIXEL);
    phone.browse(&server.url).await;
    // Of these only the browser tells, so that it is listened to from here on.
    let stream = said(&mut server, "GET /no-events 404 Not Found");
    assert_eq!((&stream["kind"], &stream["device"]), (&"request".into(), &PIXEL.into()));
    project.save(
        "static/again.txt",
        "two
",
    );
    wait_said(&mut server, &phone.name(PIXEL), "/ loaded in ");
    said(&mut server, "Error: nobody cares");
    let texts = all_said(&server, "said by ");
    let each: std::collections::BTreeSet<_> = texts.iter().collect();
    assert!(each.len() > 1 && each.len() == texts.len(), "{texts:?}");
}

#[tokio::test]
async fn an_address_arrives_as_it_was_typed_or_is_refused() {
    let (adb, project) = (AdbServer::start(), site());
    let mut server = serve(&adb, &project, &[]);
    let (one, other) = (Phone::plugged_in(&adb, PIXEL), Phone::plugged_in(&adb, "SM G991B"));
    wait_reached(&mut server, &one, PIXEL);
    server.rewind();
    wait_reached(&mut server, &other, "SM G991B");
    let paths = [
        "/",
        "/cart?id=7&all=1#top",
        "/it's \"quoted\"; touch $PHONE/owned",
        "/$(touch $PHONE/owned)`touch $PHONE/owned`",
        "/'; touch $PHONE/owned; '",
        "/a | b > c < d * ? [e] ~ {f,g} ! \\ %20",
        "/ü/手机/🦀",
    ];
    for path in paths {
        printed(&adb.devices(project.path(), &["--open", path]));
    }
    for phone in [&one, &other] {
        let told = phone.told(paths.len()).await;
        let expected: Vec<Vec<String>> = paths
            .iter()
            .map(|path| {
                let url = format!("http://localhost:{}{path}", server.port());
                ["start", "-a", "android.intent.action.VIEW", "-d", &url].map(str::to_owned).to_vec()
            })
            .collect();
        assert_eq!(told, expected);
        assert!(!phone.am().with_file_name("owned").exists(), "nothing was run");
    }
    for path in ["/a\nb", "http://evil.example/", "cart", "/\u{1b}[2J"] {
        let refused = adb.devices(project.path(), &["--open", path]);
        assert_eq!(refused.status.code(), Some(2), "{path:?}: {refused:?}");
    }
    assert_eq!(one.told(0).await.len(), paths.len(), "what is refused is not passed on");
}

#[tokio::test]
async fn who_asks_for_phones_has_an_adb_server_started() {
    let (adb, project) = (AdbServer::absent(), site());
    let mut server = serve(&adb, &project, &[]);
    printed(&adb.devices(project.path(), &[]));
    assert!(adb.is_running());
    let phone = Phone::plugged_in(&adb, PIXEL);
    wait_reached(&mut server, &phone, PIXEL);
    assert!(phone.page(server.port()).await.contains("<h1>one</h1>"));
}

/// The kernel's files about USB, with a phone among them, for this server alone.
#[tokio::test]
async fn a_phone_in_a_usb_port_has_an_adb_server_started() {
    let (adb, project) = (AdbServer::absent(), site());
    let mounts = "mount -t tmpfs tmpfs /sys/bus
        mkdir -p /sys/bus/usb/devices/1-2:1.1
        cd /sys/bus/usb/devices/1-2:1.1
        echo ff > bInterfaceClass; echo 42 > bInterfaceSubClass; echo 01 > bInterfaceProtocol";
    let env = adb.env();
    let mut command = Command::new(require("unshare"));
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", &format!("{mounts}\nexec \"$@\""), "sh"]);
    command.args([env!("CARGO_BIN_EXE_everlit"), "dev"]).arg(project.path()).args(["--port", "0", "--log", "json"]).envs(env);
    let mut everlit = command.stdout(std::process::Stdio::null()).spawn().expect("unshare starts");
    let deadline = std::time::Instant::now() + SOON;
    while !adb.is_running() {
        assert!(std::time::Instant::now() < deadline, "no adb server was started");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&everlit), crate::harness::Signal::TERM).expect("it runs");
    assert!(everlit.wait().expect("it ends").success());
    assert!(adb.is_running(), "it is everybody's, and stays");
}

#[tokio::test]
async fn without_adb_a_start_says_nothing_and_who_asks_hears_where_to_get_it() {
    let (adb, project, nowhere) = (AdbServer::absent(), site(), tempfile::tempdir().expect("a folder"));
    let mut env = adb.env();
    env.push(("PATH", nowhere.path().display().to_string()));
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = TestServer::start_with(project.path(), &["--port", "0"], &env);
    let mut everlit = Command::new(env!("CARGO_BIN_EXE_everlit"));
    let asked = everlit.arg("devices").arg(project.path()).envs(env.iter().copied()).output().expect("the binary runs");
    let words = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(words.contains("adb is not installed") && words.contains("`apt install adb`"), "{words}");
    assert_eq!(asked.status.code(), Some(1));
    assert!(!server.transcript().contains("adb"), "{}", server.transcript());
}

#[tokio::test]
async fn phones_are_left_alone_where_that_is_asked_for() {
    let (adb, project) = (AdbServer::start(), site());
    let phone = Phone::plugged_in(&adb, PIXEL);
    let mut env = adb.env();
    env.retain(|(name, _)| *name != "EVERLIT_ADB");
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = TestServer::start_with(project.path(), &["--port", "0", "--no-adb"], &env);
    let refused = adb.devices(project.path(), &["--open"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("was told to leave phones alone"), "{refused:?}");
    assert_eq!(phone.rules(&adb), Vec::<String>::new());
    assert!(!server.transcript().contains("\"device\""), "{}", server.transcript());
}

#[tokio::test]
async fn the_key_opens_the_page_on_every_phone() {
    let (adb, project) = (AdbServer::start(), site());
    let phone = Phone::plugged_in(&adb, PIXEL);
    let done = Command::new(require("python3"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/terminal.py"))
        .args([env!("CARGO_BIN_EXE_everlit").as_ref(), project.path(), Path::new("open_on_phones")])
        .envs(adb.env())
        .env("AM", phone.am())
        .output()
        .expect("python starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = fs::read_to_string(phone.am()).expect("it was told");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("\"http://localhost:"), "{told}");
}

/// The key that opens DevTools, pressed on a terminal whose desktop writes down what it is to open.
struct Desk {
    python: Child,
    said: BufReader<ChildStdout>,
    _desktop: TestProject,
}

impl Desk {
    fn sit_down(adb: &AdbServer, project: &TestProject) -> Self {
        let desktop = TestProject::from_text(
            "-- xdg-open --\n#!/bin/sh\necho \"$1\" > \"$OPENED.new\" && mv \"$OPENED.new\" \"$OPENED\"\n",
        );
        fs::set_permissions(desktop.path().join("xdg-open"), fs::Permissions::from_mode(0o755))
            .expect("it can be made executable");
        let mut python = Command::new(require("python3"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/terminal.py"))
            .args([env!("CARGO_BIN_EXE_everlit").as_ref(), project.path(), Path::new("devtools_of_phone")])
            .envs(adb.env())
            .env("PATH", format!("{}:{}", desktop.path().display(), std::env::var("PATH").unwrap_or_default()))
            .env("OPENED", desktop.path().join("opened"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let said = BufReader::new(python.stdout.take().expect("piped"));
        Self { python, said, _desktop: desktop }
    }

    /// What was said next, once it was.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it can be read");
        assert!(line.ends_with('\n'), "it ended: {:?}", self.python.wait());
        line.trim_end().to_owned()
    }

    /// Goes on.
    fn nod(&mut self) {
        self.python.stdin.as_mut().expect("piped").write_all(b"\n").expect("it listens");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // It takes everlit with it.
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}

/// Opens a websocket as the page of DevTools does: by a host, port and path that it has from its address.
async fn attach(place: &str, socket: &str, origin: &str) -> Result<WebSocketStream<TcpStream>, StatusCode> {
    let mut request = format!("ws://{socket}").into_client_request().expect("a valid URL");
    request.headers_mut().insert(ORIGIN, origin.parse().expect("an origin"));
    let tcp = TcpStream::connect(place).await.expect("the relay listens");
    match client_async(request, tcp).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(answer)) => Err(answer.status()),
        Err(error) => panic!("{socket}: {error}"),
    }
}

/// What an expression is in the tab at the other end.
async fn evaluated(socket: &mut WebSocketStream<TcpStream>, expression: &str) -> Value {
    let call = serde_json::json!({ "id": 7, "method": "Runtime.evaluate", "params": { "expression": expression } });
    socket.send(Message::text(call.to_string())).await.expect("it takes it");
    loop {
        let message = timeout(SOON, socket.next()).await.expect("an answer in time").expect("it stays open").expect("it works");
        let answer: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        if answer["id"] == 7 {
            return answer["result"]["result"]["value"].clone();
        }
    }
}

const FRONTEND: &str = "https://chrome-devtools-frontend.appspot.com";

#[tokio::test]
async fn the_key_opens_devtools_for_the_page_on_a_phone() {
    let (adb, project) = (AdbServer::start(), site());
    let phone = Phone::lying_there(PIXEL, &[]);
    let mut desk = Desk::sit_down(&adb, &project);
    let url = desk.next();
    let port = url.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    desk.nod();
    assert_eq!(desk.next(), "plug it in");
    phone.connect(&adb);
    phone.page(port).await;
    desk.nod();
    assert_eq!(desk.next(), "open the page");
    phone.browse(&url).await;
    wait_shown(&adb, &project).await;
    desk.nod();

    let (event, link): (Value, String) = serde_json::from_str(&desk.next()).expect("JSON");
    assert_eq!((&event["name"], &event["page"]), (&phone.name(PIXEL).into(), &url.clone().into()));
    let (frontend, socket) = link.split_once("?ws=").expect("a way to the tab");
    assert!(frontend.starts_with(&format!("{FRONTEND}/serve_rev/@")) && frontend.ends_with("/inspector.html"), "{link}");
    let (place, token) = socket.split_once('/').expect("a path");
    assert!(place.starts_with("127.0.0.1:") && token.len() == 48, "{link}");

    let mut devtools = attach(place, socket, FRONTEND).await.expect("the link is good");
    assert_eq!(evaluated(&mut devtools, "1 + 1").await, 2);
    assert_eq!(evaluated(&mut devtools, "location.href").await, url);
    let long = evaluated(&mut devtools, "'x'.repeat(8 * 1024 * 1024)").await;
    assert_eq!(long.as_str().map(str::len), Some(8 * 1024 * 1024));
    let relay = place.rsplit_once(':').expect("a port").1;
    for near in [
        format!("{place}/"),
        format!("{place}/{}", &token[1..]),
        format!("{place}/{token}0"),
        format!("{place}/json/list"),
        format!("evil.example:{relay}/{token}"),
        format!("127.0.0.1:1/{token}"),
    ] {
        assert_eq!(attach(place, &near, FRONTEND).await.err(), Some(StatusCode::NOT_FOUND), "{near}");
    }
    for own in ["/", "/__everlit/client.js", &format!("/{token}")] {
        assert!(!get(&format!("{}{own}", url.trim_end_matches('/'))).await.text().contains(token), "{own}");
    }
    check_devtools_themselves(socket).await;

    devtools.close(None).await.expect("it can be closed");
    desk.nod();
    assert!(desk.python.wait().expect("it ends").success());
    assert!(TcpStream::connect(place).await.is_err(), "nobody listens any more");
}

/// The DevTools of a Chromium of this machine show the elements of the phone's page to whoever looks at them.
async fn check_devtools_themselves(socket: &str) {
    let chromium = Chromium::start().await;
    let page = chromium.open(&format!("devtools://devtools/bundled/inspector.html?ws={socket}")).await;
    page.evaluate(
        "globalThis.seen = (node) => [...node.childNodes].map((child) => (child.nodeType === Node.TEXT_NODE ? child.data : '')
            + (child.shadowRoot ? seen(child.shadowRoot) : '') + seen(child)).join('').replaceAll('\\u200b', '')",
    )
    .await;
    page.wait_until("seen(document.body).includes('<h1>one</h1>')", SOON).await;
}

/// Waits until a tab of the only phone shows the project.
async fn wait_shown(adb: &AdbServer, project: &TestProject) {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let json: Value = serde_json::from_str(&printed(&adb.devices(project.path(), &["--json"]))).expect("JSON");
        let mut tabs = json["devices"][0]["tabs"].as_array().into_iter().flatten();
        if tabs.any(|tab| tab["shows_project"] == true) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{json}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
