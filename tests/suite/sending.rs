//! Files that become others while they are sent: whoever gets them has the whole of one state, or knows that something is missing.

use std::fs::{self, File};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::harness::{Random, TestProject, TestServer, get};

/// More than the kernel takes of an answer that nobody reads.
const BYTES: usize = 24 * 1024 * 1024;

/// What a client takes at once, so that an answer cannot leave before it is read.
const WINDOW: u32 = 16 * 1024;

/// Letters that do not become much shorter by being encoded.
fn letters() -> Vec<u8> {
    let mut random = Random::seeded();
    let block: Vec<u8> = (0..256 * 1024).map(|_| u8::try_from(random.of(0x21..0x7f)).expect("a letter")).collect();
    block.iter().copied().cycle().take(BYTES).collect()
}

/// A client that has read the beginning of an answer.
struct Download {
    stream: TcpStream,
    got: Vec<u8>,
}

impl Download {
    async fn begin(server: &TestServer, fields: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(WINDOW).expect("it may be small");
        let mut stream = socket.connect(([127, 0, 0, 1], server.port()).into()).await.expect("the server accepts");
        let head = format!("GET /large.txt HTTP/1.1\r\nHost: localhost:{}\r\n{fields}Connection: close\r\n\r\n", server.port());
        stream.write_all(head.as_bytes()).await.expect("it is open");
        let mut download = Self { stream, got: Vec::new() };
        while download.head_end().is_none() {
            let read = download.stream.read_buf(&mut download.got).await.expect("it is open");
            assert!(read > 0, "the head is complete");
        }
        assert!(download.got.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&download.got[..40]));
        download
    }

    fn head_end(&self) -> Option<usize> {
        self.got.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)
    }

    /// Head and body, once the connection has ended, in whatever way.
    async fn end(mut self) -> (String, Vec<u8>) {
        while self.stream.read_buf(&mut self.got).await.is_ok_and(|read| read > 0) {}
        let body = self.got.split_off(self.head_end().expect("a head"));
        (String::from_utf8_lossy(&self.got).to_ascii_lowercase(), body)
    }
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_sent_is_never_a_complete_answer() {
    let project = TestProject::from_text("-- index.html --\n<p>Here</p>\n");
    let (file, text) = (project.path().join("large.txt"), letters());
    fs::write(&file, &text).expect("it is written");
    let server = TestServer::start(project.path());
    for fields in ["", "Accept-Encoding: gzip\r\n", "Range: bytes=1000-\r\nIf-Range: \"no such tag\"\r\n"] {
        fs::write(&file, &text).expect("it is written");
        let download = Download::begin(&server, fields).await;
        File::options().write(true).open(&file).and_then(|file| file.set_len(1000)).expect("it is cut");
        let (head, body) = download.end().await;
        if head.contains("transfer-encoding: chunked") {
            assert!(!body.ends_with(b"\r\n0\r\n\r\n"), "an end was made of it: {fields:?}\n{head}");
        } else {
            assert!(head.contains(&format!("content-length: {BYTES}\r\n")), "{fields:?}\n{head}");
            assert!(body.len() < BYTES && text.starts_with(&body), "{} bytes: {fields:?}\n{head}", body.len());
        }
        assert!(get(&server.url).await.text().contains("<p>Here</p>"), "the others go on");
    }
}

#[tokio::test]
async fn a_file_that_goes_or_is_replaced_while_it_is_sent_is_sent_as_it_was() {
    let project = TestProject::from_text("-- index.html --\n<p>Here</p>\n");
    let (file, text) = (project.path().join("large.txt"), letters());
    let server = TestServer::start(project.path());
    let remove = || fs::remove_file(&file);
    let rename = || fs::rename(&file, project.path().join("elsewhere.txt"));
    let replace = || fs::write(project.path().join("new"), "new").and_then(|()| fs::rename(project.path().join("new"), &file));
    let ways: [&dyn Fn() -> std::io::Result<()>; 3] = [&remove, &rename, &replace];
    for (number, way) in ways.iter().enumerate() {
        fs::write(&file, &text).expect("it is written");
        let download = Download::begin(&server, "").await;
        way().expect("it is done");
        let (head, body) = download.end().await;
        assert!(head.contains(&format!("content-length: {BYTES}\r\n")), "{number}\n{head}");
        assert!(body == text, "{number}: {} bytes are those of the file as it was", body.len());
        let next = get(&server.at("/large.txt")).await;
        assert!(next.status == 404 || next.text() == "new", "{number}: {}", next.status);
    }
}
