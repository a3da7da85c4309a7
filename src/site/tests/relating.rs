//! Resources in relation to others, to their versions, and to themselves: nested addresses, what a version will become, and why an
//! answer is as it is.

use axum::body::Body;
use http::{Request, uri::Scheme};
use http_body_util::BodyExt;
use jiff::Timestamp;

use super::{Answer, Project};
use crate::config::VersionConfig;

const FILES: [(&str, &str); 6] = [
    ("data/users.json", r#"[{"id":1,"name":"Ada"},{"id":2,"name":"Bob"}]"#),
    ("data/posts.json", r#"[{"id":1,"userId":1,"title":"A"},{"id":2,"userId":2,"title":"B"},{"id":3,"userId":1,"title":"C"}]"#),
    ("data/posts.v1.toml", "rename = { title = 'headline' }"),
    ("data/tags.json", r#"[{"id":1}]"#),
    ("templates/users/[id]/posts.html", "{{ parent.name }}:{% for p in items %} {{ p.title }}{% endfor %} {{ params.id }}"),
    ("templates/users/[id].html", "[{{ item.name }}]"),
];

#[tokio::test]
async fn what_belongs_to_an_item() {
    let project = Project::new(&FILES);
    let got = project.get("/api/users/1/posts?_sort=-title&_limit=1").await.is(200, r#"[{"id":3,"userId":1,"title":"C"}]"#);
    assert_eq!(got.header("x-total-count"), "2");
    assert!(
        got.header("link").contains(r#"</api/users/1/posts?_sort=-title&_limit=1&_page=2>; rel="next""#),
        "{}",
        got.header("link")
    );
    project.get("/api/v1/users/2/posts").await.is(200, r#"[{"id":2,"userId":2,"headline":"B"}]"#);
    project.get("/users/1/posts").await.is(200, "Ada: A C 1");
    for missing in ["/api/users/9/posts", "/api/users/1/tags", "/api/users/1/nothing", "/api/tags/1/users", "/users/9/posts"] {
        project.get(missing).await.has(404, "");
    }
    let got = project.json("POST", "/api/users/2/posts", r#"{"title":"D"}"#).await.is(201, r#"{"id":4,"title":"D","userId":2}"#);
    assert_eq!(got.header("location"), "/api/posts/4");
    project.json("POST", "/api/users/9/posts", "{}").await.has(404, "");
    project.send("DELETE", "/api/users/1/posts", &[], "").await.has(405, "");
}

#[tokio::test]
async fn what_is_related() {
    let project = Project::new(&FILES);
    project.get("/api/users/2?_embed=posts").await.is(200, r#"{"id":2,"name":"Bob","posts":[{"id":2,"userId":2,"title":"B"}]}"#);
    project
        .get("/api/v1/posts?_expand=user&_fields=headline&id=2")
        .await
        .is(200, r#"[{"headline":"B","user":{"id":2,"name":"Bob"}}]"#);
    project.get("/api/users?_embed=tags").await.has(400, "posts");
}

#[tokio::test]
async fn what_refers_to_an_item_goes_with_it_when_asked_to() {
    let files = [
        ("data/users.json", r#"[{"id":1},{"id":2},{"id":3,"userId":3}]"#),
        ("data/posts.json", r#"[{"id":1,"userId":1},{"id":2,"userId":2},{"id":3,"userId":"1"}]"#),
        ("data/likes.ndjson", "{\"id\":1,\"userId\":1}\n{\"id\":2,\"postId\":2}\n"),
        ("data/tags.json", r#"[{"id":1}]"#),
        ("data/settings.json", "{}"),
    ];
    let project = Project::new(&files);
    let remove = async |path: &str, headers: &[(&str, &str)]| project.send("DELETE", path, headers, "").await;

    // Nothing goes where the request is refused.
    let refused = remove("/api/users/1?_dependent=post", &[]).await;
    refused.has(400, r#"users has no relation \"post\" for _dependent; there are likes, posts"#);
    remove("/api/users/1?_dependent=settings", &[]).await.has(400, "no relation");
    remove("/api/users/1?_dependent=posts", &[("if-match", "\"other\"")]).await.has(412, "");
    remove("/api/users/9?_dependent=posts", &[]).await.has(404, "");
    assert_eq!(project.folder.read("data/posts.json"), files[1].1);
    assert!(project.written().is_empty());

    remove("/api/v1/users/1?_dependent=posts,likes&_dependent=posts", &[]).await.is(204, "");
    project.get("/api/posts").await.is(200, r#"[{"id":2,"userId":2}]"#);
    assert_eq!(project.folder.read("data/likes.ndjson"), "{\"id\":2,\"postId\":2}\n");
    let written: Vec<_> = project.written().into_iter().map(|written| (written.resource, written.ids.join(" "))).collect();
    assert_eq!(written, [("likes", "1"), ("posts", "1 3"), ("users", "1")].map(|(name, ids)| (name.to_owned(), ids.to_owned())));

    // An item that refers to itself, and one that nothing refers to, as when the first half was done before.
    remove("/users/3?_dependent=users", &[]).await.is(204, "");
    remove("/users/2?_dependent=likes,tags", &[]).await.is(204, "");
    project.get("/api/users").await.is(200, "[]");
    remove("/api/posts/2", &[]).await.is(204, "");
    project.get("/api/likes").await.has(200, "postId");
}

#[tokio::test]
async fn a_version_says_that_it_goes() {
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let version = VersionConfig { number: 1, deprecated: at("2026-01-01T00:00:00Z"), sunset: at("2027-06-30T00:00:00Z") };
    let project = Project::configured(&FILES, |_, config| config.versions = vec![version]);
    for (path, accept) in
        [("/api/v1/posts/1", "*/*"), ("/api/posts/1", "application/vnd.shop.v1+json"), ("/api/v1/users/1", "*/*")]
    {
        let got = project.send("GET", path, &[("accept", accept)], "").await.has(200, "");
        assert_eq!(got.header("deprecation"), "@1767225600", "{path}");
        assert_eq!(got.header("sunset"), "Wed, 30 Jun 2027 00:00:00 GMT");
        let successor =
            format!(r#"</api/v2/{}/1>; rel="successor-version""#, if path.contains("users") { "users" } else { "posts" });
        assert!(got.header("link").contains(&successor), "{}", got.header("link"));
    }
    let written = project.json("PUT", "/api/v1/posts/1", r#"{"headline":"N","userId":1}"#).await.has(200, "N");
    assert_eq!(written.header("deprecation"), "@1767225600");
    let current = project.get("/api/posts/1").await;
    assert_eq!((current.header("deprecation"), current.header("link").contains("successor")), ("", false));
}

#[tokio::test]
async fn an_answer_can_be_explained() {
    let project = Project::new(&FILES);
    let got = project.send("GET", "/users/1?__explain", &[("accept", "application/json;q=0.5, text/html")], "").await;
    assert_eq!((got.status.as_u16(), got.header("content-type")), (200, "text/html; charset=utf-8"));
    let got =
        project.send("GET", "/users/1?__explain=text/html;q=0.1,application/json", &[("accept", "application/json")], "").await;
    assert_eq!((&got.value()["chosen"], &got.value()["candidates"][1]["content_type"]), (&1.into(), &"application/json".into()));
    project.get("/api/posts?__explain").await.has(200, "vnd.shop.v1+json");
    project.get("/api?__explain").await.has(200, "text/html");
}

#[tokio::test]
async fn a_page_has_languages() {
    let files = [("templates/index.html", "hello"), ("templates/index.de.html", "hallo"), ("templates/index.csv", "a,b")];
    let project = Project::new(&files);
    for (accept, asked, body, language) in
        [("text/html", "de-CH, en", "hallo", "de"), ("text/html", "en", "hello", ""), ("text/csv", "de", "a,b", "")]
    {
        let got = project.send("GET", "/", &[("accept", accept), ("accept-language", asked)], "").await.is(200, body);
        assert_eq!((got.header("content-language"), got.header("vary")), (language, "Accept, Accept-Language"), "{asked}");
    }
}

/// Requests to copy have the address that the client came by: of HTTP/1.1 in `Host`, of HTTP/2 in the target.
#[tokio::test]
async fn examples_lead_to_where_the_client_is() {
    let project = Project::new(&FILES);
    for (target, host, scheme, expected) in [
        ("/api", Some("shop.test:4747"), None, "http://shop.test:4747"),
        ("/api", Some("shop.test"), Some(Scheme::HTTPS), "https://shop.test"),
        ("https://[::1]:4747/api", None, Some(Scheme::HTTPS), "https://[::1]:4747"),
        ("/api", None, None, "http://localhost"),
    ] {
        let mut request = Request::get(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if let Some(scheme) = scheme {
            request.extensions_mut().insert(scheme);
        }
        let Answer::Done(response) = project.site.answer(request).await else { panic!("not answered") };
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains(&format!("{expected}/api/users/1")), "{expected}: {body}");
    }
}

#[tokio::test]
async fn the_api_describes_itself() {
    let project = Project::new(&FILES);
    let index = project.get("/api").await.has(200, "\"openapi\":\"/api/openapi.json\"");
    assert_eq!(index.header("content-type"), "application/json");
    project.send("GET", "/api", &[("accept", "text/html")], "").await.has(200, "<title>");
    let document = project.get("/api/openapi.json").await.has(200, "\"3.1");
    assert!(document.value()["paths"]["/api/users/{id}/posts"]["post"].is_object());
    project.get("/api/docs").await.has(200, "/api/users/{id}/posts");
    project.send("OPTIONS", "/api", &[], "").await.is(204, "");
    project.send("POST", "/api/docs", &[], "").await.has(405, "");
    let tag = document.header("etag").to_owned();
    project.send("GET", "/api/openapi.json", &[("if-none-match", &tag)], "").await.is(304, "");
}
