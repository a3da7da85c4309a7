//! Programs as they are found, without a word of configuration, built and run by the real tools.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{BUILD, ReloadSocket, SOON, TestProject, TestServer, get, require};

/// Starts what is found in the project, and sees an edit through: it is served, and told once.
async fn check(project: &TestProject, file: &str, args: &[&str]) {
    let args = [&["--port", "0"], args].concat();
    let mut server = TestServer::start_with(project.path(), &args, &[]);
    server.wait_event("generation", BUILD);
    assert!(get(&server.url).await.text().contains("version 1"), "{}", server.transcript());
    let mut socket = ReloadSocket::open(&server).await;
    project.edit(file, "version 1", "version 2");
    let message = socket.next_change(BUILD).await;
    assert_eq!(message["cause"], json!([file]), "{message}");
    assert!(get(&server.url).await.text().contains("version 2"), "serve first, tell second");
}

const GO_SERVER: &str = r#"package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><html><head></head><body>version 1</body></html>")
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"#;

const GO_TOOL: &str = "package main\n\nfunc main() { println(\"a tool\") }\n";

#[tokio::test]
async fn of_several_go_programs_the_one_that_opens_a_port() {
    require("go");
    let project = TestProject::from_text("-- go.mod --\nmodule example.com/shop\n\ngo 1.19\n");
    project.save("cmd/tool/main.go", GO_TOOL);
    project.save("cmd/web/main.go", GO_SERVER);
    check(&project, "cmd/web/main.go", &[]).await;
}

#[tokio::test]
async fn a_go_workspace() {
    require("go");
    let project = TestProject::from_text(
        "-- go.work --\ngo 1.19\n\nuse (\n\t./lib\n\t./api\n)\n-- lib/go.mod --\nmodule example.com/lib\n\ngo 1.19\n-- lib/lib.go --\npackage lib\n\
         -- api/go.mod --\nmodule example.com/api\n\ngo 1.19\n",
    );
    project.save("api/main.go", GO_SERVER);
    check(&project, "api/main.go", &[]).await;
}

/// A server of the standard library alone, which is compiled in a second.
const RUST_SERVER: &str = r#"use std::{io::{Read, Write}, net::TcpListener};

fn main() {
    let listener = TcpListener::bind(format!("127.0.0.1:{}", std::env::var("PORT").unwrap())).unwrap();
    for mut stream in listener.incoming().flatten() {
        let body = "<!doctype html><html><head></head><body>version 1</body></html>";
        let _ = stream.read(&mut [0; 4096]);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    }
}
"#;

