//! Pages from templates, with and without a resource behind them.

use super::Project;

const FILES: [(&str, &str); 10] = [
    ("templates/index.html", "HOME {{ data.posts | length }} {{ data.settings.name }}"),
    ("templates/_layout.html", "never"),
    ("templates/about.html", "<p>{{ query.name }}</p>{{ request.method }} {{ request.path }}"),
    ("templates/about.txt", "{{ query.name }}"),
    (
        "templates/posts/index.html",
        "{% for p in items %}{{ p.title }};{% endfor %}{{ page.number }}/{{ page.last }} of {{ page.total }} v{{ version }}",
    ),
    ("templates/posts/index.csv", "id,title\n{% for p in items %}{{ p.id }},{{ p.title }}\n{% endfor %}"),
    ("templates/posts/[id].html", "[{{ item.title }}]"),
    ("templates/posts/new.html", "FORM"),
    ("data/posts.json", r#"[{"id":1,"title":"<A>"},{"id":2,"title":"B"},{"id":3,"title":"C"}]"#),
    ("data/settings.json", r#"{"name":"Shop"}"#),
];

#[tokio::test]
async fn pages_are_rendered() {
    let project = Project::new(&FILES);
    for (path, body) in [
        ("/", "HOME 3 Shop"),
        ("/about?name=%3Cscript%3E+x", "<p>&lt;script&gt; x</p>GET /about"),
        ("/about?name=%7B%7B7*7%7D%7D", "<p>{{7*7}}</p>GET /about"),
        ("/posts", "&lt;A&gt;;B;C;1/1 of 3 v1"),
        ("/posts?_limit=2&_page=2", "C;2/2 of 3 v1"),
        ("/posts?title=B", "B;1/1 of 1 v1"),
        ("/posts/1", "[&lt;A&gt;]"),
        ("/posts/new", "FORM"),
    ] {
        let got = project.get(path).await.is(200, body);
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(got.header("vary"), "Accept");
        assert!(got.mine);
        let head = project.send("HEAD", path, &[], "").await.is(200, "");
        assert_eq!(head.header("content-length"), body.len().to_string());
    }
}

#[tokio::test]
async fn what_is_no_page_is_missing() {
    let project = Project::new(&FILES);
    for path in ["/_layout", "/about.html", "/posts/index", "/posts/index.csv", "/nothing", "/posts/1/2"] {
        project.get(path).await.has(404, "Not Found");
    }
    assert!(project.get("/posts/99").await.has(404, "Not Found").mine);
    project.get("/posts?_page=x").await.has(400, "the parameter _page");
    let got = project.get("/posts/?a=1").await.is(307, "");
    assert_eq!(got.header("location"), "/posts?a=1");
    let got = project.send("POST", "/about", &[], "x").await.has(405, "");
    assert_eq!(got.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn a_page_has_representations() {
    let project = Project::new(&FILES);
    let get = async |path: &str, accept: &str| project.send("GET", path, &[("accept", accept)], "").await;
    let csv = get("/posts", "text/csv").await.is(200, "id,title\n1,<A>\n2,B\n3,C\n");
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    get("/about?name=%3Cb%3E", "text/plain").await.is(200, "<b>");
    let json = get("/posts/2", "application/json").await.is(200, r#"{"id":2,"title":"B"}"#);
    assert!(json.header("link").contains(r#"</posts/2>; rel="alternate"; type="text/html""#), "{}", json.header("link"));
    let html = get("/posts/2", "text/html").await.is(200, "[B]");
    assert!(html.header("link").contains(r#"</api/posts/2>; rel="alternate"; type="application/json""#));
    assert!(!html.header("link").contains("text/html"));
    get("/about", "application/pdf").await.has(406, "text/plain; charset=utf-8");
    let tag = html.header("etag").to_owned();
    project.send("GET", "/posts/2", &[("accept", "application/json"), ("if-none-match", &tag)], "").await.has(200, "{");
    project.send("GET", "/posts/2", &[("accept", "text/html"), ("if-none-match", &tag)], "").await.is(304, "");
}

#[tokio::test]
async fn mistakes_are_shown() {
    let project = Project::new(&[
        ("templates/broken.html", "line one\n{{ 1 | nothing }}\n"),
        ("templates/cycle.html", "{% include 'cycle.html' %}"),
        ("templates/loop.html", "{% for i in range(1000000000) %}x{% endfor %}"),
        ("templates/long.html", "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"),
        ("templates/out.html", "{% include '../outside.txt' %}"),
        ("templates/quiet.html", "({% include '../outside.txt' ignore missing %}{% include '/etc/passwd' ignore missing %})"),
        ("outside.txt", "SECRET"),
    ]);
    let got = project.get("/broken").await.has(500, "<code>templates/broken.html:2</code>");
    assert!(got.body.contains("&gt;    2 | {{ 1 | nothing }}"), "{}", got.body);
    for path in ["/cycle", "/loop", "/long", "/out"] {
        let got = project.get(path).await.has(500, "templates");
        assert!(!got.body.contains("SECRET"));
    }
    project.get("/quiet").await.is(200, "()");
    let got = project.send("GET", "/broken", &[("accept", "text/html;q=0.5, application/problem+json")], "").await;
    assert_eq!(got.value()["report"]["diagnostics"][0]["place"], "templates/broken.html:2");
}
