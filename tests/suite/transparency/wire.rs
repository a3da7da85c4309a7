//! HTTP/1.1 as it is on the wire, read by rules of this test's own: what the code under test is made of takes no part.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the next byte may take: long enough for a loaded machine.
const BYTE_LIMIT: Duration = Duration::from_secs(20);

/// A field of a head or a trailer: the name in lower case, the value without the blanks around it.
pub(super) type Field = (String, Vec<u8>);

/// A message, complete and taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The request line or the status line.
    pub(super) start: String,
    pub(super) fields: Vec<Field>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<Field>,
}

/// Whose message is read, for what decides whether a body follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Answer,
    /// An answer to HEAD.
    HeadAnswer,
}

/// One end of a connection.
pub(super) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        Self { stream, read: Vec::new() }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The start line and the fields; `None` when the connection ends before.
    pub(super) async fn head(&mut self) -> Option<Message> {
        let start = self.line().await?;
        let fields = self.fields().await?;
        Some(Message { start: String::from_utf8_lossy(&start).into_owned(), fields, ..Message::default() })
    }

    /// What follows a head; `None` when it breaks off.
    pub(super) async fn body(&mut self, message: &mut Message, kind: Kind) -> Option<()> {
        let status = message.start.split(' ').nth(1).unwrap_or_default().to_owned();
        if kind == Kind::HeadAnswer || kind == Kind::Answer && ["204", "304"].contains(&status.as_str()) {
            return Some(());
        }
        let value = |name: &str| message.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        let coding = value("transfer-encoding").unwrap_or_default();
        if coding.to_ascii_lowercase().ends_with(b"chunked") {
            return self.chunks(message).await;
        }
        match (value("content-length"), kind) {
            (Some(length), _) => {
                let length = String::from_utf8_lossy(&length).parse().expect("a length");
                message.body = self.bytes(length).await?;
            }
            (None, Kind::Request) => (),
            (None, _) => {
                while self.more().await {}
                message.body = std::mem::take(&mut self.read);
            }
        }
        Some(())
    }

    async fn chunks(&mut self, message: &mut Message) -> Option<()> {
        loop {
            let line = String::from_utf8(self.line().await?).ok()?;
            let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).ok()?;
            if length == 0 {
                message.trailers = self.fields().await?;
                return Some(());
            }
            let chunk = self.bytes(length).await?;
            message.body.extend(chunk);
            self.line().await.filter(Vec::is_empty)?;
        }
    }

    async fn fields(&mut self) -> Option<Vec<Field>> {
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(fields);
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                // A fold is as good as a blank.
                fields.last_mut()?.1.extend([b" ", line.trim_ascii()].concat());
                continue;
            }
            let colon = line.iter().position(|&byte| byte == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
    }

    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]).to_vec());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            if !self.more().await {
                return None;
            }
        }
        Some(self.read.drain(..length).collect())
    }

    /// Reads what has come; `false` at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = timeout(BYTE_LIMIT, self.stream.read(&mut buffer)).await.expect("bytes, or the end, in time");
        let length = read.unwrap_or(0);
        self.read.extend_from_slice(&buffer[..length]);
        length > 0
    }
}
