//! From a configuration to a session that answers requests.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::body::Body;
use http::{Request, Response, StatusCode, uri::Scheme};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, service_fn};

use super::{
    Command, Load, Session,
    backing::Backing,
    failures::Failures,
    history::History,
    lan::{self, Invitations},
    lookout::Lookout,
    loop_breaker::LoopBreaker,
    reconfigure::apply_settings,
    site::open_site,
};
use crate::{
    build::{Builder, Plan, Planner},
    config::{Config, DeviceConfig},
    device::{self, AdbServer, Ends, Links, OtherPorts},
    editor::{Editors, Surroundings},
    generation::{Counter, Generation, Standing},
    process::{Control, Keeper, Other, Said, claim},
    reload::{Hub, Source, Token, Wiring},
    router::Router,
    server::{
        self, App, Bound, Connection, ControlLinks, ControlRooms, Door, Lanes, Moved, Relay, RelayRooms, Room, Rooms, Routes,
        Transport, Workers, app_service, control_service,
    },
    telemetry::{Notices, Pace},
    tls::Tls,
    traffic::Recorder,
    watch::Watcher,
};

/// Writes through the API that may wait to be told to subscribers.
const WRITES: usize = 256;

/// Reports of what browsers show that may wait; a figure is lost when there are more.
const PAINTED: usize = 256;

/// Reports of servers that did not answer that may wait: one of each is enough.
const MISSING: usize = 16;

/// What a session is made from.
pub struct Setup {
    /// What to serve, and how.
    pub config: Config,
    /// Reads the configuration anew.
    pub load: Load,
    /// Keeps process trees.
    pub keeper: Keeper,
    /// What the environment says of editors.
    pub surroundings: Surroundings,
    /// Where this user's things are kept that belong to no project; `None` when the environment names no such place.
    pub state: Option<PathBuf>,
    /// This machine's adb server, running or not.
    pub adb: AdbServer,
    /// The way to the console.
    pub notices: Notices,
    /// What the person asks for.
    pub commands: mpsc::Receiver<Command>,
    /// Ends the session.
    pub stop: CancellationToken,
}

/// Where a session can be reached.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The app listener: `http://localhost:4747/`, or `https:` where TLS is spoken.
    pub url: String,
    /// The same by the project's own name, which keeps its cookies apart from those of other projects.
    pub named: Option<String>,
    /// Its other addresses, when it listens on every one this machine has.
    pub others: Vec<String>,
    /// The control listener.
    pub control: String,
    /// Who may use the control listener.
    pub control_token: Token,
    /// Links that let a browser do so.
    pub invitations: ControlLinks,
    /// The port to which those of phones lead; `None` where nobody cares for phones.
    pub phones: Option<u16>,
    /// Links by which DevTools reach tabs of phones, where somebody cares for them.
    pub relay: Relay,
    /// Set when the wanted port was taken.
    pub moved: Option<Moved>,
}

