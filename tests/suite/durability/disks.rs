//! Disks that take no writes: each is refused with its status, and memory and folder stay as they were.
//!
//! The disks are real: a small tmpfs and a read-only mount, each in a mount namespace of the server's own, which takes root.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{JSON, MERGE};
use crate::harness::{TestProject, TestServer, get, names, require, send};

const POSTS: &str = r#"
-- data/posts.json --
[
  { "id": 1, "text": "first" },
  { "id": 2, "text": "second" }
]
"#;

/// A disk of 64 KiB in place of `data/`, with the same file on it.
const SMALL_DISK: &str = "cp -r data kept; mount -t tmpfs -o size=64k tmpfs data; cp kept/* data/; rm -r kept";

/// `data/` as it is, and nobody may write.
const READ_ONLY: &str = "mount --bind data data; mount -o remount,bind,ro data";

/// Target, method, content type and body of a write each.
const WRITES: [(&str, Method, &str, &str); 4] = [
    ("/api/posts", Method::POST, "application/json", r#"{ "text": "third" }"#),
    ("/api/posts/1", Method::PUT, "application/json", r#"{ "text": "replaced" }"#),
    ("/api/posts/1", Method::PATCH, MERGE, r#"{ "text": "patched" }"#),
    ("/api/posts/2", Method::DELETE, "application/json", ""),
];

/// Each write is answered with the status, and leaves memory and folder as they were.
async fn check_refused(server: &TestServer, folder: &Path, status: StatusCode) {
    let (names_before, text) = (names(folder), fs::read(folder.join("posts.json")).expect("readable"));
    let before = get(&server.at("/api/posts")).await;
    for (target, method, content_type, body) in WRITES {
        let answer = send(method.clone(), &server.at(target), &[("content-type", content_type)], body).await;
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {target}");
        let after = get(&server.at("/api/posts")).await;
        assert_eq!((after.text(), after.header("etag")), (before.text(), before.header("etag")), "{method} {target}");
        assert_eq!(fs::read(folder.join("posts.json")).expect("readable"), text, "{method} {target}");
        assert_eq!(names(folder), names_before, "{method} {target} leaves nothing half written");
    }
}

/// Each write works.
async fn check_written(server: &TestServer, file: &Path) {
    for (target, method, content_type, body) in WRITES {
        let answer = send(method.clone(), &server.at(target), &[("content-type", content_type)], body).await;
        assert!(answer.status.is_success(), "{method} {target}: {} {}", answer.status, answer.text());
    }
    let text = fs::read_to_string(file).expect("readable");
    let items: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(items, json!([{ "id": 1, "text": "patched" }, { "id": 3, "text": "third" }]));
    assert_eq!(get(&server.at("/api/posts")).await.json(), items);
}

/// A folder of the project as the server sees it.
fn seen_by(server: &TestServer, project: &TestProject, folder: &str) -> PathBuf {
    let path = project.path().join(folder);
    server.root().join(path.strip_prefix("/").expect("absolute"))
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_changes_nothing() {
    require("mount");
    let project = TestProject::from_text(POSTS);
    let server = TestServer::start_mounted(project.path(), SMALL_DISK);
    let folder = seen_by(&server, &project, "data");
    let filler = folder.join(".filler");
    fill(&filler);
    check_refused(&server, &folder, StatusCode::INSUFFICIENT_STORAGE).await;
    fs::remove_file(&filler).expect("the disk can be emptied");
    check_written(&server, &folder.join("posts.json")).await;
}

#[tokio::test]
async fn a_write_that_does_not_fit_is_refused_and_a_smaller_one_is_not() {
    require("mount");
    let project = TestProject::from_text(POSTS);
    let server = TestServer::start_mounted(project.path(), SMALL_DISK);
    let folder = seen_by(&server, &project, "data");
    let before = fs::read(folder.join("posts.json")).expect("readable");
    let body = json!({ "text": "x".repeat(100 * 1024) }).to_string();
    let answer = send(Method::POST, &server.at("/api/posts"), &JSON, body).await;
    assert_eq!(answer.status, StatusCode::INSUFFICIENT_STORAGE, "{}", answer.text());
    assert_eq!(fs::read(folder.join("posts.json")).expect("readable"), before);
    assert_eq!(names(&folder), ["posts.json"], "nothing half written takes the room");
    check_written(&server, &folder.join("posts.json")).await;
}

#[tokio::test]
async fn a_read_only_disk_refuses_writes_and_changes_nothing() {
    require("mount");
    let project = TestProject::from_text(POSTS);
    let server = TestServer::start_mounted(project.path(), READ_ONLY);
    let folder = seen_by(&server, &project, "data");
    check_refused(&server, &folder, StatusCode::SERVICE_UNAVAILABLE).await;
    let remounted = Command::new(require("nsenter"))
        .arg(format!("--mount=/proc/{}/ns/mnt", server.pid()))
        .args(["mount", "-o", "remount,bind,rw"])
        .arg(project.path().join("data"))
        .status();
    assert!(remounted.expect("nsenter starts").success(), "the disk can be made writable");
    check_written(&server, &folder.join("posts.json")).await;
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("there is room for a file");
    let full = loop {
        if let Err(error) = file.write_all(&[0; 512]) {
            break error;
        }
    };
    assert_eq!(full.raw_os_error(), Some(rustix::io::Errno::NOSPC.raw_os_error()), "{full}");
}
