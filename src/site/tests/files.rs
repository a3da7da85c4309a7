//! Static files: what is served, what is not, and under which conditions.

use std::{
    fs::File,
    io::Write,
    time::{Duration, SystemTime},
};

use super::Project;

const FILES: [(&str, &str); 9] = [
    ("index.html", "INDEX"),
    ("a.txt", "PUBLIC-A"),
    ("a b.txt", "SPACE"),
    ("%2e%2e", "PERCENT"),
    ("docs/index.html", "DOCS"),
    ("sub/b.ts", "B"),
    (".well-known/security.txt", "WK"),
    (".env", "SECRET"),
    ("secret.pem", "SECRET"),
];

#[tokio::test]
async fn files_are_served() {
    let project = Project::flat(&FILES);
    for (path, body, content_type) in [
        ("/", "INDEX", "text/html; charset=utf-8"),
        ("/a.txt", "PUBLIC-A", "text/plain; charset=utf-8"),
        ("/%61.txt?raw&import", "PUBLIC-A", "text/plain; charset=utf-8"),
        ("/a%20b.txt", "SPACE", "text/plain; charset=utf-8"),
        ("/%252e%252e", "PERCENT", "application/octet-stream"),
        ("/docs/", "DOCS", "text/html; charset=utf-8"),
        ("/docs/index.html", "DOCS", "text/html; charset=utf-8"),
        ("/sub/b.ts", "B", "text/javascript; charset=utf-8"),
        ("/.well-known/security.txt", "WK", "text/plain; charset=utf-8"),
    ] {
        let got = project.get(path).await.is(200, body);
        assert_eq!(got.header("content-type"), content_type, "{path}");
        assert_eq!(got.header("cache-control"), "no-cache");
        assert!(got.mine);
        let head = project.send("HEAD", path, &[], "").await.is(200, "");
        assert_eq!(head.header("content-length"), body.len().to_string());
        assert_eq!(head.header("etag"), got.header("etag"));
    }
}

#[tokio::test]
async fn denied_is_missing() {
    let project = Project::flat(&FILES);
    let missing = project.get("/nothing").await.has(404, "<title>404 Not Found</title>");
    for path in [
        "/.env",
        "/.EnV",
        "/.env.",
        "/.env%20",
        "/%2eenv",
        "/%2e%65%6E%76",
        "/.well-known/../.env",
        "/.well-known/%2e%2e/.env",
        "/sub/..;/.env",
        "/.env::$DATA",
        "/secret.pem",
        "/sub/",
        "/sub",
        "/a.txt/",
        "/../a.txt",
        "//a.txt",
        "/a.txt/x",
    ] {
        let got = project.get(path).await;
        assert_eq!((got.status, &got.body, &got.headers), (missing.status, &missing.body, &missing.headers), "{path}");
        assert!(!got.mine);
        for (name, value) in [
            ("range", "bytes=0-0"),
            ("if-none-match", "*"),
            ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
            ("accept-encoding", "br, gzip"),
        ] {
            let asked = project.send("GET", path, &[(name, value)], "").await;
            assert_eq!((asked.status, &asked.body), (missing.status, &missing.body), "{path} with {name}");
        }
        project.send("HEAD", path, &[], "").await.is(404, "");
        project.send("POST", path, &[], "x").await.has(404, "Not Found");
    }
    for path in ["/a%", "/a.txt%00", "/.env%00.txt", "/%u002e"] {
        project.get(path).await.has(400, "Bad Request");
    }
}

#[tokio::test]
async fn own_folders_are_not_public() {
    let files = [("index.html", "I"), ("templates/x.html", "T{{ 1 + 1 }}"), ("data/posts.json", "[]"), ("everlit.toml", "S")];
    let project = Project::configured(&files, |folder, config| config.public = Some(folder.path("")));
    for path in ["/templates/x.html", "/Templates/x.html", "/data/posts.json", "/everlit.toml", "/data/", "/data"] {
        project.get(path).await.has(404, "Not Found");
    }
    project.get("/x").await.is(200, "T2");
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let project = Project::flat(&FILES);
    for (method, status) in [("PUT", 405), ("POST", 405), ("DELETE", 405), ("PATCH", 405), ("TRACE", 405), ("OPTIONS", 204)] {
        let got = project.send(method, "/a.txt", &[], "x").await.has(status, "");
        assert_eq!(got.header("allow"), "GET, HEAD, OPTIONS");
        assert!(!got.mine, "an app may have {method}");
    }
    assert_eq!(project.folder.read("a.txt"), "PUBLIC-A");
}

