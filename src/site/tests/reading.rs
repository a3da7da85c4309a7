//! Resources as JSON, in their versions.

use super::Project;

const FILES: [(&str, &str); 5] = [
    ("data/posts.json", r#"[{"id":1,"title":"A","rating":5},{"id":"b c","title":"B","rating":2}]"#),
    ("data/posts.v1.toml", "rename = { title = 'headline' }\nomit = ['rating']\ndefault = { rating = 3 }"),
    ("data/settings.json", r#"{"name":"Shop"}"#),
    ("data/posts.schema.json", "{}"),
    ("data/broken.json", "[\n  {\"id\": 1,}\n]"),
];

const CURRENT: &str = r#"{"id":1,"title":"A","rating":5}"#;
const OLD: &str = r#"{"id":1,"headline":"A"}"#;

#[tokio::test]
async fn versions_by_path_and_type() {
    let project = Project::new(&FILES);
    for (path, accept, body, content_type) in [
        ("/api/posts/1", "*/*", CURRENT, "application/json"),
        ("/api/posts/1", "application/json", CURRENT, "application/json"),
        ("/posts/1", "text/html,*/*;q=0.8", CURRENT, "application/json"),
        ("/api/v2/posts/1", "*/*", CURRENT, "application/json"),
        ("/api/v1/posts/1", "*/*", OLD, "application/json"),
        ("/api/v1/posts/1", "application/json; version=1", OLD, "application/json; version=1"),
        ("/api/posts/1", "application/json; version=1", OLD, "application/json; version=1"),
        ("/posts/1", "application/vnd.shop.v1+json", OLD, "application/vnd.shop.v1+json"),
        ("/api/posts/1", "application/vnd.shop+json", CURRENT, "application/vnd.shop+json"),
        ("/api/posts/1", "application/vnd.shop.v2+json", CURRENT, "application/vnd.shop.v2+json"),
        ("/api/posts/1", ";;;q=,", CURRENT, "application/json"),
        ("/api/posts/1", "text/html;q=-1", CURRENT, "application/json"),
    ] {
        let got = project.send("GET", path, &[("accept", accept)], "").await.is(200, body);
        assert_eq!(got.header("content-type"), content_type, "{path} {accept}");
        assert_eq!(got.header("vary"), "Accept");
        assert!(got.header("etag").starts_with('"'));
    }
    project.get("/api/v1/posts").await.is(200, r#"[{"id":1,"headline":"A"},{"id":"b c","headline":"B"}]"#);
    project.get("/api/posts/b%20c").await.has(200, "B");
    project.get("/settings").await.is(200, r#"{"name":"Shop"}"#);
    project.get("/api/v1/settings").await.is(200, r#"{"name":"Shop"}"#);
}

#[tokio::test]
async fn what_does_not_exist_in_a_version_is_not_acceptable() {
    let project = Project::new(&FILES);
    for (path, accept) in [
        ("/api/v9/posts", "*/*"),
        ("/api/v1/posts", "application/vnd.shop.v2+json"),
        ("/api/v2/posts", "application/json; version=1"),
        ("/api/posts", "application/json; version=9"),
        ("/api/posts", "application/json;version=\"../../outside/secret\""),
        ("/api/posts", "application/vnd.shop.v9+json"),
        ("/api/posts", "text/html"),
    ] {
        let got = project.send("GET", path, &[("accept", accept)], "").await.has(406, "");
        assert_eq!(got.header("vary"), "Accept");
    }
    let unknown = project.get("/api/v9/posts").await.has(406, "there is no version 9, which the path names; known: 2, 1");
    assert_eq!(unknown.value()["available"].to_string(), r#"["application/json; version=2","application/json; version=1"]"#);
    let other = project.send("GET", "/api/v1/posts", &[("accept", "application/vnd.shop.v2+json")], "").await;
    other.has(406, "this address is version 1 alone");
    let got = project.send("GET", "/api/posts", &[("accept", "image/png")], "").await;
    assert_eq!(got.header("content-type"), "application/problem+json");
    let available = got.value()["available"].to_string();
    assert!(available.contains("application/vnd.shop.v1+json"), "{available}");
}

#[tokio::test]
async fn queries_select() {
    let project = Project::new(&FILES);
    let got = project.get("/api/posts?_sort=rating&_limit=1").await.has(200, r#"[{"id":"b c""#);
    assert_eq!(got.header("x-total-count"), "2");
    project.get("/api/v1/posts?headline=A").await.is(200, r#"[{"id":1,"headline":"A"}]"#);
    project.get("/api/v1/posts?title=A").await.is(200, "[]");
    let got = project.get("/api/posts?_limit=-1").await.has(400, "_limit");
    assert_eq!(got.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_list_below_an_item_knows_what_all_items_are() {
    let project = Project::new(&[
        ("data/users.json", r#"[{"id":1},{"id":2}]"#),
        ("data/posts.json", r#"[{"id":1,"userId":1,"stars":4},{"id":2,"userId":1.0,"stars":5}]"#),
    ]);
    project.get("/api/users/1/posts?stars:gte=5").await.is(200, r#"[{"id":2,"userId":1.0,"stars":5}]"#);
    project.get("/api/users/2/posts?stars:gte=5").await.is(200, "[]");
    for user in [1, 2] {
        project.get(&format!("/api/users/{user}/posts?stars=many")).await.has(400, "a number");
    }
}

#[tokio::test]
async fn methods_and_names() {
    let project = Project::new(&FILES);
    for (method, path, status, allow) in [
        ("OPTIONS", "/api/posts", 204, "GET, HEAD, OPTIONS, POST"),
        ("OPTIONS", "/posts/1", 204, "GET, HEAD, OPTIONS, PUT, PATCH, DELETE"),
        ("OPTIONS", "/api/settings", 204, "GET, HEAD, OPTIONS, POST, PUT, PATCH"),
        ("DELETE", "/api/posts", 405, "GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/posts/1", 405, "GET, HEAD, OPTIONS, PUT, PATCH, DELETE"),
        ("DELETE", "/api/settings", 405, "GET, HEAD, OPTIONS, POST, PUT, PATCH"),
        ("BREW", "/api/posts", 405, "GET, HEAD, OPTIONS, POST"),
    ] {
        let got = project.send(method, path, &[], "").await.has(status, "");
        assert_eq!(got.header("allow"), allow, "{method} {path}");
    }
    let of_bodies = [
        ("/api/posts", "application/json", ""),
        ("/api/posts/1", "", "application/merge-patch+json, application/json, application/json-patch+json"),
        ("/api", "", ""),
    ];
    for (path, post, patch) in of_bodies {
        let got = project.send("OPTIONS", path, &[], "").await.is(204, "");
        assert_eq!((got.header("accept-post"), got.header("accept-patch")), (post, patch), "{path}");
    }
    let head = project.send("HEAD", "/api/posts/1", &[], "").await.is(200, "");
    assert_eq!(head.header("content-length"), CURRENT.len().to_string());
    project.get("/").await.has(404, "has its index at /api");
    for path in
        ["/api/posts/9", "/api/posts.schema", "/api/v1", "/api/nothing", "/settings/1", "/api/posts/1/2", "/api/v1/v1/posts"]
    {
        let got = project.get(path).await.has(404, "");
        assert_eq!(got.header("content-type") == "application/problem+json", path.starts_with("/api"), "{path}");
    }
}

#[tokio::test]
async fn conditions() {
    let project = Project::new(&FILES);
    let tag = project.get("/api/posts/1").await.header("etag").to_owned();
    let got = project.send("GET", "/api/posts/1", &[("if-none-match", &tag)], "").await.is(304, "");
    assert_eq!(got.header("etag"), tag);
    project.send("GET", "/api/v1/posts/1", &[("if-none-match", &tag)], "").await.is(200, OLD);
    project.send("GET", "/api/posts/1", &[("if-match", "\"x\"")], "").await.has(412, "");
}

#[tokio::test]
async fn a_file_that_never_was_readable_says_why() {
    let project = Project::new(&FILES);
    let got = project.send("GET", "/broken", &[("accept", "text/html")], "").await.has(500, "data/broken.json:2:12");
    assert!(got.body.contains("trailing comma"), "{}", got.body);
    let failures = project.site.load();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].title, "data/broken.json cannot be used");
}
