//! Lets phones in by the network: listens where they come by, follows when that changes, and shows who may come in.
//!
//! The other listeners know nothing of it. All of it is one task, and one more for the name; none of it is there without `--lan`.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, uri::Scheme};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::{Service, service_fn};

use super::Opened;
use crate::{
    config,
    device::lan::{
        self, Absent, Board, Code, Invitation, Lan, Network, PAIR, Pairing, Place, listed,
        mdns::{self, Named},
    },
    joined::joined,
    server::{self, Door, Gate, LanRooms, Lanes, Room},
    telemetry::{Invited, Notice, Notices},
    tls::Tls,
};

/// How often it is looked whether the network is another one. Whoever changes their Wi-Fi takes the phone in hand meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What the request path knows of phones, and where it is told; `None` where they have no way in.
pub(super) fn rooms(wanted: &config::Lan, tls: Option<&Tls>) -> Option<(LanRooms, Board)> {
    if *wanted == config::Lan::Off {
        return None;
    }
    let (lan, board) = Lan::new();
    Some((LanRooms { lan, certificate: tls.and_then(Tls::certificate).map(Arc::new) }, board))
}

/// Shows invitations at this machine. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Invitations {
    rooms: LanRooms,
    /// Where this machine's browser shows one.
    page: String,
    notices: Notices,
}

impl Invitations {
    pub(super) fn new(rooms: LanRooms, opened: &Opened, notices: &Notices) -> Self {
        let page = format!("{}{PAIR}", opened.url.trim_end_matches('/'));
        Self { rooms, page, notices: notices.clone() }
    }

    /// Shows a new one.
    pub(super) fn show(&self) {
        self.notices.send(match self.rooms.lan.invite() {
            Some(invitation) => Notice::Invited(Box::new(self.invited(invitation))),
            None => Notice::Info("phones have no way in for now; a code is shown as soon as they have one".into()),
        });
    }

    fn invited(&self, Invitation { place, link, .. }: Invitation) -> Invited {
        let certificate = self.rooms.certificate.as_ref();
        Invited {
            url: format!("{}/", place.origin()),
            named: place.named_origin().map(|origin| format!("{origin}/")),
            code: Code::of(&link).iter().flat_map(Code::lines).collect(),
            link,
            minutes: Pairing::MINUTES,
            certificate: certificate.map(|found| (place.certificate(), found.fingerprint())),
            interface: place.network.interface,
            page: self.page.clone(),
        }
    }
}

/// What it takes to listen in a network.
pub(super) struct Listening {
    pub(super) wanted: config::Lan,
    /// The project's name.
    pub(super) project: String,
    /// The app listener's port.
    pub(super) port: u16,
    /// How much there is room for: it is none of the app listener's, which strangers must not fill.
    pub(super) limits: config::LimitsConfig,
    pub(super) tls: Option<Tls>,
    pub(super) lanes: Lanes,
    pub(super) board: Board,
    pub(super) invitations: Invitations,
    pub(super) notices: Notices,
}

/// Where it listens now; nowhere any more once dropped.
struct Here {
    network: Network,
    _stop: DropGuard,
}

/// Lets phones come to `project` by the network until `stop`, wherever that is.
pub(super) async fn serve<S>(listening: Listening, project: S, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let room = Room::new(listening.notices.clone());
    room.allow(&listening.limits);
    let door = Door::new(listening.tls.clone(), room, listening.notices.clone()).through(listening.lanes.clone());
    let gate = Arc::new(Gate::new(listening.invitations.rooms.clone(), listening.notices.clone()));
    let service = service_fn(move |request| {
        let (gate, project) = (Arc::clone(&gate), project.clone());
        async move { gate.pass(request, project).await }
    });
    let mut tasks = JoinSet::new();
    let (mut here, mut told): (Option<Here>, Option<String>) = (None, None);
    loop {
        let before = here.as_ref().map(|here| &here.network);
        let outcome = match lan::find(&listening.wanted, before) {
            Ok((network, _)) if Some(&network) == before => Ok(()),
            Ok((network, others)) => {
                here = None;
                listening.enter(network, &others, &door, service.clone(), &mut tasks).map(|entered| here = Some(entered))
            }
            // What is listened at stays: it is not known to be gone.
            Err(absent @ Absent::Unknown(_)) => Err(absent.to_string()),
            Err(absent) => {
                here = None;
                listening.board.put(None);
                Err(why_absent(&absent))
            }
        };
        // Once for each reason: it is looked again and again.
        let reason = outcome.err();
        if reason != told {
            reason.iter().for_each(|reason| listening.notices.warn(reason));
            told = reason;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep(LOOK_AGAIN) => (),
            Some(ended) = tasks.join_next() => drop(joined(ended)),
        }
    }
    drop(here);
    while let Some(ended) = tasks.join_next().await {
        joined(ended);
    }
}

fn why_absent(absent: &Absent) -> String {
    match absent {
        Absent::Everywhere | Absent::Unknown(_) => absent.to_string(),
        Absent::Here { .. } => format!("{absent}; phones are let in as soon as it is there"),
    }
}

impl Listening {
    /// Listens in a network, and says so; or says why that cannot be.
    fn enter<S>(
        &self,
        network: Network,
        others: &[Network],
        door: &Door,
        service: S,
        tasks: &mut JoinSet<()>,
    ) -> Result<Here, String>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.board.put(None);
        let bound = server::bind_lan(network.address, self.port).map_err(|error| format!("phones have no way in: {error}"))?;
        let scheme = if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        self.board.put(Some(Place { scheme, network: network.clone(), port: bound.port, name: None }));
        let stop = CancellationToken::new();
        tasks.spawn(server::serve(bound.listeners, door.clone(), service, stop.clone()));
        if let IpAddr::V4(address) = network.address {
            let naming = Naming { board: self.board.clone(), tls: self.tls.clone(), lan: self.invitations.rooms.lan.clone() };
            let (project, notices, stop) = (self.project.clone(), self.notices.clone(), stop.clone());
            tasks.spawn(async move {
                let outcome = mdns::serve(&project, address, |named| naming.tell(named, &notices), stop.clone()).await;
                let Err(error) = outcome else { return };
                naming.board.rename(None);
                // That of a network which is being left is not worth a word.
                if stop.run_until_cancelled(sleep(2 * LOOK_AGAIN)).await.is_some() {
                    notices.warn(format!("phones find the server by its address only: {error}"));
                }
            });
        }
        if bound.port != self.port {
            let (address, port) = (network.address, bound.port);
            self.notices.warn(format!("port {} is taken at {address}: phones come by port {port}", self.port));
        }
        if self.wanted == config::Lan::Any && !others.is_empty() {
            let others = listed(others);
            self.notices.send(Notice::Info(format!(
                "phones come by {network}; this machine is also in {others}: `--lan=ADDRESS` or `--lan=INTERFACE` chooses"
            )));
        }
        self.invitations.show();
        Ok(Here { network, _stop: stop.drop_guard() })
    }
}

/// Who hears of the name.
struct Naming {
    board: Board,
    tls: Option<Tls>,
    lan: Lan,
}

impl Naming {
    fn tell(&self, Named { name, taken }: Named, notices: &Notices) {
        if let Some(tls) = &self.tls {
            tls.know(&name);
        }
        self.board.rename(Some(name));
        let Some(origin) = self.lan.place().and_then(|place| place.named_origin()) else { return };
        notices.send(Notice::Info(match taken {
            None => format!("phones find it by {origin}/ as well, which stays when the address changes"),
            Some(taken) => format!("another machine in this network is called {taken}: phones find this one by {origin}/"),
        }));
    }
}
