//! Mistakes of Everlit itself: a panic ends one request or the program in order, and what is kept of it holds no secrets.
//!
//! Builds for tests fail where `EVERLIT_FAILPOINT` says; its words stand for whatever a panic may repeat.

use std::{fs, net::TcpStream, os::unix::fs::PermissionsExt, time::Duration};

use crate::harness::{BUILD, Home, SOON, TestProject, TestServer, get, require};

const SECRET: &str = "hunter2";

/// How soon all is gone that an ending server started.
const GONE_LIMIT: Duration = Duration::from_secs(10);

fn project() -> TestProject {
    require("python3");
    let project = TestProject::from_example("hello-python");
    project.save("static/note.txt", "a note\n");
    project
}

/// A server that fails at a place, and the home in which it leaves its report.
fn spawn(project: &TestProject, place: &str) -> (Home, TestServer) {
    let home = Home::new();
    let (folder, asked) = (home.path().display().to_string(), format!("{place}:{SECRET}"));
    let env = [("XDG_STATE_HOME", folder.as_str()), ("EVERLIT_FAILPOINT", asked.as_str())];
    let mut server = TestServer::spawn(project.path(), &["--port", "0"], &env);
    server.wait_ready();
    (home, server)
}

/// What is kept of a mistake says where it was made, is for its owner alone, and repeats nothing.
fn check_report(home: &Home, place: &str, server: &TestServer) {
    let path = home.path().join("everlit/panic.txt");
    let report = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {error}\n{}", server.transcript()));
    for part in [env!("CARGO_PKG_VERSION"), "place:  ", "thread: ", "words:  left out", "everlit::failpoint::pass"] {
        assert!(report.contains(part), "{place}: {part:?} is missing\n{report}");
    }
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600, "{place}");
    let said = server.transcript();
    assert!(said.contains(path.to_str().expect("UTF-8")), "{place}: the terminal names the report\n{said}");
    assert!(!report.contains(SECRET) && !said.contains(SECRET), "{place}\n{said}\n{report}");
}

#[tokio::test]
async fn a_panic_in_a_request_is_its_500_and_no_more() {
    let project = project();
    let (home, mut server) = spawn(&project, "request");
    server.wait_event("generation", BUILD);
    let failed = get(&server.at("/note.txt")).await;
    assert_eq!(failed.status, 500, "{}", failed.text());
    assert!(failed.text().contains("everlit made a mistake") && !failed.text().contains(SECRET), "{}", failed.text());
    assert_eq!(get(&server.at("/note.txt")).await.text(), "a note\n");
    assert_eq!(get(&server.url).await.status, 200);
    project.save("static/note.txt", "another\n");
    server.wait_event("reloaded", SOON);
    assert_eq!(get(&server.at("/note.txt")).await.text(), "another\n", "it goes on");
    check_report(&home, "request", &server);
}

/// Each place on its own would leave saves or requests waiting.
#[test]
fn a_panic_in_what_all_rely_on_ends_the_program_in_order() {
    let project = project();
    for place in ["build", "start", "console", "watch", "watch-read", "session", "accept"] {
        let (home, mut server) = spawn(&project, place);
        if ["session", "accept"].contains(&place) {
            server.wait_event("generation", BUILD);
        }
        if place == "session" {
            project.save("static/note.txt", &format!("{:?}\n", std::time::SystemTime::now()));
        }
        if place == "accept" {
            let _ = TcpStream::connect(("localhost", server.port()));
        }
        let status = server.wait_end(SOON);
        assert_eq!(status.code(), Some(1), "{place}: {status}\n{}", server.transcript());
        server.processes().wait_gone(GONE_LIMIT).unwrap_or_else(|left| panic!("{place}: {left}\n{}", server.transcript()));
        assert!(TcpStream::connect(("localhost", server.port())).is_err(), "{place}: nobody listens any more");
        assert!(server.transcript().contains("start it again"), "{place}: {}", server.transcript());
        check_report(&home, place, &server);
    }
}