#[tokio::test]
async fn redirects_are_local_and_forgotten() {
    let project = Project::flat(&[("docs/index.html", ""), ("a b/index.html", ""), ("evil.example/index.html", "")]);
    for (path, location) in [("/docs", "/docs/"), ("/docs?a=1&b", "/docs/?a=1&b"), ("/a%20b", "/a%20b/")] {
        let got = project.get(path).await.is(307, "");
        assert_eq!(got.header("location"), location);
        assert_eq!(got.header("cache-control"), "no-store");
    }
    for path in ["//docs", "//evil.example", "/%5cevil.example/%2e%2e", "/.//evil.example", "/%2fevil.example"] {
        let got = project.get(path).await.has(404, "Not Found");
        assert_eq!(got.header("location"), "", "{path}");
    }
}

#[tokio::test]
async fn ranges() {
    let project = Project::flat(&FILES);
    let get = async |headers: &[(&str, &str)]| project.send("GET", "/a.txt", headers, "").await;
    let got = get(&[("range", "bytes=0-5")]).await.is(206, "PUBLIC");
    assert_eq!(got.header("content-range"), "bytes 0-5/8");
    get(&[("range", "bytes=-1")]).await.is(206, "A");
    let got = get(&[("range", "bytes=0-0,2-3")]).await.is(206, "PUBL");
    assert_eq!(got.header("content-range"), "bytes 0-3/8");
    get(&[("range", "bytes=0-0,x")]).await.is(200, "PUBLIC-A");
    get(&[("range", "bytes=0-1,8-")]).await.is(206, "PU");
    let got = get(&[("range", "bytes=8-,9-10")]).await.has(416, "Range Not Satisfiable");
    assert_eq!(got.header("content-range"), "bytes */8");
    let got = get(&[("range", "bytes=9223372036854775807-")]).await.has(416, "Range Not Satisfiable");
    assert_eq!(got.header("content-range"), "bytes */8");
    get(&[("range", "bytes=-0")]).await.has(416, "");
    get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await.is(200, "PUBLIC-A");
    let tag = get(&[]).await.header("etag").to_owned();
    get(&[("range", "bytes=0-1"), ("if-range", &tag)]).await.is(206, "PU");
    let head = project.send("HEAD", "/a.txt", &[("range", "bytes=0-1")], "").await.is(200, "");
    assert_eq!(head.header("content-length"), "8");
}

#[tokio::test]
async fn several_ranges_are_parts_of_one_answer() {
    let text: String = (0..100_000).map(|number| format!("{number} ")).collect();
    let project = Project::flat(&[("small.txt", &text[..2000]), ("large.txt", &text)]);
    for (path, text) in [("/small.txt", &text[..2000]), ("/large.txt", &text)] {
        let asked = [("range", "bytes=1500-1599,0-9,-5"), ("if-range", "\"other\"")];
        project.send("GET", path, &asked, "").await.is(200, text);
        let got = project.send("GET", path, &asked[..1], "").await.has(206, "");
        let boundary = got.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
        let part = |first: usize, end: usize| {
            format!(
                "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {first}-{}/{}\r\n\r\n{}\r\n",
                end - 1,
                text.len(),
                &text[first..end]
            )
        };
        let expected = [part(1500, 1600), part(0, 10), part(text.len() - 5, text.len()), format!("--{boundary}--\r\n")].concat();
        assert_eq!(got.body, expected, "{path}");
        assert_eq!(got.header("content-length"), expected.len().to_string());
        assert_eq!(got.header("content-range"), "");
        let tag = got.header("etag").to_owned();
        if !tag.is_empty() {
            project.send("GET", path, &[asked[0], ("if-range", &tag)], "").await.has(206, "");
        }
        let head = project.send("HEAD", path, &asked[..1], "").await.is(200, "");
        assert_eq!(head.header("content-length"), text.len().to_string());
    }
}

