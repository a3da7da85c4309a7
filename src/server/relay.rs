//! The way of DevTools to a tab of a phone: a listener of its own on loopback, with a path for each tab that nobody can guess.
//!
//! A phone's browser takes no websocket from the page that DevTools are. So they connect here, by what [`Relay::link`] gives, and are led
//! on without their `Origin`, byte for byte: what a message weighs takes no memory here. Nothing listens before the first link.
//!
//! Whoever speaks with a tab does with it as they like. A request comes through with one of our names, the path of a link, a socket of our own
//! user's and a websocket's handshake, whatever its `Origin`; every other one is answered as what is not there, and no phone hears of it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{body::Body, response::Response};
use http::{HeaderValue, Request, StatusCode, header::SEC_WEBSOCKET_KEY};
use hyper_util::rt::TokioIo;
use tokio::{
    io::copy_bidirectional,
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::service_fn;

use super::{
    BindError, Bound, Connection, Door, Room, bind_control,
    control::{is_another_user, sealed},
    hosts::Hosts,
    reply::{head, refuse},
    serve,
};
use crate::{device::Debuggee, joined::joined, reload::Token, telemetry::Notices, websocket::switch};

/// Tabs that have links. The one whose link is the oldest loses it: nobody looks at so many.
const LINKS: usize = 16;

/// Sockets at once: two for each tab, as a window that is loaded anew has for a moment.
const SOCKETS: usize = 2 * LINKS;

/// Links that may be asked for ahead.
const AHEAD: usize = 16;

/// Gives links to tabs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Relay(mpsc::Sender<LinkAsked>);

/// A link that somebody waits for.
#[derive(Debug)]
pub struct LinkAsked {
    tab: Debuggee,
    answer: oneshot::Sender<Result<String, NoLink>>,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum NoLink {
    /// Nothing can be listened on.
    #[error("no port of this machine's loopback can be had: {0}")]
    Bind(#[from] BindError),
    /// Nothing is unguessable.
    #[error("the system has no random source ({0})")]
    Random(#[from] getrandom::Error),
    /// The server ends.
    #[error("the server ends")]
    Over,
}

impl Relay {
    /// A handle, and what [`serve_relay`] is to answer.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<LinkAsked>) {
        let (sender, asked) = mpsc::channel(AHEAD);
        (Self(sender), asked)
    }

    /// Where DevTools reach a tab: host, port and path of a websocket, the same each time for the same tab. A secret.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn link(&self, tab: Debuggee) -> Result<String, NoLink> {
        let (answer, answered) = oneshot::channel();
        self.0.send(LinkAsked { tab, answer }).await.map_err(|_| NoLink::Over)?;
        answered.await.unwrap_or(Err(NoLink::Over))
    }
}

/// What the relay needs of the session.
#[derive(Clone, Debug)]
pub struct RelayRooms {
    /// The way to the console.
    pub notices: Notices,
    /// The tasks of open sockets.
    pub sockets: TaskTracker,
    /// Ends all.
    pub stop: CancellationToken,
}

/// Answers for links, and from the first one on whoever comes by them, until the stop.
pub async fn serve_relay(mut asked: mpsc::Receiver<LinkAsked>, rooms: RelayRooms) {
    let desk = Desk { links: Links::default(), seats: Arc::new(Semaphore::new(SOCKETS)), rooms };
    let (mut listening, mut place) = (JoinSet::new(), None);
    loop {
        tokio::select! {
            () = desk.rooms.stop.cancelled() => break,
            Some(LinkAsked { tab, answer }) = asked.recv() => {
                // Whoever asked may have gone.
                let _ = answer.send(desk.link(tab, &mut place, &mut listening));
            }
            Some(ended) = listening.join_next() => drop(joined(ended)),
        }
    }
    while let Some(ended) = listening.join_next().await {
        joined(ended);
    }
}

/// The tabs that have links, the one whose link is the oldest first. Cheap to clone.
#[derive(Clone, Debug, Default)]
struct Links(Arc<Mutex<VecDeque<(Token, Debuggee)>>>);

impl Links {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Token, Debuggee)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token of a tab, made where it has none.
    fn token(&self, tab: Debuggee) -> Result<Token, getrandom::Error> {
        let mut links = self.lock();
        if let Some((token, _)) = links.iter().find(|(_, known)| known.is_same(&tab)) {
            return Ok(token.clone());
        }
        let token = Token::new()?;
        if links.len() == LINKS {
            links.pop_front();
        }
        links.push_back((token.clone(), tab));
        Ok(token)
    }

    fn tab(&self, token: &str) -> Option<Debuggee> {
        self.lock().iter().find(|(known, _)| known.matches(token)).map(|(_, tab)| tab.clone())
    }
}

/// Who knows of the links, and lets in by them. Cheap to clone.
#[derive(Clone, Debug)]
struct Desk {
    links: Links,
    seats: Arc<Semaphore>,
    rooms: RelayRooms,
}

impl Desk {
    /// The link of a tab; listens at a `place` of its own where there is none yet.
    fn link(&self, tab: Debuggee, place: &mut Option<String>, listening: &mut JoinSet<()>) -> Result<String, NoLink> {
        let token = self.links.token(tab)?;
        let place = match place {
            Some(place) => place,
            None => place.insert(self.listen(listening)?),
        };
        Ok(format!("{place}/{}", token.reveal()))
    }

    fn listen(&self, listening: &mut JoinSet<()>) -> Result<String, BindError> {
        let Bound { listeners, port, .. } = bind_control()?;
        let address = listeners.first().and_then(|listener| listener.local_addr().ok());
        let place = address.map_or_else(|| format!("localhost:{port}"), |address| address.to_string());
        let notices = self.rooms.notices.clone();
        let door = Door::new(None, Room::new(notices.clone()), notices);
        let desk = self.clone();
        let service = service_fn(move |request| {
            let desk = desk.clone();
            async move { Ok::<_, Infallible>(sealed(desk.answer(request).await)) }
        });
        listening.spawn(serve(listeners, door, service, self.rooms.stop.clone()));
        Ok(place)
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let headers = head(&request);
        let missing = || refuse(&headers, StatusCode::NOT_FOUND, "there is nothing here");
        let Some(Admitted { connection, tab, key, switch }) = self.admit(&request) else { return missing() };
        // The link passes through the arguments of a browser's process, where other users of the machine can read it.
        if is_another_user(connection.remote, connection.local).await {
            return missing();
        }
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            return refuse(&headers, StatusCode::SERVICE_UNAVAILABLE, "too many DevTools are open; close some");
        };
        let mut phone = match tab.attach(&key).await {
            Ok(phone) => phone,
            Err(why) => return refuse(&headers, StatusCode::BAD_GATEWAY, why),
        };
        let (upgrade, stop) = (hyper::upgrade::on(request), self.rooms.stop.clone());
        self.rooms.sockets.spawn(async move {
            let _seat = seat;
            let Ok(devtools) = upgrade.await else { return };
            let mut devtools = TokioIo::new(devtools);
            // It ends with either side; an error says only that one of them did so in a hurry.
            let _ = stop.run_until_cancelled(copy_bidirectional(&mut devtools, &mut phone)).await;
        });
        switch
    }

    /// What a request is for; `None` where it may not come through.
    fn admit(&self, request: &Request<Body>) -> Option<Admitted> {
        let connection: Connection = request.extensions().get().copied()?;
        Hosts::default().check(request.uri(), request.headers(), connection).ok()?;
        let tab = self.links.tab(request.uri().path().strip_prefix('/')?)?;
        let key = request.headers().get(SEC_WEBSOCKET_KEY)?.clone();
        Some(Admitted { connection, tab, key, switch: switch(request)? })
    }
}