impl Session {
    /// Binds both listeners and begins to answer.
    ///
    /// # Errors
    /// When a port cannot be taken, the system has no random source, or no thread can be started to watch.
    pub fn open(setup: Setup) -> Result<(Self, Opened)> {
        let Setup { config, load, keeper, surroundings, state, adb, notices, commands, stop } = setup;
        let bound = server::bind(&config.server)?;
        let port = bound.port;
        let config = config.listening_on(port)?;
        let load: Load = Box::new(move || load()?.listening_on(port));
        let tls = speak_tls(&config, state.as_deref(), &notices);
        let control = server::bind_control().context("the control listener")?;
        let tokens = (Token::new().context("no random source")?, Token::new().context("no random source")?);
        let watcher = Watcher::start(&config.root, &config.watch, notices.clone()).context("cannot start to watch")?;
        let generations = Counter::default();
        let generation = first_generation(&config, &generations);
        let (standing, reader) = watch::channel(Standing { generation, ..Standing::default() });
        let (writer, written) = mpsc::channel(WRITES);
        let (reload, asked) = mpsc::channel(1);
        let (mut backing, upstream) = Backing::new(&config, &keeper, &generations, &notices);
        backing.renumber(generation);
        let router = watch::Sender::new(nobody());
        let (shown, painted) = mpsc::channel(PAINTED);
        let (reports, missing) = mpsc::channel(MISSING);
        let hub = Hub::new(Wiring {
            project: config.project.clone(),
            token: tokens.0,
            standing: reader.clone(),
            source: Source::new(router.subscribe()),
            painted: shown,
            notices: notices.clone(),
        });
        let sockets = TaskTracker::new();
        let editors = Editors::new(&config.root, surroundings, reader.clone(), notices.clone());
        let (lan_rooms, board) = lan::rooms(&config.server.lan, tls.as_ref()).unzip();
        let rooms = Rooms {
            site: config.site.as_ref().map(|site| open_site(site, &writer, &notices)),
            routes: Routes::new(&config, &Routes::default()),
            upstream,
            missing: reports,
            hub: hub.clone(),
            recorder: Recorder::new(reader.clone()),
            standing: reader,
            editors: editors.clone(),
            lan: lan_rooms.clone(),
            notices: notices.clone(),
            other_ports: OtherPorts::default(),
            workers: Workers::default(),
            control_token: tokens.1.clone(),
            sockets: sockets.clone(),
            runtime: Handle::current(),
            stop: stop.clone(),
        };
        let room = Room::new(notices.clone());
        apply_settings(&config, &rooms, &room);
        router.send_replace(app_service(&config, &rooms));
        let phones = phones(&config, &bound, tls.is_some(), &notices);
        let links = links(&config, port, phones.as_ref(), control.port, &notices);
        let (relay, linked) = Relay::channel();
        let opened = opened(&config, &bound, scheme(tls.as_ref()), &control, &tokens.1, relay);
        let opened = Opened { phones: links.as_ref().map(|links| links.page.here), ..opened };
        let control_rooms = ControlRooms {
            project: config.project.clone(),
            timeline: notices.timeline().clone(),
            recorder: rooms.recorder.clone(),
            hub: hub.clone(),
            token: tokens.1,
            reload,
            editors,
            invitations: opened.invitations.clone(),
            app: app(&opened, &bound, tls.is_some()),
            router: router.subscribe(),
            notices: notices.clone(),
            seats: ControlRooms::seats(),
            sockets: sockets.clone(),
            runtime: Handle::current(),
            stop: stop.clone(),
        };
        let listeners = Listeners { app: bound, phones, control };
        let lanes = Lanes::open(Handle::current().metrics().num_workers()).context("cannot start threads")?;
        let door = Door::new(None, room.clone(), notices.clone()).through(lanes.clone());
        let invitations = lan_rooms.map(|rooms| Invitations::new(rooms, &opened, &notices));
        let listening = invitations.as_ref().zip(board).map(|(invitations, board)| lan::Listening {
            wanted: config.server.lan.clone(),
            project: config.project.clone(),
            port,
            limits: config.limits,
            tls: tls.clone(),
            lanes: lanes.clone(),
            board,
            invitations: invitations.clone(),
            notices: notices.clone(),
        });
        let mut servers = serve(listeners, tls, &door, &router, control_rooms, &notices, &stop);
        if let Some(links) = links {
            servers.spawn(device::serve(adb, links, rooms.other_ports.clone(), notices.clone(), stop.clone()));
            let relay_rooms = RelayRooms { notices: notices.clone(), sockets: sockets.clone(), stop: stop.clone() };
            servers.spawn(server::serve_relay(linked, relay_rooms));
        }
        if let Some(listening) = listening {
            servers.spawn(lan::serve(listening, service(&router), stop.clone()));
        }
        claim_project(&config, &opened, &mut servers, &notices, &stop);
        let builder = Builder::new(&keeper, &config.root, notices.clone());
        let session = Self {
            planner: Planner::new(&config),
            config,
            load,
            keeper,
            rooms,
            router,
            standing,
            generations,
            failures: Failures::default(),
            history: History::default(),
            breaker: LoopBreaker::default(),
            pace: Pace::default(),
            untold: Plan::default(),
            port_hinted: false,
            unsaid: Vec::new(),
            hub,
            notices,
            watcher,
            builder,
            backing,
            commands,
            control: asked,
            written,
            painted,
            loading: JoinSet::new(),
            sweeping: JoinSet::new(),
            lookout: Lookout::default(),
            missing,
            cgroup: None,
            writer,
            servers,
            invitations,
            room,
            sockets,
            _lanes: lanes,
            stop,
        };
        Ok((session, opened))
    }
}

