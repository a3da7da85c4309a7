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

use super::{
    act::Act,
    message::Message,
    mirror::{Mirror, Mirrored},
    originals::Originals,
    registry::Registry,
    shelf::Shelf,
    source::{Source, Visitor},
    token::Token,
    update::Update,
};
use crate::{
    config::AtOnceLimits,
    generation::{Generation, Standing},
    telemetry::{Notice, Notices, OpenPage},
};

/// Messages a browser may be behind. One that is further behind is let go: it reconnects and compares.
const QUEUE: usize = 64;

/// Tells every connected browser; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    told: broadcast::Sender<Told>,
    sockets: AtomicUsize,
    /// How many there may be at once.
    most_sockets: AtomicUsize,
    /// Those that named a page.
    registry: Registry,
    morph: AtomicBool,
    console: AtomicBool,
    mirror: Mirror,
    shelf: Shelf,
    originals: Originals,
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
    /// For pages whose own text stays; `None` when it does not concern them.
    pub(super) files: Option<Utf8Bytes>,
    pub(super) update: Update,
}

impl Prepared {
    fn new(update: Update) -> Self {
        Self { plain: update.plain().text(), files: update.files().as_ref().map(Message::text), update }
    }
}

/// One browser's end: its messages, and its place among the sockets.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) told: broadcast::Receiver<Told>,
    /// What is done in other pages, where that is mirrored.
    pub(super) acts: Option<broadcast::Receiver<Arc<Mirrored>>>,
    hub: Hub,
    /// The page's number, once it has named itself.
    number: Option<u64>,
}

impl Hub {
    /// A hub for a run of a project.
    #[must_use]
    pub fn new(wiring: Wiring) -> Self {
        let (told, _) = broadcast::channel(QUEUE);
        let (morph, console) = (AtomicBool::new(true), AtomicBool::new(true));
        let most_sockets = AtomicUsize::new(AtOnceLimits::default().sockets);
        Self(Arc::new(Inner {
            told,
            sockets: AtomicUsize::new(0),
            most_sockets,
            registry: Registry::default(),
            morph,
            console,
            mirror: Mirror::default(),
            shelf: Shelf::default(),
            originals: Originals::default(),
            wiring,
        }))
    }

    /// A hub that hears and asks nobody.
    #[cfg(test)]
    pub(crate) fn alone(project: &str, standing: watch::Receiver<Standing>, notices: Notices) -> Self {
        let nowhere = tower::service_fn(|_| async { Ok(http::Response::new(axum::body::Body::empty())) });
        let source = Source::new(watch::channel(crate::router::Router::new(nowhere)).1);
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
        self.0.registry.count()
    }

    /// The pages that are open, the one that was opened first at the front. Each is of the generation it said last, and its latency is that
    /// of the last ping: one goes out when it opens, and then every half minute.
    #[must_use]
    pub fn pages(&self) -> Vec<OpenPage> {
        let newest = self.standing().generation;
        let pages = self.0.registry.pages().into_iter();
        pages.map(|page| OpenPage { is_newest: page.generation >= newest, ..page }).collect()
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

    /// Whether pages say what their consoles do. Those that are open already are not heard any more, or only when loaded anew.
    pub fn set_console(&self, console: bool) {
        self.0.console.store(console, Ordering::Relaxed);
    }

    /// Whether what a person does in a page is repeated in the others. Pages that are open already take part when they are loaded anew.
    pub fn set_mirror(&self, mirror: bool) {
        self.0.mirror.set(mirror);
    }

    /// How many sockets there may be at once; those that are open stay.
    pub fn set_most_sockets(&self, most: usize) {
        self.0.most_sockets.store(most, Ordering::Relaxed);
    }

    /// A new browser's end; `None` when there are too many.
    pub(super) fn listen(&self) -> Option<Listener> {
        let most = self.0.most_sockets.load(Ordering::Relaxed);
        let place = self.0.sockets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < most).then_some(open + 1));
        let listener =
            || Listener { told: self.0.told.subscribe(), acts: self.0.mirror.listen(), hub: self.clone(), number: None };
        place.ok().map(|_| listener())
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

    /// Passes on what a page's console says, when anybody wants to hear it. Its socket does not wait until the places are found.
    pub(super) fn pass_on(&self, notices: Vec<Notice>, visitor: &Visitor) {
        if self.hears_console() {
            let (hub, visitor) = (self.clone(), visitor.clone());
            self.originals().run(async move {
                for notice in hub.with_originals(notices, &visitor).await {
                    hub.0.wiring.notices.send(notice);
                }
            });
        }
    }

    /// Whether pages say what their consoles do.
    pub(super) fn hears_console(&self) -> bool {
        self.0.console.load(Ordering::Relaxed)
    }

    pub(super) fn morphs(&self) -> bool {
        self.0.morph.load(Ordering::Relaxed)
    }

    /// Whether what a person does in a page is repeated in the others.
    pub(super) fn mirrors(&self) -> bool {
        self.0.mirror.is_on()
    }

    /// The pages as they were served.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    pub(super) fn originals(&self) -> &Originals {
        &self.0.originals
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
}

impl Listener {
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// A page has named itself; answers whether it did so for the first time.
    pub(super) fn enter(&mut self, page: OpenPage) -> bool {
        let OpenPage { path, generation, .. } = page;
        match self.number {
            Some(number) => {
                self.hub.0.registry.change(number, |known| {
                    (known.path, known.generation) = (path, known.generation.max(generation));
                });
                false
            }
            None => {
                self.number = Some(self.hub.0.registry.enter(OpenPage { path, generation, ..page }));
                true
            }
        }
    }

    /// A person did something in the page, which shows this path. One that has not named itself has nobody before it.
    pub(super) fn tell(&self, path: &str, act: Act) {
        if let Some(number) = self.number {
            self.hub.0.mirror.tell(number, path, act);
        }
    }

    /// Whether this page, which shows this path, repeats an act.
    pub(super) fn repeats(&self, act: &Mirrored, path: &str) -> bool {
        self.number.is_some_and(|number| act.concerns(number, path))
    }

    /// What is known of the page is something else now; nothing is known of one that has not named itself.
    pub(super) fn change(&self, change: impl FnOnce(&mut OpenPage)) {
        if let Some(number) = self.number {
            self.hub.0.registry.change(number, change);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.0.sockets.fetch_sub(1, Ordering::Relaxed);
        if let Some(number) = self.number {
            self.hub.0.registry.leave(number);
        }
    }
}
