//! From a configuration to a session that answers requests.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::body::Body;
use http::{Response, StatusCode};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{ServiceExt, service_fn};

use super::{
    Command, Load, Session, backing::Backing, failures::Failures, history::History, loop_breaker::LoopBreaker, open_site,
};
use crate::{
    build::{Builder, Plan, Planner},
    config::Config,
    device,
    editor::{Editors, Surroundings},
    generation::{Counter, Generation, Standing},
    process::{Keeper, Other, claim},
    reload::{Hub, Router, Source, Token, Wiring},
    server::{self, Bound, ControlRooms, Moved, Rooms, app_service, control_service},
    telemetry::{Notices, Pace},
    traffic::Recorder,
    watch::Watcher,
};

/// Writes through the API that may wait to be told to subscribers.
const WRITES: usize = 256;

/// Reports of what browsers show that may wait; a figure is lost when there are more.
const PAINTED: usize = 256;

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
    /// The port of this machine's adb server, running or not.
    pub adb_port: u16,
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
    /// The app listener: `http://localhost:4747/`.
    pub url: String,
    /// Its other addresses, when it listens on every one this machine has.
    pub others: Vec<String>,
    /// The control listener.
    pub control: String,
    /// Who may use the control listener.
    pub control_token: Token,
    /// Set when the wanted port was taken.
    pub moved: Option<Moved>,
}

impl Session {
    /// Binds both listeners and begins to answer.
    ///
    /// # Errors
    /// When a port cannot be taken, the system has no random source, or no thread can be started to watch.
    pub fn open(setup: Setup) -> Result<(Self, Opened)> {
        let Setup { config, load, keeper, surroundings, adb_port, notices, commands, stop } = setup;
        let bound = server::bind(&config.server)?;
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
        let hub = Hub::new(Wiring {
            project: config.project.clone(),
            token: tokens.0,
            standing: reader.clone(),
            source: Source::new(router.subscribe()),
            painted: shown,
            notices: notices.clone(),
        });
        hub.set_morph(config.live.morph);
        let sockets = TaskTracker::new();
        let editors = Editors::new(&config.root, surroundings, reader.clone(), notices.clone());
        editors.configure(&config);
        let rooms = Rooms {
            site: config.site.as_ref().map(|site| open_site(site, &writer, &notices)),
            upstream,
            hub: hub.clone(),
            recorder: Recorder::new(reader.clone()),
            standing: reader,
            editors: editors.clone(),
            notices: notices.clone(),
            control_token: tokens.1.clone(),
            sockets: sockets.clone(),
            stop: stop.clone(),
        };
        router.send_replace(app_service(&config, &rooms));
        let opened = opened(&config, &bound, &control, &tokens.1);
        let control_rooms = ControlRooms { recorder: rooms.recorder.clone(), token: tokens.1, reload, editors };
        let port = bound.port;
        let mut servers = serve(bound, control, &router, control_rooms, &stop);
        servers.spawn(device::serve(adb_port, port, notices.clone(), stop.clone()));
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
            cgroup: None,
            writer,
            servers,
            sockets,
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
            let (url, stopped) = (opened.url.clone(), stop.clone());
            servers.spawn(async move {
                stopped.run_until_cancelled(claim.tell(url)).await;
            });
        }
        Ok(None) => (),
        Err(Other { pid, url }) => {
            let place = url.map(|url| format!(" at {url}")).unwrap_or_default();
            let both =
                if config.app.is_some() { "both build and run it, into the same files" } else { "both write the same data" };
            notices.warn(format!("everlit serves this project already{place} (process {pid}): {both}"));
        }
    }
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

fn serve(
    bound: Bound,
    control: Bound,
    router: &watch::Sender<Router>,
    control_rooms: ControlRooms,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let router = Arc::new(router.subscribe());
    let app = service_fn(move |request| {
        let current = router.borrow().clone();
        current.oneshot(request)
    });
    let mut servers = JoinSet::new();
    servers.spawn(server::serve(bound.listeners, app, stop.clone()));
    servers.spawn(server::serve(control.listeners, control_service(control_rooms), stop.clone()));
    servers
}

fn opened(config: &Config, bound: &Bound, control: &Bound, token: &Token) -> Opened {
    let port = bound.port;
    let named = config.server.host.filter(|address| !address.is_unspecified());
    Opened {
        url: named.map_or_else(|| format!("http://localhost:{port}/"), |address| url(address, port)),
        others: config.server.host.filter(IpAddr::is_unspecified).map(|_| interfaces(port)).unwrap_or_default(),
        control: format!("http://127.0.0.1:{}/", control.port),
        control_token: token.clone(),
        moved: bound.moved.clone(),
    }
}

fn url(address: IpAddr, port: u16) -> String {
    format!("http://{}/", SocketAddr::new(address, port))
}

/// The URLs by which other machines reach us. Link-local addresses are left out: a browser cannot name their interface.
fn interfaces(port: u16) -> Vec<String> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().filter(|found| !found.is_loopback() && !found.is_link_local()).map(|found| url(found.ip(), port)).collect()
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
        let setup = Setup { config, load, keeper, surroundings, adb_port: 0, notices, commands, stop };
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
