//! The command line: what it prints, what it ends with, and what each flag of `dev` does.

use std::{
    path::Path,
    process::{Command, Output},
};

use http::Method;

use crate::harness::{ReloadSocket, SOON, TestProject, TestServer, get, require, send};

fn everlit(args: &[&str], dir: &Path) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_everlit")).args(args).current_dir(dir).output().expect("the binary starts");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}

fn check(args: &[&str], code: i32, words: &[&str]) {
    let project = TestProject::from_text("-- everlit.toml --\nport = 4747\n\nprot = 1\n-- index.html --\n<p>a page</p>\n");
    let (output, text) = everlit(args, project.path());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    for word in words {
        assert!(text.contains(word), "{args:?} names {word:?}: {text}");
    }
}

#[test]
fn answers_and_mistakes() {
    check(&["--version"], 0, &["everlit 0.1.0"]);
    check(&["--help"], 0, &["dev", "init", "completions", "Examples"]);
    check(&["dev", "--help"], 0, &["--strict-port", "--upstream", "Examples"]);
    check(&["completions", "bash"], 0, &["complete -F", "--strict-port"]);
    check(&["dev", "--prot", "1"], 2, &["--port"]);
    check(&["dev", "--port", "70000"], 2, &["65535"]);
    check(&["dev", "--run", "x", "--", "y"], 2, &["cannot be used with"]);
    check(&["dev", "nowhere"], 1, &["error: cannot serve nowhere: No such file or directory"]);
    check(&["dev", "index.html"], 1, &["it is a file; give the folder it is in"]);
    check(&["dev"], 1, &["everlit.toml:3:1: unknown key `prot`", "`port`"]);
}

#[tokio::test]
async fn the_starter_is_served_and_never_overwritten() {
    let project = TestProject::from_text("-- kept.txt --\nmine\n");
    let (output, text) = everlit(&["init"], project.path());
    assert!(output.status.success() && text.contains("wrote") && text.contains("everlit dev"), "{text}");
    project.edit("static/site.css", "\n", "\n/* mine */\n");
    let (output, text) = everlit(&["init"], project.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("exists already; nothing was written") && project.read("static/site.css").contains("mine"), "{text}");
    let server = TestServer::start(project.path());
    for (path, status) in [("/", 200), ("/posts", 200), ("/posts/1", 200), ("/api/v1/posts", 200), ("/posts/999", 404)] {
        assert_eq!(get(&server.at(path)).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn polling_sees_saves_too() {
    let project = TestProject::from_text("-- index.html --\n<p>one</p>\n");
    let server = TestServer::start_with(project.path(), &["--port", "0", "--poll"], &[]);
    let mut socket = ReloadSocket::open(&server).await;
    project.save("index.html", "<p>two</p>\n");
    assert_eq!(socket.next(SOON).await["type"], "reload");
    assert!(get(&server.url).await.text().contains("two"));
}

#[tokio::test]
async fn pages_can_be_left_as_they_are() {
    let project = TestProject::from_text("-- index.html --\n<p>one</p>\n");
    let server = TestServer::start_with(project.path(), &["--port", "0", "--no-inject"], &[]);
    let page = get(&server.url).await;
    assert_eq!((page.text().as_str(), page.header("everlit-inject")), ("<p>one</p>\n", "skipped; reason=off"));
}

#[tokio::test]
async fn a_server_that_runs_gets_what_the_site_does_not_have() {
    let (site, behind) = ("-- static/a.txt --\nfrom the site\n", "-- index.html --\n<p>from behind</p>\n-- a.txt --\nhidden\n");
    let (site, behind) = (TestProject::from_text(site), TestProject::from_text(behind));
    let upstream = TestServer::start(behind.path());
    let url = format!("http://127.0.0.1:{}", upstream.port());
    // The server behind checks the name it is called by, as ours does: the browser's own name goes through unchanged.
    let server = TestServer::start_with(site.path(), &["--port", "0", "--upstream", &url], &[]);
    assert_eq!(get(&server.at("/a.txt")).await.text(), "from the site\n");
    assert_eq!(get(&server.url).await.status.as_u16(), 421, "it is asked with our name, which is not its own");
}

#[tokio::test]
async fn a_program_given_by_its_words() {
    require("python3");
    let project = TestProject::from_text("-- hello.txt --\nfrom a program\n");
    let words = ["--port", "0", "--", "python3", "-m", "http.server", "--bind", "127.0.0.1", "{port}"];
    let mut server = TestServer::start_with(project.path(), &words, &[]);
    server.wait_event("generation", SOON);
    assert_eq!(get(&server.at("/hello.txt")).await.text(), "from a program\n");
}

#[tokio::test]
async fn the_environment_is_below_the_flags() {
    let project = TestProject::from_text("-- index.html --\n<p>one</p>\n");
    let server = TestServer::start_with(project.path(), &["--port", "0"], &[("EVERLIT_PORT", "1"), ("EVERLIT_INJECT", "false")]);
    assert_eq!(get(&server.url).await.header("everlit-inject"), "skipped; reason=off");
}

#[tokio::test]
async fn other_origins_read_only_what_is_granted() {
    let project = TestProject::from_text(
        "-- everlit.toml --\n[cors]\norigins = [\"http://app.example:5000\"]\n-- data/posts.json --\n[{\"id\": 1}]\n",
    );
    let server = TestServer::start(project.path());
    let ask = async |method, origin: &str, headers: &[(&str, &str)]| {
        let headers = [&[("origin", origin)], headers].concat();
        send(method, &server.at("/api/posts"), &headers, "").await
    };
    let granted = ask(Method::GET, "http://app.example:5000", &[]).await;
    assert_eq!(granted.header("access-control-allow-origin"), "http://app.example:5000");
    let preflight = [("access-control-request-method", "PUT"), ("access-control-request-headers", "content-type")];
    let preflight = ask(Method::OPTIONS, "http://app.example:5000", &preflight).await;
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-methods")), (200, "PUT"));
    let refused = ask(Method::GET, "http://evil.example", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (200, ""));
    let written = ask(Method::POST, "http://evil.example", &[("content-type", "application/json")]).await;
    assert_eq!(written.status.as_u16(), 403, "a page of another origin writes nothing");
}
