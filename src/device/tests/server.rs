//! An adb server that says what a test tells it to, one request after the other.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::PATIENCE;

pub(super) struct Server(TcpListener);

/// One connection to it.
pub(super) struct Client(TcpStream);

impl Server {
    pub(super) async fn start() -> Self {
        Self::at(0).await
    }

    pub(super) async fn at(port: u16) -> Self {
        Self(TcpListener::bind(("127.0.0.1", port)).await.expect("a port"))
    }

    pub(super) fn port(&self) -> u16 {
        self.0.local_addr().expect("bound").port()
    }

    pub(super) async fn accept(&self) -> Client {
        let (stream, _) = timeout(PATIENCE, self.0.accept()).await.expect("somebody connects").expect("a connection");
        Client(stream)
    }

    /// A connection that has asked to follow the devices and has got this first block.
    pub(super) async fn tracked(&self, block: &str) -> Client {
        let mut client = self.accept().await;
        client.expect("host:track-devices-l").await;
        client.say("OKAY").await;
        client.block(block).await;
        client
    }

    /// A connection that has asked this service of this device; the answer goes with what the device says.
    pub(super) async fn serve(&self, serial: &str, service: &str, answer: &str) -> Client {
        let mut client = self.accept().await;
        client.expect(&format!("host:transport:{serial}")).await;
        client.say("OKAY").await;
        client.expect(service).await;
        client.say(answer).await;
        client
    }
}

impl Client {
    pub(super) async fn request(&mut self) -> String {
        timeout(PATIENCE, self.read()).await.expect("a request in time")
    }

    pub(super) async fn expect(&mut self, request: &str) {
        assert_eq!(self.request().await, request);
    }

    pub(super) async fn say(&mut self, wire: &str) {
        self.0.write_all(wire.as_bytes()).await.expect("somebody reads");
    }

    pub(super) async fn block(&mut self, text: &str) {
        self.say(&format!("{:04x}{text}", text.len())).await;
    }

    async fn read(&mut self) -> String {
        let mut digits = [0; 4];
        self.0.read_exact(&mut digits).await.expect("a length");
        let length = usize::from_str_radix(std::str::from_utf8(&digits).expect("digits"), 16).expect("digits");
        let mut text = vec![0; length];
        self.0.read_exact(&mut text).await.expect("a request");
        String::from_utf8(text).expect("text")
    }
}
