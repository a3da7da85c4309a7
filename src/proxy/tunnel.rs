//! An upgraded connection: bytes to and fro until one side closes, or the program is replaced.
//!
//! A websocket whose program is replaced is told so with close code 1012 (service restart), where the bytes sent so far end
//! with a whole frame; clients then connect again. Other protocols are just closed.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf},
    time::timeout,
};

use super::{frames::Frames, gate::Entry, transport::Driving};

/// A close frame with code 1012 (RFC 6455 §5.5.1, IANA registry of close codes).
const SERVICE_RESTART: [u8; 4] = [0x88, 0x02, 0x03, 0xf4];

/// How long the browser may take to take the close frame and close its end, before the connection is cut; a little less than a
/// drain waits for it.
const FAREWELL_LIMIT: Duration = Duration::from_millis(200);

/// What runs through the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Websocket,
    Other,
}

type Pipe = TokioIo<Upgraded>;

/// Joins two upgraded connections, the program's one once its last message is through. Ends when either side closes or the
/// backend of `entry` asks for it.
pub(super) async fn run(browser: OnUpgrade, app: OnUpgrade, rest: Option<Driving>, speech: Speech, entry: Entry) {
    let app = async {
        if let Some(rest) = rest {
            rest.run().await;
        }
        app.await
    };
    // Either side may be gone before the switch is complete; then there is nobody to tell.
    if let Ok((browser, app)) = tokio::try_join!(browser, app) {
        join(TokioIo::new(browser), TokioIo::new(app), speech, &entry).await;
    }
}

async fn join(browser: Pipe, app: Pipe, speech: Speech, entry: &Entry) {
    let (mut from_browser, to_browser) = tokio::io::split(browser);
    let (mut from_app, mut to_app) = tokio::io::split(app);
    let mut to_browser = Followed { inner: to_browser, frames: Frames::default() };
    let is_replaced = tokio::select! {
        _ = tokio::io::copy(&mut from_browser, &mut to_app) => false,
        _ = tokio::io::copy(&mut from_app, &mut to_browser) => false,
        () = entry.ends().tunnels.cancelled() => true,
    };
    // Both are closing: an error here says only that one was faster.
    let _ = to_app.shutdown().await;
    let _ = timeout(FAREWELL_LIMIT, async {
        if is_replaced && speech == Speech::Websocket && to_browser.frames.at_boundary() {
            to_browser.inner.write_all(&SERVICE_RESTART).await?;
        }
        to_browser.inner.shutdown().await?;
        wait_for_end(&mut from_browser).await
    })
    .await;
}

/// Reads until the browser has closed its end: closing ours with something unread could discard what is on its way.
async fn wait_for_end(from_browser: &mut (impl AsyncRead + Unpin)) -> io::Result<u64> {
    tokio::io::copy(from_browser, &mut tokio::io::sink()).await
}

/// The way to the browser, followed frame by frame.
struct Followed {
    inner: WriteHalf<Pipe>,
    frames: Frames,
}

impl AsyncWrite for Followed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.frames.advance(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
