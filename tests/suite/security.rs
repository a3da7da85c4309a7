//! What `docs/security.md` says: that each of its rules names code and tests that are there, that files are opened where it says,
//! and those of its promises that need the whole program.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use http::{Method, StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{Control, EchoServer, SOON, TestProject, TestServer, get, send};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of a table below a heading, without the two of its head; each as its cells.
pub(crate) fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")).1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands between backticks and names something in the sources: `src/a.rs`, `src/a.rs::item`, `tests/suite/a.rs::test`.
pub(crate) fn named(cell: &str) -> Vec<&str> {
    let pieces = cell.split('`').skip(1).step_by(2);
    pieces.filter(|piece| piece.starts_with("src/") || piece.starts_with("tests/")).collect()
}

/// Whether a source defines an item of this name.
fn defines(source: &str, item: &str) -> bool {
    let kinds = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    kinds.iter().any(|kind| source.match_indices(&format!("{kind} {item}")).any(|(at, found)| ends(&source[at + found.len()..])))
}

/// Whether a source has a test of this name: an attribute that says so stands before it, with nothing but attributes between.
pub(crate) fn tests(source: &str, item: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_it = |line: &str| [format!("fn {item}("), format!("async fn {item}(")].iter().any(|head| line.starts_with(head));
    lines.iter().position(|line| is_it(line)).is_some_and(|at| {
        let before = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        before.into_iter().any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
    })
}

pub(crate) fn check_named(place: &str, is_there: impl Fn(&str, &str) -> bool) {
    let (path, item) = place.split_once("::").unwrap_or((place, ""));
    let source = read(path);
    let item = item.rsplit("::").next().unwrap_or_default();
    assert!(item.is_empty() || is_there(&source, item), "a document names {place}, which is not there");
}

#[test]
fn every_rule_names_code_and_tests_that_are_there() {
    let document = read("docs/security.md");
    let rules = rows(&document, "The rules");
    let expected: Vec<String> = (1..=30).map(|number| format!("R{number:02}")).collect();
    let names: Vec<&str> = rules.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name != "R05b").collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    assert!(names.contains(&"R05b"));
    for row in &rules {
        let [_, says, code, held] = &row[..] else { panic!("a rule has four cells: {row:?}") };
        assert!(!says.is_empty() && !named(code).is_empty() && !named(held).is_empty(), "{row:?}");
        named(code).into_iter().for_each(|place| check_named(place, defines));
        named(held).into_iter().for_each(|place| check_named(place, tests));
    }
    let allowed = rows(&document, "What is let through, and what is not any more");
    for row in &allowed {
        let [rule, _, near, held] = &row[..] else { panic!("an allowance has four cells: {row:?}") };
        assert!(names.contains(&rule.as_str()), "{row:?}");
        assert!(!near.is_empty() && !named(held).is_empty(), "an allowance has its near miss: {row:?}");
        named(held).into_iter().for_each(|place| check_named(place, tests));
    }
}

#[test]
fn what_the_document_is_checked_by_can_fail() {
    let source = "const LONGEST: u8 = 1;\n#[test]\n#[cfg(unix)]\nfn one() {}\nfn two() {}\n";
    assert!(defines(source, "LONGEST") && defines(source, "two") && !defines(source, "LONG") && !defines(source, "three"));
    assert!(tests(source, "one") && !tests(source, "two") && !tests(source, "on"));
    assert_eq!(named("`src/a.rs::b` and `R01`, `tests/suite/c.rs`"), ["src/a.rs::b", "tests/suite/c.rs"]);
    let rows = rows("\n## A\n| a | b |\n|---|---|\n| 1 | 2 |\n## B\n| 3 |\n", "A");
    assert_eq!(rows, [["1", "2"]]);
}

/// The sources below a folder, without their tests.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("readable").path());
        let (below, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
        folders.extend(below.into_iter().filter(|path| !path.ends_with("tests")));
        for file in files.into_iter().filter(|file| file.file_name().is_some_and(|name| name != "tests.rs")) {
            let text = fs::read_to_string(&file).expect("a source");
            let code = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
            let code = code.split("\n#[cfg(all(test, ").next().unwrap_or_default().to_owned();
            let name = file.strip_prefix(root()).expect("it is below").display().to_string();
            sources.insert(name, code);
        }
    }
    sources
}

/// What a request can reach opens files by the guard alone; where else names of files are dealt with, the document says why.
#[test]
fn files_are_opened_where_the_document_says() {
    const OPENING: [&str; 12] = [
        "File::open",
        "File::options",
        "File::create",
        "OpenOptions::new",
        "openat",
        "fs::read",
        "fs::write",
        "fs::rename",
        "fs::remove",
        "fs::copy",
        "fs::hard_link",
        "Dir::read_from",
    ];
    let document = read("docs/security.md");
    let told = rows(&document, "One guard");
    let told: Vec<&str> = told.iter().flat_map(|row| named(&row[0])).collect();
    let mut opening = Vec::new();
    for folder in
        ["src/site", "src/server", "src/proxy", "src/reload", "src/negotiate", "src/traffic", "src/editor", "src/telemetry"]
    {
        let opens = |(name, code): (String, String)| OPENING.iter().any(|word| code.contains(word)).then_some(name);
        opening.extend(sources(folder).into_iter().filter_map(opens));
    }
    // It is below `cfg(test)` as a whole.
    opening.retain(|name| name != "src/site/folder.rs");
    opening.sort();
    let mut expected: Vec<String> = told.iter().map(|name| (*name).to_owned()).collect();
    expected.sort();
    assert_eq!(opening, expected, "what opens files, and what docs/security.md says of that");
}

