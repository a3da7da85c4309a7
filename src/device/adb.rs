//! Requests to a running adb server, each on a connection of its own and within a time limit.
//!
//! A request for a device has two parts, `host:transport:SERIAL` and the service; the second is answered by the device itself.
//! This file knows no device's state and decides nothing.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    frame::{self, Malformed, Status},
    limits::OUTPUT,
    untrusted::shown,
};

/// How much of an answer is read at once: all of nearly every one.
const READ: usize = 4096;

/// What a phone says when a program of its own has the port.
pub(super) const IN_USE: &str = "Address already in use";

/// What it says when the port is for its system alone.
const FORBIDDEN: &str = "Permission denied";

/// Why a request was not granted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no adb server listens")]
    Absent,
    #[error("the adb server ended the connection")]
    Ended,
    /// The words of the adb server or of the phone, fit to be shown.
    #[error("{0}")]
    Refused(String),
    #[error("the answer is not in adb's protocol")]
    Malformed,
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
}

impl Error {
    /// Whether another port may be had where this one was refused.
    pub(super) fn is_about_the_port(&self) -> bool {
        matches!(self, Self::Refused(reason) if reason.contains(IN_USE) || reason.contains(FORBIDDEN))
    }
}

/// The address of an adb server; connects anew for each request.
#[derive(Clone, Debug)]
pub(super) struct Adb {
    address: SocketAddr,
    patience: Duration,
}

/// A connection to the adb server, or through it to a service of a device.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Adb {
    pub(super) fn new(address: SocketAddr, patience: Duration) -> Self {
        Self { address, patience }
    }

    /// The same, with another limit for each request.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A connection that carries a block of all devices at once, and another at each change.
    pub(super) async fn track(&self) -> Result<Connection, Error> {
        self.within_patience(async {
            let mut connection = Connection::open(self.address).await?;
            connection.ask("host:track-devices-l").await?;
            Ok(connection)
        })
        .await
    }

    /// The devices that the server knows now, as a block of lines.
    pub(super) async fn devices(&self) -> Result<String, Error> {
        self.within_patience(async {
            let mut connection = Connection::open(self.address).await?;
            connection.ask("host:devices-l").await?;
            connection.block().await
        })
        .await
    }

    /// What a device's service says until it ends; of a long answer the last [`OUTPUT`] bytes.
    pub(super) async fn output(&self, serial: &str, service: &str) -> Result<String, Error> {
        self.within_patience(async { Ok(self.open(serial, service).await?.rest().await) }).await
    }

    /// The text that a device's service answers.
    pub(super) async fn query(&self, serial: &str, service: &str) -> Result<String, Error> {
        self.within_patience(async { self.open(serial, service).await?.block().await }).await
    }

    /// Has a device's service do something. Success is two `OKAY`s: the first says that the service was reached, the second
    /// that it did it.
    pub(super) async fn command(&self, serial: &str, service: &str) -> Result<(), Error> {
        self.within_patience(async { self.open(serial, service).await?.status().await }).await
    }

    /// A connection to a socket of a device, by its abstract name. Who asks for it limits how long that may take.
    pub(super) async fn socket(&self, serial: &str, name: &str) -> Result<TcpStream, Error> {
        self.open(serial, &format!("localabstract:{name}")).await?.into_stream()
    }

    async fn open(&self, serial: &str, service: &str) -> Result<Connection, Error> {
        let mut connection = Connection::open(self.address).await?;
        connection.ask(&format!("host:transport:{serial}")).await?;
        connection.ask(service).await?;
        Ok(connection)
    }

    /// The request, within the limit of one.
    pub(super) async fn within_patience<T, E: From<Error>>(&self, request: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        timeout(self.patience, request).await.unwrap_or_else(|_| Err(Error::Late(self.patience).into()))
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.map_err(|_| Error::Absent)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(READ) })
    }

    /// The connection itself, to a service that waits to be spoken to.
    fn into_stream(self) -> Result<TcpStream, Error> {
        if self.buffer.is_empty() { Ok(self.stream) } else { Err(Error::Malformed) }
    }

    async fn ask(&mut self, request: &str) -> Result<(), Error> {
        self.stream.write_all(&frame::request(request)).await?;
        self.status().await
    }

    async fn status(&mut self) -> Result<(), Error> {
        match self.take(frame::take_status).await? {
            Status::Okay => Ok(()),
            Status::Fail => Err(Error::Refused(shown(&self.block().await?))),
        }
    }

    /// The next text. Dropping the wait loses nothing.
    pub(super) async fn block(&mut self) -> Result<String, Error> {
        self.take(frame::take_text).await
    }

    /// What is left until the other end closes; where that breaks off, it is what came before.
    async fn rest(&mut self) -> String {
        while matches!(self.stream.read_buf(&mut self.buffer).await, Ok(read) if read > 0) {
            let excess = self.buffer.len().saturating_sub(OUTPUT);
            self.buffer.advance(excess);
        }
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    async fn take<T>(&mut self, taker: fn(&mut BytesMut) -> Result<Option<T>, Malformed>) -> Result<T, Error> {
        loop {
            if let Some(taken) = taker(&mut self.buffer)? {
                return Ok(taken);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(Error::Ended);
            }
        }
    }
}

impl From<Malformed> for Error {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// Once connected, every failure of a loopback socket means that the other end is gone.
impl From<io::Error> for Error {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}
