//! One phone: its rule, and what it is said to be.

use super::{server::Server, *};

#[tokio::test]
async fn a_phone_is_reached_through_its_loopback_and_released_at_the_stop() {
    let (server, session, _tracking) = Session::with_phone().await;
    server.released(session).await;
}

#[tokio::test]
async fn a_rule_that_stands_is_left_alone() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let _tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, OUR_RULE).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

#[tokio::test]
async fn every_block_checks_the_rule_and_says_only_what_is_new() {
    let (server, mut session, mut tracking) = Session::with_phone().await;
    for _ in 0..3 {
        tracking.block(PIXEL).await;
        server.serve(SERIAL, LIST, OUR_RULE).await;
    }
    // An older adb server lost the phone and found it again without a word.
    tracking.block(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_that_is_offline_for_a_moment_is_not_called_so() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), Limits { settle: PATIENCE, ..LIMITS });
    let mut tracking = server.tracked(OFFLINE).await;
    tracking.block(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_that_is_plugged_in_again_is_reached_again() {
    let (server, mut session, mut tracking) = Session::with_phone().await;
    tracking.block("").await;
    session.expect_device(NAME, "disconnected").await;
    tracking.block(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

/// What a phone with the rule for port 4748 lists.
const MOVED_RULE: &str = "OKAY001ahost-14 tcp:4748 tcp:4747\n";

#[tokio::test]
async fn a_taken_port_is_another_one() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let mut tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, NO_RULE).await;
    server.serve(SERIAL, FORWARD, TAKEN).await;
    server.serve(SERIAL, "reverse:forward:tcp:localhost:4748;tcp:4747", "OKAYOKAY00044748").await;
    server.serve(SERIAL, LIST, MOVED_RULE).await;
    session.expect_device(NAME, "http://localhost:4748/ through adb reverse, as its port 4747 is taken").await;
    assert!(session.other_ports.contains(4748) && !session.other_ports.contains(4747));
    tracking.block(PIXEL).await;
    server.serve(SERIAL, LIST, MOVED_RULE).await;
    tracking.block("").await;
    session.expect_device(NAME, "disconnected").await;
    assert!(!session.other_ports.contains(4748), "nobody knows us by it any more");
    tracking.block(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/ through adb reverse").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_port_with_a_rule_of_somebody_else_is_left_to_them() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let _tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, "OKAY001ahost-14 tcp:4747 tcp:3000\n").await;
    server.serve(SERIAL, "reverse:forward:tcp:localhost:4748;tcp:4747", "OKAYOKAY00044748").await;
    server.serve(SERIAL, LIST, MOVED_RULE).await;
    session.expect_device(NAME, "http://localhost:4748/").await;
    session.stop.cancel();
    server.serve(SERIAL, LIST, MOVED_RULE).await;
    server.serve(SERIAL, "reverse:killforward:tcp:4748", "OKAYOKAY").await;
    session.ended().await;
}

#[tokio::test]
async fn ports_that_pages_name_are_forwarded_too_and_cannot_move() {
    let server = Server::start().await;
    let mut session = Session::start_with(server.port(), LIMITS, &[3000]);
    let _tracking = server.tracked(PIXEL).await;
    server.reach(SERIAL).await;
    server.serve(SERIAL, LIST, OUR_RULE).await;
    server.serve(SERIAL, "reverse:forward:tcp:localhost:3000;tcp:3000", TAKEN).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    session.expect_device(NAME, "port 3000 does not lead here: another program on the phone has its port 3000; close it").await;
    // It is asked for until it is free.
    let both = "OKAY0034host-14 tcp:4747 tcp:4747\nhost-14 tcp:3000 tcp:3000\n";
    server.serve(SERIAL, LIST, OUR_RULE).await;
    server.serve(SERIAL, LIST, OUR_RULE).await;
    server.serve(SERIAL, "reverse:forward:tcp:localhost:3000;tcp:3000", "OKAYOKAY00043000").await;
    server.serve(SERIAL, LIST, both).await;
    session.expect_device(NAME, "port 3000 through adb reverse").await;
    session.stop.cancel();
    server.serve(SERIAL, LIST, both).await;
    server.serve(SERIAL, REMOVE, "OKAYOKAY").await;
    server.serve(SERIAL, "reverse:killforward:tcp:3000", "OKAYOKAY").await;
    session.ended().await;
}

#[tokio::test]
async fn one_okay_is_no_success() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let _tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, NO_RULE).await;
    server.serve(SERIAL, FORWARD, "OKAY").await;
    session.expect_device(NAME, "not reached: the adb server ended the connection").await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_that_refuses_its_loopback_is_reached_on_all_interfaces() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let mut tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, NO_RULE).await;
    server.serve(SERIAL, FORWARD, "OKAYFAIL0013Invalid source port").await;
    server.serve(SERIAL, PLAIN_FORWARD, BOUND).await;
    session.expect_device(NAME, "http://localhost:4747/ through adb reverse; this phone cannot keep the port to itself").await;
    tracking.block(PIXEL).await;
    server.serve(SERIAL, LIST, OUR_RULE).await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_that_opened_another_port_is_put_right() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let _tracking = server.tracked(PIXEL).await;
    server.serve(SERIAL, LIST, NO_RULE).await;
    server.serve(SERIAL, FORWARD, "OKAYOKAY000538355").await;
    server.serve(SERIAL, LIST, "OKAY0024host-14 tcp:localhost:4747 tcp:4747\n").await;
    server.serve(SERIAL, "reverse:killforward:tcp:localhost:4747", "OKAYOKAY").await;
    server.serve(SERIAL, PLAIN_FORWARD, BOUND).await;
    session.expect_device(NAME, "http://localhost:4747/ through adb reverse; this phone cannot").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_without_a_port_for_us_is_explained_and_left_alone_at_the_stop() {
    let server = Server::start().await;
    let patient = Limits { retry: PATIENCE, ..LIMITS };
    let mut session = Session::start(server.port(), patient);
    let _tracking = server.tracked(PIXEL).await;
    let foreign = "OKAY001ahost-14 tcp:4747 tcp:3000\n";
    server.serve(SERIAL, LIST, foreign).await;
    for port in 4748..=4756 {
        server.serve(SERIAL, &format!("reverse:forward:tcp:localhost:{port};tcp:4747"), TAKEN).await;
    }
    session.expect_device(NAME, "not reached: its port 4747 leads to tcp:3000").await;
    session.stop.cancel();
    server.serve(SERIAL, LIST, foreign).await;
    session.ended().await;
}

