//! What an attached tab says, as messages for the terminal.
//!
//! A page with our script tells its console, its errors and its requests itself, with places in the sources: of that page only what no script
//! sees is told here. A page has the script from the moment that is answered to it: it listens to the console as soon as it runs.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    Ours,
    load::Load,
    origin::path,
    remote::{self, described},
};
use crate::{
    reload::{OWN, name, safe},
    telemetry::{Level, PageKind, PageMessage, Place, Teller},
};

/// How many requests of a tab are remembered while they are under way.
const REQUESTS: usize = 256;

/// What our script tells of by itself.
const TOLD_BY_SCRIPT: [&str; 7] = ["Fetch", "XHR", "Script", "Stylesheet", "Image", "Media", "Font"];

/// What to do about an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    Say(PageMessage),
    /// The page is loaded, and will soon have painted all it has.
    Loaded,
    /// The tab went to a page of somebody else's.
    Left,
}

/// One tab's ear.
#[derive(Debug)]
pub(super) struct Ear {
    ours: Ours,
    teller: Arc<Teller>,
    has_script: bool,
    requests: HashMap<String, Request>,
    pub(super) load: Load,
}

#[derive(Debug)]
struct Request {
    method: String,
    url: String,
}

impl Ear {
    pub(super) fn new(ours: Ours, device: &str, browser: &str, url: &str) -> Self {
        let (browser, device) = (browser.to_owned(), device.to_owned());
        let teller = Arc::new(Teller { page: name(path(url)), browser, device, is_mobile: true });
        Self { ours, teller, has_script: false, requests: HashMap::new(), load: Load::default() }
    }

    /// Who speaks.
    pub(super) fn teller(&self) -> &Arc<Teller> {
        &self.teller
    }

    /// Takes in what a page had loaded before anybody listened (`Page.getResourceTree`).
    pub(super) fn look(&mut self, tree: &Value) {
        let resources = tree["frameTree"]["resources"].as_array().into_iter().flatten();
        self.has_script = resources.filter_map(|resource| resource["url"].as_str()).any(|url| self.is_own(url));
    }

    /// Takes in an event.
    pub(super) fn hear(&mut self, event: &Value) -> Heard {
        let params = &event["params"];
        let message = match event["method"].as_str().unwrap_or_default() {
            "Runtime.consoleAPICalled" if !self.has_script => self.console(params),
            "Runtime.exceptionThrown" if !self.has_script => self.error(&params["exceptionDetails"]),
            "Log.entryAdded" => self.entry(&params["entry"]),
            "Network.requestWillBeSent" => {
                self.asked(params);
                None
            }
            "Network.webSocketCreated" => {
                self.has_script |= params["url"].as_str().is_some_and(|url| self.is_own(url));
                None
            }
            "Network.responseReceived" => self.answered(params),
            "Network.loadingFailed" => self.failed(params),
            "Network.loadingFinished" => {
                self.requests.remove(params["requestId"].as_str().unwrap_or_default());
                None
            }
            "Page.frameNavigated" => return self.navigated(&params["frame"]),
            "Page.loadEventFired" => {
                self.load.loaded(params);
                return Heard::Loaded;
            }
            "PerformanceTimeline.timelineEventAdded" => {
                self.load.painted(&params["event"]);
                None
            }
            _ => None,
        };
        message.map_or(Heard::Nothing, Heard::Say)
    }

    fn is_own(&self, url: &str) -> bool {
        // A socket has a scheme of its own.
        let page = url.strip_prefix("ws://").map_or_else(|| url.to_owned(), |rest| format!("http://{rest}"));
        self.ours.has(&page) && path(&page).starts_with(OWN)
    }

    fn message(&self, kind: PageKind, level: Level, text: &str, place: Option<Place>) -> PageMessage {
        PageMessage { kind, level, text: safe(text), place, times: 1, teller: Arc::clone(&self.teller) }
    }

    fn console(&self, params: &Value) -> Option<PageMessage> {
        let level = match params["type"].as_str()? {
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warning" => Level::Warn,
            "error" | "assert" => Level::Error,
            "clear" | "endGroup" | "profile" | "profileEnd" => return None,
            _ => Level::Log,
        };
        let place = self.place(&params["stackTrace"]["callFrames"][0]);
        Some(self.message(PageKind::Console, level, &remote::line(&params["args"]), place))
    }

