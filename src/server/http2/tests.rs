//! A client of HTTP/2 that hears what comes before its answers, at a listener.

use std::{convert::Infallible, future::poll_fn, sync::Arc};

use axum::body::Body;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::{Service, service_fn};

use super::as_http1;
use crate::{
    proxy::Interim,
    server::{Door, Room, serve},
    telemetry::Notices,
};

/// A listener and a client's connection to it.
struct Both {
    client: SendRequest<Bytes>,
    _tasks: JoinSet<()>,
}

impl Both {
    async fn before<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let notices = Notices::channel().0;
        let door = Door::new(None, Room::new(notices.clone()), notices);
        tasks.spawn(serve(vec![listener], door, service, CancellationToken::new()));
        let mut builder = h2::client::Builder::new();
        // Small windows make small frames, of which the client takes so many only.
        builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 25);
        let (client, connection) = builder.handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
        tasks.spawn(async { connection.await.unwrap() });
        Self { client, _tasks: tasks }
    }

    async fn get(&mut self, path: &str) -> ResponseFuture {
        poll_fn(|cx| self.client.poll_ready(cx)).await.unwrap();
        let request = Request::get(format!("http://localhost{path}")).header("everlit-stream", "1").body(()).unwrap();
        self.client.send_request(request, true).unwrap().0
    }
}

/// What is said next before the answer; `None` once that has come.
async fn said(answer: &mut ResponseFuture) -> Option<(u16, String)> {
    let said = poll_fn(|cx| answer.poll_informational(cx)).await?.unwrap();
    let link = said.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    Some((said.status().as_u16(), link.unwrap_or_default()))
}

async fn text(answer: Response<h2::RecvStream>) -> String {
    let mut body = answer.into_body();
    let mut text = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text).unwrap()
}

fn hint(interim: &Interim, link: &str) {
    let mut headers = HeaderMap::new();
    headers.insert("link", HeaderValue::from_str(link).unwrap());
    interim.send(StatusCode::EARLY_HINTS, &headers);
}

#[tokio::test]
async fn what_is_said_arrives_while_the_answer_is_awaited() {
    let heard = Arc::new(Notify::new());
    let goes_on = heard.clone();
    let mut both = Both::before(service_fn(move |request: Request<Body>| {
        let goes_on = goes_on.clone();
        async move {
            assert!(!request.headers().contains_key("everlit-stream"));
            let interim = request.extensions().get::<Interim>().unwrap();
            hint(interim, "</a.css>");
            interim.send(StatusCode::PROCESSING, &HeaderMap::new());
            goes_on.notified().await;
            hint(interim, "</b.js>");
            Ok(Response::new(Body::from("answer")))
        }
    }))
    .await;
    for _ in 0..3 {
        let mut answer = both.get("/").await;
        assert_eq!(said(&mut answer).await, Some((103, "</a.css>".to_owned())));
        assert_eq!(said(&mut answer).await, Some((102, String::new())));
        heard.notify_one();
        assert_eq!(said(&mut answer).await, Some((103, "</b.js>".to_owned())), "with the answer behind it");
        assert_eq!(said(&mut answer).await, None);
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(text(answer).await, "answer");
    }
}

#[tokio::test]
async fn each_stream_is_told_its_own() {
    const STREAMS: usize = 100;
    let mut both = Both::before(service_fn(async |request: Request<Body>| {
        let (interim, path) = (request.extensions().get::<Interim>().unwrap(), request.uri().path());
        for part in 0..3 {
            hint(interim, &format!("<{path}/{part}>"));
            tokio::task::yield_now().await;
        }
        // More than goes out at once, so that frames are cut where the socket is full.
        Ok(Response::new(Body::from(path.repeat(20_000))))
    }))
    .await;
    let mut answers = JoinSet::new();
    for number in 0..STREAMS {
        let mut answer = both.get(&format!("/{number:03}")).await;
        answers.spawn(async move {
            let mut told = Vec::new();
            while let Some((status, link)) = said(&mut answer).await {
                assert_eq!((status, &link[..5]), (103, format!("</{number:03}").as_str()));
                told.push(link);
            }
            assert_eq!(text(answer.await.unwrap()).await, format!("/{number:03}").repeat(20_000));
            assert!(told.is_sorted(), "{told:?}");
            told.len()
        });
    }
    let told: usize = answers.join_all().await.into_iter().sum();
    // Where frames are cut, hints may come too late; most do not.
    assert!(told > STREAMS, "{told} of {}", STREAMS * 3);
}

fn check(uri: &str, pairs: &[(&'static str, &str)], expected: &[(&str, &str)]) {
    let mut request = Request::builder().uri(uri).body(()).unwrap();
    for (name, value) in pairs {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    as_http1(&mut request);
    let found: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(found, expected, "{uri} {pairs:?}");
}

#[test]
fn requests_get_the_form_of_http1() {
    check("https://localhost:4747/a", &[], &[("host", "localhost:4747")]);
    check("https://localhost:4747/a", &[("host", "other")], &[("host", "other")]);
    check("/a", &[], &[]);
    check("/", &[("cookie", "a=1")], &[("cookie", "a=1")]);
    check("/", &[("cookie", "a=1"), ("cookie", "b=2; c=3")], &[("cookie", "a=1; b=2; c=3")]);
}
