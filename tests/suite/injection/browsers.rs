//! Pages under every kind of policy in real browsers: the client connects, nothing of its own is refused, and the page works.

use std::time::Duration;

use serde_json::json;

use super::app::{App, Reply};
use crate::harness::{Chromium, Firefox, SOON};

const CONNECTED: &str = "window[Symbol.for('everlit')]?.connected === true";

/// Gathers what is refused, whatever the page's policy says of scripts.
/// Keeps what the page's policy refuses, but for the icon: that is what the browser itself asks for, with a script in the page or without.
const LISTEN: &str = "window.refused = []; document.addEventListener('securitypolicyviolation', (event) =>
    event.blockedURI === `${location.origin}/favicon.ico` || window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`))";

/// A header and its value, or a policy in the page, and what becomes of it.
const POLICIES: [(&str, &str, &str); 22] = [
    ("", "", "injected"),
    ("content-security-policy", "default-src 'self'", "injected"),
    ("content-security-policy", "default-src 'none'", "injected; csp=widened"),
    ("content-security-policy", "script-src 'none'; connect-src 'none'", "injected; csp=widened"),
    ("content-security-policy", "script-src-elem 'none'; connect-src https://api.example", "injected; csp=widened"),
    ("content-security-policy", "connect-src http:", "injected; csp=widened"),
    ("content-security-policy", "script-src 'nonce-abc'", "injected; csp=nonce"),
    ("content-security-policy", "script-src 'nonce-abc' 'strict-dynamic'; base-uri 'none'", "injected; csp=nonce"),
    ("content-security-policy", "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='", "injected; csp=widened"),
    ("content-security-policy", "script-src 'strict-dynamic' 'self'", "injected; csp=widened; csp=hash"),
    ("content-security-policy", "script-src 'nonce-a', script-src 'nonce-b'", "injected; csp=widened; csp=nonce"),
    ("content-security-policy", "sandbox allow-scripts allow-same-origin", "injected"),
    ("content-security-policy", "require-trusted-types-for 'script'; trusted-types 'none'", "injected; csp=widened"),
    ("content-security-policy-report-only", "default-src 'none'", "injected; csp=widened"),
    ("integrity-policy", "blocked-destinations=(script)", "injected; csp=hash"),
    ("meta", "default-src 'none'", "injected; csp=widened"),
    ("meta", "connect-src 'none'", "injected; csp=widened"),
    ("meta", "connect-src &#39;none&#39;; img-src *", "injected; csp=widened"),
    ("meta", "script-src 'nonce-abc'", "injected"),
    ("meta", "script-src 'strict-dynamic' 'nonce-abc'; connect-src 'self'", "injected"),
    ("meta", "default-src 'self'", "injected"),
    ("meta", "require-trusted-types-for 'script'; trusted-types a", "injected; csp=widened"),
];

/// The page under a policy; its heading shows that it was read to its end.
fn page((place, policy, _): (&str, &str, &str)) -> Reply {
    let meta = match place {
        "meta" => format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"),
        _ => String::new(),
    };
    let reply = Reply::page(format!("<!doctype html><html><head><title>a</title>{meta}</head><body><h1>here</h1></body></html>"));
    if place.contains("policy") { reply.with(place, policy) } else { reply }
}

fn replies() -> Vec<(String, Reply)> {
    POLICIES.iter().enumerate().map(|(index, policy)| (format!("/{index}"), page(*policy))).collect()
}

async fn start() -> App {
    let replies = replies();
    App::start(replies.iter().map(|(path, reply)| (path.as_str(), reply.clone())), "").await
}

#[tokio::test]
async fn the_client_connects_under_every_policy_and_is_refused_nothing() {
    let (app, browser) = (start().await, Chromium::start().await);
    let page = browser.open(&app.at("/0")).await;
    page.call("Page.enable", json!({})).await;
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": LISTEN })).await;
    for (index, (place, policy, said)) in POLICIES.iter().enumerate() {
        let name = format!("{place}: {policy}");
        let answer = crate::harness::get(&app.at(&format!("/{index}"))).await;
        assert_eq!(answer.header("everlit-inject"), *said, "{name}");
        page.navigate(&app.at(&format!("/{index}"))).await;
        page.wait_until(&format!("{CONNECTED} || `{name}` === ''"), SOON).await;
        assert_eq!(
            page.evaluate("[window.refused, document.querySelector('h1').textContent]").await,
            json!([[], "here"]),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_same_in_firefox() {
    let (app, browser) = (start().await, Firefox::start().await);
    for (index, (place, policy, _)) in POLICIES.iter().enumerate() {
        let page = browser.open(&app.at(&format!("/{index}"))).await;
        page.wait_until(&format!("{CONNECTED} || `{place}: {policy}` === ''"), SOON).await;
    }
}

#[tokio::test]
async fn pages_that_are_left_alone_work_as_they_did() {
    let html = "<!doctype html><html><head><title>a</title></head><body><h1>here</h1></body></html>";
    let xhtml = r#"<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>a</title></head><body><h1>here</h1></body></html>"#;
    let replies = [
        ("/sandbox", Reply::page(html).with("Content-Security-Policy", "sandbox allow-scripts")),
        ("/xhtml", Reply::page(xhtml).with("Content-Type", "application/xhtml+xml")),
        ("/off", Reply::page(html).with("Everlit-Inject", "off")),
    ];
    let (app, browser) = (App::start(replies, "").await, Chromium::start().await);
    let page = browser.open(&app.at("/off")).await;
    page.call("Page.enable", json!({})).await;
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": LISTEN })).await;
    for path in ["/sandbox", "/xhtml", "/off"] {
        page.navigate(&app.at(path)).await;
        let state = "[window.refused, document.querySelector('h1').textContent, Symbol.for('everlit') in window]";
        assert_eq!(page.evaluate(state).await, json!([[], "here", false]), "{path}");
    }
}

#[tokio::test]
async fn a_page_in_utf_16_and_one_the_app_compressed_connect() {
    let wide: Vec<u8> = "\u{feff}<!doctype html><head><title>a</title></head><h1>\u{20ac}</h1>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let twice = "<head><script src=\"/__everlit/client.js\" data-generation=\"99\" async></script></head><h1>\u{20ac}</h1>";
    let mut encoder = async_compression::tokio::write::BrotliEncoder::new(Vec::new());
    tokio::io::AsyncWriteExt::write_all(&mut encoder, "<!doctype html><meta charset=utf-8><h1>\u{20ac}</h1>".as_bytes())
        .await
        .expect("memory");
    tokio::io::AsyncWriteExt::shutdown(&mut encoder).await.expect("memory");
    let replies = [
        ("/wide", Reply::page(wide)),
        ("/br", Reply::page(encoder.into_inner()).with("Content-Encoding", "br")),
        ("/twice", Reply::page(twice).with("Content-Type", "text/html; charset=utf-8")),
    ];
    let (app, browser) = (App::start(replies, "").await, Chromium::start().await);
    for path in ["/wide", "/br", "/twice"] {
        let page = browser.open(&app.at(path)).await;
        page.wait_until(CONNECTED, Duration::from_secs(20)).await;
        let state = "[document.querySelector('h1').textContent, window[Symbol.for('everlit')].generation < 99]";
        assert_eq!(page.evaluate(state).await, json!(["\u{20ac}", true]), "{path}");
    }
}