/// Range headers that ask for much with little (CVE-2011-3192) get no more than the file.
#[tokio::test]
async fn absurd_ranges_make_no_long_answers() {
    let text = "0123456789".repeat(100);
    let project = Project::flat(&[("a.txt", &text)]);
    for list in
        ["0-,".repeat(32), "0-,".repeat(1300), "5-900,".repeat(20), (0..500).map(|n| format!("{}-{},", 2 * n, 2 * n)).collect()]
    {
        let got = project.send("GET", "/a.txt", &[("range", &format!("bytes={list}"))], "").await;
        assert!(got.body.len() <= text.len(), "{list}");
    }
}

#[tokio::test]
async fn what_a_build_encoded_is_sent_encoded() {
    let project = Project::flat(&[
        ("app.js", "PLAIN"),
        ("app.js.br", "BROTLI"),
        ("app.js.gz", "GZIPPED"),
        ("lib/b.css", "CSS"),
        ("lib/b.css.zst", "ZSTD"),
        ("index.html", "PAGE"),
        ("index.html.br", "NO"),
        ("key.txt", "K"),
    ]);
    for (path, accept, coding, body) in [
        ("/app.js", "gzip, br", "br", "BROTLI"),
        ("/app.js", "gzip", "gzip", "GZIPPED"),
        ("/app.js", "br;q=0.5, gzip", "gzip", "GZIPPED"),
        ("/app.js", "zstd", "", "PLAIN"),
        ("/app.js", "identity, br;q=0.9", "", "PLAIN"),
        ("/app.js", "", "", "PLAIN"),
        ("/lib/b.css", "*", "zstd", "ZSTD"),
        ("/lib/b.css", "br, gzip", "", "CSS"),
        ("/key.txt", "br", "", "K"),
    ] {
        let got = project.send("GET", path, &[("accept-encoding", accept)], "").await.is(200, body);
        assert_eq!((got.header("content-encoding"), got.header("vary")), (coding, "Accept-Encoding"), "{path} in {accept}");
        let content_type = project.get(path).await.header("content-type").to_owned();
        assert_eq!(got.header("content-type"), content_type, "{path}");
        let head = project.send("HEAD", path, &[("accept-encoding", accept)], "").await.is(200, "");
        for name in ["content-encoding", "content-length", "etag", "vary"] {
            assert_eq!(head.header(name), got.header(name), "{name}");
        }
    }
    assert_eq!(project.get("/app.js").await.is(200, "PLAIN").header("vary"), "Accept-Encoding");
    for (path, vary) in [("/", "Accept-Language"), ("/index.html", "")] {
        let got = project.send("GET", path, &[("accept-encoding", "br")], "").await.is(200, "PAGE");
        assert_eq!((got.header("content-encoding"), got.header("vary")), ("", vary));
    }
    // By its own name it is a file like others.
    let got = project.send("GET", "/app.js.br", &[("accept-encoding", "br")], "").await.is(200, "BROTLI");
    assert_eq!((got.header("content-encoding"), got.header("content-type")), ("", "application/x-brotli"));
}

#[tokio::test]
async fn an_encoded_file_has_its_own_tag_and_ranges() {
    let project = Project::flat(&[("app.js", "PLAIN"), ("app.js.br", "BROTLI")]);
    let get = async |headers: &[(&str, &str)]| project.send("GET", "/app.js", headers, "").await;
    let plain = get(&[]).await.header("etag").to_owned();
    let tag = get(&[("accept-encoding", "br")]).await.header("etag").to_owned();
    assert_ne!(tag, plain);
    let got = get(&[("accept-encoding", "br"), ("if-none-match", &tag)]).await.is(304, "");
    assert_eq!((got.header("etag"), got.header("vary"), got.header("content-encoding")), (tag.as_str(), "Accept-Encoding", ""));
    get(&[("accept-encoding", "br"), ("if-none-match", &plain)]).await.is(200, "BROTLI");
    get(&[("if-none-match", &tag)]).await.is(200, "PLAIN");
    get(&[("accept-encoding", "br"), ("if-match", &plain)]).await.has(412, "");
    let part = [("accept-encoding", "br"), ("range", "bytes=1-2"), ("if-range", tag.as_str())];
    let got = get(&part).await.is(206, "RO");
    assert_eq!((got.header("content-range"), got.header("content-encoding")), ("bytes 1-2/6", "br"));
    get(&[("range", "bytes=1-2"), ("if-range", &tag)]).await.is(200, "PLAIN");
    let got = get(&[("accept-encoding", "br"), ("range", "bytes=6-")]).await.has(416, "");
    assert_eq!((got.header("content-range"), got.header("content-encoding")), ("bytes */6", ""));
}

