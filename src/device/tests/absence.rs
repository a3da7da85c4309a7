//! The adb server that is not there, goes away, or is something else.

use super::{server::Server, *};

#[tokio::test]
async fn an_adb_server_that_ends_is_found_again() {
    let (server, mut session, tracking) = Session::with_phone().await;
    let port = server.port();
    drop((server, tracking));
    assert!(matches!(session.next().await, Notice::Info(text) if text.starts_with("the adb server ended")));
    let server = Server::at(port).await;
    let _tracking = server.tracked(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

#[tokio::test]
async fn an_adb_server_without_phones_comes_and_goes_without_a_word() {
    let server = Server::start().await;
    let session = Session::start(server.port(), LIMITS);
    for _ in 0..3 {
        drop(server.tracked("").await);
    }
    let _tracking = server.tracked("").await;
    session.stop.cancel();
    session.ended().await;
}

#[tokio::test]
async fn something_else_on_the_port_is_named_once() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    for _ in 0..3 {
        server.accept().await.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    }
    assert!(matches!(session.next().await, Notice::Warning(text) if text.ends_with("the answer is not in adb's protocol")));
    let _tracking = server.tracked("").await;
    session.stop.cancel();
    session.ended().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), Limits { answer: Duration::from_millis(20), ..LIMITS });
    let _silent = server.accept().await;
    assert!(matches!(session.next().await, Notice::Warning(text) if text.ends_with("no answer within 0.02 s")));
    session.stop.cancel();
    session.ended().await;
}

#[tokio::test]
async fn a_refusal_is_passed_on_without_what_could_act_on_a_terminal() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    server.accept().await.say("FAIL000bunkn\x1b[2Jown").await;
    assert!(matches!(session.next().await, Notice::Warning(text) if text.ends_with(": unkn\u{fffd}[2Jown")));
    session.stop.cancel();
    session.ended().await;
}

#[tokio::test]
async fn too_many_devices_are_counted_once() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let crowd: String = (0..20).map(|n| format!("serial{n:02} offline transport_id:{n}\n")).collect();
    let mut tracking = server.tracked(&crowd).await;
    assert!(matches!(session.next().await, Notice::Warning(text) if text.starts_with("4 of the lines")));
    tracking.block(&crowd).await;
    for n in 0..16 {
        session.expect_device(&format!("serial{n:02}"), "offline").await;
    }
    tracking.block("serial00 unauthorized\n").await;
    for n in 1..16 {
        session.expect_device(&format!("serial{n:02}"), "disconnected").await;
    }
    session.expect_device("serial00", "unauthorized").await;
}
