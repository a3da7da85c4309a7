//! Connections to a program that are used again, and when they are not.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

use super::*;

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Kept,
    /// Closed without a word, as programs do that have waited long enough.
    Closed,
}

/// A program that counts connections and tells when one has ended.
struct Counting {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    ended: mpsc::UnboundedReceiver<()>,
    _tasks: JoinSet<()>,
}

impl Counting {
    async fn start(after: After) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::<AtomicUsize>::default();
        let (sender, ended) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let count = connections.clone();
        tasks.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let sender = sender.clone();
                conversations.spawn(async move {
                    converse(stream, after).await;
                    let _ = sender.send(());
                });
            }
        });
        Self { address, connections, ended, _tasks: tasks }
    }

    async fn ended(&mut self) {
        timeout(PATIENCE, self.ended.recv()).await.expect("a connection ends").expect("the program runs");
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Answers each head, until the other side closes or `after` says so.
async fn converse(mut stream: TcpStream, after: After) {
    let mut read = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        read.push(byte);
        if !read.ends_with(b"\r\n\r\n") {
            continue;
        }
        read.clear();
        let answered = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        if answered.is_err() || after == After::Closed {
            return;
        }
    }
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other_and_is_closed_when_nobody_asks() {
    let mut program = Counting::start(After::Kept).await;
    let front = Front::start().await;
    front.serve_at(target_at(program.address), 1);
    for _ in 0..20 {
        assert_eq!(front.get("/").await, (StatusCode::OK, "ok".to_owned()));
    }
    assert_eq!(program.connections(), 1);
    program.ended().await;
    assert_eq!(front.get("/").await, (StatusCode::OK, "ok".to_owned()));
    assert_eq!(program.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_program_closed_is_not_used_again() {
    let mut program = Counting::start(After::Closed).await;
    let front = Front::start().await;
    front.serve_at(target_at(program.address), 1);
    for number in 1..=20 {
        // A POST that was sent is never sent again: only a connection that works brings an answer.
        assert_eq!(text(front.ask(request("POST", "/", "")).await).await, (StatusCode::OK, "ok".to_owned()));
        assert_eq!(program.connections(), number);
        program.ended().await;
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_to_its_end_leaves_no_connection_behind() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let mut body = front.ask(request("GET", "/endless", "")).await.into_body();
    assert_eq!(body.frame().await.expect("a piece").expect("no error").data_ref().expect("data"), "begin");
    drop(body);
    timeout(PATIENCE, program.seen.left.notified()).await.expect("the program hears of it");
    assert_eq!(backend.drain(PATIENCE).await, 0);
}