/// All that is answered to these bytes, until the other side closes.
async fn answer_to(server: &TestServer, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
    stream.write_all(bytes.as_bytes()).await.expect("all of it is taken");
    let mut answer = Vec::new();
    timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed").expect("in good order");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn ambiguous_framing_is_refused_and_ends_the_connection() {
    let upstream = EchoServer::start("app").await;
    let project = TestProject::from_text("-- static/a.txt --\nA\n");
    let server = TestServer::start_with(project.path(), &["--port", "0", "--upstream", &upstream.url], &[]);
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port());
    let head = |fields: &str| format!("POST /x HTTP/1.1\r\nHost: localhost:{}\r\n{fields}\r\n", server.port());
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: a\r\n Transfer-Encoding: chunked\r\n",
    ] {
        let answer = answer_to(&server, &(head(fields) + &smuggled)).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{fields:?}: {answer}");
        assert!(!answer.contains("smuggled") && answer.matches("HTTP/1.1 ").count() == 1, "{fields:?}: {answer}");
    }
    // Two lengths, of which the standard has the chunks count: what follows them is no request of this connection.
    let both = head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
    let answer = answer_to(&server, &format!("{both}0\r\n\r\n{smuggled}")).await;
    assert!(!answer.contains("\"target\":\"/smuggled\""), "{answer}");
    // The nearest that is taken.
    for (fields, body) in [("Content-Length: 5\r\n", "12345"), ("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n\r\n")] {
        let answer = answer_to(&server, &(head(&format!("{fields}Connection: close\r\n")) + body)).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"body\":\"12345\""), "{fields:?}: {answer}");
    }
}

#[tokio::test]
async fn the_control_token_is_told_nobody_else() {
    let upstream = EchoServer::start("app").await;
    let project = TestProject::from_text("-- static/a.txt --\nA\n-- static/index.html --\n<h1>a\n");
    let server = TestServer::start_with(project.path(), &["--port", "0", "--upstream", &upstream.url], &[]);
    let Control { url: control, token } = Control::of(&server);
    let heard = async |authorization: &str| {
        let answer = send(Method::GET, &server.at("/app"), &[("authorization", authorization)], "").await;
        answer.json()["headers"]["authorization"].clone()
    };
    assert_eq!(heard(&format!("Bearer {token}")).await, Value::Null, "a tool that asks the wrong port tells the program nothing");
    assert_eq!(heard(&format!("Bearer {token}x")).await, Value::Null, "nor one that adds to it");
    let other = format!("Bearer {}", &token[1..]);
    assert_eq!(heard(&other).await, Value::String(other.clone()), "what is not the token is the program's");
    for path in ["/", "/a.txt", "/nowhere", "/__everlit/client.js", "/__everlit/nothing"] {
        let answer = get(&server.at(path)).await;
        assert!(!answer.text().contains(&token), "{path}");
    }
    let told = server.events().iter().filter(|event| event.to_string().contains(&token)).count();
    assert_eq!(told, 1, "it stands in `ready` and nowhere else");
    let pages = get(&server.at("/__everlit/client.js")).await.text();
    let pages = pages.split_once("const token = \"").and_then(|(_, rest)| rest.split_once('"')).expect("a token").0;
    let ask =
        async |bearer: &str| send(Method::GET, &format!("{control}api/exchanges"), &[("authorization", bearer)], "").await.status;
    assert_eq!(ask(&format!("Bearer {token}")).await, StatusCode::OK);
    for near in [format!("Bearer {pages}"), format!("Bearer {}", &token[1..]), format!("Bearer {token}0"), token, String::new()] {
        assert_eq!(ask(&near).await, StatusCode::UNAUTHORIZED, "{near}");
    }
}

#[tokio::test]
async fn answers_of_the_control_listener_are_sealed() {
    let project = TestProject::from_text("-- static/index.html --\n<h1>a\n");
    let server = TestServer::start(project.path());
    let control = Control::of(&server);
    let (bearer, control) = (control.bearer(), control.url);
    for (path, authorization, status) in [
        ("api/exchanges", bearer.as_str(), 200),
        ("api/exchanges", "", 401),
        ("api/pages", &bearer, 200),
        ("api/pages", "", 401),
        ("nothing", &bearer, 404),
        ("nothing", "", 401),
    ] {
        let answer = send(Method::GET, &format!("{control}{path}"), &[("authorization", authorization)], "").await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", ""),
            ("set-cookie", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {status}");
        }
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("script-src"), "no script at all: {policy}");
    }
}