/// What the site answers is there before the first request; a program is built first.
fn first_generation(config: &Config, generations: &Counter) -> Generation {
    if config.program().is_none() || config.site.is_some() { generations.next() } else { Generation::default() }
}

/// Says where the project is served to runs that come later, or that an earlier one serves it.
fn claim_project(config: &Config, opened: &Opened, servers: &mut JoinSet<()>, notices: &Notices, stop: &CancellationToken) {
    match claim(&config.root) {
        Ok(Some(claim)) => {
            let (url, project, phones) = (opened.url.clone(), config.project.clone(), opened.phones);
            let said = Said { url, project, phones, control: control(opened) };
            let stopped = stop.clone();
            servers.spawn(async move {
                stopped.run_until_cancelled(claim.tell(said)).await;
            });
        }
        Ok(None) => (),
        Err(Other { pid, url, .. }) => {
            let place = url.map(|url| format!(" at {url}")).unwrap_or_default();
            let both =
                if config.app.is_some() { "both build and run it, into the same files" } else { "both write the same data" };
            notices.warn(format!("everlit serves this project already{place} (process {pid}): {both}"));
        }
    }
}

fn control(opened: &Opened) -> Control {
    Control { url: opened.control.clone(), token: opened.control_token.reveal().to_owned() }
}

/// Answers while there is nothing to answer with: before the rooms are made, which know whom they ask.
fn nobody() -> Router {
    let unavailable = |_| async {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        Ok(response)
    };
    Router::new(service_fn(unavailable))
}

/// TLS, where it is asked for and can be had. A certificate that cannot be used must not keep the project from being served.
fn speak_tls(config: &Config, state: Option<&Path>, notices: &Notices) -> Option<Tls> {
    Tls::open(&config.server, state, notices).unwrap_or_else(|error| {
        notices.warn(format!("plain HTTP is served, as TLS cannot be spoken: {error}"));
        None
    })
}

fn scheme(tls: Option<&Tls>) -> Scheme {
    if tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
}

/// A loopback listener of plain HTTP for phones over adb: `http://localhost` is as good as HTTPS there, and no phone knows our
/// certificate. Without TLS the app's own will do.
fn phones(config: &Config, app: &Bound, is_tls: bool, notices: &Notices) -> Option<Bound> {
    if !is_tls || !config.device.adb {
        return None;
    }
    let found = server::bind_phones(app.port);
    found.inspect_err(|error| notices.warn(format!("phones get HTTPS over adb, and do not know the certificate: {error}"))).ok()
}

/// What phones reach; `None` where nobody cares for phones. The control listener is never among it.
fn links(config: &Config, port: u16, phones: Option<&Bound>, control: u16, notices: &Notices) -> Option<Links> {
    let DeviceConfig { adb, ports, devtools } = &config.device;
    if ports.contains(&control) {
        notices
            .warn(format!("phones do not reach port {control}: this time it is the one by which Everlit itself is controlled"));
    }
    let ports = ports.iter().copied().filter(|port| *port != control).collect();
    let page = Ends { phone: port, here: phones.map_or(port, |phones| phones.port) };
    adb.then_some(Links { page, ports, devtools: *devtools && config.live.console })
}

/// Everything that is listened on.
struct Listeners {
    app: Bound,
    phones: Option<Bound>,
    control: Bound,
}

