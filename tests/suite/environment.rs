//! What a build and a program find in their environment.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{BUILD, ReloadSocket, SOON, TestProject, TestServer, get, require};

/// A program that answers with its environment, and a build that keeps its own.
const PROJECT: &str = r#"
-- everlit.toml --
[app]
build = "mkdir -p .everlit && env > .everlit/built"
run = "python3 app.py"
watch = ["app.py"]
env = { TOML = "toml" }
-- .gitignore --
.env*
-- .env --
# what everybody has
FILE=file
LOCAL=file
SHELL_HAS=file
TOML=file
MADE="${FILE}, ${SHELL_HAS}"
-- .env.local --
export LOCAL='local'
-- app.py --
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        text = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn project() -> TestProject {
    require("python3");
    TestProject::from_text(PROJECT)
}

async fn environment(server: &TestServer) -> Value {
    serde_json::from_slice(get(&server.url).await.text().as_bytes()).expect("the program answers JSON")
}

/// The variables of the build.
fn built(project: &TestProject) -> Value {
    let lines = project.read(".everlit/built");
    lines.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn git(project: &TestProject, args: &[&str]) -> String {
    let identity = ["-c", "user.name=n", "-c", "user.email=e@example.test"];
    let output = Command::new(require("git")).args(identity).args(args).current_dir(project.path()).output().expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[tokio::test]
async fn each_place_has_its_rank() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[("SHELL_HAS", "shell")]);
    for env in [environment(&server).await, built(&project)] {
        for (name, expected) in
            [("FILE", "file"), ("LOCAL", "local"), ("SHELL_HAS", "shell"), ("TOML", "toml"), ("MADE", "file, shell")]
        {
            assert_eq!(env[name], expected, "{name}");
        }
    }
    for secret in ["/.env", "/.env.local"] {
        let answer = get(&server.at(secret)).await;
        assert!(!answer.text().contains("LOCAL='local'"), "{secret}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_change_of_a_variable_starts_the_program_anew_and_nothing_else_does() {
    let project = project();
    let mut server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    // A comment changes nothing: the save behind it is the first that is told of.
    project.edit(".env", "# what everybody has", "# a note");
    server.wait_event("changed", SOON);
    project.save("page.css", "p { color: teal }\n");
    let next = socket.next_change(BUILD).await;
    assert_eq!(next["cause"], json!(["page.css"]), "{next}");
    project.edit(".env.local", "'local'", "\"saved\"");
    let reload = socket.next_change(BUILD).await;
    assert_eq!((&reload["type"], &reload["cause"]), (&json!("reload"), &json!([".env.local"])), "{reload}");
    assert_eq!(environment(&server).await["LOCAL"], "saved");

    project.save(".env", "FILE=new\nthis is secret\n");
    let failed = socket.next_change(BUILD).await;
    assert_eq!((&failed["type"], &failed["report"]["title"]), (&json!("failed"), &json!(".env cannot be used")), "{failed}");
    let finding = &failed["report"]["diagnostics"][0];
    assert_eq!((&finding["file"], &finding["line"], &finding["column"]), (&json!(".env"), &json!(2), &json!(1)), "{finding}");
    assert!(!failed.to_string().contains("secret"), "{failed}");
    assert_eq!(environment(&server).await["FILE"], "file", "the last good values stay");

    project.save(".env", "FILE=new\n");
    let reload = socket.next_change(BUILD).await;
    assert_eq!(reload["type"], "reload", "{reload}");
    assert_eq!(environment(&server).await["FILE"], "new");
}

#[test]
fn a_broken_file_is_named_at_the_start() {
    let project = project();
    project.save(".env", "A=\"no end\n");
    let mut server = TestServer::spawn(project.path(), &["--port", "0"], &[]);
    assert_eq!(server.wait_end(SOON).code(), Some(1));
    let said = server.transcript();
    assert!(said.contains(".env:1:3: the quote that begins here has no end"), "{said}");
}

#[tokio::test]
async fn a_program_knows_what_it_is() {
    let project = project();
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    let commit = git(&project, &["rev-parse", "HEAD"]);
    let mut server = TestServer::start_app(project.path(), &[]);
    let first = environment(&server).await;
    assert_eq!((&first["GIT_COMMIT"], &first["GIT_DIRTY"]), (&json!(commit), &json!("0")), "{first}");

    project.edit("app.py", "import json, os", "import json, os  # dirty");
    server.wait_event("generation", BUILD);
    let answer = get(&server.url).await;
    let now: Value = serde_json::from_slice(answer.text().as_bytes()).expect("JSON");
    assert_eq!(now["EVERLIT"], "1");
    assert_eq!(now["EVERLIT_GENERATION"], answer.header("everlit-generation"));
    assert_eq!((&now["GIT_COMMIT"], &now["GIT_DIRTY"]), (&json!(commit), &json!("1")), "{now}");
    let id = &now["EVERLIT_BUILD_ID"];
    assert!(id.is_string() && id != &first["EVERLIT_BUILD_ID"], "{id} is another one");
    let time = now["EVERLIT_BUILD_TIME"].as_str().expect("a time");
    time.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{time:?} is not RFC 3339: {error}"));
    for name in ["EVERLIT_BUILD_ID", "EVERLIT_BUILD_TIME", "EVERLIT_GENERATION", "GIT_COMMIT", "GIT_DIRTY"] {
        assert_eq!(built(&project)[name], now[name], "the build knew the same {name}");
    }
}

/// What Node's own reader makes of a file, our programs get too, wherever both have an opinion.
#[tokio::test]
async fn values_are_those_that_node_reads() {
    let project = project();
    let text = "A=1\nB = two words  # why\nC='single $A ${A}'\nD=\"line\\nbreak\"\nE=\"over\nlines\"\nexport F=x=y\nG=\nH=`it's`\nI=\"\"\n\
                J=p$$w\nK= '  x  ' # note\nL=\"a # b\"\n  M=1\n#N=1\nO=tab\there\n";
    project.save(".env", text);
    let script = "console.log(JSON.stringify(require('util').parseEnv(require('fs').readFileSync('.env', 'utf8'))))";
    let output = Command::new(require("node")).args(["-e", script]).current_dir(project.path()).output().expect("node starts");
    let nodes: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(nodes.as_object().is_some_and(|nodes| nodes.len() >= 14), "{nodes}");
    let server = TestServer::start_app(project.path(), &[]);
    let env = environment(&server).await;
    for (name, value) in nodes.as_object().expect("an object") {
        assert_eq!(&env[name], value, "{name}");
    }
}
