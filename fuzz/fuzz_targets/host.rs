//! Any `Host` and authority: what is answered names this machine, or a name from the settings; all else is turned down.
//!
//! The first byte says by which of our addresses the request came, the first line behind it is the authority in the request's target
//! (none, where it is empty), and each further line a `Host`.
#![no_main]

use std::{net::IpAddr, sync::OnceLock};

use axum::body::Body;
use everlit_fuzz::{
    folder::{fill, folder},
    served::{PORT, Served},
};
use http::{HeaderValue, Request, StatusCode, header, uri::Authority};
use libfuzzer_sys::fuzz_target;

/// A name from the settings: it may have any port.
const CONFIGURED: &str = "shop.test";

/// What is asked for; there is no other answer to it than the file, for whoever may ask.
const PATH: &str = "/__everlit/client.js";

static SERVED: OnceLock<Served> = OnceLock::new();

fuzz_target!(|input: &[u8]| {
    let served = SERVED.get_or_init(|| {
        let folder = folder("host");
        fill(&folder, &[("everlit.toml", "hosts = [\"Shop.Test\"]\n"), ("index.html", "<p>")]);
        Served::new(&folder)
    });
    let [by, lines @ ..] = input else { return };
    let local: IpAddr = if by % 2 == 0 { [127, 0, 0, 1].into() } else { "::1".parse().expect("an address") };
    let mut lines = lines.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let hosts: Vec<&[u8]> = lines.collect();
    let mut request = Request::builder();
    request = match target {
        b"" => request.uri(PATH),
        target => match Authority::try_from(target) {
            Ok(authority) => request.uri(format!("http://{authority}{PATH}")),
            Err(_) => return,
        },
    };
    for host in &hosts {
        let Ok(host) = HeaderValue::from_bytes(host) else { return };
        request = request.header(header::HOST, host);
    }
    let Ok(request) = request.body(Body::empty()) else { return };
    let expected = judge(target, &hosts, local);
    assert_eq!(served.ask_at(local, request).status(), expected, "{}", String::from_utf8_lossy(input));
});

fn judge(target: &[u8], hosts: &[&[u8]], local: IpAddr) -> StatusCode {
    let named = match (target, hosts) {
        (b"", [host]) => host,
        (target, []) if !target.is_empty() => target,
        (target, [host]) if target.eq_ignore_ascii_case(host) => target,
        _ => return StatusCode::BAD_REQUEST,
    };
    let named = String::from_utf8_lossy(named).to_ascii_lowercase();
    let Some((name, port)) = parts(&named) else { return StatusCode::BAD_REQUEST };
    let port = port.unwrap_or(80);
    let is_address = name.trim_matches(['[', ']']).parse() == Ok(local);
    let is_ours = name == "localhost" || name.ends_with(".localhost") || is_address;
    match name == CONFIGURED || is_ours && port == PORT {
        true => StatusCode::OK,
        false => StatusCode::MISDIRECTED_REQUEST,
    }
}

/// A name, or an address in brackets, and a port.
fn parts(named: &str) -> Option<(&str, Option<u16>)> {
    let end = match named.strip_prefix('[') {
        Some(_) => named.find(']')? + 1,
        None => named.find(':').unwrap_or(named.len()),
    };
    let (name, rest) = named.split_at(end);
    let port = match rest.strip_prefix(':') {
        _ if rest.is_empty() => None,
        Some(digits) if digits.chars().all(|c| c.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    let is_right = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        // Labels, of which the last may be empty.
        None => {
            let mut labels: Vec<&str> = name.split('.').collect();
            if labels.len() > 1 && labels.last() == Some(&"") {
                labels.pop();
            }
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            labels.iter().all(|label| !label.is_empty() && label.chars().all(is_letter))
        }
    };
    is_right.then_some((name, port))
}
