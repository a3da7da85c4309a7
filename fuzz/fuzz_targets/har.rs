//! Any exchange as an HTTP Archive: it is one by its specification, says what was said, and holds no secret.
#![no_main]

use everlit_fuzz::exchange::{Exchange, SECRET};
use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some(exchange) = Exchange::of(input) else { return };
    let Some(served) = exchange.record() else { return };
    let answer = served.ask_control("/api/exchanges/latest/har");
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(memchr::memmem::find(answer.body(), SECRET.as_bytes()).is_none(), "{:?} tells its secret", answer.body());
    let archive: Value = serde_json::from_slice(answer.body()).expect("it is JSON");
    check_archive(&archive);
    let entry = &archive["log"]["entries"][0];
    assert_eq!(entry["request"]["method"], exchange.method.as_str());
    assert_eq!(entry["response"]["status"], exchange.status.as_u16());
    for (side, headers) in [("request", &exchange.asked), ("response", &exchange.answered)] {
        let said = entry[side]["headers"].as_array().expect("a list");
        let mut names: Vec<&str> = said.iter().map(|field| text(&field["name"])).collect();
        let mut known: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known, "each field of the {side} is named");
    }
    assert_eq!(entry["request"]["bodySize"], exchange.asked_body.len());
    assert_eq!(entry["response"]["bodySize"], exchange.answered_body.len());
});

/// The members that HAR 1.2 asks for, and their kinds.
fn check_archive(archive: &Value) {
    let log = &archive["log"];
    assert_eq!(log["version"], "1.2");
    has(&log["creator"], &["name", "version"], &[], &[]);
    let entries = log["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 1);
    for entry in entries {
        has(entry, &["startedDateTime"], &["time"], &[]);
        assert!(entry["cache"].is_object());
        has(&entry["timings"], &[], &["send", "wait", "receive"], &[]);
        let (request, response) = (&entry["request"], &entry["response"]);
        has(request, &["method", "url", "httpVersion"], &["headersSize", "bodySize"], &["cookies", "headers", "queryString"]);
        has(
            response,
            &["statusText", "httpVersion", "redirectURL"],
            &["status", "headersSize", "bodySize"],
            &["cookies", "headers"],
        );
        has(&response["content"], &["mimeType", "text"], &["size"], &[]);
        if let Some(posted) = request.get("postData") {
            has(posted, &["mimeType", "text"], &[], &[]);
        }
        let lists =
            [&request["cookies"], &request["headers"], &request["queryString"], &response["cookies"], &response["headers"]];
        for pair in lists.iter().flat_map(|list| list.as_array().into_iter().flatten()) {
            has(pair, &["name", "value"], &[], &[]);
        }
    }
}

fn has(value: &Value, texts: &[&str], numbers: &[&str], lists: &[&str]) {
    assert!(texts.iter().all(|name| value[name].is_string()), "{texts:?} in {value}");
    assert!(numbers.iter().all(|name| value[name].is_number()), "{numbers:?} in {value}");
    assert!(lists.iter().all(|name| value[name].is_array()), "{lists:?} in {value}");
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
