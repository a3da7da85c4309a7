//! The hand-over from one run of the program to the next.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    failure::through_shell,
    instance::Instance,
    search::{Found, NotReady},
    start::Start,
};
use crate::{
    build::{Cause, Ground, in_last_words},
    config::{AppConfig, tools},
    generation::{Counter, Generation},
    process::{Keeper, sockets},
    proxy::{Backend, Protocol, Slot, State, Target},
    report::{Kind, Report},
    telemetry::{Notices, Stage},
};

/// How long requests that are under way may take to finish on a generation that was replaced.
pub(super) const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// What programs say that look for a file beside themselves where their copy is, and what the loader says for them.
const LACKS: [&str; 2] = [".everlit/generations/", "cannot open shared object file"];

/// The run that answers requests.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) instance: Instance,
    pub(super) backend: Arc<Backend>,
    pub(super) start: Start,
    pub(super) address: SocketAddr,
    /// Whether a successor can run beside it.
    pub(super) as_given: bool,
}

impl Serving {
    /// Lets its requests finish, then ends it.
    pub(super) async fn retire(self) {
        self.backend.drain(DRAIN_LIMIT).await;
        self.instance.stop().await;
    }
}

/// A new generation of the program answers requests.
#[derive(Clone, Debug)]
pub struct Swapped {
    /// Its number.
    pub generation: Generation,
    /// From its start to its first answer.
    pub ready_in: Duration,
    /// How many requests waited for it.
    pub waited: u64,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it took the port it was given.
    pub as_given: bool,
    /// Why it was started.
    pub cause: Cause,
    /// What it is to the one that answered before it.
    pub follows: Follows,
    /// Since when it answers.
    pub at: Instant,
}

/// What a generation is to the one that answered before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// What was built since, or what was gone back from.
    Newer,
    /// The same program after it had ended by itself.
    Same,
    /// The same program, for its successor did not start: what stood between it and the newest save still does.
    SameInstead,
}

/// Why a candidate is started.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// It was built.
    New,
    /// It was gone back from.
    Return(usize),
    /// It ended by itself.
    Restart,
    /// Its successor did not start.
    Instead,
    /// Its successor has to go.
    Back(usize, Why),
}

/// Why a generation is gone back from.
#[derive(Clone, Debug)]
pub(super) enum Why {
    Asked,
    Failed {
        report: Arc<Report>,
        /// From its taking over.
        after: Duration,
    },
}

/// A hand-over that was done.
#[derive(Debug)]
pub(super) struct Swap {
    pub(super) swapped: Swapped,
    pub(super) role: Role,
    pub(super) start: Start,
}

/// What is handed over to.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) start: Start,
    pub(super) role: Role,
    /// Where the run before it was found.
    pub(super) known: Option<u16>,
    /// The number of the report, should it fail.
    pub(super) report: u64,
}

/// What a candidate needs from its surroundings.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) keeper: Keeper,
    pub(super) root: PathBuf,
    pub(super) slot: Arc<Slot>,
    pub(super) generations: Counter,
    pub(super) notices: Notices,
}

/// How a hand-over ended.
#[derive(Debug)]
pub(super) struct Verdict {
    /// What answers requests now.
    pub(super) serving: Option<Serving>,
    /// What did so before, and still has requests to finish; the last one last.
    pub(super) replaced: Vec<Serving>,
    /// `Err(None)` when it was cancelled.
    pub(super) result: Result<Swap, (Role, Option<Report>)>,
    /// Swaps of earlier hand-overs that were done before those heard that they were cancelled.
    pub(super) earlier: Vec<Swap>,
}

/// A program that is ready and not yet asked anything.
struct Ready {
    instance: Instance,
    found: Found,
    ready_in: Duration,
}

/// Why a candidate is not ready; it is gone by then.
enum Failure {
    Cancelled,
    /// It wanted a port that is taken.
    Clash(Report),
    Other(Report),
}

/// Starts the candidate beside the serving run, or in turn when one of them insists on a port of its own, and swaps once it is
/// ready.
pub(super) async fn hand_over(
    candidate: Candidate,
    place: Place,
    serving: Option<Serving>,
    mut cancelled: oneshot::Receiver<()>,
) -> Verdict {
    let mut beside = make_room(serving, &place).await;
    let mut started = candidate.start(&place, &mut cancelled).await;
    if matches!(started, Err(Failure::Clash(_)))
        && let Some(neighbour) = beside.take()
    {
        // It may be the neighbour that holds the port: a second one, for metrics or a debugger.
        make_room(Some(Serving { as_given: false, ..neighbour }), &place).await;
        started = candidate.start(&place, &mut cancelled).await;
    }
    let report = match started {
        Ok(ready) => return candidate.swap(ready, beside, &place),
        Err(Failure::Cancelled) => None,
        Err(Failure::Clash(report) | Failure::Other(report)) => Some(report),
    };
    Verdict { serving: beside, replaced: Vec::new(), result: Err((candidate.role, report)), earlier: Vec::new() }
}

