//! A real Firefox, driven through WebDriver BiDi on its own socket.
//!
//! One browser per test with a profile of its own, no window, no network but loopback. [`Tab`] is one tab.

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

use super::{Home, require};

/// How often a condition in a page, and the port of the browser, is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long the browser may take to start, on a loaded machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long one answer of the browser may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The event of a message on a tab's console.
const LOGGED: &str = "log.entryAdded";

/// Without them Firefox asks the network for updates, settings and portals.
const PREFERENCES: &str = r#"
user_pref("app.update.disabledForTesting", true);
user_pref("app.normandy.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.server", "");
"#;

/// A running browser; dropping it ends it.
pub(crate) struct Firefox {
    child: Child,
    wire: Arc<Mutex<Wire>>,
    /// Removed when dropped, unless it is in somebody's home.
    _profile: Option<TempDir>,
}

/// One tab.
pub(crate) struct Tab {
    wire: Arc<Mutex<Wire>>,
    context: String,
}

struct Wire {
    stream: WebSocketStream<TcpStream>,
    last_id: u64,
    /// What tabs wrote to their consoles.
    console: Vec<Value>,
}

impl Firefox {
    /// Starts a browser and connects to it.
    pub(crate) async fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("everlit-firefox-").tempdir().expect("a temporary folder");
        let (child, wire) = launch(profile.path(), profile.path()).await;
        Self { child, wire, _profile: Some(profile) }
    }

    /// Starts one whose profile is in a home, and is the same the next time.
    pub(crate) async fn start_at(home: &Home) -> Self {
        let profile = home.path().join(".mozilla/firefox/test.default");
        fs::create_dir_all(&profile).expect("a folder");
        // What the last one listened on is no news.
        let _ = fs::remove_file(profile.join("WebDriverBiDiServer.json"));
        let (child, wire) = launch(&profile, home.path()).await;
        Self { child, wire, _profile: None }
    }

    /// Asks it to end, and waits until it has: what it keeps is on disk then.
    pub(crate) async fn quit(mut self) {
        // It may be gone before it has answered.
        let _ = self.wire.lock().await.try_send("browser.close").await;
        let deadline = Instant::now() + START_LIMIT;
        while self.child.try_wait().expect("the child can be waited for").is_none() {
            assert!(Instant::now() < deadline, "firefox is still running");
            time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Why a URL cannot be loaded; `None` when it can.
    pub(crate) async fn visit(&self, url: &str) -> Option<String> {
        let mut wire = self.wire.lock().await;
        let made = wire.call("browsingContext.create", json!({ "type": "tab" })).await;
        let params = json!({ "context": made["context"], "url": url, "wait": "complete" });
        wire.try_call("browsingContext.navigate", params).await.err()
    }

    /// A new tab at a URL, once its document has loaded.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        let mut wire = self.wire.lock().await;
        let made = wire.call("browsingContext.create", json!({ "type": "tab" })).await;
        let context = made["context"].as_str().expect("an id").to_owned();
        wire.call("browsingContext.navigate", json!({ "context": context, "url": url, "wait": "complete" })).await;
        drop(wire);
        Tab { wire: Arc::clone(&self.wire), context }
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // One that has ended has no process id any more that would be its own.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl Tab {
    /// The value of an expression; promises are awaited, exceptions fail the test.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    async fn try_evaluate(&self, expression: &str) -> Result<Value, String> {
        let json_of = format!("(async () => JSON.stringify(await ({expression})))()");
        let params = json!({ "expression": json_of, "target": { "context": self.context }, "awaitPromise": true });
        let answer = self.wire.lock().await.try_call("script.evaluate", params).await?;
        match answer["result"]["value"].as_str() {
            Some(text) => Ok(serde_json::from_str(text).expect("JSON")),
            None if answer["type"] == "success" => Ok(Value::Null),
            None => Err(answer["exceptionDetails"]["text"].to_string()),
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
                let page = self.try_evaluate("document.documentElement.outerHTML").await;
                panic!("not within {limit:?}: {expression}\nlast: {last:?}\npage: {page:?}");
            }
            time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What this tab wrote to its console so far, each as `log.entryAdded` tells it.
    pub(crate) async fn console(&self) -> Vec<Value> {
        // An answer comes behind what was told before it.
        let _ = self.evaluate("0").await;
        let entries = self.wire.lock().await.console.clone();
        let of_this_tab = |entry: &Value| entry["source"]["context"] == *self.context && entry["type"] == "console";
        entries.into_iter().filter(of_this_tab).collect()
    }

    /// Types text where the focus is.
    pub(crate) async fn type_text(&self, text: &str) {
        let presses = |key: char| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }));
        let actions: Vec<Value> = text.chars().flat_map(presses).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        let params = json!({ "context": self.context, "actions": [keyboard] });
        self.wire.lock().await.call("input.performActions", params).await;
    }
}

impl Wire {
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.try_call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_call(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.last_id += 1;
        let id = self.last_id;
        let command = json!({ "id": id, "method": method, "params": params });
        self.stream.send(Message::text(command.to_string())).await.expect("firefox reads");
        let answer = time::timeout(ANSWER_LIMIT, self.answer_to(id)).await;
        answer.unwrap_or_else(|_| panic!("firefox did not answer {method} within {ANSWER_LIMIT:?}"))
    }

    async fn try_send(&mut self, method: &str) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.last_id += 1;
        let command = json!({ "id": self.last_id, "method": method, "params": {} });
        self.stream.send(Message::text(command.to_string())).await
    }

    async fn answer_to(&mut self, id: u64) -> Result<Value, String> {
        loop {
            let frame = self.stream.next().await.expect("firefox keeps running").expect("firefox writes");
            let Message::Text(text) = frame else { continue };
            let message: Value = serde_json::from_str(&text).expect("the protocol is JSON");
            if message["method"] == LOGGED {
                self.console.push(message["params"].clone());
            }
            if message["id"] == id {
                return if message["type"] == "error" {
                    Err(message["message"].to_string())
                } else {
                    Ok(message["result"].clone())
                };
            }
        }
    }
}

/// Starts a browser and connects to it.
async fn launch(profile: &Path, home: &Path) -> (Child, Arc<Mutex<Wire>>) {
    fs::write(profile.join("user.js"), PREFERENCES).expect("the profile can be written");
    let child = Command::new(require("firefox"))
        .args(["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"])
        .arg(profile)
        .arg("about:blank")
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("firefox starts");
    let port = read_port(&profile.join("WebDriverBiDiServer.json")).await;
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("firefox accepts");
    let (stream, _) = client_async(format!("ws://127.0.0.1:{port}/session"), tcp).await.expect("firefox upgrades");
    let mut wire = Wire { stream, last_id: 0, console: Vec::new() };
    wire.call("session.new", json!({ "capabilities": {} })).await;
    wire.call("session.subscribe", json!({ "events": [LOGGED] })).await;
    (child, Arc::new(Mutex::new(wire)))
}

/// The port Firefox listens on, once it has written it.
async fn read_port(file: &Path) -> u16 {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(port) = said["ws_port"].as_u64() {
            return port.try_into().expect("a port");
        }
        assert!(Instant::now() < deadline, "firefox opened no debugging port within {START_LIMIT:?}");
        time::sleep(LOOK_AGAIN).await;
    }
}
