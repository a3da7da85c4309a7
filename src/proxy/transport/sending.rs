//! The body of a request on its way to a program of HTTP/2, at the speed at which the program takes it.

use std::{future::poll_fn, pin::Pin, task::Poll};

use bytes::Bytes;
use h2::{Error, Reason, SendStream};
use http_body::{Body as _, Frame};

use crate::proxy::body::Outgoing;

/// Sends a body to its end, or until the program does not want it: what it says to that is its answer.
pub(super) async fn run(mut body: Outgoing, mut stream: SendStream<Bytes>) {
    let _ = pass(&mut body, &mut stream).await;
}

async fn pass(body: &mut Outgoing, stream: &mut SendStream<Bytes>) -> Result<(), Error> {
    while let Some(frame) = next(body, stream).await? {
        match frame.into_data() {
            Ok(data) => {
                let is_last = body.is_end_stream();
                send(data, is_last, stream).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return stream.send_trailers(trailers);
                }
            }
        }
    }
    stream.send_data(Bytes::new(), true)
}

/// The next frame of the body, unless the program resets the stream; a browser that breaks off makes us do it.
async fn next(body: &mut Outgoing, stream: &mut SendStream<Bytes>) -> Result<Option<Frame<Bytes>>, Error> {
    let frame = poll_fn(|cx| match stream.poll_reset(cx) {
        Poll::Ready(reset) => Poll::Ready(Err(reset.map_or_else(|error| error, Error::from))),
        Poll::Pending => Pin::new(&mut *body).poll_frame(cx).map(Ok),
    });
    frame.await?.transpose().map_err(|_| {
        stream.send_reset(Reason::CANCEL);
        Error::from(Reason::CANCEL)
    })
}

/// Sends a piece once the program takes any of it: more asked for ahead would be kept from the connection's other streams.
async fn send(data: Bytes, is_last: bool, stream: &mut SendStream<Bytes>) -> Result<(), Error> {
    if !data.is_empty() {
        stream.reserve_capacity(1);
        while stream.capacity() == 0 {
            let granted = poll_fn(|cx| stream.poll_capacity(cx)).await;
            granted.unwrap_or(Err(Error::from(Reason::CANCEL)))?;
        }
    }
    stream.send_data(data, is_last)
}