/// Ends a run that cannot have a neighbour, while its requests wait; keeps one that can.
async fn make_room(serving: Option<Serving>, place: &Place) -> Option<Serving> {
    match serving {
        Some(serving) if !serving.as_given => {
            place.slot.replace(waiting("the app is being restarted"));
            serving.retire().await;
            None
        }
        None => {
            place.slot.replace(waiting("the app is being started"));
            None
        }
        serving => serving,
    }
}

impl Candidate {
    /// Starts the program and waits until it is ready; on failure or when cancelled it is gone before this returns.
    async fn start(&self, place: &Place, cancelled: &mut oneshot::Receiver<()>) -> Result<Ready, Failure> {
        let provenance = self.start.provenance.of_program(place.generations.upcoming()).await;
        let started = Instance::start(place, &self.start, provenance, self.known).await;
        let mut instance = started.map_err(|error| Failure::Other(self.refused(&error)))?;
        place.slot.listen_to(instance.words());
        let answer = tokio::select! {
            answer = instance.ready() => answer.map_err(Some),
            _ = cancelled => Err(None),
        };
        match answer {
            Ok(found) => Ok(Ready { ready_in: instance.started.elapsed(), instance, found }),
            Err(reason) => {
                self.note_start(place, instance.started, None, "not ready");
                let failure = reason.map_or(Failure::Cancelled, |reason| self.not_ready(&reason, &instance, &place.root));
                instance.stop().await;
                Err(failure)
            }
        }
    }

    fn note_start(&self, place: &Place, began: Instant, generation: Option<Generation>, came_of_it: &str) {
        place.notices.timeline().note(Stage::Start, began, generation, format!("{}: {came_of_it}", self.start.command()));
    }

    fn swap(self, ready: Ready, replaced: Option<Serving>, place: &Place) -> Verdict {
        let (generation, began) = (place.generations.next(), Instant::now());
        self.note_start(place, ready.instance.started, Some(generation), "ready");
        let target = target(ready.found.address, &self.start.config);
        let backend = Backend::speaking(target, generation, ready.instance.words());
        let waited = place.slot.waited();
        place.slot.replace(State::Serving(Arc::clone(&backend)));
        place.notices.timeline().note(Stage::Swap, began, Some(generation), format!("{waited} requests waited"));
        let (ready_in, Found { address, as_given }) = (ready.ready_in, ready.found);
        let serving = Serving { instance: ready.instance, backend, start: self.start.clone(), address, as_given };
        let (cause, follows) = (self.start.cause.clone(), self.role.follows());
        let swapped = Swapped { generation, ready_in, waited, address, as_given, cause, follows, at: Instant::now() };
        let swap = Swap { swapped, role: self.role, start: self.start };
        Verdict { serving: Some(serving), replaced: replaced.into_iter().collect(), result: Ok(swap), earlier: Vec::new() }
    }

    fn refused(&self, error: &io::Error) -> Report {
        self.report("the app cannot be started".into(), error.to_string(), String::new(), Duration::ZERO)
    }

    fn not_ready(&self, reason: &NotReady, instance: &Instance, root: &Path) -> Failure {
        let took = instance.started.elapsed();
        let output = instance.last_words();
        let clash = matches!(reason, NotReady::Exited(_)).then(|| clash_in(&output)).flatten();
        let (title, help) = match reason {
            NotReady::Exited(exit) => {
                let exit = through_shell(*exit, &self.start.config.run);
                let about = clash.map(|port| self.about_clash(port)).filter(|words| !words.is_empty());
                let help = about.or_else(|| self.help_for_copy(&output)).or_else(|| tools::advice(&output));
                (format!("the app {exit} before it was ready"), help.unwrap_or_default())
            }
            NotReady::NoPort => (
                format!("the app opened no port in {} s", took.as_secs()),
                "it should listen on the port in the environment variable PORT, or any other of its own".into(),
            ),
            NotReady::NoLine => (
                format!("the app did not say that it is ready in {} s", took.as_secs()),
                format!("`ready_line` waits for a line that matches `{}`", self.ready_line()),
            ),
            NotReady::NoAnswer(address, Some(status)) => (
                format!("the app answers {status} on port {}", address.port()),
                "it is not ready until it answers otherwise".into(),
            ),
            NotReady::NoAnswer(address, None) => (
                format!("the app listens on port {} but does not answer {}", address.port(), self.language()),
                self.help_for_mute().into(),
            ),
        };
        let mut report = self.report(title, output, help, took);
        report.diagnostics = in_last_words(&report.output, Ground { dir: &self.start.config.dir, root });
        if clash.is_some() { Failure::Clash(report) } else { Failure::Other(report) }
    }