    fn error(&self, details: &Value) -> Option<PageMessage> {
        let words = details["text"].as_str()?;
        let kind = if words.contains("(in promise)") { PageKind::Rejection } else { PageKind::Error };
        let exception = &details["exception"];
        let text = if exception.is_object() { described(exception) } else { words.to_owned() };
        let frame = &details["stackTrace"]["callFrames"][0];
        let place = self.place(frame).or_else(|| self.place(details));
        Some(self.message(kind, Level::Error, &text, place))
    }

    /// What the browser itself has to say of a page: a policy that was violated, something that will be no more.
    fn entry(&self, entry: &Value) -> Option<PageMessage> {
        // Those are told as what they are.
        if matches!(entry["source"].as_str()?, "network" | "javascript") {
            return None;
        }
        let level = match entry["level"].as_str()? {
            "verbose" => Level::Debug,
            "warning" => Level::Warn,
            "error" => Level::Error,
            _ => Level::Info,
        };
        Some(self.message(PageKind::Console, level, entry["text"].as_str()?, self.place(entry)))
    }

    /// Where, of a frame or whatever names its place as one does; its numbers are counted from 0.
    fn place(&self, frame: &Value) -> Option<Place> {
        let url = frame["url"].as_str().filter(|url| !url.is_empty())?;
        let number = |name: &str| frame[name].as_u64().and_then(|number| u32::try_from(number + 1).ok()).unwrap_or(1);
        Some(Place { source: self.address(url), line: number("lineNumber"), column: number("columnNumber") })
    }

    /// The path of what is ours, and the whole address of all else.
    fn address(&self, url: &str) -> String {
        name(if self.ours.has(url) { path(url) } else { url })
    }

    fn asked(&mut self, params: &Value) {
        let request = &params["request"];
        if params["type"] == "Document" && params["requestId"] == params["loaderId"] {
            self.load.began(params);
        }
        if let (Some(id), Some(url)) = (params["requestId"].as_str(), request["url"].as_str())
            && self.requests.len() < REQUESTS
        {
            let method = request["method"].as_str().unwrap_or_default().to_owned();
            self.requests.insert(id.to_owned(), Request { method, url: self.address(url) });
        }
    }

    fn answered(&mut self, params: &Value) -> Option<PageMessage> {
        let response = &params["response"];
        self.has_script |= response["url"].as_str().is_some_and(|url| self.is_own(url));
        let status = response["status"].as_u64().filter(|status| *status >= 400)?;
        let words = format!("{status} {}", response["statusText"].as_str().unwrap_or_default());
        self.mishap(params, words.trim_end())
    }

    fn failed(&mut self, params: &Value) -> Option<PageMessage> {
        let words = params["errorText"].as_str().unwrap_or_default();
        // Whoever calls a request off knows.
        if params["canceled"] == true {
            self.requests.remove(params["requestId"].as_str()?);
            return None;
        }
        self.mishap(params, words)
    }

    /// A request that went wrong; told once, and only where it is known what was asked for.
    fn mishap(&mut self, params: &Value, words: &str) -> Option<PageMessage> {
        let Request { method, url } = self.requests.remove(params["requestId"].as_str()?)?;
        let sort = params["type"].as_str().unwrap_or_default();
        if url.starts_with(OWN) || self.has_script && TOLD_BY_SCRIPT.contains(&sort) {
            return None;
        }
        let is_resource = matches!(sort, "Script" | "Stylesheet" | "Image" | "Media" | "Font" | "TextTrack" | "Manifest");
        let kind = if is_resource { PageKind::Resource } else { PageKind::Request };
        Some(self.message(kind, Level::Error, &format!("{method} {url} {words}"), None))
    }

