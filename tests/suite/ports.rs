//! Which port is listened on, and what is said about it.

use std::{
    net::{Ipv4Addr, TcpListener},
    process,
};

use crate::harness::{SOON, TestProject, TestServer, get};

fn page() -> TestProject {
    TestProject::from_text("-- index.html --\n<!doctype html><title>Here</title><h1>Here</h1>\n")
}

/// A port that this test has.
fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound address").port();
    (listener, port)
}

#[tokio::test]
async fn a_taken_port_moves_to_the_next_and_says_who_has_it() {
    let (project, (_listener, port)) = (page(), taken());
    let mut server = TestServer::start_with(project.path(), &["--port", &port.to_string()], &[]);
    assert!(server.port() > port, "{} comes after {port}", server.port());
    assert!(get(&server.url).await.text().contains("<h1>Here</h1>"));
    server.rewind();
    let warning = server.wait_event("warning", SOON);
    let text = warning["text"].as_str().expect("a text");
    for fact in [port.to_string(), server.port().to_string(), process::id().to_string(), "suite".to_owned()] {
        assert!(text.contains(&fact), "{text:?} names {fact}");
    }
}

#[test]
fn a_strict_port_that_is_taken_ends_the_program() {
    let (project, (_listener, port)) = (page(), taken());
    let mut server = TestServer::spawn(project.path(), &["--strict-port", "--port", &port.to_string()], &[]);
    assert_eq!(server.wait_end(SOON).code(), Some(1));
    assert!(server.transcript().contains(&port.to_string()), "{}", server.transcript());
}

#[tokio::test]
async fn both_loopback_families_answer_on_a_chosen_port() {
    let project = page();
    let server = TestServer::start(project.path());
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let answer = get(&format!("http://{host}:{}/", server.port())).await;
        assert!(answer.text().contains("<h1>Here</h1>"), "{host} answers");
    }
}

#[test]
fn every_event_says_when() {
    let project = page();
    let mut server = TestServer::start(project.path());
    server.rewind();
    let first = server.wait_for("first", SOON, |_| true);
    assert_eq!(first["event"], "ready", "other programs wait for it");
    let at = first["at"].as_str().expect("a time");
    at.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{at:?} is not RFC 3339: {error}"));
    assert!(first["control"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{first}");
}
