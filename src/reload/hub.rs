//! The fan-out to browsers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::{broadcast, mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{ear::Tab, message::Message, shelf::Shelf, source::Source, token::Token, update::Update};
use crate::{
    generation::{Generation, Standing},
    telemetry::Notices,
};

/// Messages a browser may be behind. One that is further behind is let go: it reconnects and compares.
const QUEUE: usize = 64;

/// Sockets at once. A developer has dozens of tabs; the rest is for load tests, and the bound for hostile pages.
const SOCKETS: usize = 8192;

/// Tells every connected browser; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    told: broadcast::Sender<Told>,
    sockets: AtomicUsize,
    /// Those that named a page.
    tabs: AtomicUsize,
    morph: AtomicBool,
    shelf: Shelf,
    wiring: Wiring,
}

/// What a hub is made from.
#[derive(Debug)]
pub struct Wiring {
    /// The name of the project.
    pub project: String,
    /// Who may listen.
    pub token: Token,
    /// Where things stand.
    pub standing: watch::Receiver<Standing>,
    /// Where open pages are asked for once more.
    pub source: Source,
    /// Takes what browsers say that they show; what finds no room is left out.
    pub painted: mpsc::Sender<Painted>,
    /// The way to the console.
    pub notices: Notices,
}

/// A browser shows a generation.
#[derive(Clone, Copy, Debug)]
pub struct Painted {
    /// Which.
    pub generation: Generation,
    /// When it said so.
    pub at: Instant,
}

/// What goes out to all sockets.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// The same for everybody.
    Text(Utf8Bytes),
    /// Each page hears what concerns it.
    Update(Arc<Prepared>),
}

/// An update with the messages that many sockets share.
#[derive(Debug)]
pub(super) struct Prepared {
    /// For sockets that name no page.
    pub(super) plain: Utf8Bytes,
    page: Share,
    /// Where it is another for pages whose scripts fetch.
    fetching: Option<Share>,
}

/// What of an update is for some of the pages.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) update: Update,
    /// For pages whose own text stays; `None` when it does not concern them.
    pub(super) files: Option<Utf8Bytes>,
}

impl Prepared {
    fn new(update: Update) -> Self {
        let plain = update.plain().text();
        let fetching = update.with_answers().map(Share::new);
        Self { plain, page: Share::new(update), fetching }
    }

    pub(super) fn share(&self, tab: Tab) -> &Share {
        self.fetching.as_ref().filter(|_| tab.fetches).unwrap_or(&self.page)
    }
}

impl Share {
    fn new(update: Update) -> Self {
        Self { files: update.files().as_ref().map(Message::text), update }
    }
}

/// One browser's end: its messages, and its place among the sockets.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) told: broadcast::Receiver<Told>,
    hub: Hub,
    is_tab: bool,
}

impl Hub {
    /// A hub for a run of a project.
    #[must_use]
    pub fn new(wiring: Wiring) -> Self {
        let (told, _) = broadcast::channel(QUEUE);
        let (sockets, tabs, morph) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(true));
        Self(Arc::new(Inner { told, sockets, tabs, morph, shelf: Shelf::default(), wiring }))
    }

    /// A hub that hears and asks nobody.
    #[cfg(test)]
    pub(crate) fn alone(project: &str, standing: watch::Receiver<Standing>, notices: Notices) -> Self {
        let nowhere = tower::service_fn(|_| async { Ok(http::Response::new(axum::body::Body::empty())) });
        let source = Source::new(watch::channel(super::Router::new(nowhere)).1);
        let (project, token) = (project.to_owned(), Token::new().expect("a random source"));
        Self::new(Wiring { project, token, standing, source, painted: mpsc::channel(1).0, notices })
    }

    /// Tells everybody the same; answers how many that are.
    pub fn send(&self, message: &Message) -> usize {
        self.0.told.send(Told::Text(message.text())).unwrap_or(0)
    }

    /// Tells each page what of a change concerns it; answers how many are connected.
    pub fn update(&self, update: Update) -> usize {
        self.0.told.send(Told::Update(Arc::new(Prepared::new(update)))).unwrap_or(0)
    }

    /// How many browsers' pages are connected; tools that name none are not among them.
    #[must_use]
    pub fn tabs(&self) -> usize {
        self.0.tabs.load(Ordering::Relaxed)
    }

    /// When a browser last asked for a page to show.
    #[must_use]
    pub fn last_load(&self) -> Option<Instant> {
        self.0.shelf.last_load()
    }

    /// Whether pages whose text changed are changed in place, or loaded anew.
    pub fn set_morph(&self, morph: bool) {
        self.0.morph.store(morph, Ordering::Relaxed);
    }

    /// A new browser's end; `None` when there are too many.
    pub(super) fn listen(&self) -> Option<Listener> {
        let place =
            self.0.sockets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < SOCKETS).then_some(open + 1));
        place.ok().map(|_| Listener { told: self.0.told.subscribe(), hub: self.clone(), is_tab: false })
    }

    /// The first message of a socket. It must be made after [`Hub::listen`], or what changes in between is lost.
    pub(super) fn hello(&self) -> Utf8Bytes {
        Message::hello(self.project(), &self.standing()).text()
    }

    /// Says that a browser shows a generation.
    pub(super) fn painted(&self, generation: Generation) {
        // A figure is lost, and nothing else.
        let _ = self.0.wiring.painted.try_send(Painted { generation, at: Instant::now() });
    }

    pub(super) fn morphs(&self) -> bool {
        self.0.morph.load(Ordering::Relaxed)
    }

    /// The pages as they were served.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    pub(super) fn source(&self) -> &Source {
        &self.0.wiring.source
    }

    pub(super) fn standing(&self) -> Standing {
        self.0.wiring.standing.borrow().clone()
    }

    pub(super) fn project(&self) -> &str {
        &self.0.wiring.project
    }

    /// Who may listen, and give orders from a page.
    pub(crate) fn token(&self) -> &Token {
        &self.0.wiring.token
    }

    pub(super) fn notices(&self) -> &Notices {
        &self.0.wiring.notices
    }
}

impl Listener {
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// A page has named itself.
    pub(super) fn become_tab(&mut self) {
        if !std::mem::replace(&mut self.is_tab, true) {
            self.hub.0.tabs.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.0.sockets.fetch_sub(1, Ordering::Relaxed);
        self.hub.0.tabs.fetch_sub(usize::from(self.is_tab), Ordering::Relaxed);
    }
}
