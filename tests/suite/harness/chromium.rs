//! A real Chromium, driven through the DevTools protocol.
//!
//! One browser per test with a profile of its own, no window, no network but loopback. [`Page`] is one tab.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpStream, sync::Mutex, time};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{Home, SOON, require};

/// How often a condition in a page is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long one answer of the browser may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The event of a message on a page's console.
const CONSOLE: &str = "Runtime.consoleAPICalled";

/// Without them Chromium asks the network for updates or the desktop for keys.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];

/// A running browser; dropping it ends it.
pub(crate) struct Chromium {
    child: Child,
    wire: Arc<Mutex<Wire>>,
    _profile: TempDir,
}

/// One tab.
pub(crate) struct Page {
    wire: Arc<Mutex<Wire>>,
    session: String,
}

/// The one connection all tabs share.
struct Wire {
    stream: WebSocketStream<TcpStream>,
    last_id: u64,
    /// What pages wrote to their consoles, and their uncaught exceptions.
    console: Vec<Value>,
}

impl Chromium {
    /// Starts a browser and connects to it.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one that looks for what its user trusts in a home of its own.
    pub(crate) async fn start_at(home: &Home) -> Self {
        Self::start_with(&home.env()).await
    }

    async fn start_with(env: &[(&str, String)]) -> Self {
        let profile = tempfile::Builder::new().prefix("everlit-chromium-").tempdir().expect("a temporary folder");
        let child = Command::new(require("chromium"))
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromium starts");
        let (port, path) = read_endpoint(&profile.path().join("DevToolsActivePort")).await;
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("chromium accepts");
        let (stream, _) = client_async(format!("ws://127.0.0.1:{port}{path}"), tcp).await.expect("chromium upgrades");
        let wire = Wire { stream, last_id: 0, console: Vec::new() };
        Self { child, wire: Arc::new(Mutex::new(wire)), _profile: profile }
    }

    /// Why a URL cannot be loaded, as `net::ERR_…`; `None` when it can.
    pub(crate) async fn visit(&self, url: &str) -> Option<String> {
        let answer = self.tab().await.call("Page.navigate", json!({ "url": url })).await;
        answer["errorText"].as_str().map(str::to_owned)
    }

    /// A new tab at a URL, once its document has loaded.
    pub(crate) async fn open(&self, url: &str) -> Page {
        let page = self.tab().await;
        page.navigate(url).await;
        page
    }