    fn navigated(&mut self, frame: &Value) -> Heard {
        if frame["parentId"].is_string() {
            return Heard::Nothing;
        }
        let url = frame["url"].as_str().unwrap_or_default();
        if !self.ours.has(url) {
            return Heard::Left;
        }
        self.has_script = false;
        self.teller = Arc::new(Teller { page: name(path(url)), ..Teller::clone(&self.teller) });
        Heard::Nothing
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "http://localhost:4747/cart?a#b";

    fn ear() -> Ear {
        Ear::new(Ours(vec![4747]), "Pixel 8", "Chrome", URL)
    }

    fn heard(ear: &mut Ear, method: &str, params: Value) -> Heard {
        ear.hear(&json!({ "method": method, "params": params }))
    }

    /// What is said because of an event: its kind, level and words.
    fn said(ear: &mut Ear, method: &str, params: Value) -> Option<(PageKind, Level, String)> {
        match heard(ear, method, params) {
            Heard::Say(message) => Some((message.kind, message.level, message.text)),
            Heard::Nothing => None,
            other => panic!("{other:?}"),
        }
    }

    fn log(text: &str) -> Value {
        json!({ "type": "log", "args": [{ "type": "string", "value": text }] })
    }

    fn asks(ear: &mut Ear, id: &str, url: &str) {
        let params = json!({ "requestId": id, "type": "Fetch", "request": { "method": "GET", "url": url } });
        assert_eq!(heard(ear, "Network.requestWillBeSent", params), Heard::Nothing);
    }

    fn fails(ear: &mut Ear, id: &str, sort: &str) -> Option<(PageKind, Level, String)> {
        said(ear, "Network.loadingFailed", json!({ "requestId": id, "type": sort, "errorText": "net::ERR_FAILED" }))
    }

    fn start_script(ear: &mut Ear) {
        let response = json!({ "url": "http://localhost:4747/__everlit/client.js", "status": 200 });
        let answer = json!({ "requestId": "0", "type": "Script", "response": response });
        assert_eq!(heard(ear, "Network.responseReceived", answer), Heard::Nothing);
    }

    #[test]
    fn a_message_says_what_where_and_who() {
        let frame = json!({ "url": "http://localhost:4747/a.js", "lineNumber": 2, "columnNumber": 6 });
        let params = json!({ "type": "warning", "args": [{ "value": "x\u{1b}[2J" }], "stackTrace": { "callFrames": [frame] } });
        let Heard::Say(message) = heard(&mut ear(), "Runtime.consoleAPICalled", params) else { panic!("nothing was heard") };
        let place = Some(Place { source: "/a.js".into(), line: 3, column: 7 });
        let teller = Teller { page: "/cart?a".into(), browser: "Chrome".into(), device: "Pixel 8".into(), is_mobile: true };
        let (kind, level) = (PageKind::Console, Level::Warn);
        assert_eq!(message, PageMessage { kind, level, text: "x".into(), place, times: 1, teller: teller.into() });
    }

    #[test]
    fn a_page_without_the_script_is_heard_for_it() {
        let mut ear = ear();
        assert!(said(&mut ear, "Runtime.consoleAPICalled", log("x")).is_some());
        let details = json!({ "text": "Uncaught (in promise)", "exception": { "description": "Error: x\n    at a" } });
        let found = said(&mut ear, "Runtime.exceptionThrown", json!({ "exceptionDetails": details }));
        assert_eq!(found, Some((PageKind::Rejection, Level::Error, "Error: x\n    at a".into())));
        let details = json!({ "text": "Uncaught SyntaxError: y", "url": "http://localhost:4747/a.js" });
        let found = said(&mut ear, "Runtime.exceptionThrown", json!({ "exceptionDetails": details }));
        assert_eq!(found, Some((PageKind::Error, Level::Error, "Uncaught SyntaxError: y".into())));
        asks(&mut ear, "1", "http://localhost:4747/none?a");
        let answer = json!({ "requestId": "1", "type": "Fetch", "response": { "status": 404, "statusText": "Not Found" } });
        let found = said(&mut ear, "Network.responseReceived", answer);
        assert_eq!(found, Some((PageKind::Request, Level::Error, "GET /none?a 404 Not Found".into())));
        assert_eq!(fails(&mut ear, "1", "Fetch"), None, "it was told");
    }

    #[test]
    fn of_a_page_with_the_script_only_the_rest_is_told() {
        let mut ear = ear();
        start_script(&mut ear);
        assert_eq!(said(&mut ear, "Runtime.consoleAPICalled", log("x")), None);
        let details = json!({ "exceptionDetails": { "text": "Uncaught" } });
        assert_eq!(said(&mut ear, "Runtime.exceptionThrown", details), None);
        asks(&mut ear, "1", "http://localhost:4747/a");
        assert_eq!(fails(&mut ear, "1", "Fetch"), None);
        asks(&mut ear, "2", "http://example.com/a");
        let found = fails(&mut ear, "2", "EventSource");
        assert_eq!(found, Some((PageKind::Request, Level::Error, "GET http://example.com/a net::ERR_FAILED".into())));
        let entry = |source: &str| json!({ "entry": { "source": source, "level": "error", "text": "refused" } });
        assert!(said(&mut ear, "Log.entryAdded", entry("security")).is_some());
        assert_eq!(said(&mut ear, "Log.entryAdded", entry("network")), None, "it is a request");

        let next = json!({ "frame": { "url": "http://localhost:4747/other" } });
        assert_eq!(heard(&mut ear, "Page.frameNavigated", next), Heard::Nothing);
        assert!(said(&mut ear, "Runtime.consoleAPICalled", log("x")).is_some(), "this one may have none");
        assert_eq!(ear.teller().page, "/other");
    }

    #[test]
    fn a_page_that_is_open_already_is_known_by_what_it_loaded() {
        let tree =
            |url: &str| json!({ "frameTree": { "resources": [{ "url": "http://localhost:4747/a.css" }, { "url": url }] } });
        let check = |url: &str, has_script: bool| {
            let mut ear = ear();
            ear.look(&tree(url));
            assert_eq!(ear.has_script, has_script, "{url}");
        };
        check("http://localhost:4747/__everlit/client.js", true);
        check("http://localhost:3000/__everlit/client.js", false);
        check("http://localhost:4747/app.js", false);
    }

    #[test]
    fn a_page_whose_script_nobody_saw_arrive_is_known_by_its_socket() {
        let mut ear = ear();
        heard(&mut ear, "Network.webSocketCreated", json!({ "url": "ws://localhost:4747/socket" }));
        assert!(!ear.has_script, "it is one of the page's own");
        heard(&mut ear, "Network.webSocketCreated", json!({ "url": "ws://localhost:4747/__everlit/ws?token=x" }));
        assert!(ear.has_script);
    }

    #[test]
    fn what_is_called_off_or_ours_is_no_mishap() {
        let mut ear = ear();
        asks(&mut ear, "1", "http://localhost:4747/a");
        let off = json!({ "requestId": "1", "type": "Fetch", "errorText": "net::ERR_ABORTED", "canceled": true });
        assert_eq!(said(&mut ear, "Network.loadingFailed", off), None);
        asks(&mut ear, "2", "http://localhost:4747/__everlit/client.js");
        assert_eq!(fails(&mut ear, "2", "Script"), None);
        asks(&mut ear, "3", "http://localhost:4747/b");
        heard(&mut ear, "Network.loadingFinished", json!({ "requestId": "3" }));
        assert_eq!(fails(&mut ear, "3", "Fetch"), None, "it was done");
    }

    #[test]
    fn a_tab_that_goes_elsewhere_is_left() {
        let go = |frame: Value| heard(&mut ear(), "Page.frameNavigated", json!({ "frame": frame }));
        assert_eq!(go(json!({ "url": "https://example.com/" })), Heard::Left);
        assert_eq!(go(json!({ "url": "https://example.com/", "parentId": "1" })), Heard::Nothing, "a frame within ours");
        assert_eq!(heard(&mut ear(), "Page.loadEventFired", json!({ "timestamp": 1.0 })), Heard::Loaded);
    }

    #[test]
    fn what_a_browser_says_is_bounded() {
        let mut ear = ear();
        (0..2 * REQUESTS).for_each(|id| asks(&mut ear, &id.to_string(), "http://localhost:4747/"));
        assert_eq!(ear.requests.len(), REQUESTS);
        let (_, _, text) = said(&mut ear, "Runtime.consoleAPICalled", log(&"x".repeat(100_000))).expect("it is heard");
        assert!(text.len() < 6000);
        for event in [json!(null), json!({ "method": 7 }), json!({ "method": "Runtime.consoleAPICalled" })] {
            assert_eq!(ear.hear(&event), Heard::Nothing, "{event}");
        }
    }
}
