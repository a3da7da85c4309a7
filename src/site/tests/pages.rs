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
    assert_eq!(got.header("allow"), "GET, HEAD, OPTIONS");
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
async fn a_type_is_asked_for_by_either_of_its_names() {
    let project = Project::new(&[
        ("data/posts.json", r#"[{"id":1}]"#),
        ("templates/posts/index.xml", "<posts/>"),
        ("templates/feed.xml", "<feed/>"),
        ("templates/feed.de.xml", "<kanal/>"),
    ]);
    for (path, body) in [("/posts", "<posts/>"), ("/feed", "<feed/>")] {
        for (accept, content_type) in [
            ("application/xml", "application/xml"),
            ("text/xml", "text/xml; charset=utf-8"),
            ("text/*", "text/xml; charset=utf-8"),
            ("application/xml, text/xml;q=0.9", "application/xml"),
        ] {
            let got = project.send("GET", path, &[("accept", accept)], "").await.is(200, body);
            assert_eq!(got.header("content-type"), content_type, "{accept} of {path}");
        }
    }
    let german = [("accept", "application/xml"), ("accept-language", "de")];
    let got = project.send("GET", "/feed", &german, "").await.is(200, "<kanal/>");
    assert_eq!((got.header("content-language"), got.header("content-type")), ("de", "application/xml"));
}

/// What an address with a query links to shows the same items.
#[tokio::test]
async fn the_siblings_of_a_query_have_the_query() {
    let project = Project::new(&[
        ("data/posts.json", r#"[{"id":1,"title":"A"},{"id":2,"title":"B"}]"#),
        ("data/posts.v1.toml", "rename = { title = 'headline' }"),
        ("templates/posts/index.csv", "{% for p in items %}{{ p.title }}{% endfor %}"),
    ]);
    let json = project.get("/api/posts?title=B").await.is(200, r#"[{"id":2,"title":"B"}]"#);
    let siblings = r#"</posts?title=B>; rel="alternate"; type="text/csv", </api/v2/posts?title=B>; rel="alternate"; type="application/json""#;
    assert_eq!(json.header("link"), siblings);
    project.send("GET", "/posts?title=B", &[("accept", "text/csv")], "").await.is(200, "B");
    // Its members have other names than those of the newer version.
    let old = project.get("/api/v1/posts?headline=B").await.has(200, "B");
    assert_eq!(old.header("link"), r#"</api/v2/posts>; rel="successor-version""#);
    let long = project.get(&format!("/api/posts?title={}", "x".repeat(600))).await.is(200, "[]");
    assert_eq!(long.header("link"), "");
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
    let got = project.get("/broken").await.has(500, "<code>templates/broken.html:2:8</code>");
    assert!(got.body.contains("&gt;    2 | {{ 1 | nothing }}\n       |        ^\n"), "{}", got.body);
    for path in ["/cycle", "/loop", "/long", "/out"] {
        let got = project.get(path).await.has(500, "templates");
        assert!(!got.body.contains("SECRET"));
    }
    project.get("/quiet").await.is(200, "()");
    let got = project.send("GET", "/broken", &[("accept", "text/html;q=0.5, application/problem+json")], "").await;
    assert_eq!(got.value()["report"]["diagnostics"][0]["place"], "templates/broken.html:2:8");
}

#[tokio::test]
async fn paths_have_parameters() {
    let project = Project::new(&[
        ("templates/[slug].html", "{{ params.slug }}"),
        ("templates/users/[id]/posts.html", "{{ params.id }} {{ request.path }} {{ item is none }}"),
        ("templates/docs/[...path].html", "{{ params.path }}"),
        ("templates/posts/[id].html", "{{ item.title }} {{ params.id }}"),
        ("templates/posts/[id].md", "# {{ item.title }}"),
        ("templates/posts/[id].de.html", "Titel {{ item.title }}"),
        ("templates/[a]/[b]/index.html", "{{ params | length }}"),
        ("templates/settings/[key].html", "{{ data.settings[params.key] }}"),
        ("data/posts.json", r#"[{"id":1,"title":"A"}]"#),
        ("data/settings.json", r#"{"name":"Shop"}"#),
    ]);
    for (path, body) in [
        ("/anything", "anything"),
        ("/a%20b%3Cc", "a b&lt;c"),
        ("/users/1/posts", "1 /users/1/posts True"),
        ("/docs/a/b%2Bc", "a/b+c"),
        ("/posts/1", "A 1"),
        ("/x/y", "2"),
        ("/settings/name", "Shop"),
    ] {
        let got = project.get(path).await.is(200, body);
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8", "{path}");
    }
    let markdown = project.send("GET", "/posts/1", &[("accept", "text/markdown")], "").await.is(200, "# A");
    assert_eq!(markdown.header("content-type"), "text/markdown; charset=utf-8");
    let folder = project.get("/users/1/posts/").await.is(307, "");
    assert_eq!(folder.header("location"), "/users/1/posts");
    project.get("/posts").await.has(200, r#"[{"id":1"#);
    project.get("/posts/2").await.has(404, "");
    project.get("/api/posts/1").await.has(200, r#"{"id":1"#);
    project.get("/users/1/2/3").await.has(404, "Not Found");
    project.send("POST", "/anything", &[], "").await.has(405, "");
}

#[tokio::test]
async fn error_pages_are_the_projects_own() {
    let files = [
        (
            "templates/404.html",
            "{{ status }} {{ title }}: {{ detail }} {{ request.path }} {{ data.posts | length }}{% if error %}!{% endif %}",
        ),
        (
            "templates/500.html",
            "{{ status }} {{ error.title }}{% for d in error.diagnostics %} ({{ d.place }} {{ d.message }}{% for l in d.lines if l.marked %}, {{ l.number }}: {{ l.text }}{% endfor %}){% endfor %}\n{{ error.excerpt }}",
        ),
        ("templates/broken.html", "{{ 1 | nothing }}"),
        ("templates/posts/[id].html", "{{ item.title }}"),
        ("templates/lost/index.html", "{{ items }}"),
        ("data/posts.json", r#"[{"id":1,"title":"A"}]"#),
        ("data/lost.json", "[\n{"),
    ];
    let project = Project::new(&files);
    let nothing = "404 Not Found: there is nothing at this address /%3Cx%3E 1";
    let got = project.get("/%3Cx%3E").await.is(404, nothing);
    assert_eq!(
        (got.header("content-type"), got.header("cache-control"), got.header("vary")),
        ("text/html; charset=utf-8", "no-store", "Accept")
    );
    let head = project.send("HEAD", "/%3Cx%3E", &[], "").await.is(404, "");
    assert_eq!(head.header("content-length"), nothing.len().to_string());
    project.get("/posts/9").await.is(404, "404 Not Found: there is no such item /posts/9 1");
    for path in ["/404", "/500", "/404.html"] {
        project.get(path).await.has(404, path);
    }
    let broken = "500 templates/broken.html cannot be rendered (templates/broken.html:1:8 unknown filter: filter nothing is unknown, 1: {{ 1 | nothing }})\n\
        &gt;    1 | {{ 1 | nothing }}\n       |        ^\n";
    project.get("/broken").await.is(500, broken);
    project.get("/lost").await.has(500, "(data/lost.json:2");
    let json = project.send("GET", "/nothing", &[("accept", "application/json")], "").await.has(404, "");
    assert_eq!((json.header("content-type"), &json.value()["status"]), ("application/problem+json", &404.into()));
    project.get("/api/nothing").await.has(404, "{");
    project.send("POST", "/broken", &[("accept", "text/html")], "").await.has(405, "Method Not Allowed");
}

#[tokio::test]
async fn an_error_page_tells_no_secrets() {
    let page = ("templates/404.html", "{{ title }} {{ detail }} {{ request.path }}");
    let with = Project::new(&[page, ("static/.env", "S"), ("static/a.pem", "S"), ("static/x.txt", "")]);
    let without = Project::new(&[page, ("static/x.txt", "")]);
    for path in ["/.env", "/a.pem", "/.git/config", "/%2eenv", "/..%2f.env"] {
        let (one, two) = (with.get(path).await, without.get(path).await);
        assert_eq!((one.status, &one.body, &one.headers), (two.status, &two.body, &two.headers), "{path}");
        assert_eq!(one.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_error_page_that_fails_gives_way() {
    let project = Project::new(&[
        ("templates/404.html", "{{ 1 | wrong }}"),
        ("templates/500.html", "{% for i in range(99999) %}{% for i in range(99999) %}{% endfor %}{% endfor %}"),
        ("templates/broken.html", "{{ 1 | nothing }}"),
    ]);
    project.get("/nothing").await.has(404, "there is nothing at this address");
    project.get("/broken").await.has(500, "<code>templates/broken.html:1:8</code>");
    let titles: Vec<String> = project.failed().into_iter().map(|report| report.title).collect();
    assert_eq!(titles, ["404", "broken", "500"].map(|name| format!("templates/{name}.html cannot be rendered")));
}

#[tokio::test]
async fn a_failure_is_told_once() {
    let project = Project::new(&[("templates/broken.html", "{{ query.x | date }}"), ("templates/fine.html", "")]);
    for query in ["a", "b", "a"] {
        project.get(&format!("/broken?x={query}")).await.has(500, "");
    }
    project.get("/fine").await.has(200, "");
    let failed = project.failed();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].diagnostics[0].place(), "templates/broken.html:1:14");
    project.folder.write("templates/fine.html", "{{ 1 }");
    project.refresh(&["templates/fine.html"]);
    project.get("/broken?x=a").await.has(500, "");
    assert_eq!(project.failed(), [], "these are the templates that were there before");
    project.folder.write("templates/fine.html", "");
    project.refresh(&["templates/fine.html"]);
    project.get("/broken?x=a").await.has(500, "");
    assert_eq!(project.failed().len(), 1);
}
