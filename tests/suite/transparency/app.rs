//! The app behind: it records what it gets and says what the shape says, byte for byte.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::sleep};

use super::{
    shape::{NUMBER, Pace, Shape},
    wire::{Kind, Message, Wire},
};

/// Between the pieces of an answer that comes in pieces: enough for each to be a packet of its own.
const PAUSE: Duration = Duration::from_millis(5);

/// A listening app.
pub(super) struct App {
    pub(super) address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Message>,
    _tasks: JoinSet<()>,
}

impl App {
    pub(super) async fn start(shapes: Arc<Vec<Shape>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, seen) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(Wire::new(stream), shapes.clone(), sender.clone()));
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    /// The one request that came since the last look.
    pub(super) fn seen(&mut self) -> Option<Message> {
        let first = self.seen.try_recv().ok();
        assert!(self.seen.try_recv().is_err(), "a request arrives once");
        first
    }
}

async fn converse(mut wire: Wire, shapes: Arc<Vec<Shape>>, seen: mpsc::UnboundedSender<Message>) {
    while let Some(mut request) = wire.head().await {
        let number =
            request.fields.iter().find(|(name, _)| name == NUMBER).map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        // What Everlit asks for itself is of no shape.
        let Some(shape) = number.and_then(|number| number.parse::<usize>().ok()).and_then(|number| shapes.get(number)) else {
            return;
        };
        let waits = request.fields.iter().any(|(name, _)| name == "expect");
        let refuses = waits && shape.refuses;
        if waits && !refuses && wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
            return;
        }
        if !refuses && wire.body(&mut request, Kind::Request).await.is_none() {
            return;
        }
        if seen.send(request).is_err() || say(&mut wire, shape).await.is_err() || shape.closes || refuses {
            return;
        }
    }
}

async fn say(wire: &mut Wire, shape: &Shape) -> std::io::Result<()> {
    match shape.pace {
        Pace::AtOnce => wire.write(&shape.answer).await,
        Pace::InPieces(length) => {
            for piece in shape.answer.chunks(length) {
                wire.write(piece).await?;
                sleep(PAUSE).await;
            }
            Ok(())
        }
    }
}
