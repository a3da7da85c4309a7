//! An app that answers byte by byte what a test says, behind the real server.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::harness::{TestProject, TestServer};

/// Longest request a test makes.
const REQUEST_BYTES: usize = 16 * 1024;

/// What is answered at a path.
#[derive(Clone, Default)]
pub(super) struct Reply {
    status: u16,
    fields: String,
    pieces: Vec<Vec<u8>>,
}

impl Reply {
    /// An HTML page, whose end is that of the connection.
    pub(super) fn page(html: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, fields: String::new(), pieces: vec![html.into()] }
    }

    /// An HTML page in pieces; each after the first waits for [`App::go_on`]. Not at `/`, which is asked for before any test.
    pub(super) fn slow(pieces: Vec<Vec<u8>>) -> Self {
        Self { pieces, ..Self::page("") }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    fn head(&self) -> String {
        let media_type =
            if self.fields.to_ascii_lowercase().contains("content-type:") { "" } else { "Content-Type: text/html\r\n" };
        format!("HTTP/1.1 {} Said\r\nConnection: close\r\n{media_type}{}\r\n", self.status, self.fields)
    }
}

/// The app, and an Everlit before it.
pub(super) struct App {
    /// Where the pages are.
    pub(super) server: TestServer,
    /// The requests' texts, in the order in which they came.
    requests: mpsc::UnboundedReceiver<String>,
    pauses: Arc<Semaphore>,
    _project: TestProject,
    _tasks: JoinSet<()>,
}

impl App {
    /// Serves these replies by their paths, whatever follows a `?`.
    pub(super) async fn start<'p>(replies: impl IntoIterator<Item = (&'p str, Reply)>, toml: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let upstream = format!("http://{}", listener.local_addr().expect("a bound address"));
        let replies: HashMap<String, Reply> = replies.into_iter().map(|(path, reply)| (path.to_owned(), reply)).collect();
        let (asked, requests) = mpsc::unbounded_channel();
        let pauses = Arc::new(Semaphore::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(replies), asked, Arc::clone(&pauses)));
        let project = TestProject::from_text("-- everlit.toml --\n");
        project.save("everlit.toml", toml);
        let server = TestServer::start_with(project.path(), &["--port", "0", "--upstream", &upstream], &[]);
        Self { server, requests, pauses, _project: project, _tasks: tasks }
    }

    pub(super) fn at(&self, path: &str) -> String {
        self.server.at(path)
    }

    /// Lets one piece of a slow page go.
    pub(super) fn go_on(&self) {
        self.pauses.add_permits(1);
    }

    /// The text of the last request that came.
    pub(super) fn last_request(&mut self) -> String {
        std::iter::from_fn(|| self.requests.try_recv().ok()).last().expect("a request came").to_ascii_lowercase()
    }
}

async fn accept(
    listener: TcpListener,
    replies: Arc<HashMap<String, Reply>>,
    asked: mpsc::UnboundedSender<String>,
    pauses: Arc<Semaphore>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&replies), asked.clone(), Arc::clone(&pauses)));
    }
}

async fn serve(
    mut stream: TcpStream,
    replies: Arc<HashMap<String, Reply>>,
    asked: mpsc::UnboundedSender<String>,
    pauses: Arc<Semaphore>,
) {
    let mut request = vec![0; REQUEST_BYTES];
    let length = stream.read(&mut request).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let is_head = text.starts_with("HEAD ");
    let _ = asked.send(text);
    let reply = replies.get(&path).cloned().unwrap_or_else(|| Reply::page("<p>nothing</p>").status(404));
    // What is said of a page in its head depends on how much of it has come with that.
    let mut pieces = reply.pieces.iter().filter(|_| !is_head);
    let first = pieces.next().map(Vec::as_slice).unwrap_or_default();
    let _ = stream.write_all(&[reply.head().as_bytes(), first].concat()).await;
    for piece in pieces {
        pauses.acquire().await.expect("it is never closed").forget();
        let _ = stream.write_all(piece).await;
    }
    let _ = stream.shutdown().await;
}
