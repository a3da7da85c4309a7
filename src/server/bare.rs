//! What hyper answers by itself, and the words for it.
//!
//! A head that its parser does not take never becomes a request: hyper answers with a status and nothing else, which a browser shows as
//! an empty page. No answer of ours looks like that, each has headers that say what it is.

use http::StatusCode;

use super::accept::HEADER_BYTES;
use crate::config::{MOST_HEADERS, MOST_URI_BYTES};

/// The longest such answer, in bytes, and some.
const LONGEST: usize = 256;

/// The same answer with its reason, where `written` is such an answer and nothing else.
pub(super) fn worded(written: &[u8]) -> Option<String> {
    if written.len() > LONGEST || !written.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let head = std::str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?;
    let reason = reason(status.split(' ').nth(1)?.parse().ok()?)?;
    let date = lines.clone().find(|line| line.starts_with("date: "))?;
    let is_bare = lines.all(|line| line == date || ["connection: close", "content-length: 0"].contains(&line));
    is_bare.then(|| {
        format!(
            "{status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\
             x-content-type-options: nosniff\r\ncross-origin-resource-policy: same-origin\r\n{date}\r\n\r\n{reason}",
            reason.len()
        )
    })
}

fn reason(status: StatusCode) -> Option<String> {
    match status {
        StatusCode::BAD_REQUEST => Some("this is no request of HTTP/1.1\n".into()),
        StatusCode::URI_TOO_LONG => {
            Some(format!("the address is longer than the {MOST_URI_BYTES} bytes that `[limits] uri` in everlit.toml can allow\n"))
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some(format!(
            "the head of the request has more than the {HEADER_BYTES} bytes that `[limits] header_bytes` in everlit.toml can allow, or \
             more headers than `[limits] headers` does, which can be {MOST_HEADERS}; every project that was ever at this host left \
             its cookies: delete them, or open http://PROJECT.localhost in place of localhost\n"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_says_nothing_gets_words() {
        let bare = |status: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: Sun\r\n\r\n");
        for (status, words) in [
            ("400 Bad Request", "no request"),
            ("414 URI Too Long", "[limits] uri"),
            ("431 Request Header Fields Too Large", "[limits] header_bytes"),
        ] {
            let worded = worded(bare(status).as_bytes()).expect("it is bare");
            let (head, body) = worded.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")) && head.contains("date: Sun"), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())) && body.contains(words), "{worded}");
        }
        for other in [
            bare("404 Not Found"),
            bare("200 OK"),
            bare("400 Bad Request") + "HTTP/1.1 200 OK\r\n\r\n",
            bare("400 Bad Request").replace("date", "via: 1.1 everlit\r\ndate"),
            bare("400 Bad Request").replace("length: 0", "length: 1\r\nx: y"),
            "HTTP/1.1 400 Bad Request\r\n".to_owned(),
        ] {
            assert_eq!(worded(other.as_bytes()), None, "{other}");
        }
    }
}
