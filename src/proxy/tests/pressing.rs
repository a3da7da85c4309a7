//! Sides that are slow, and sides that have had enough.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use super::*;

/// What sockets and buffers on the way may hold: the kernel's are the most of it.
const ON_THE_WAY: u64 = 32 * 1024 * 1024;

/// What is sent in all if nobody stops it.
const MUCH: u64 = 256 * 1024 * 1024;

const PIECE: usize = 64 * 1024;

/// How long nothing may move for it to stand still.
const STILL: Duration = Duration::from_millis(300);

/// Waits until a count has begun and stands still.
async fn settled(count: &AtomicU64) -> u64 {
    let mut last = 0;
    loop {
        sleep(STILL).await;
        let now = count.load(Ordering::Relaxed);
        if now > 0 && now == last {
            return now;
        }
        last = now;
    }
}

/// Writes pieces for as long as somebody takes them.
async fn press(stream: &mut (impl AsyncWriteExt + Unpin), pressed: &AtomicU64) {
    while pressed.load(Ordering::Relaxed) < MUCH && stream.write_all(&[b'x'; PIECE]).await.is_ok() {
        pressed.fetch_add(PIECE as u64, Ordering::Relaxed);
    }
}

/// Answers one connection as `converse` says.
async fn raw<F>(converse: impl FnOnce(TcpStream) -> F) -> (Front, impl Future)
where
    F: Future,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let front = Front::start().await;
    front.slot.replace(State::Serving(backend_at(listener.local_addr().expect("bound"), 1)));
    (front, async move { converse(listener.accept().await.expect("a connection").0).await })
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    String::from_utf8(head).expect("text")
}

#[tokio::test]
async fn a_browser_that_does_not_read_stops_the_program() {
    let pressed = Arc::new(AtomicU64::new(0));
    let (front, program) = raw({
        let pressed = pressed.clone();
        async move |mut stream: TcpStream| {
            read_head(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("sent");
            press(&mut stream, &pressed).await;
        }
    })
    .await;
    let browse = async {
        let mut body = front.ask(request("GET", "/", "")).await.into_body();
        let held = settled(&pressed).await;
        assert!(held < ON_THE_WAY, "{held} bytes are on the way to nobody");
        body.frame().await.expect("a piece").expect("no error");
    };
    timeout(PATIENCE, async { tokio::join!(program, browse) }).await.expect("the program ends when the browser leaves");
}

#[tokio::test]
async fn a_program_that_does_not_read_stops_the_browser() {
    let pressed = AtomicU64::new(0);
    let (front, program) = raw(async move |mut stream: TcpStream| {
        read_head(&mut stream).await;
        stream
    })
    .await;
    let mut browser = TcpStream::connect(front.address).await.expect("accepted");
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MUCH}\r\n\r\n");
    browser.write_all(head.as_bytes()).await.expect("sent");
    let stream = program.await;
    tokio::select! {
        () = press(&mut browser, &pressed) => panic!("somebody took it all"),
        held = settled(&pressed) => assert!(held < ON_THE_WAY, "{held} bytes are on the way to nobody"),
    }
    drop(stream);
}

