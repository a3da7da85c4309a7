//! An app behind Everlit sees the same requests, and a browser in front of it the same answers, as without.
//!
//! Each shape is sent directly and through; a raw app records what it got. What may differ is listed in `difference.rs`.

mod answers;
mod app;
mod difference;
mod random;
mod requests;
mod shape;
mod wire;

use std::{collections::HashSet, net::SocketAddr, sync::Arc};

use tokio::net::TcpStream;

use self::{
    app::App,
    difference::{Exchange, OF_ANSWERS, OF_REQUESTS, differences},
    shape::Shape,
    wire::{Kind, Message, Wire},
};
use crate::harness::{TestProject, TestServer};

/// Nothing is put into pages here: what is, is shown elsewhere.
const PROJECT: &str = "-- everlit.toml --\n[live]\ninject = false\n";

/// How many shapes there are at least.
const SHAPES: usize = 200;

#[tokio::test]
async fn exchanges_are_the_same_through_as_directly() {
    let shapes = Arc::new([requests::shapes(), answers::shapes(), random::shapes()].concat());
    let names: HashSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
    assert!(names.len() >= SHAPES, "{} shapes, each with a name of its own", names.len());
    let mut app = App::start(shapes.clone()).await;
    let project = TestProject::from_text(PROJECT);
    let upstream = format!("http://{}", app.address);
    let server = TestServer::start_with(project.path(), &["--port", "0", "--upstream", &upstream], &[]);
    let everlit = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let host = format!("localhost:{}", server.port());

    let mut failures = Vec::new();
    for (number, shape) in shapes.iter().enumerate() {
        let direct = exchange(&mut app, None, (shape, number), &host).await;
        let through = exchange(&mut app, Some(everlit), (shape, number), &host).await;
        let found = match (&direct, &through) {
            (Ok(direct), Ok(through)) => {
                must_be_able_to_fail(shape, direct);
                differences(direct, through, is_page(direct))
            }
            (direct, through) => vec![format!("directly {:?}, through {:?}", direct.as_ref().err(), through.as_ref().err())],
        };
        failures.extend(found.into_iter().map(|difference| format!("{}: {difference}", shape.name)));
    }
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

/// Whether a browser asks for a page.
fn is_page(exchange: &Exchange) -> bool {
    exchange.request.fields.iter().any(|(name, value)| name == "accept" && value.starts_with(b"text/html"))
}

/// Sends a shape to the app, or through the server at an address.
async fn exchange(
    app: &mut App,
    through: Option<SocketAddr>,
    (shape, number): (&Shape, usize),
    host: &str,
) -> Result<Exchange, String> {
    let stream = TcpStream::connect(through.unwrap_or(app.address)).await.map_err(|error| error.to_string())?;
    let (interim, answer) = ask(Wire::new(stream), shape, &shape.head(number, host)).await?;
    let request = app.seen().ok_or_else(|| format!("the app got nothing, and the answer was {:?}", answer.start))?;
    Ok(Exchange { request, interim, answer })
}

async fn ask(mut wire: Wire, shape: &Shape, head: &[u8]) -> Result<(Vec<Message>, Message), String> {
    let broken = || "the answer breaks off".to_owned();
    wire.write(head).await.map_err(|error| error.to_string())?;
    if !shape.waits() {
        wire.write(&shape.body).await.map_err(|error| error.to_string())?;
    }
    let mut interim = Vec::new();
    loop {
        let mut answer = wire.head().await.ok_or_else(broken)?;
        let status = answer.start.split(' ').nth(1).unwrap_or_default();
        if status == "100" {
            wire.write(&shape.body).await.map_err(|error| error.to_string())?;
        } else if status.starts_with('1') {
            interim.push(answer);
        } else {
            let kind = if shape.method == "HEAD" { Kind::HeadAnswer } else { Kind::Answer };
            wire.body(&mut answer, kind).await.ok_or_else(broken)?;
            return Ok((interim, answer));
        }
    }
}

/// Every part of an exchange that is not listed is missed when it is not there, and noticed when it is another.
fn must_be_able_to_fail(shape: &Shape, exchange: &Exchange) {
    let notices = |change: &dyn Fn(&mut Exchange)| {
        let mut changed = exchange.clone();
        change(&mut changed);
        assert!(!differences(exchange, &changed, false).is_empty(), "{}: a change goes unnoticed: {changed:?}", shape.name);
    };
    notices(&|changed| changed.request.start.insert(0, 'X'));
    notices(&|changed| changed.request.body.push(b'x'));
    notices(&|changed| changed.answer.start.push('X'));
    notices(&|changed| changed.answer.body.push(b'x'));
    notices(&|changed| changed.interim.push(Message::default()));
    notices(&|changed| changed.answer.trailers.push(("x".into(), Vec::new())));
    for (index, (name, _)) in exchange.request.fields.iter().enumerate() {
        if !OF_REQUESTS.contains(&name.as_str()) {
            notices(&|changed| drop(changed.request.fields.remove(index)));
        }
    }
    for (index, (name, _)) in exchange.answer.fields.iter().enumerate() {
        if name != "date" && !OF_ANSWERS.contains(&name.as_str()) {
            notices(&|changed| changed.answer.fields[index].1.push(b'x'));
        }
    }
}
