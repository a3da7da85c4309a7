//! Programs in several languages, unmodified: an edit shows, and the browser is told once.

use serde_json::json;

use crate::harness::{BUILD, FixedPort, ReloadSocket, TestProject, TestServer, get, require};

/// Edits a file twice. The message about the second edit follows the one about the first: each was the only one.
async fn check(example: &str, file: &str, text: &str) {
    let project = TestProject::from_example(example);
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let first = socket.hello["generation"].as_u64().expect("a number");
    assert!(get(&server.url).await.text().contains(text), "{example} answers as it was written");

    let mut shown = text.to_owned();
    for times in 1..=2 {
        let next = format!("{text}, edit {times}");
        project.edit(file, &shown, &next);
        let message = socket.next_change(BUILD).await;
        assert_eq!((&message["type"], &message["generation"]), (&json!("reload"), &json!(first + times)), "{message}");
        let page = get(&server.url).await;
        assert!(page.text().contains(&next), "serve first, tell second: {}", page.text());
        assert_eq!(page.header("everlit-generation"), (first + times).to_string());
        shown = next;
    }
}

#[tokio::test]
async fn a_go_program_on_a_port_of_its_own() {
    require("go");
    let _port = FixedPort::of_hello_go().await;
    check("hello-go", "main.go", "<h1>Hello").await;
}

#[tokio::test]
async fn a_node_program() {
    require("node");
    check("hello-node", "server.js", "Hello from Node").await;
}

#[tokio::test]
async fn a_python_program() {
    require("python3");
    check("hello-python", "app.py", "Hello from Python").await;
}
