//! Asks a port whether an HTTP server answers there.
//!
//! Over HTTP/1.1 or HTTP/2, as configured; what a program of the other one says is no answer.

use std::{net::SocketAddr, time::Duration};

use axum::body::Body;
use futures_util::StreamExt;
use http::{
    Request, Uri,
    header::{ACCEPT, USER_AGENT},
};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::proxy::Protocol;

/// How long one answer may take. A program that is slow to its first page is asked again until its deadline.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection may take; on one machine it takes microseconds unless the program's queue is full.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Longest status line looked at; a longer one is no HTTP.
const STATUS_LINE: usize = 512;

/// Most of an answer that is heard to its end, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// What a port says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It answers with this status.
    Status(u16),
    /// It speaks HTTP/2 and takes the request back, as some gRPC servers do with whatever is no call.
    Refused,
    /// Somebody listens but speaks no HTTP, or too slowly.
    Mute,
    /// Nobody listens.
    Closed,
}

impl Answer {
    /// Whether a server that answers so can serve: 2xx on its own ready path, else anything but 502 and 503.
    pub(super) fn is_ready(self, ready_path: Option<&str>) -> bool {
        match (self, ready_path) {
            (Self::Status(status), Some(_)) => (200..300).contains(&status),
            (Self::Status(status), None) => status != 502 && status != 503,
            (Self::Refused, ready_path) => ready_path.is_none(),
            (Self::Mute | Self::Closed, _) => false,
        }
    }
}

/// Asks for `path`.
pub(super) async fn ask(address: SocketAddr, protocol: Protocol, path: &str) -> Answer {
    let Ok(Ok(stream)) = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await else { return Answer::Closed };
    let answer = timeout(ANSWER_LIMIT, async {
        match protocol {
            Protocol::Http1 => status(stream, address, path).await.map(Answer::Status),
            Protocol::Http2 => answer_over_http2(stream, address, path).await,
        }
    });
    answer.await.ok().flatten().unwrap_or(Answer::Mute)
}

async fn answer_over_http2(stream: TcpStream, address: SocketAddr, path: &str) -> Option<Answer> {
    let uri: Uri = format!("http://localhost:{}{path}", address.port()).parse().ok()?;
    let request = Request::get(uri).header(USER_AGENT, "everlit").header(ACCEPT, "*/*").body(Body::empty()).ok()?;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
    tokio::spawn(timeout(ANSWER_LIMIT, connection));
    match sender.send_request(request).await {
        Ok(response) => {
            let status = response.status().as_u16();
            tokio::spawn(timeout(ANSWER_LIMIT, hear(Body::new(response.into_body()))));
            Some(Answer::Status(status))
        }
        Err(error) => is_reset(&error).then_some(Answer::Refused),
    }
}

/// Takes an answer to its end, or the most of it.
async fn hear(body: Body) {
    let (mut data, mut left) = (body.into_data_stream(), LONGEST);
    while let Some(Ok(piece)) = data.next().await {
        left = left.saturating_sub(piece.len() as u64);
        if left == 0 {
            return;
        }
    }
}

/// Whether a program that speaks HTTP/2 ended the one request, and not the connection.
fn is_reset(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(|error| error.is_reset() && error.is_remote())
}

async fn status(mut stream: TcpStream, address: SocketAddr, path: &str) -> Option<u16> {
    let port = address.port();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: everlit\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut line = Vec::new();
    let mut reader = BufReader::with_capacity(STATUS_LINE, stream);
    while !line.ends_with(b"\n") && line.len() < STATUS_LINE {
        let available = reader.fill_buf().await.ok()?;
        let end = memchr::memchr(b'\n', available).map_or(available.len(), |at| at + 1);
        if end == 0 {
            return None;
        }
        line.extend_from_slice(&available[..end]);
        reader.consume(end);
    }
    // The rest is heard as well: a simple program ends when nobody takes its answer.
    tokio::spawn(timeout(ANSWER_LIMIT, async move {
        let _ = tokio::io::copy_buf(&mut reader.take(LONGEST), &mut tokio::io::sink()).await;
    }));
    status_in(std::str::from_utf8(&line).ok()?)
}

/// `HTTP/1.1 200 OK`.
fn status_in(line: &str) -> Option<u16> {
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_lines() {
        assert_eq!(status_in("HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status_in("HTTP/1.0 404\r\n"), Some(404));
        assert_eq!(status_in("SSH-2.0-OpenSSH\r\n"), None);
    }

    /// A program that writes piece by piece, and ends when it cannot.
    #[tokio::test]
    async fn an_answer_is_heard_to_its_end() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let program = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            for _ in 0..64 {
                stream.write_all(&[b'x'; 16 * 1024]).await?;
            }
            stream.shutdown().await
        });
        assert_eq!(ask(address, Protocol::Http1, "/").await, Answer::Status(200));
        program.await.unwrap().expect("it writes all of it");
    }

    #[test]
    fn readiness() {
        assert!(Answer::Status(404).is_ready(None));
        assert!(!Answer::Status(404).is_ready(Some("/healthz")));
        assert!(Answer::Status(204).is_ready(Some("/healthz")));
        assert!(!Answer::Status(503).is_ready(None));
        assert!(Answer::Refused.is_ready(None) && !Answer::Refused.is_ready(Some("/healthz")));
        assert!(!Answer::Mute.is_ready(None));
    }
}