#[tokio::test]
async fn an_encoded_file_of_an_older_state_is_not_sent() {
    let project = Project::flat(&[("app.js", "PLAIN"), ("app.js.br", "BROTLI"), ("app.js.gz", "GZIPPED")]);
    let age = |name: &str, seconds| {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::options().write(true).open(project.folder.path(name)).unwrap().set_modified(time).unwrap();
    };
    let (both, coding) = ([("accept-encoding", "br, gzip")], "content-encoding");
    age("app.js", 100);
    age("app.js.br", 101);
    age("app.js.gz", 100);
    let got = project.send("GET", "/app.js", &both, "").await.is(200, "GZIPPED");
    assert_eq!(got.header(coding), "gzip");
    age("app.js.gz", 101);
    let got = project.send("GET", "/app.js", &both, "").await.is(200, "PLAIN");
    assert_eq!(got.header(coding), "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_encoded_file_that_is_denied_is_missing() {
    use std::os::unix::fs::symlink;
    let project = Project::flat(&[("a.txt", "PLAIN"), (".env", "SECRET"), ("b.txt", "B"), ("b.txt.br/x", "")]);
    symlink(".env", project.folder.path("a.txt.br")).unwrap();
    symlink("/etc/hostname", project.folder.path("a.txt.gz")).unwrap();
    for path in ["/a.txt", "/b.txt"] {
        let got = project.send("GET", path, &[("accept-encoding", "br, gzip")], "").await;
        assert_eq!((got.status.as_u16(), got.header("content-encoding")), (200, ""), "{path} {}", got.body);
    }
}

#[tokio::test]
async fn large_files_stream() {
    let project = Project::flat(&[("index.html", "")]);
    let file = File::create(project.folder.path("big.bin")).unwrap();
    file.set_len(8 << 30).unwrap();
    (&file).write_all(b"BEGIN").unwrap();
    let got = project.send("GET", "/big.bin", &[("range", "bytes=0-4")], "").await.is(206, "BEGIN");
    assert_eq!(got.header("content-range"), format!("bytes 0-4/{}", 8_u64 << 30));
    let head = project.send("HEAD", "/big.bin", &[], "").await.is(200, "");
    assert_eq!(head.header("content-length"), (8_u64 << 30).to_string());
}

#[tokio::test]
async fn an_edit_of_the_same_size_is_seen() {
    let project = Project::flat(&[("a.txt", "one")]);
    let path = project.folder.path("a.txt");
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let mut known: Vec<String> = Vec::new();
    for body in ["one", "two", "six", "ten"] {
        project.folder.write("a.txt", body);
        // Writers that restore the time of modification leave only the inode's.
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        for tag in &known {
            project.send("GET", "/a.txt", &[("if-none-match", tag)], "").await.is(200, body);
        }
        let tag = project.get("/a.txt").await.is(200, body).header("etag").to_owned();
        assert!(tag.starts_with('"'), "{tag}");
        let got = project.send("GET", "/a.txt", &[("if-none-match", &tag)], "").await.is(304, "");
        assert_eq!(got.header("etag"), tag);
        assert_eq!(got.header("content-type"), "");
        known.push(tag);
    }
    project.send("GET", "/a.txt", &[("if-match", &known[0])], "").await.has(412, "Precondition Failed");
    project.send("GET", "/a.txt", &[("if-match", &known[3])], "").await.is(200, "ten");
}

#[tokio::test]
async fn the_fallback_answers_navigations_only() {
    let files = [("static/index.html", "APP"), ("static/a.txt", "A"), ("static/.env", "SECRET")];
    let project = Project::configured(&files, |_, config| config.fallback = Some("index.html".into()));
    let browser = [("accept", "text/html,*/*;q=0.8")];
    for path in ["/deep/link", "/.env", "/a.txt/x"] {
        let got = project.send("GET", path, &browser, "").await.is(200, "APP");
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
        assert!(!got.mine, "an app comes first");
    }
    project.get("/deep/link.js").await.has(404, "");
    project.send("POST", "/deep/link", &browser, "").await.has(404, "");
    project.send("GET", "/api/nothing", &browser, "").await.has(404, "");
    project.send("GET", "/a%", &browser, "").await.has(400, "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn links_and_pipes() {
    use std::os::unix::fs::symlink;
    let project = Project::configured(
        &[("proj/a.txt", "PUBLIC-A"), ("proj/.env", "SECRET"), ("outside/secret.txt", "SECRET")],
        |folder, config| {
            config.public = Some(folder.path("proj"));
        },
    );
    let link = |target: &str, name: &str| symlink(target, project.folder.path("proj").join(name)).unwrap();
    link("a.txt", "in.txt");
    link("../outside/secret.txt", "out");
    link("../outside", "dir");
    link(".env", "env");
    link("/proc/self/environ", "environ");
    link("loop", "loop");
    link("/dev/zero", "zero");
    rustix::fs::mkfifoat(rustix::fs::CWD, project.folder.path("proj/fifo"), rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    project.get("/in.txt").await.is(200, "PUBLIC-A");
    for path in ["/out", "/dir/secret.txt", "/dir/", "/env", "/environ", "/loop", "/zero", "/fifo"] {
        let got = project.get(path).await.has(404, "Not Found");
        assert!(!got.body.contains("SECRET"));
    }
}

#[tokio::test]
async fn absurd_paths_end_quickly() {
    let project = Project::flat(&FILES);
    project.get(&format!("{}/", "/a".repeat(3000))).await.has(404, "");
    project.get(&format!("/a.txt?{}", "a=1&".repeat(15_000))).await.is(200, "PUBLIC-A");
    project.get(&format!("/{}", "a".repeat(5000))).await.has(404, "");
}

#[tokio::test]
async fn the_index_of_a_folder_has_languages() {
    let project = Project::flat(&[
        ("index.html", "hello"),
        ("index.de.html", "hallo"),
        ("index.pt-BR.html", "olá"),
        ("docs/index.html", "docs"),
    ]);
    for (path, asked, body, language) in [
        ("/", "", "hello", ""),
        ("/", "de-AT, en;q=0.5", "hallo", "de"),
        ("/", "fr, pt-br;q=0.5, de;q=0.4", "olá", "pt-BR"),
        ("/", "de;q=0, *", "hello", ""),
        ("/", "de-AT, de;q=0", "hello", ""),
        ("/", "../../etc/passwd, x;;q=", "hello", ""),
        ("/docs/", "de", "docs", ""),
    ] {
        let got = project.send("GET", path, &[("accept-language", asked)], "").await.is(200, body);
        assert_eq!((got.header("content-language"), got.header("vary")), (language, "Accept-Language"), "{path} {asked}");
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
    }
    // A name that is asked for is that file.
    project.send("GET", "/index.html", &[("accept-language", "de")], "").await.is(200, "hello");
    project.get("/index.de.html").await.is(200, "hallo");
}

#[tokio::test]
async fn the_language_of_a_folder_is_explained_as_it_is_answered() {
    let project = Project::flat(&[
        ("index.html", "hello"),
        ("index.de.html", "hallo"),
        ("index.pt-BR.html", "olá"),
        ("index.min.html", "no language"),
        ("index.fr.html/index.html", "no file"),
        ("style.css", "a {}"),
    ]);
    for asked in ["", "de-AT, en;q=0.5", "fr, pt-br;q=0.5, de;q=0.4", "pt", "de;q=0, *", "de-AT, de;q=0", "*, de;q=0.1"] {
        let answered = project.send("GET", "/", &[("accept-language", asked)], "").await;
        let headers = [("accept-language", asked), ("accept", "application/json")];
        let explained = project.send("GET", "/?__explain", &headers, "").await.has(200, "").value();
        let candidates = explained["candidates"].as_array().unwrap();
        let languages: Vec<_> = candidates.iter().map(|candidate| candidate["language"].as_str().unwrap_or_default()).collect();
        assert_eq!(languages, ["", "de", "pt-BR"]);
        let chosen = usize::try_from(explained["chosen"].as_u64().unwrap()).unwrap();
        assert_eq!(languages[chosen], answered.header("content-language"), "{asked}");
    }
    let explained = project.send("GET", "/style.css?__explain", &[("accept", "application/json")], "").await.value();
    assert_eq!(
        (&explained["candidates"][0]["content_type"], &explained["vary"]),
        (&"text/css; charset=utf-8".into(), &serde_json::json!([]))
    );
}