#[tokio::test]
async fn a_phone_that_is_not_ready_is_explained_once_per_state() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let mut tracking = server.tracked("39071FDJH0             authorizing usb:1-2 transport_id:3\n").await;
    let unauthorized = "39071FDJH0             unauthorized usb:1-2 transport_id:3\n";
    tracking.block(unauthorized).await;
    tracking.block(unauthorized).await;
    session.expect_device(SERIAL, "unauthorized: unlock it").await;
    tracking.block(OFFLINE).await;
    session.expect_device(SERIAL, "offline").await;
    tracking.block(PIXEL).await;
    server.reach(SERIAL).await;
    session.expect_device(NAME, "http://localhost:4747/").await;
    server.released(session).await;
}

#[tokio::test]
async fn a_phone_that_hangs_does_not_keep_others_waiting() {
    let server = Server::start().await;
    let mut session = Session::start(server.port(), LIMITS);
    let _tracking = server.tracked("hanging device\nworking device\n").await;
    let (mut one, mut other) = (server.accept().await, server.accept().await);
    let (first, second) = (one.request().await, other.request().await);
    assert_eq!([first.as_str(), second.as_str()].iter().filter(|r| r.starts_with("host:transport:")).count(), 2);
    let mut working = if first == "host:transport:working" { one } else { other };
    working.say("OKAY").await;
    working.expect(LIST).await;
    working.say(OUR_RULE).await;
    session.expect_device("working", "http://localhost:4747/").await;
    session.stop.cancel();
}
