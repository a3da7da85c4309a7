//! Writes: what they answer, and what is on the disk afterwards.

use axum::body::Body;
use http::Request;

use super::{Answer, Project, Written};

const POSTS: &str = "[\n  {\n    \"id\": 1,\n    \"title\": \"A\",\n    \"rating\": 5\n  }\n]\n";

const FILES: [(&str, &str); 4] = [
    ("data/posts.json", POSTS),
    ("data/posts.v1.toml", "rename = { title = 'headline' }\nomit = ['rating']\ndefault = { rating = 3 }"),
    ("data/settings.json", r#"{"name":"Shop","open":true}"#),
    ("data/empty.json", "[]"),
];

#[tokio::test]
async fn adds() {
    let project = Project::new(&FILES);
    let got = project.json("POST", "/api/posts", r#"{"title":"B"}"#).await.is(201, r#"{"id":2,"title":"B"}"#);
    assert_eq!(got.header("location"), "/api/posts/2");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(project.written(), [Written { resource: "posts".into(), ids: vec!["2".into()] }]);
    let read = project.get("/api/posts/2").await.is(200, &got.body);
    assert_eq!(read.header("etag"), got.header("etag"));
    assert!(project.folder.read("data/posts.json").ends_with("    \"id\": 2,\n    \"title\": \"B\"\n  }\n]\n"));

    let got = project.json("POST", "/api/v1/posts", r#"{"headline":"C"}"#).await.is(201, r#"{"id":3,"headline":"C"}"#);
    assert_eq!(got.header("location"), "/api/v1/posts/3");
    project.get("/api/posts/3").await.is(200, r#"{"id":3,"title":"C","rating":3}"#);

    let got = project.json("POST", "/api/v1/posts", r#"{"title":"C"}"#).await;
    got.has(422, r#""errors":[{"pointer":"/title","detail":"is called `headline` in this version"}]"#);

    let got = project.json("POST", "/posts", r#"{"title":"D","id":"a ä"}"#).await.has(201, r#"{"id":"a ä","#);
    assert_eq!(got.header("location"), "/posts/a%20%C3%A4");
    project.get("/posts/a%20%C3%A4").await.has(200, "a ä");
    project.json("POST", "/api/empty", "{}").await.is(201, r#"{"id":1}"#);
    project.json("POST", "/api/posts", r#"{"id":2}"#).await.has(409, "the id 2");
    for id in ["{}", "true", "\"\"", "[1]", "\"a/b\"", "\"..\"", "\"a\\u0000\"", &format!("\"{}\"", "x".repeat(257))] {
        project.json("POST", "/api/posts", &format!("{{\"id\":{id}}}")).await.has(400, "an id is");
    }
}

#[tokio::test]
async fn one_number_is_one_id() {
    let project = Project::new(&FILES);
    project.json("POST", "/api/posts", r#"{"id":7.0}"#).await.is(201, r#"{"id":7}"#);
    project.json("POST", "/api/posts", r#"{"id":1.0}"#).await.has(409, "the id 1");
    project.json("PUT", "/api/posts/7", r#"{"id":7.0,"n":1}"#).await.is(200, r#"{"id":7,"n":1}"#);
    // What a client chose from the far end does not use up the numbers.
    project.json("POST", "/api/posts", r#"{"id":9007199254740991}"#).await.has(201, "");
    project.json("POST", "/api/posts", "{}").await.is(201, r#"{"id":8}"#);
}

#[tokio::test]
async fn an_item_belongs_to_the_one_it_is_added_below_of() {
    let project = Project::new(&[
        ("data/users.json", r#"[{"id":1}]"#),
        ("data/posts.json", r#"[{"id":1,"userId":1}]"#),
        ("data/posts.v1.toml", "rename = { userId = 'by' }\nmap = { userId = { 1 = 'ada' } }"),
    ]);
    project.json("POST", "/api/users/1/posts", r#"{"userId":9}"#).await.is(201, r#"{"id":2,"userId":1}"#);
    let old = [("content-type", "application/json; version=1")];
    // In this version 1 is called `ada`, and a post that says 1 would be refused.
    project.send("POST", "/api/users/1/posts", &old, r#"{"by":1}"#).await.is(201, r#"{"id":3,"userId":1}"#);
    project.json("POST", "/api/users/9/posts", "{}").await.has(404, "");
}

#[tokio::test]
async fn replaces_and_patches() {
    let project = Project::new(&FILES);
    project.json("PUT", "/api/posts/1", r#"{"rating":1,"title":"B"}"#).await.is(200, r#"{"id":1,"title":"B","rating":1}"#);
    project.json("PUT", "/api/v1/posts/1", r#"{"headline":"C","new":0}"#).await.is(200, r#"{"id":1,"headline":"C","new":0}"#);
    project.get("/api/posts/1").await.is(200, r#"{"id":1,"title":"C","rating":1,"new":0}"#);
    project.json("PATCH", "/api/posts/1", r#"{"new":null,"rating":2}"#).await.is(200, r#"{"id":1,"title":"C","rating":2}"#);
    project.json("PATCH", "/api/v1/posts/1", r#"{"headline":"D"}"#).await.is(200, r#"{"id":1,"headline":"D"}"#);
    let patch = r#"[{"op":"test","path":"/title","value":"D"},{"op":"add","path":"/tags","value":["x"]}]"#;
    let patched = project.send("PATCH", "/api/posts/1", &[("content-type", "application/json-patch+json")], patch).await;
    patched.is(200, r#"{"id":1,"title":"D","rating":2,"tags":["x"]}"#);
    project
        .send("PATCH", "/api/posts/1", &[("content-type", "application/merge-patch+json")], r#"{"tags":null}"#)
        .await
        .has(200, "D");
    assert_eq!(project.folder.read("data/posts.json"), POSTS.replace("\"A\"", "\"D\"").replace('5', "2"));
    project.json("PATCH", "/settings", r#"{"open":false}"#).await.is(200, r#"{"name":"Shop","open":false}"#);
    assert_eq!(project.written().pop().unwrap(), Written { resource: "settings".into(), ids: vec![] });
    project.json("PUT", "/api/posts/1", r#"{"id":"1","title":"D"}"#).await.is(200, r#"{"id":1,"title":"D"}"#);
    project.json("POST", "/api/settings", r#"{"name":"Y"}"#).await.is(200, r#"{"name":"Y"}"#);
    project.json("PUT", "/api/settings", r#"{"name":"X"}"#).await.is(200, r#"{"name":"X"}"#);

    project.json("PUT", "/api/posts/1", r#"{"id":2}"#).await.has(409, "an id does not change");
    project.json("PUT", "/api/posts/9", "{}").await.has(404, "");
    let failing = r#"[{"op":"replace","path":"/title","value":0},{"op":"remove","path":"/nothing"}]"#;
    project
        .send("PATCH", "/api/posts/1", &[("content-type", "application/json-patch+json")], failing)
        .await
        .has(422, "operation 1");
    let failing = r#"[{"op":"test","path":"/title","value":0}]"#;
    project.send("PATCH", "/api/posts/1", &[("content-type", "application/json-patch+json")], failing).await.has(409, "test");
    let long = r#"[{"op":"add","path":"/n","value":18446744073709551616}]"#;
    project.send("PATCH", "/api/posts/1", &[("content-type", "application/json-patch+json")], long).await.has(400, "64 bits");
    project.get("/api/posts/1").await.has(200, "\"D\"");
}

#[tokio::test]
async fn removes() {
    let project = Project::new(&FILES);
    project.json("POST", "/api/posts", r#"{"title":"B"}"#).await.has(201, "");
    let json = [("accept", "application/json, */*")];
    project.send("DELETE", "/api/v1/posts/2", &json, "").await.is(200, r#"{"id":2,"headline":"B"}"#);
    project.send("DELETE", "/api/posts/2", &json, "").await.has(404, "");
    assert_eq!(project.written().len(), 2);
    project.send("DELETE", "/api/posts/1", &[], "").await.is(204, "");
    assert_eq!(project.written(), [Written { resource: "posts".into(), ids: vec!["1".into()] }]);
    assert_eq!(project.folder.read("data/posts.json"), "[]\n");
    project.get("/api/posts/1").await.has(404, "");
    project.send("DELETE", "/api/posts/1", &[], "").await.has(404, "");
    project.send("DELETE", "/api/v9/posts/1", &[], "").await.has(406, "");
    assert!(project.written().is_empty());
}

#[tokio::test]
async fn conditions_guard_writes() {
    let project = Project::new(&FILES);
    let tag = project.get("/api/posts/1").await.header("etag").to_owned();
    let put = async |name: &str, value: &str| {
        project
            .send("PUT", "/api/posts/1", &[("content-type", "application/json"), (name, value)], r#"{"title":"B","rating":5}"#)
            .await
    };
    put("if-match", "\"other\"").await.has(412, "");
    put("if-none-match", "*").await.has(412, "");
    project.send("DELETE", "/api/posts/1", &[("if-match", "\"other\"")], "").await.has(412, "");
    assert_eq!(project.folder.read("data/posts.json"), POSTS);
    put("if-match", &tag).await.has(200, "B");
    put("if-match", &tag).await.has(412, "");
    put("if-match", "*").await.has(200, "B");

    // The tag of the version that a client asks to be shown, whether its path names that or its type does.
    let old = ("accept", "application/vnd.shop.v1+json");
    let tag = project.send("GET", "/api/posts/1", &[old], "").await.header("etag").to_owned();
    project.send("DELETE", "/api/posts/1", &[("if-match", &tag)], "").await.has(412, "");
    project.send("DELETE", "/api/posts/1", &[old, ("if-match", &tag)], "").await.has(200, "headline");
}

#[tokio::test]
async fn bodies_are_checked() {
    let project = Project::new(&FILES);
    let got = project.json("POST", "/api/posts", "{\n  \"title\": nope\n}").await.has(400, "expected ident");
    assert_eq!((got.value()["line"].as_u64(), got.value()["column"].as_u64()), (Some(2), Some(13)));
    for body in ["", "[]", "1", "{\"a\":1}{", "\u{feff}{}"] {
        project.json("POST", "/api/posts", body).await.has(400, "");
    }
    project
        .json("POST", "/api/posts", &format!("{{\"a\":{}{}}}", "[".repeat(110), "]".repeat(110)))
        .await
        .has(422, "nested deeper");
    project.json("POST", "/api/posts", &"[".repeat(100_000)).await.has(400, "recursion");
    project.json("POST", "/api/posts", &format!("{{\"a\":\"{}\"}}", "x".repeat(8 << 20))).await.has(413, "8388608");
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; version=9",
        "*/*",
        "application/json; charset=utf-16",
        "",
    ] {
        let got = project.send("POST", "/api/posts", &[("content-type", content_type)], "{}").await.has(415, "");
        assert_eq!(got.header("accept-post"), "application/json");
    }
    let got = project.send("PATCH", "/api/posts/1", &[], "{}").await.has(415, "");
    assert!(got.header("accept-patch").contains("application/json-patch+json"));
    project.send("PUT", "/api/posts/1", &[("content-type", "application/json-patch+json")], "[]").await.has(415, "");
    project.send("POST", "/api/v1/posts", &[("content-type", "application/vnd.shop.v2+json")], "{}").await.has(415, "");
    let html = [("content-type", "application/json"), ("accept", "image/png")];
    project.send("POST", "/api/posts", &html, "{}").await.has(406, "");
    assert_eq!(project.folder.read("data/posts.json"), POSTS);
    assert!(project.written().is_empty());
}

#[tokio::test]
async fn a_body_type_names_a_version() {
    let project = Project::new(&FILES);
    let old = [("content-type", "application/vnd.shop.v1+json; charset=utf-8")];
    project.send("POST", "/api/posts", &old, r#"{"headline":"B"}"#).await.is(201, r#"{"id":2,"title":"B","rating":3}"#);
}

#[tokio::test]
async fn many_writers_lose_nothing() {
    let project = Project::new(&FILES);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let site = project.site.clone();
        writers.spawn(async move {
            let request = Request::post("/api/empty").header("content-type", "application/json").body(Body::from("{}")).unwrap();
            let Answer::Done(response) = site.answer(request).await else { panic!("not answered") };
            assert_eq!(response.status(), 201);
        });
    }
    writers.join_all().await;
    let got = project.get("/api/empty").await;
    let ids: Vec<u64> = got.value().as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=20).collect::<Vec<_>>());
}

#[cfg(unix)]
#[tokio::test]
async fn a_write_goes_through_a_link_and_never_out() {
    use std::os::unix::fs::symlink;
    let project = Project::new(&[("data/real.json", "[]"), ("outside.json", "[]")]);
    symlink("real.json", project.folder.path("data/link.json")).unwrap();
    symlink("../outside.json", project.folder.path("data/out.json")).unwrap();
    project.refresh(&["data"]);
    project.json("POST", "/api/link", "{}").await.has(201, "");
    assert!(project.folder.path("data/link.json").is_symlink());
    project.get("/api/real").await.is(200, "[]");
    assert_eq!(project.refresh(&["data/real.json"]).changed.len(), 1);
    project.get("/api/real").await.is(200, r#"[{"id":1}]"#);
    project.json("POST", "/api/out", "{}").await.has(500, "");
    assert_eq!(project.folder.read("outside.json"), "[]");
}