/// A request that has the link of a tab.
struct Admitted {
    connection: Connection,
    tab: Debuggee,
    /// That of its websocket.
    key: HeaderValue,
    /// The answer that makes it one.
    switch: Response,
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// A relay whose phones are behind `adb`.
    struct Running {
        adb: TcpListener,
        relay: Relay,
        stop: CancellationToken,
        tasks: JoinSet<()>,
    }

    impl Running {
        async fn start() -> Self {
            let adb = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let ((relay, asked), stop) = (Relay::channel(), CancellationToken::new());
            let rooms = RelayRooms { notices: Notices::channel().0, sockets: TaskTracker::new(), stop: stop.clone() };
            let mut tasks = JoinSet::new();
            tasks.spawn(serve_relay(asked, rooms));
            Self { adb, relay, stop, tasks }
        }

        /// Host and port, and the path, of the link of a tab.
        async fn link(&self, id: &str) -> (String, String) {
            let link = self.relay.link(Debuggee::at(self.adb.local_addr().unwrap(), id)).await.unwrap();
            let (place, token) = link.split_once('/').unwrap();
            (place.to_owned(), format!("/{token}"))
        }

        /// Whether somebody was led to the phone by now.
        fn is_led(&self) -> bool {
            self.adb.accept().now_or_never().is_some()
        }
    }