#[tokio::test]
async fn the_cargo_binary_that_is_asked_for() {
    let project =
        TestProject::from_text("-- Cargo.toml --\n[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    project.save("src/bin/admin.rs", "fn main() { std::net::TcpListener::bind(\"127.0.0.1:0\").unwrap(); }\n");
    project.save("src/bin/web.rs", RUST_SERVER);
    check(&project, "src/bin/web.rs", &["--program", "web"]).await;
}

#[tokio::test]
async fn a_ruby_program() {
    require("ruby");
    let project = TestProject::from_text(
        r#"
-- server.rb --
require "socket"

server = TCPServer.new("127.0.0.1", ENV.fetch("PORT"))
loop do
  client = server.accept
  while (line = client.gets) && line != "\r\n"; end
  body = "<!doctype html><html><head></head><body>version 1</body></html>"
  client.print "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}"
  client.close
end
"#,
    );
    check(&project, "server.rb", &[]).await;
}

#[tokio::test]
async fn a_python_file_that_serves() {
    require("python3");
    let project = TestProject::from_text(
        r#"
-- server.py --
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><html><head></head><body>version 1</body></html>")


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#,
    );
    check(&project, "server.py", &[]).await;
}

#[tokio::test]
async fn php_pages_change_without_a_restart() {
    require("php");
    let project = TestProject::from_text(
        "-- public/index.php --\n<!doctype html><html><head></head><body><?= require __DIR__ . '/../src/text.php' ?></body></html>\n\
         -- src/text.php --\n<?php return 'version 1 of ' . getmypid();\n",
    );
    check(&project, "src/text.php", &[]).await;

    let mut server = TestServer::start_app(project.path(), &[]);
    let workers = php_processes(&server);
    let mut socket = ReloadSocket::open(&server).await;
    project.edit("src/text.php", "version 2", "version 3");
    let message = socket.next_change(SOON).await;
    assert_ne!(message["type"], "failed", "{message}");
    assert!(get(&server.url).await.text().contains("version 3"));
    // The server may have started more of its workers since.
    let now = php_processes(&server);
    assert!(workers.iter().all(|worker| now.contains(worker)), "the same server read the new file: {workers:?}, {now:?}");
    project.save(".env", "A=b\n");
    server.wait_event("generation", BUILD);
    assert!(get(&server.url).await.text().contains("version 3"), "settings are read by a new server");
}

fn php_processes(server: &TestServer) -> Vec<u32> {
    let mut pids: Vec<_> =
        server.processes().alive().iter().filter(|(_, line)| line.starts_with("php ")).map(|(pid, _)| *pid).collect();
    pids.sort_unstable();
    assert!(!pids.is_empty(), "{:?}", server.processes().alive());
    pids
}

/// Answers with its arguments and its port, as JSON.
const ARGUMENTS: &str = r#"
-- tool.py --
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"arguments": sys.argv[1:], "port": os.environ["PORT"]}).encode())


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[tokio::test]
async fn any_command_is_run_as_it_was_typed() {
    require("python3");
    let project = TestProject::from_text(ARGUMENTS);
    // What belongs to us, what a shell would change, a second `--`, an empty word, and two ports in one.
    let typed = ["--port", "{port}", "--log", "human", "$HOME `id` *", "a b", "", "--", "-h", "{port}:{port}", "ü\"'\\"];
    let command = [&["--port", "0", "--", "python3", "tool.py"], typed.as_slice()].concat();
    let mut server = TestServer::start_with(project.path(), &command, &[]);
    server.wait_event("generation", BUILD);
    let answer: Value = serde_json::from_str(&get(&server.url).await.text()).expect("JSON");
    let port = answer["port"].as_str().expect("a port");
    assert_eq!(answer["arguments"], json!(typed.map(|word| word.replace("{port}", port))));
}

#[test]
fn several_programs_end_the_start_with_what_to_write() {
    let project = TestProject::from_text("-- go.mod --\nmodule example.com/shop\n");
    project.save("cmd/one/main.go", GO_TOOL);
    project.save("cmd/two/main.go", GO_TOOL);
    let mut server = TestServer::spawn(project.path(), &["--port", "0"], &[]);
    assert_eq!(server.wait_end(SOON).code(), Some(1));
    let said = server.transcript();
    for part in ["one, two", "--program one", "program = \"one\"", "[app]"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_tool_that_is_missing_is_named_with_its_source() {
    let check = |files: &str, expected: &str| {
        let project = TestProject::from_text(files);
        let nowhere = project.path().to_str().expect("UTF-8");
        let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[("PATH", nowhere)]);
        let failed = server.wait_event("build_failed", BUILD);
        assert!(failed["report"].to_string().contains(expected), "{expected:?} in {failed}");
    };
    check("-- index.php --\n", "cannot find `php` on the PATH; get it by https://www.php.net/downloads");
    check("-- go.mod --\n-- main.go --\npackage main\n", "cannot find `go` on the PATH; get it by https://go.dev/dl");
    check(
        "-- web.csproj --\n<Project Sdk=\"Microsoft.NET.Sdk.Web\"/>\n",
        "cannot find `dotnet` on the PATH; get it by https://dot.net",
    );
}

#[test]
fn a_module_that_is_missing_is_named_with_its_source() {
    require("python3");
    let project = TestProject::from_text("-- main.py --\napp = FastAPI()\n");
    // An environment of its own, without a single package.
    let made = Command::new("python3").args(["-m", "venv", "--without-pip", ".venv"]).current_dir(project.path()).status();
    assert!(made.expect("python3 starts").success(), "the environment is made");
    let mut server = TestServer::start(project.path());
    let failed = server.wait_event("build_failed", BUILD);
    assert!(failed["report"]["help"].as_str().is_some_and(|help| help.contains("uvicorn")), "{failed}");
}
