//! Editing a data file by hand while clients write through the API: no edit is overwritten in silence.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::JSON;
use crate::harness::{Connection, SOON, TestProject, TestServer, get};

const WRITERS: usize = 4;

const EDITS: u64 = 25;

/// How an editor saves: whether its text became the file.
type Save = fn(&Path, &str) -> bool;

/// A stretch of time.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Instant,
    to: Instant,
}

impl Span {
    fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// As nano and VS Code do: truncate, write, close. When the file was replaced between the first and the last of these, the text
/// went into a file that has no name any more. No server can see that; a person would save again.
fn in_place(path: &Path, text: &str) -> bool {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path).expect("the file can be opened");
    file.write_all(text.as_bytes()).expect("the file can be written");
    file.metadata().expect("an open file").ino() == fs::metadata(path).expect("the file is there").ino()
}

/// As Vim and JetBrains do: write beside, rename over.
fn renamed_over(path: &Path, text: &str) -> bool {
    let beside = path.with_file_name("posts.json~");
    fs::write(&beside, text).expect("the new file can be written");
    fs::rename(&beside, path).expect("the file can be renamed over");
    true
}

async fn check_edits(save: Save) {
    let project = TestProject::from_text(
        r#"
-- data/posts.json --
[{ "id": 1000, "text": "the server counts on from here, the editor has the ids below" }]
"#,
    );
    let server = TestServer::start(project.path());
    let url: Uri = server.url.parse().expect("a valid URL");
    let file = project.path().join("data/posts.json");
    let done = Arc::new(AtomicBool::new(false));
    let mut posting = JoinSet::new();
    for number in 0..WRITERS {
        posting.spawn(post_until(url.clone(), number, Arc::clone(&done)));
    }

    let (mut edits, mut number) = (Vec::new(), 1);
    while number <= EDITS {
        let from = Instant::now();
        let Ok(mut items) = serde_json::from_str::<Vec<Value>>(&fs::read_to_string(&file).expect("readable")) else {
            panic!("edit {number}: the editor opened a torn file");
        };
        let text = format!("hand {number}");
        if !items.iter().any(|item| item["text"] == text) {
            items.push(json!({ "id": number, "text": text }));
            let saved = save(&file, &serde_json::to_string_pretty(&items).expect("JSON"));
            if !saved {
                continue;
            }
        }
        shown(&server, &file, number).await;
        edits.push(Span { from, to: Instant::now() });
        number += 1;
    }
    done.store(true, Ordering::Relaxed);
    let posts: Vec<(String, Span)> = posting.join_all().await.into_iter().flatten().collect();

    let stored: Vec<Value> = serde_json::from_str(&project.read("data/posts.json")).expect("a whole file");
    let texts: BTreeSet<&str> = stored.iter().filter_map(|item| item["text"].as_str()).collect();
    for number in 1..=EDITS {
        assert!(texts.contains(format!("hand {number}").as_str()), "edit {number} was overwritten\n{}", server.transcript());
    }
    // An editor that saves what it read a moment ago takes back what was stored meanwhile: that is the person's word.
    let lost =
        posts.iter().filter(|(text, span)| !texts.contains(text.as_str()) && !edits.iter().any(|edit| edit.overlaps(*span)));
    let lost: Vec<_> = lost.collect();
    assert!(lost.is_empty(), "acknowledged while nobody edited, and lost: {lost:?}\n{}", server.transcript());
    assert!(posts.iter().any(|(_, span)| edits.iter().any(|edit| edit.overlaps(*span))), "the edits met none of the writes");
    assert_eq!(get(&server.at("/api/posts")).await.json(), Value::Array(stored), "memory and file agree");
}

/// Waits until the server shows an item.
async fn shown(server: &TestServer, file: &Path, id: u64) {
    let deadline = Instant::now() + SOON;
    while get(&server.at(&format!("/api/posts/{id}"))).await.status != StatusCode::OK {
        let text = fs::read_to_string(file).expect("readable");
        assert!(
            Instant::now() < deadline,
            "edit {id} is not shown; the file is
{text}
{}",
            server.transcript()
        );
        sleep(Duration::from_millis(1)).await;
    }
}

/// Adds items until told to end; returns those that were acknowledged, and when.
async fn post_until(url: Uri, number: usize, done: Arc<AtomicBool>) -> Vec<(String, Span)> {
    let mut connection = Connection::open(&url).await.expect("the server accepts");
    let (mut posts, mut made) = (Vec::new(), 0);
    while !done.load(Ordering::Relaxed) {
        made += 1;
        let text = format!("writer {number} item {made}");
        let from = Instant::now();
        let body = json!({ "text": text }).to_string();
        let answer = connection.send(Method::POST, "/api/posts", &JSON, body).await.expect("an answer");
        match answer.status {
            StatusCode::CREATED => posts.push((text, Span { from, to: Instant::now() })),
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {}
            status if status.is_server_error() => {}
            status => panic!("{status} {}", answer.text()),
        }
        // A pace at which the file stays small and every edit still meets writes.
        sleep(Duration::from_millis(2)).await;
    }
    posts
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_place_among_writes_is_not_lost() {
    check_edits(in_place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_renamed_over_among_writes_is_not_lost() {
    check_edits(renamed_over).await;
}