    async fn tab(&self) -> Page {
        let mut wire = self.wire.lock().await;
        let target = wire.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = wire.call(None, "Target.attachToTarget", attach).await["sessionId"].as_str().expect("an id").to_owned();
        wire.call(Some(&session), "Runtime.enable", json!({})).await;
        drop(wire);
        Page { wire: Arc::clone(&self.wire), session }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Page {
    /// Sends a command of the DevTools protocol to this tab.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        self.wire.lock().await.call(Some(&self.session), method, params).await
    }

    /// Goes to a URL and waits until the document has loaded.
    pub(crate) async fn navigate(&self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(answer["errorText"].is_null(), "cannot open {url}: {}", answer["errorText"]);
        self.wait_until("document.readyState === 'complete' && location.href !== 'about:blank'", SOON).await;
    }

    /// The value of an expression; promises are awaited, exceptions fail the test.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The same as if a person had just clicked: the page may open windows.
    pub(crate) async fn evaluate_as_person(&self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        self.run(params).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    async fn try_evaluate(&self, expression: &str) -> Result<Value, String> {
        self.run(json!({ "expression": expression, "awaitPromise": true, "returnByValue": true })).await
    }

    async fn run(&self, params: Value) -> Result<Value, String> {
        let answer = self.wire.lock().await.try_call(Some(&self.session), "Runtime.evaluate", params).await?;
        match answer["exceptionDetails"]["exception"]["description"].as_str() {
            Some(exception) => Err(exception.to_owned()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until an expression is true. A page that is being navigated counts as not yet.
    pub(crate) async fn wait_until(&self, expression: &str, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let last = self.try_evaluate(expression).await;
            if last == Ok(Value::Bool(true)) {
                return;
            }
            if Instant::now() > deadline {
                let console: Vec<_> = self.wire.lock().await.console.iter().map(|event| event["params"].to_string()).collect();
                let console = console.join("\n");
                let page = self.try_evaluate("document.documentElement.outerHTML").await;
                panic!("not within {limit:?}: {expression}\nlast: {last:?}\nconsole:\n{console}\npage: {page:?}");
            }
            time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Makes the viewport this large and prefers this colour scheme (`light`, `dark`) and no motion.
    pub(crate) async fn emulate(&self, width: u32, height: u32, scheme: &str) {
        let mobile = width < 600;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        let features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce"), ("hover", "hover")];
        let features = features.map(|(name, value)| json!({ "name": name, "value": value }));
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// What this tab wrote to its console so far, each as `Runtime.consoleAPICalled` tells it.
    pub(crate) async fn console(&self) -> Vec<Value> {
        // An answer comes behind what was told before it.
        self.evaluate("0").await;
        let events = self.wire.lock().await.console.clone();
        let of_this_tab = |event: &Value| event["sessionId"] == *self.session && event["method"] == CONSOLE;
        events.into_iter().filter(of_this_tab).map(|mut event| event["params"].take()).collect()
    }

    /// Presses and releases a key.
    pub(crate) async fn press(&self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key })).await;
        }
    }

    /// Presses and releases a key that does something by itself, by its name, its place and its Windows code.
    pub(crate) async fn press_key(&self, key: &str, code: &str, windows: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": code, "windowsVirtualKeyCode": windows });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types text where the focus is, as a person's keyboard or clipboard does.
    pub(crate) async fn insert_text(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Chooses a file in a file field.
    pub(crate) async fn choose_file(&self, selector: &str, file: &Path) {
        let document = self.call("DOM.getDocument", json!({})).await;
        let field = self.call("DOM.querySelector", json!({ "nodeId": document["root"]["nodeId"], "selector": selector })).await;
        self.call("DOM.setFileInputFiles", json!({ "nodeId": field["nodeId"], "files": [file] })).await;
    }

    /// Shows this tab; the others of the window are hidden then.
    pub(crate) async fn bring_to_front(&self) {
        self.call("Page.bringToFront", json!({})).await;
    }

    /// Clicks at a point of the viewport.
    pub(crate) async fn click(&self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Writes a picture of the viewport.
    pub(crate) async fn screenshot(&self, file: &Path) {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        let bytes = decode_base64(answer["data"].as_str().expect("a picture"));
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        fs::write(file, bytes).expect("the picture can be written");
    }
}

impl Wire {
    async fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.try_call(session, method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_call(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        self.last_id += 1;
        let id = self.last_id;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        self.stream.send(Message::text(command.to_string())).await.expect("chromium reads");
        let answer = time::timeout(ANSWER_LIMIT, self.answer_to(id)).await;
        answer.unwrap_or_else(|_| panic!("chromium did not answer {method} within {ANSWER_LIMIT:?}"))
    }

    async fn answer_to(&mut self, id: u64) -> Result<Value, String> {
        loop {
            let message = self.next().await;
            if message["id"] == id {
                return match message["error"]["message"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(message["result"].clone()),
                };
            }
            if message["method"] == CONSOLE || message["method"] == "Runtime.exceptionThrown" {
                self.console.push(message);
            }
        }
    }

    async fn next(&mut self) -> Value {
        loop {
            let frame = self.stream.next().await.expect("chromium keeps running").expect("chromium writes");
            if let Message::Text(text) = frame {
                return serde_json::from_str(&text).expect("the protocol is JSON");
            }
        }
    }
}

/// The port and path Chromium listens on, once it has written them.
async fn read_endpoint(file: &Path) -> (u16, String) {
    let deadline = Instant::now() + SOON;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some((port, path)) = text.split_once('\n')
            && path.starts_with('/')
        {
            return (port.parse().expect("a port"), path.trim().to_owned());
        }
        assert!(Instant::now() < deadline, "chromium opened no debugging port within {SOON:?}");
        time::sleep(LOOK_AGAIN).await;
    }
}

/// The bytes of base64 text (RFC 4648 §4), padding and all else ignored.
fn decode_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets: Vec<u32> =
        text.bytes().filter_map(|byte| ALPHABET.iter().position(|one| *one == byte)).map(|at| at as u32).collect();
    let group = |chunk: &[u32]| {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | chunk.get(at).copied().unwrap_or(0));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    };
    sextets.chunks(4).flat_map(group).collect()
}