    /// A handshake as a browser sends it, from the DevTools' page.
    fn handshake_at(host: &str, path: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://chrome-devtools-frontend.appspot.com\r\n\r\n"
        )
    }

    async fn ask(place: &str, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(place).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn status(place: &str, request: &str) -> String {
        let mut stream = ask(place, request).await;
        let mut head = [0; "HTTP/1.1 404".len()];
        stream.read_exact(&mut head).await.unwrap();
        String::from_utf8_lossy(&head).into_owned()
    }

    #[tokio::test]
    async fn whoever_has_no_link_finds_nothing_and_no_phone_hears_of_it() {
        let running = Running::start().await;
        let ((place, path), (_, other)) = (running.link("1").await, running.link("2").await);
        assert_ne!(path, other);
        let port = place.rsplit_once(':').unwrap().1;
        let another = if path.starts_with("/0") { '1' } else { '0' };
        let named = |host: &str| handshake_at(host, &path);
        let at = |path: &str| handshake_at(&place, path);
        let near = [
            at("/"),
            at(&path[..path.len() - 1]),
            at(&format!("{path}0")),
            at(&format!("{path}/")),
            at(&format!("/{path}")),
            at(&format!("/{another}{}", &path[2..])),
            at(&path.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")),
            at(&format!("/?token={}", &path[1..])),
            at("/json/list"),
            named("evil.example"),
            named(&format!("evil.example:{port}")),
            named(&format!("127.0.0.2:{port}")),
            named("127.0.0.1"),
            named("127.0.0.1:1"),
            named(&place).replace("GET", "POST"),
            named(&place).replace("Upgrade: websocket\r\n", ""),
            named(&place).replace("Version: 13", "Version: 12"),
            named(&place).replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        ];
        for request in near {
            assert_eq!(status(&place, &request).await, "HTTP/1.1 404", "{request}");
        }
        assert!(!running.is_led());
        let _asking = [ask(&place, &at(&path)).await, ask(&place, &named(&format!("localhost:{port}"))).await];
        for _ in 0..2 {
            running.adb.accept().await.unwrap();
        }
        running.stop.cancel();
    }

    #[tokio::test]
    async fn a_phone_that_does_not_answer_is_told_apart() {
        let running = Running::start().await;
        let (place, path) = running.link("1").await;
        let Running { adb, stop, .. } = running;
        drop(adb);
        assert_eq!(status(&place, &handshake_at(&place, &path)).await, "HTTP/1.1 502");
        stop.cancel();
    }

    #[tokio::test]
    async fn a_tab_has_one_link_and_not_all_have_one() {
        let running = Running::start().await;
        let first = running.link("0").await;
        assert_eq!(running.link("0").await, first);
        for id in 1..=LINKS {
            running.link(&id.to_string()).await;
        }
        assert_eq!(status(&first.0, &handshake_at(&first.0, &first.1)).await, "HTTP/1.1 404");
        assert!(!running.is_led());
        assert_ne!(running.link("0").await, first);
    }

    #[tokio::test]
    async fn nothing_is_linked_once_all_ends() {
        let running = Running::start().await;
        let tab = Debuggee::at(running.adb.local_addr().unwrap(), "1");
        let Running { relay, stop, tasks, .. } = running;
        stop.cancel();
        tasks.join_all().await;
        assert!(matches!(relay.link(tab).await, Err(NoLink::Over)));
    }
}
