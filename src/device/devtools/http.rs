//! Questions to a browser's DevTools that are asked by HTTP.

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet};

use super::Error;

/// How long an answer may be. The list of a hundred tabs has some dozen kilobytes, but pages may have whole pictures in their addresses.
const ANSWER: usize = 4 * 1024 * 1024;

/// How long the head of one may be.
pub(super) const HEAD: usize = 16 * 1024;

/// What a browser answers, on a connection that is for this question alone.
pub(super) async fn get(stream: TcpStream, path: &str) -> Result<Value, Error> {
    let (mut sender, connection) = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await?;
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    // By any other name a page of another origin might be asking (DNS rebinding), which browsers refuse.
    let request = Request::get(path).header(HOST, "localhost").body(Empty::<Bytes>::new()).map_err(|_| Error::Malformed)?;
    let answer = sender.send_request(request).await?;
    if !answer.status().is_success() {
        return Err(Error::Refused(answer.status().to_string()));
    }
    let body = Limited::new(answer.into_body(), ANSWER).collect().await.map_err(|_| Error::Malformed)?;
    Ok(serde_json::from_slice(&body.to_bytes())?)
}
