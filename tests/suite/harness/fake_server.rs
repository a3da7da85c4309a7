//! The server's side of the reload socket, under the test's control: what the client script does is tested against it.
//!
//! It serves the real `static/client.js` and the files it is given, says what it is told to say, and can lose its sockets or
//! come back as another run.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{broadcast, mpsc, watch},
    task::JoinSet,
    time::{self, timeout},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// Longer than any request head a test makes.
const HEAD_BYTES: usize = 16 * 1024;

/// Stands in HTML where the tag goes.
const TAG: &str = "{client}";

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A server a test speaks for.
pub(crate) struct FakeServer {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    said: broadcast::Sender<Said>,
    heard: mpsc::UnboundedReceiver<Value>,
    connections: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

struct State {
    token: String,
    project: String,
    generation: u64,
    /// What the tag calls the copy of the HTML that is served.
    page: Option<String>,
    hello: Value,
    files: HashMap<String, File>,
    /// Every path that was asked for.
    requests: Vec<String>,
}

#[derive(Clone)]
struct File {
    media_type: String,
    headers: String,
    body: Vec<u8>,
    /// How long the answer takes.
    delay: Duration,
}

impl File {
    fn new(media_type: &str, headers: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { media_type: media_type.into(), headers: headers.into(), body: body.into(), delay: Duration::ZERO }
    }
}

#[derive(Clone)]
enum Said {
    Text(String),
    Hangup,
}

impl FakeServer {
    /// Serves on a free port, as generation 1 of the project `shop`.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let state = State {
            token: "first-run-0123456789abcdef".into(),
            project: "shop".into(),
            generation: 1,
            page: None,
            hello: json!({}),
            files: HashMap::new(),
            requests: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (said, _) = broadcast::channel(64);
        let (hear, heard) = mpsc::unbounded_channel();
        let (connected, connections) = watch::channel(0);
        let room = Room { state: Arc::clone(&state), said: said.clone(), hear, connected: Arc::new(connected) };
        let mut tasks = JoinSet::new();
        tasks.spawn(room.accept(listener));
        Self { url, state, said, heard, connections, _tasks: tasks }
    }

    /// Serves a text at a path.
    pub(crate) fn put(&self, path: &str, media_type: &str, body: &str) {
        self.put_with(path, media_type, "", body);
    }

    /// The same with these header lines, each ended by CRLF, instead of the one that makes browsers ask again.
    pub(crate) fn put_with(&self, path: &str, media_type: &str, headers: &str, body: &str) {
        self.state().files.insert(path.into(), File::new(media_type, headers, body));
    }

    /// Serves bytes at a path.
    pub(crate) fn put_bytes(&self, path: &str, media_type: &str, body: &[u8]) {
        self.state().files.insert(path.into(), File::new(media_type, "", body));
    }

    /// Answers at a path after a while from now on: what happens meanwhile is what the test is about.
    pub(crate) fn slow_down(&self, path: &str, delay: Duration) {
        self.state().files.get_mut(path).expect("a file that was put").delay = delay;
    }

    /// Serves a document whose `{client}` is replaced by the tag.
    pub(crate) fn put_page(&self, path: &str, body: &str) {
        self.put(path, "text/html; charset=utf-8", &document(body));
    }

    /// Names the copy of the HTML that is served from now on.
    pub(crate) fn set_page(&self, id: &str) {
        self.state().page = Some(id.into());
    }

    /// Answers 404 at a path from now on.
    pub(crate) fn remove(&self, path: &str) {
        self.state().files.remove(path);
    }

    /// Makes another generation the one that is served; nobody is told.
    pub(crate) fn set_generation(&self, generation: u64) {
        self.state().generation = generation;
    }

    /// Adds members to every `hello` from now on.
    pub(crate) fn set_hello(&self, members: Value) {
        self.state().hello = members;
    }

    /// Becomes another run, and perhaps of another project.
    pub(crate) fn become_run(&self, token: &str, project: &str) {
        let mut state = self.state();
        (state.token, state.project) = (token.into(), project.into());
    }

    /// Tells every socket.
    pub(crate) fn say(&self, message: &Value) {
        let _ = self.said.send(Said::Text(message.to_string()));
    }

    /// Loses every socket.
    pub(crate) fn hang_up(&self) {
        let _ = self.said.send(Said::Hangup);
    }

    /// The next thing a client said.
    pub(crate) async fn hear(&mut self, limit: Duration) -> Value {
        let heard = timeout(limit, self.heard.recv()).await;
        heard.unwrap_or_else(|_| panic!("no client said anything within {limit:?}")).expect("the server runs")
    }

    /// Waits until this many sockets were opened since the start; what is said then reaches them after their `hello`.
    pub(crate) async fn wait_connections(&self, count: usize, limit: Duration) {
        let mut connections = self.connections.clone();
        let waited = timeout(limit, connections.wait_for(|opened| *opened >= count)).await;
        assert!(waited.is_ok(), "{} sockets within {limit:?}, not {count}", *self.connections.borrow());
    }