#[tokio::test]
async fn a_program_that_wants_no_more_of_an_upload_is_heard() {
    let (front, program) = raw(async move |mut stream: TcpStream| {
        read_head(&mut stream).await;
        let answer = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!";
        stream.write_all(answer.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("closed");
        sleep(STILL).await;
    })
    .await;
    let browse = async {
        let mut browser = TcpStream::connect(front.address).await.expect("accepted");
        let length = 8 * 1024 * 1024;
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        browser.write_all(head.as_bytes()).await.expect("sent");
        // A browser reads the answer only when it has sent all.
        browser.write_all(&vec![b'x'; length]).await.expect("the rest is taken");
        let answer = read_head(&mut browser).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    };
    timeout(PATIENCE, async { tokio::join!(program, browse) }).await.expect("an answer");
}

/// Many times, since by chance the answer is noticed before the close.
#[tokio::test]
async fn a_program_that_closes_with_an_upload_unread_is_heard() {
    let length = 8 * 1024 * 1024;
    for _ in 0..20 {
        let (front, program) = raw(async move |mut stream: TcpStream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!").await.expect("sent");
        })
        .await;
        let browse = async {
            let mut browser = TcpStream::connect(front.address).await.expect("accepted");
            let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
            browser.write_all(head.as_bytes()).await.expect("sent");
            browser.write_all(&vec![b'x'; length]).await.expect("the rest is taken");
            let answer = read_head(&mut browser).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
            let mut body = [0; 3];
            browser.read_exact(&mut body).await.expect("all of the answer");
        };
        timeout(PATIENCE, async { tokio::join!(program, browse) }).await.expect("an answer");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_an_upload_does_not_end_it() {
    let (front, program) = raw(async move |mut stream: TcpStream| {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin").await.expect("sent");
        let mut body = [0; 5];
        stream.read_exact(&mut body).await.expect("the body comes while the answer is on its way");
        stream.write_all(&body).await.expect("sent");
    })
    .await;
    let browse = async {
        let mut browser = TcpStream::connect(front.address).await.expect("accepted");
        browser.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n").await.expect("sent");
        let answer = read_head(&mut browser).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        browser.write_all(b"hello").await.expect("sent");
        let mut body = [0; 10];
        browser.read_exact(&mut body).await.expect("a whole answer");
        assert_eq!(&body, b"beginhello");
    };
    timeout(PATIENCE, async { tokio::join!(program, browse) }).await.expect("an answer");
}

#[tokio::test]
async fn the_last_words_of_a_program_go_with_its_errors_and_no_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = target_at(listener.local_addr().expect("bound"));
    let (slot, upstream) = slot_within(Limits { reconnect: Duration::from_millis(20), ..Limits::default() });
    slot.replace(State::Serving(Backend::speaking(target, Generation(1), || "panic: <b>oh</b>\nat main.go:3\n".to_owned())));
    drop(listener);
    let problem = async |method: &str| {
        let peer = Peer { remote: front_peer(), scheme: http::uri::Scheme::HTTP, host: "localhost".parse().expect("a name") };
        upstream.forward(request(method, "/", ""), peer).await.expect_err("nobody is there").problem()
    };
    let refused = problem("GET").await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    assert_eq!(refused.output.as_deref(), Some("panic: <b>oh</b>\nat main.go:3\n"));
    assert_eq!(problem("TRACE").await.output, None);
}

#[tokio::test]
async fn who_waits_in_vain_reads_what_the_program_says() {
    let (slot, upstream) = slot_within(Limits { park: Duration::from_millis(20), ..Limits::default() });
    slot.listen_to(|| "waiting for the database\n".to_owned());
    let peer = Peer { remote: front_peer(), scheme: http::uri::Scheme::HTTP, host: "localhost".parse().expect("a name") };
    let problem = upstream.forward(request("GET", "/", ""), peer).await.expect_err("nobody comes").problem();
    assert_eq!(
        (problem.status, problem.output.as_deref()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("waiting for the database\n"))
    );
    assert!(problem.retry_after.is_some());
}

fn front_peer() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5))
}

#[tokio::test]
async fn a_head_that_is_too_large_to_pass_on_is_said_to_be_so() {
    let check = async |headers: String, expected: Option<&str>| {
        let (front, program) = raw(async move |mut stream: TcpStream| {
            read_head(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{headers}\r\n");
            // It may be closed before all is sent.
            let _ = stream.write_all(head.as_bytes()).await;
            stream
        })
        .await;
        let (_stream, (status, detail)) =
            timeout(PATIENCE, async { tokio::join!(program, front.get("/")) }).await.expect("in time");
        match expected {
            Some(words) => assert!(status == StatusCode::BAD_GATEWAY && detail.contains(words), "{status} {detail}"),
            None => assert_eq!(status, StatusCode::OK, "{detail}"),
        }
    };
    let cookies = |count: usize| "Set-Cookie: a=1\r\n".repeat(count);
    let long = |kibibytes: usize| format!("X: {}\r\n", "x".repeat(kibibytes * 1024));
    // We add some of our own, and the client takes no more than 100 either.
    check(cookies(90), None).await;
    check(cookies(100), Some("128 KiB or 100 headers")).await;
    check(long(120), None).await;
    // The bound is looked at between two reads.
    check(long(300), Some("128 KiB or 100 headers")).await;
    check("no header at all\r\n".into(), Some("not valid HTTP/1.1")).await;
}
