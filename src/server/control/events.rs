//! `/api/events`: what the console says, live, as `--log json` has it.
//!
//! Nothing is heard on this socket, and nothing waits for it: whoever is too far behind is told how many events it missed.

use std::{pin::pin, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures_util::StreamExt;
use http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message as Frame,
        protocol::{Role, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;

use super::ControlRooms;
use crate::{
    server::reply::refuse,
    telemetry::event_line,
    websocket::{PING, close, limits, say, switch},
};

/// What this socket speaks. A page cannot send headers with a handshake: it names this protocol, and its token as another one.
const PROTOCOL: &str = "everlit";

/// Stands before the token where that is named as a protocol.
const BEARER: &str = "bearer.";

/// Sockets at once: some tabs and tools.
pub(super) const SOCKETS: usize = 16;

/// Largest message that is read; none is wanted.
const MESSAGE: usize = 4096;

/// The token of a handshake, where it is named as a protocol.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    protocols(headers).find_map(|protocol| protocol.strip_prefix(BEARER))
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

pub(super) async fn events(State(rooms): State<ControlRooms>, request: Request) -> Response {
    let headers = request.headers();
    let Some(mut response) = switch(&request) else {
        return refuse(headers, StatusCode::BAD_REQUEST, "this address is for websockets; send an Upgrade");
    };
    let Ok(seat) = Arc::clone(&rooms.seats).try_acquire_owned() else {
        return refuse(headers, StatusCode::SERVICE_UNAVAILABLE, "too many listen to the events; close some");
    };
    if protocols(headers).any(|protocol| protocol == PROTOCOL) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    let (overheard, stop) = (rooms.notices.overhear(), rooms.stop.clone());
    let upgrade = hyper::upgrade::on(request);
    let life = async move {
        let _seat = seat;
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits(MESSAGE))).await;
        if tell(&mut socket, overheard, stop).await.is_some() {
            close(&mut socket, Some(CloseCode::Away)).await;
        }
    };
    rooms.sockets.spawn_on(life, &rooms.runtime);
    response
}

/// Tells until we end; `None` when the other side has gone.
async fn tell<S>(socket: &mut WebSocketStream<S>, mut overheard: Receiver<Arc<str>>, stop: CancellationToken) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    say(socket, Frame::text(event_line("listening", json!({})).trim_end())).await?;
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut is_there = true;
    let mut stopped = pin!(stop.cancelled());
    loop {
        tokio::select! {
            heard = overheard.recv() => match heard {
                Ok(line) => say(socket, Frame::text(&*line)).await?,
                Err(RecvError::Lagged(events)) => {
                    say(socket, Frame::text(event_line("missed", json!({ "events": events })).trim_end())).await?;
                }
                Err(RecvError::Closed) => return Some(()),
            },
            frame = socket.next() => match frame?.ok()? {
                Frame::Close(_) => return None,
                _ => is_there = true,
            },
            _ = ping.tick() => {
                if !std::mem::take(&mut is_there) {
                    return Some(());
                }
                say(socket, Frame::Ping(bytes::Bytes::new())).await?;
            }
            () = &mut stopped => return Some(()),
        }
    }
}
