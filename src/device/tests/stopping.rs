//! The stop at awkward moments.

use super::{server::Server, *};

#[tokio::test]
async fn a_rule_that_was_just_asked_for_is_taken_back() {
    let server = Server::start().await;
    let session = Session::start(server.port(), LIMITS);
    let _tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, NO_RULE).await;
    let _asking = server.serve(SERIAL, FORWARD, "OKAY").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_that_does_not_answer_does_not_hold_the_stop() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), Limits { withdrawal: Duration::from_millis(20), ..LIMITS });
    let _tracking = server.tracked(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    session.stop.cancel();
    let _silent = server.accept().await;
    session.ended().await;
}

#[tokio::test]
async fn without_an_adb_server_the_stop_is_immediate() {
    let server = Server::start().await;
    let port = server.port();
    drop(server);
    let session = Session::start(port, Limits { retry: PATIENCE * 2, ..LIMITS });
    session.stop.cancel();
    session.ended().await;
}