    fn language(&self) -> &'static str {
        match protocol(&self.start.config) {
            Protocol::Http1 => "HTTP",
            Protocol::Http2 => "HTTP/2",
        }
    }

    fn help_for_mute(&self) -> &'static str {
        match protocol(&self.start.config) {
            Protocol::Http1 => {
                "if it is another port, name the right one with `[app] port = …`; if it speaks HTTP/2 alone, as gRPC servers do, say \
                 `[app] http2 = true`"
            }
            Protocol::Http2 => {
                "`[app] http2 = true` speaks HTTP/2 without TLS from the first byte: leave it out if it speaks HTTP/1.1; if it is \
                 another port, name the right one with `[app] port = …`"
            }
        }
    }

    fn ready_line(&self) -> &str {
        self.start.config.ready_line.as_ref().map_or("", |line| line.0.as_str())
    }

    fn about_clash(&self, port: u16) -> String {
        if self.start.config.listen_fds {
            return "it opens a port instead of taking the socket it is handed (LISTEN_FDS); leave `[app] listen_fds` out".into();
        }
        self.owner_of(port)
    }

    /// What to do about a copy that misses what lies beside its original.
    fn help_for_copy(&self, output: &str) -> Option<String> {
        let misses = self.start.artifact.is_some() && LACKS.iter().any(|words| output.contains(words));
        let help =
            "each generation runs a copy of what was built; if it needs files beside itself, set `artifact = false` in `[app]`";
        misses.then(|| help.to_owned())
    }

    /// Who holds the port that is taken, in words. Some programs do not say which it is; then it most likely stands in the command.
    fn owner_of(&self, port: u16) -> String {
        let command = self.start.command();
        let named = command.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        let ports = [port].into_iter().chain(named).filter(|&port| port > 99);
        ports.map(owner_of).find(|words| !words.is_empty()).unwrap_or_default()
    }

    fn report(&self, title: String, output: String, help: String, took: Duration) -> Report {
        let command = self.start.command();
        Report { id: self.report, kind: Kind::Start, title, command, diagnostics: Vec::new(), output, took, help }
    }
}

impl Role {
    fn follows(&self) -> Follows {
        match self {
            Self::New | Self::Return(_) => Follows::Newer,
            Self::Restart => Follows::Same,
            Self::Instead | Self::Back(..) => Follows::SameInstead,
        }
    }
}

/// The state of the slot while no program answers.
pub(super) fn waiting(why: &str) -> State {
    State::Waiting { why: why.to_owned() }
}

pub(super) fn target(address: SocketAddr, config: &AppConfig) -> Target {
    let base = http::Uri::builder().scheme("http").authority(address.to_string()).path_and_query("/").build();
    Target { protocol: protocol(config), answer: config.answer, ..Target::from(base.unwrap_or_default()) }
}

/// What is spoken with the program.
pub(super) fn protocol(config: &AppConfig) -> Protocol {
    if config.http2 { Protocol::Http2 } else { Protocol::default() }
}

/// The port that the program says is in use.
fn clash_in(output: &str) -> Option<u16> {
    let in_use = output.lines().find(|line| {
        let line = line.to_ascii_lowercase();
        line.contains("address already in use") || line.contains("eaddrinuse")
    })?;
    let mut numbers = in_use.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    // Error numbers (98, 48) and times stand in the same line; ports that programs ask for are larger.
    numbers.rfind(|&port: &u16| port > 99).or(Some(0))
}

/// Who holds that port, in words.
fn owner_of(port: u16) -> String {
    let owner = sockets::owner(port);
    owner.map(|owner| format!("port {port} is held by process {} ({})", owner.pid, owner.command)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, expected: Option<u16>) {
        assert_eq!(clash_in(output), expected, "{output}");
    }

    #[test]
    fn finds_the_port_that_is_taken() {
        check("x\nlisten tcp :8080: bind: address already in use\n", Some(8080));
        check("OSError: [Errno 98] Address already in use: ('127.0.0.1', 5000)", Some(5000));
        check("OSError: [Errno 98] Address already in use", Some(0));
        check("Error: listen EADDRINUSE: address already in use :::3000", Some(3000));
        check("all well on 8080", None);
    }

    #[test]
    fn names_who_holds_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(owner_of(port).starts_with(&format!("port {port} is held by process {}", std::process::id())));
        drop(listener);
        assert_eq!(owner_of(port), "");
    }
}
