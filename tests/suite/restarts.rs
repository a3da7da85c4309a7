//! No request fails because of a restart, however many are under way.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::Uri;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use crate::harness::{BUILD, Connection, TestProject, TestServer, get};

const IN_FLIGHT: usize = 1_000;
const RESTARTS: usize = 20;

/// After so many a client gives up: the server is gone then, and the test has long failed.
const FAILURES: usize = 20;

/// Each request in flight takes a descriptor here and two in the server, which inherits the limit.
const DESCRIPTORS: u64 = 4 * IN_FLIGHT as u64;

/// What one connection went through.
#[derive(Default)]
struct Tally {
    answered: usize,
    failures: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_survive_twenty_restarts() {
    raise_descriptor_limit();
    let project = TestProject::from_example("hello-axum");
    let mut server = TestServer::start_app(project.path(), &[("CARGO_TARGET_DIR", &shared_target())]);
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        clients.spawn(keep_asking(server.at("/slow").parse().expect("a valid URL"), Arc::clone(&done)));
    }

    let mut greeting = "Hello from axum".to_owned();
    for restart in 1..=RESTARTS {
        let next = format!("Hello from axum, edit {restart}");
        project.edit("src/main.rs", &greeting, &next);
        server.wait_event("generation", BUILD);
        assert!(get(&server.url).await.text().contains(&next), "serve first, tell second");
        greeting = next;
    }
    done.store(true, Ordering::Relaxed);

    let tallies = clients.join_all().await;
    let failures: Vec<_> = tallies.iter().flat_map(|tally| &tally.failures).collect();
    let answered: usize = tallies.iter().map(|tally| tally.answered).sum();
    assert!(failures.is_empty(), "{} of {} failed, as in {:?}", failures.len(), answered + failures.len(), &failures[..1]);
    assert!(tallies.iter().all(|tally| tally.answered > 0), "every connection was answered");
}

/// Has one request in flight at all times; each takes a second.
async fn keep_asking(uri: Uri, done: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    while !done.load(Ordering::Relaxed) && tally.failures.len() < FAILURES {
        match ask(&mut connection, &uri).await {
            Ok(()) => tally.answered += 1,
            Err(failure) => {
                tally.failures.push(failure);
                connection = None;
            }
        }
    }
    tally
}

async fn ask(connection: &mut Option<Connection>, uri: &Uri) -> Result<(), String> {
    let mut open = match connection.take().filter(|open| !open.is_closed()) {
        Some(open) => open,
        None => Connection::open(uri).await.map_err(|error| error.to_string())?,
    };
    let answer = open.get(uri.path()).await.map_err(|error| error.to_string())?;
    *connection = Some(open);
    let text = answer.text();
    let complete = answer.status == 200 && text.contains("<h1>Hello from axum") && text.ends_with("</html>\n");
    complete.then_some(()).ok_or_else(|| format!("{}: {text}", answer.status))
}

/// Where the example is built, so that its dependencies are compiled once for all runs.
fn shared_target() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("example-builds");
    folder.to_str().expect("the target folder has a UTF-8 name").to_owned()
}

fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < DESCRIPTORS) {
        let raised = Rlimit { current: Some(limit.maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS))), ..limit };
        setrlimit(Resource::Nofile, raised).expect("a limit below the hard one can be set");
    }
}