fn serve(
    listeners: Listeners,
    tls: Option<Tls>,
    door: &Door,
    router: &watch::Sender<Router>,
    control_rooms: ControlRooms,
    notices: &Notices,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let Listeners { app, phones, control } = listeners;
    let service = service(router);
    // Pages that take all the room of the app's must not shut out whoever looks for the reason.
    let control_door = Door::new(None, Room::new(notices.clone()), notices.clone());
    let mut servers = JoinSet::new();
    if let Some(phones) = phones {
        let door = door.clone().known_as(app.port);
        servers.spawn(server::serve(phones.listeners, door, service.clone(), stop.clone()));
    }
    servers.spawn(server::serve(app.listeners, door.clone().speaking(tls), service, stop.clone()));
    servers.spawn(server::serve(control.listeners, control_door, control_service(control_rooms), stop.clone()));
    servers
}

fn control_url(control: &Bound) -> String {
    let address = control.listeners.first().and_then(|listener| listener.local_addr().ok());
    format!("http://{}/", address.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, control.port).into()))
}

/// What answers requests: whatever the router holds at the time.
fn service(
    router: &watch::Sender<Router>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static + use<>
{
    let router = Arc::new(router.subscribe());
    service_fn(move |request| {
        let current = router.borrow().clone();
        current.answer(request)
    })
}

fn opened(config: &Config, bound: &Bound, scheme: Scheme, control: &Bound, token: &Token, relay: Relay) -> Opened {
    let port = bound.port;
    let named = config.server.host.filter(|address| !address.is_unspecified());
    let url = named.map_or_else(|| format!("{scheme}://localhost:{port}/"), |address| url(&scheme, address, port));
    Opened {
        named: named.is_none().then(|| url.replacen("//", &format!("//{}.", config.project), 1)),
        url,
        others: config.server.host.filter(IpAddr::is_unspecified).map(|_| interfaces(&scheme, port)).unwrap_or_default(),
        control: control_url(control),
        control_token: token.clone(),
        invitations: ControlLinks::default(),
        phones: None,
        relay,
        moved: bound.moved.clone(),
    }
}

/// The app listener as whoever is at this machine reaches it.
fn app(opened: &Opened, bound: &Bound, is_tls: bool) -> App {
    let address = bound.listeners.first().and_then(|listener| listener.local_addr().ok());
    let local = address.filter(|address| !address.ip().is_unspecified());
    let local = local.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, bound.port).into());
    let transport = if is_tls { Transport::Tls } else { Transport::Plain };
    App { url: opened.url.clone(), connection: Connection { local, remote: SocketAddr::new(local.ip(), 0), transport } }
}

fn url(scheme: &Scheme, address: IpAddr, port: u16) -> String {
    format!("{scheme}://{}/", SocketAddr::new(address, port))
}

/// The URLs by which other machines reach us. Link-local addresses are left out: a browser cannot name their interface.
fn interfaces(scheme: &Scheme, port: u16) -> Vec<String> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let reachable = interfaces.iter().filter(|found| !found.is_loopback() && !found.is_link_local());
    reachable.map(|found| url(scheme, found.ip(), port)).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::config::{self, Layer, fixture::TestFolder};

    #[tokio::test]
    async fn the_first_answer_has_a_generation() {
        let folder = TestFolder::new("-- static/index.html --\n<p>a</p>\n-- everlit.toml --\nport = 0\n");
        let config = config::load(folder.path(), Layer::default(), Layer::default()).unwrap();
        let (notices, _heard) = Notices::channel();
        let (_commands, commands) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let (load, keeper) = (Box::new(|| unreachable!("nothing changes")), Keeper::from("/nowhere"));
        let surroundings = Surroundings::from_env(|_| None);
        let adb = AdbServer { port: 0, folders: Vec::new() };
        let setup = Setup { config, load, keeper, surroundings, state: None, adb, notices, commands, stop };
        let (_not_running_yet, opened) = Session::open(setup).unwrap();

        let address = opened.url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.to_lowercase().contains("\r\neverlit-generation: 1\r\n"), "{answer}");
    }
}
