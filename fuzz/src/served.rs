//! A project with all its layers, asked in memory.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use everlit::{
    config::{Layer, load},
    device::OtherPorts,
    editor::{Editors, Surroundings},
    generation::{Generation, Standing},
    reload::{Hub, Source, Token, Wiring},
    router::Router,
    server::{App, Connection, ControlLinks, ControlRooms, Rooms, Routes, Transport, Workers, app_service, control_service},
    site::Site,
    telemetry::{Heard, Notices},
    traffic::Recorder,
};
use http::{HeaderValue, Request, Response, header};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{ServiceExt, service_fn};

/// The port by which the project is known, whichever is listened on.
pub const PORT: u16 = 4747;

/// Larger than anything that is answered here.
const MOST: usize = 64 * 1024 * 1024;

/// A served project, and the runtime it lives in.
pub struct Served {
    pub runtime: Runtime,
    /// What the app listener answers with.
    pub service: Router,
    /// What the control listener answers with.
    control: Router,
    pub hub: Hub,
    pub recorder: Recorder,
    pub notices: Notices,
    /// Opens the reload socket.
    pub page_token: String,
    control_token: Token,
    /// Nobody reads them, and nobody may find them closed.
    _ends: (Heard, watch::Sender<Standing>, watch::Sender<Router>),
}

impl Served {
    /// Serves the project in a folder.
    pub fn new(folder: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let inside = runtime.enter();
        let config = load(folder, Layer::default(), Layer::default()).expect("the project's settings are right");
        let (notices, heard) = Notices::channel();
        // Pages that name the first generation are older than what is served.
        let newest = Standing { generation: Generation(2), pages: Generation(2), ..Standing::default() };
        let (standing, reader) = watch::channel(newest);
        let nowhere = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
        let (router, project) = watch::channel(Router::new(nowhere));
        let [page_token, control_token] = [(), ()].map(|()| Token::new().expect("a random source"));
        let hub = Hub::new(Wiring {
            project: config.project.clone(),
            token: page_token.clone(),
            standing: reader.clone(),
            source: Source::new(project.clone()),
            painted: mpsc::channel(1).0,
            notices: notices.clone(),
        });
        hub.set_mirror(true);
        let recorder = Recorder::new(reader.clone());
        let editors = Editors::new(folder, Surroundings::from_env(|_| None), reader.clone(), notices.clone());
        let (sockets, stop) = (TaskTracker::new(), CancellationToken::new());
        let rooms = Rooms {
            site: config.site.as_ref().map(|site| Site::new(site, |_| ())),
            routes: Routes::new(&config, &Routes::default()),
            upstream: None,
            missing: mpsc::channel(1).0,
            hub: hub.clone(),
            recorder: recorder.clone(),
            standing: reader,
            editors: editors.clone(),
            other_ports: OtherPorts::default(),
            workers: Workers::default(),
            lan: None,
            notices: notices.clone(),
            control_token: control_token.clone(),
            sockets: sockets.clone(),
            runtime: runtime.handle().clone(),
            stop: stop.clone(),
        };
        let service = app_service(&config, &rooms);
        router.send_replace(service.clone());
        let control = control_service(ControlRooms {
            project: config.project.clone(),
            timeline: notices.timeline().clone(),
            recorder: recorder.clone(),
            hub: hub.clone(),
            token: control_token.clone(),
            reload: mpsc::channel(1).0,
            editors,
            invitations: ControlLinks::default(),
            app: App { url: format!("http://localhost:{PORT}/"), connection: connection([127, 0, 0, 1].into()) },
            router: project,
            notices: notices.clone(),
            seats: ControlRooms::seats(),
            sockets,
            runtime: runtime.handle().clone(),
            stop,
        });
        drop(inside);
        let page_token = page_token.reveal().to_owned();
        let ends = (heard, standing, router);
        Self { runtime, service, control: Router::new(control), hub, recorder, notices, page_token, control_token, _ends: ends }
    }

    /// The answer to a request that came in by 127.0.0.1.
    pub fn ask(&self, request: Request<Body>) -> Response<Bytes> {
        self.ask_at([127, 0, 0, 1].into(), request)
    }

    /// The answer to a request that came in by this address of ours.
    pub fn ask_at(&self, local: IpAddr, request: Request<Body>) -> Response<Bytes> {
        self.answer(&self.service, local, request)
    }

    /// What the control listener has at a path.
    pub fn ask_control(&self, path: &str) -> Response<Bytes> {
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.control_token.reveal())).expect("a token is a value");
        let request = Request::get(path).header(header::HOST, format!("localhost:{PORT}")).header(header::AUTHORIZATION, bearer);
        self.answer(&self.control, [127, 0, 0, 1].into(), request.body(Body::empty()).expect("a request"))
    }

    fn answer(&self, service: &Router, local: IpAddr, mut request: Request<Body>) -> Response<Bytes> {
        request.extensions_mut().insert(connection(local));
        self.runtime.block_on(async {
            let Ok(response) = service.clone().oneshot(request).await;
            let (head, body) = response.into_parts();
            Response::from_parts(head, to_bytes(body, MOST).await.expect("the body does not break off"))
        })
    }
}

fn connection(local: IpAddr) -> Connection {
    let [local, remote] = [PORT, 50_000].map(|port| SocketAddr::new(local, port));
    Connection { local, remote, transport: Transport::Plain }
}
