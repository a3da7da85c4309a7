//! What is kept of files in memory is never older than the disk.

use std::{
    fs::File,
    time::{Instant, SystemTime},
};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use http::Method;
use tokio::io::AsyncReadExt;

use crate::harness::{Answer, SOON, TestProject, TestServer, send};

/// How an answer is asked for.
const CODINGS: [&str; 3] = ["identity", "br", "gzip"];

/// A script of a length that does not depend on the number.
fn script(number: usize) -> String {
    (0..200).map(|line| format!("export const value{line:03} = {number:05};\n")).collect()
}

async fn ask(server: &TestServer, coding: &str, known: &str) -> Answer {
    send(Method::GET, &server.at("/app.js"), &[("accept-encoding", coding), ("if-none-match", known)], "").await
}

async fn text(answer: &Answer) -> String {
    let mut text = String::new();
    match answer.header("content-encoding") {
        "br" => drop(BrotliDecoder::new(&answer.body[..]).read_to_string(&mut text).await.unwrap()),
        "gzip" => drop(GzipDecoder::new(&answer.body[..]).read_to_string(&mut text).await.unwrap()),
        _ => text = answer.text(),
    }
    text
}

/// Asks until the file is so old that it is kept: from then on its date is told.
async fn until_kept(server: &TestServer) {
    let began = Instant::now();
    while ask(server, "identity", "\"\"").await.header("last-modified").is_empty() {
        assert!(began.elapsed() < SOON, "the file never gets old");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_request_after_a_save_gets_what_was_saved() {
    let project = TestProject::from_text("-- static/index.html --\n<p>a</p>\n");
    let (long_ago, path) = (SystemTime::UNIX_EPOCH, "static/app.js");
    project.save(path, &script(0));
    let server = TestServer::start(project.path());
    let mut tags = Vec::new();
    for number in 1..=4 {
        until_kept(&server).await;
        for coding in CODINGS {
            let answer = ask(&server, coding, "\"\"").await;
            assert_eq!(answer.header("content-encoding"), if coding == "identity" { "" } else { coding });
            assert_eq!(text(&answer).await, script(number - 1));
            let tag = answer.header("etag").to_owned();
            assert_eq!(ask(&server, coding, &tag).await.status, 304, "{coding}");
            tags.push(tag);
        }
        if number % 2 == 0 {
            project.save(path, &script(number))
        } else {
            project.save_atomically(path, &script(number))
        }
        if number > 2 {
            let file = File::options().write(true).open(project.path().join(path)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        for coding in CODINGS {
            for tag in &tags {
                let answer = ask(&server, coding, tag).await;
                assert_eq!((answer.status.as_u16(), text(&answer).await), (200, script(number)), "{coding} {tag}");
            }
        }
    }
}