    /// How often a path was asked for.
    pub(crate) fn count_requests(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|one| *one == path).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panicked")
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Room {
    state: Arc<Mutex<State>>,
    said: broadcast::Sender<Said>,
    hear: mpsc::UnboundedSender<Value>,
    connected: Arc<watch::Sender<usize>>,
}

impl Room {
    async fn accept(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(self.clone().serve(stream));
        }
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(target) = peek_target(&stream).await else { return };
        let token = self.state.lock().expect("no holder panicked").token.clone();
        if target == format!("/__everlit/ws?token={token}") {
            return self.converse(stream).await;
        }
        let mut head = vec![0; HEAD_BYTES];
        let _ = stream.read(&mut head).await;
        let (answer, delay) = answer(&mut self.state.lock().expect("no holder panicked"), &target);
        time::sleep(delay).await;
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }

    async fn converse(self, stream: TcpStream) {
        let mut said = self.said.subscribe();
        let Ok(mut socket) = accept_async(stream).await else { return };
        let hello = hello(&self.state.lock().expect("no holder panicked"));
        let _ = socket.send(Message::text(hello.to_string())).await;
        self.connected.send_modify(|count| *count += 1);
        loop {
            tokio::select! {
                Ok(what) = said.recv() => match what {
                    Said::Text(text) => drop(socket.send(Message::text(text)).await),
                    Said::Hangup => return,
                },
                Some(frame) = socket.next() => match frame {
                    Ok(Message::Text(text)) => drop(self.hear.send(serde_json::from_str(&text).expect("clients speak JSON"))),
                    Ok(Message::Close(_)) | Err(_) => return,
                    Ok(_) => {}
                },
                else => return,
            }
        }
    }
}

/// The request target, without taking the request from the stream.
async fn peek_target(stream: &TcpStream) -> Option<String> {
    let mut head = vec![0; HEAD_BYTES];
    let length = stream.peek(&mut head).await.ok()?;
    let text = std::str::from_utf8(&head[..length]).ok()?;
    Some(text.split(' ').nth(1)?.to_owned())
}

fn hello(state: &State) -> Value {
    let mut hello = json!({
        "type": "hello", "protocol": 1, "project": state.project, "generation": state.generation,
        "stale": false, "building": false, "report": null,
    });
    if let (Some(hello), Some(members)) = (hello.as_object_mut(), state.hello.as_object()) {
        hello.extend(members.clone());
    }
    hello
}

fn answer(state: &mut State, target: &str) -> (Vec<u8>, Duration) {
    let path = target.split('?').next().unwrap_or(target);
    state.requests.push(path.to_owned());
    let file = match path {
        "/__everlit/client.js" => Some(client_script(state)),
        "/__everlit/hot.js" => Some(File::new(SCRIPT, "", read_static("hot.js"))),
        path => state.files.get(path).cloned(),
    };
    let Some(file) = file else {
        return (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(), Duration::ZERO);
    };
    let body = match String::from_utf8(file.body) {
        Ok(text) => text.replace(TAG, &tag(state)).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let headers = if file.headers.is_empty() { "Cache-Control: no-cache\r\n" } else { &file.headers };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        file.media_type,
        body.len(),
    );
    ([head.into_bytes(), body].concat(), file.delay)
}

fn tag(state: &State) -> String {
    let page = state.page.as_ref().map(|id| format!(r#" data-page="{id}""#)).unwrap_or_default();
    format!(r#"<script src="/__everlit/client.js" data-generation="{}"{page} async></script>"#, state.generation)
}

/// A whole document, as [`FakeServer::put_page`] serves it.
pub(crate) fn document(body: &str) -> String {
    format!("<!doctype html><html lang=en>{body}</html>")
}

/// The same as the server says it in a `patch`: without the tag.
pub(crate) fn document_without_tag(body: &str) -> String {
    document(body).replace(TAG, "")
}

fn client_script(state: &State) -> File {
    let parts = fs::read_dir(static_folder().join("client")).expect("the parts of the client script");
    let mut parts: Vec<_> = parts.map(|entry| entry.expect("a readable folder").path()).collect();
    parts.sort_unstable();
    let parts: String = parts.iter().map(|part| fs::read_to_string(part).expect("a part of the client script")).collect();
    let text = read_static("client.js").replace("EVERLIT_PARTS", &parts);
    File::new(SCRIPT, "", text.replace("EVERLIT_TOKEN", &state.token).replace("EVERLIT_PROJECT", &state.project))
}

fn read_static(name: &str) -> String {
    fs::read_to_string(static_folder().join(name)).expect("a file of `static/`")
}

fn static_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static")
}
