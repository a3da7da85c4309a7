//! What writes promise beyond their answer: once, whole, together, on the disk, and never over somebody else's edit.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use serde_json::json;

use super::Project;
use crate::config::Writes;

const FILES: [(&str, &str); 3] = [
    ("data/posts.json", "[\n  {\"id\": 1, \"n\": 0}\n]\n"),
    ("data/log.ndjson", "{\"id\":1}\n"),
    ("data/settings.json", "{\"a\": 1}\n"),
];

#[tokio::test]
async fn several_items_at_once() {
    let project = Project::new(&FILES);
    let got = project.json("POST", "/api/posts", r#"[{"n":1},{"n":2,"id":7},{"n":3}]"#).await;
    let got = got.is(201, r#"[{"id":2,"n":1},{"id":7,"n":2},{"id":8,"n":3}]"#);
    assert_eq!((got.header("location"), got.header("etag")), ("", ""));
    assert_eq!(project.written()[0].ids, ["2", "7", "8"]);
    let before = project.folder.read("data/posts.json");
    assert_eq!(before.lines().nth(3), Some("  {\"id\": 7, \"n\": 2},"));
    project.json("POST", "/api/posts", r#"[{"n":4},{"id":1}]"#).await.has(409, "the id 1");
    project.json("POST", "/api/posts", r#"[{"n":4},[]]"#).await.has(400, "at place 1");
    project.json("POST", "/api/posts", "[]").await.has(400, "no entry");
    assert_eq!(project.folder.read("data/posts.json"), before);
    project.json("POST", "/api/log", r#"[{"t":"a"},{"t":"b"}]"#).await.has(201, "");
    assert_eq!(project.folder.read("data/log.ndjson"), "{\"id\":1}\n{\"id\":2,\"t\":\"a\"}\n{\"id\":3,\"t\":\"b\"}\n");
}

#[tokio::test]
async fn put_makes_an_item_only_when_it_is_told_to() {
    let project = Project::new(&FILES);
    let put = async |id: &str, body: &str| {
        project
            .send("PUT", &format!("/api/posts/{id}"), &[("content-type", "application/json"), ("if-none-match", "*")], body)
            .await
    };
    project.json("PUT", "/api/posts/5", "{}").await.has(404, "");
    let got = put("5", r#"{"n":5}"#).await.is(201, r#"{"id":5,"n":5}"#);
    assert_eq!(got.header("location"), "/api/posts/5");
    put("5", "{}").await.has(412, "");
    put("6", r#"{"id":7}"#).await.has(409, "an id does not change");
    put("x", r#"{"id":"x"}"#).await.is(201, r#"{"id":"x"}"#);
    put("8", "{}").await.is(201, r#"{"id":"8"}"#);
}

#[tokio::test]
async fn dates_guard_writes() {
    let project = Project::new(&FILES);
    project.folder.write("data/posts.json", r#"[{"id":1,"n":7}]"#);
    let file = fs::File::options().append(true).open(project.folder.path("data/posts.json")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    project.refresh(&["data"]);
    let put = async |date: SystemTime| {
        let date = httpdate::fmt_http_date(date);
        let headers = [("content-type", "application/json"), ("if-unmodified-since", &*date)];
        project.send("PATCH", "/api/posts/1", &headers, r#"{"n":1}"#).await
    };
    let now = SystemTime::now();
    put(now - Duration::from_secs(3600)).await.has(412, "");
    put(now - Duration::from_secs(2)).await.has(200, "");
    put(now - Duration::from_secs(2)).await.has(412, "");
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once() {
    let project = Project::new(&FILES);
    let post = async |key: &str, body: &str| {
        project.send("POST", "/api/posts", &[("content-type", "application/json"), ("idempotency-key", key)], body).await
    };
    let first = post("\"k1\"", r#"{"n":1}"#).await.is(201, r#"{"id":2,"n":1}"#);
    let again = post("\"k1\"", r#"{"n":1}"#).await.is(201, r#"{"id":2,"n":1}"#);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!((first.header("location"), first.header("etag")), (again.header("location"), again.header("etag")));
    assert_eq!(project.written().len(), 1);
    post("k1", r#"{"n":2}"#).await.has(422, "was used for another request");
    post("", "{}").await.has(400, "Idempotency-Key");
    // What was refused changed nothing, and may come again.
    post("k2", r#"{"id":1}"#).await.has(409, "");
    post("k2", r#"{"id":3}"#).await.has(201, "");
    post("k3", "{").await.has(400, "");
    post("k3", "{}").await.has(201, "");
    let (one, two) = tokio::join!(post("k4", "{}"), post("k4", "{}"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert!(matches!(statuses, [201, 201 | 409]), "{statuses:?}");
    assert_eq!(project.get("/api/posts").await.value().as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn read_only() {
    let project = Project::configured(&FILES, |_, config| config.writes = Writes::Refused);
    for (method, path) in [("POST", "/api/posts"), ("PUT", "/api/posts/1"), ("DELETE", "/posts/1"), ("PATCH", "/api/settings")] {
        let got = project.json(method, path, "{}").await.has(405, "`read_only` in everlit.toml");
        assert_eq!(got.header("allow"), "GET, HEAD, OPTIONS");
    }
    project.json("BREW", "/api/posts", "").await.has(405, "this address answers GET");
    project.get("/api/posts/1").await.has(200, "");
    project.send("OPTIONS", "/api/posts", &[], "").await.is(204, "");
}

#[tokio::test]
async fn in_memory() {
    let project = Project::configured(&FILES, |_, config| config.writes = Writes::Memory);
    project.json("POST", "/api/posts", "{}").await.has(201, "");
    project.json("POST", "/api/posts", "{}").await.is(201, r#"{"id":3}"#);
    project.send("DELETE", "/api/posts/1", &[], "").await.is(204, "");
    project.get("/api/posts").await.is(200, r#"[{"id":2},{"id":3}]"#);
    assert_eq!(project.folder.read("data/posts.json"), FILES[0].1);
    assert!(project.refresh(&["data/posts.json"]).changed.is_empty());
    // An edit begins anew.
    project.folder.write("data/posts.json", "[{\"id\":9}]");
    assert_eq!(project.refresh(&["data/posts.json"]).changed.len(), 1);
    project.get("/api/posts").await.is(200, r#"[{"id":9}]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_all_there() {
    let project = Project::new(&FILES);
    let answers = join_all(
        (0..200)
            .map(|n| async move { n })
            .map(|n| async { project.json("POST", "/api/posts", &format!("{{\"n\":{}}}", n.await)).await }),
    )
    .await;
    let mut ids: Vec<u64> = answers.into_iter().map(|got| got.has(201, "").value()["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (2..202).collect::<Vec<_>>());
    let file: serde_json::Value = serde_json::from_str(&project.folder.read("data/posts.json")).unwrap();
    assert_eq!(file, project.get("/api/posts").await.value());
    assert_eq!(file.as_array().unwrap().len(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_to_one_who_knows_the_state() {
    let project = Project::new(&FILES);
    let count = async || {
        let mut done = 0;
        while done < 10 {
            let got = project.get("/api/posts/1").await;
            let (tag, n) = (got.header("etag").to_owned(), got.value()["n"].as_u64().unwrap());
            let headers = [("content-type", "application/json"), ("if-match", &*tag)];
            let patched = project.send("PATCH", "/api/posts/1", &headers, &json!({"n": n + 1}).to_string()).await;
            assert!([200, 412].contains(&patched.status.as_u16()), "{}", patched.body);
            done += usize::from(patched.status == 200);
        }
    };
    join_all((0..8).map(|_| count())).await;
    project.get("/api/posts/1").await.is(200, r#"{"id":1,"n":80}"#);
}

#[tokio::test]
async fn an_edit_is_merged_or_wins() {
    let project = Project::new(&FILES);
    project.folder.write("data/posts.json", "[\n  {\"id\": 1, \"n\": 5}, // mine\n]\n");
    let got = project.json("PATCH", "/api/posts/1", r#"{"x":1}"#).await.has(409, "left alone");
    assert!(got.body.contains("data/posts.json:2:22"), "{}", got.body);
    project.folder.write("data/posts.json", "[\n  {\"id\": 1, \"n\": 5},\n  {\"id\": 4}\n]\n");
    project.json("PATCH", "/api/posts/1", r#"{"x":1}"#).await.is(200, r#"{"id":1,"n":5,"x":1}"#);
    assert_eq!(project.folder.read("data/posts.json"), "[\n  {\"id\": 1, \"n\": 5, \"x\": 1},\n  {\"id\": 4}\n]\n");
}

#[tokio::test]
async fn what_cannot_be_written_is_not_shown() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new(&FILES);
    fs::set_permissions(project.folder.path("data/posts.json"), fs::Permissions::from_mode(0o444)).unwrap();
    project.json("POST", "/api/posts", "{}").await.has(503, "could not be written and is as it was");
    project.get("/api/posts").await.is(200, r#"[{"id":1,"n":0}]"#);
    assert!(project.written().is_empty());
    fs::set_permissions(project.folder.path("data/posts.json"), fs::Permissions::from_mode(0o644)).unwrap();
    project.json("POST", "/api/posts", "{}").await.is(201, r#"{"id":2}"#);
}
