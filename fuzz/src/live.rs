//! A project that is listened for, and clients that say anything.

use std::{net::SocketAddr, path::Path, time::Duration};

use everlit::server::{Door, Room, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::yield_now,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::served::{PORT, Served};

/// How long anything may take that has all it needs.
const LIMIT: Duration = Duration::from_secs(3);

/// How often others get their turn between two pieces of what is sent.
const TURNS: usize = 3;

/// A served project at a port of its own.
pub struct Live {
    pub served: Served,
    address: SocketAddr,
}

impl Live {
    /// Serves the project in a folder.
    pub fn new(folder: &Path) -> Self {
        let served = Served::new(folder);
        let address = served.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let notices = served.notices.clone();
            let door = Door::new(None, Room::new(notices.clone()), notices).known_as(PORT);
            tokio::spawn(serve(vec![listener], door, served.service.clone(), CancellationToken::new()));
            address
        });
        Self { served, address }
    }

    /// A new connection.
    pub async fn connect(&self) -> TcpStream {
        let stream = bounded("a connection", TcpStream::connect(self.address)).await.expect("somebody listens");
        stream.set_nodelay(true).expect("it is a socket");
        stream
    }

    /// What is answered to these pieces until the connection ends. It is to end once there is no more to come.
    pub async fn say(&self, pieces: &[&[u8]]) -> Vec<u8> {
        converse(self.connect().await, pieces).await
    }
}

/// Says these pieces, and hears until the end of the connection. A server may close before it has read all.
pub async fn converse(stream: TcpStream, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut reader, mut writer) = stream.into_split();
    let say = async {
        for piece in pieces {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            for _ in 0..TURNS {
                yield_now().await;
            }
        }
        let _ = writer.shutdown().await;
    };
    let mut heard = Vec::new();
    let hear = async {
        // A reset loses what was not read, and is an end as well.
        let _ = reader.read_to_end(&mut heard).await;
    };
    bounded("the end of a connection", async { tokio::join!(say, hear) }).await;
    heard
}

/// What this gives, soon.
///
/// # Panics
/// When it does not.
pub async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(LIMIT, future).await {
        Ok(given) => given,
        Err(_) => panic!("{what} does not come"),
    }
}
