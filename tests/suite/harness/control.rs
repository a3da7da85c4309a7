//! The control listener of a server, as tools ask it.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;
use tokio::time::sleep;

use super::{Answer, SOON, TestServer, send};

/// Where it is, and what opens it.
#[derive(Clone)]
pub(crate) struct Control {
    /// `http://127.0.0.1:PORT/`.
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Control {
    /// What a server said of it when it was ready.
    pub(crate) fn of(server: &TestServer) -> Self {
        let ready = server.events().into_iter().find(|event| event["event"] == "ready").expect("the server is ready");
        let [url, token] = ["control", "control_token"].map(|key| ready[key].as_str().expect("`ready` has it").to_owned());
        Self { url, token }
    }

    /// The value of `Authorization`.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub(crate) async fn ask(&self, path: &str) -> Answer {
        send(Method::GET, &format!("{}{path}", self.url), &[("authorization", &self.bearer())], "").await
    }

    pub(crate) async fn order(&self, path: &str, order: &Value) -> Answer {
        let headers = [("authorization", &*self.bearer()), ("content-type", "application/json")];
        send(Method::POST, &format!("{}{path}", self.url), &headers, order.to_string()).await
    }

    /// Waits until the app listener was asked for a path so many times: a browser asks when it likes.
    pub(crate) async fn wait_asked(&self, path: &str, times: usize) {
        let deadline = Instant::now() + SOON;
        loop {
            let answer = self.ask("api/exchanges").await.json();
            let is_it = |exchange: &&Value| exchange["path"] == path;
            if answer.as_array().is_some_and(|all| all.iter().filter(is_it).count() >= times) {
                return;
            }
            assert!(Instant::now() < deadline, "{path} was not asked for {times} times: {answer}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}
