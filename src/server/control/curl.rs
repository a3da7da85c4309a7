//! An exchange's request as a command for a POSIX shell.
//!
//! Every value stands in single quotes, in which a shell knows nothing but their end. Nothing of a request can be taken for an option
//! of curl's, a file to send (`--data-raw`), or a pattern of URLs (`--globoff`). What lost its value is left out.

use std::fmt::Write as _;

use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, Method, header};

use super::exchanges::to_send;
use crate::traffic::Capture;

/// The command, with its newline.
pub(super) fn command(method: &Method, url: &str, capture: &Capture) -> String {
    let body = capture.request.body().bytes;
    let as_text = std::str::from_utf8(&body).ok().filter(|text| !text.contains('\0'));
    let mut command = String::new();
    if as_text.is_none() {
        let _ = write!(command, "printf %s {} | base64 -d | ", quoted(&BASE64.encode(&body)));
    }
    let _ = write!(command, "curl --globoff --path-as-is {}", quoted(url));
    match (method, body.is_empty()) {
        (&Method::GET, true) | (&Method::POST, false) => (),
        (&Method::HEAD, true) => command.push_str(" --head"),
        _ => {
            let _ = write!(command, " --request {}", quoted(method.as_str()));
        }
    }
    let (headers, _) = to_send(&capture.request.headers);
    for (name, value) in &headers {
        let _ = write!(command, " \\\n  {}", field(name, value));
    }
    if !body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        // curl says one of its own otherwise.
        command.push_str(" \\\n  --header 'content-type:'");
    }
    match as_text {
        Some("") => (),
        Some(text) => {
            let _ = write!(command, " \\\n  --data-raw {}", quoted(text));
        }
        None => command.push_str(" \\\n  --data-binary '@-'"),
    }
    command.push('\n');
    command
}

fn field(name: &HeaderName, value: &HeaderValue) -> String {
    let value = String::from_utf8_lossy(value.as_bytes());
    match name {
        // What comes is decoded where it is asked for so.
        &header::ACCEPT_ENCODING => "--compressed".to_owned(),
        name if value.is_empty() => format!("--header {}", quoted(&format!("{name};"))),
        name => format!("--header {}", quoted(&format!("{name}: {value}"))),
    }
}

/// A word of a POSIX shell (XCU §2.2.2).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word() {
        let check = |text: &str, word: &str| {
            assert_eq!(quoted(text), word);
            assert_eq!(shlex::split(word).unwrap(), [text]);
        };
        check("", "''");
        check("a b", "'a b'");
        check("it's", r"'it'\''s'");
        check("'; touch x; '", r"''\''; touch x; '\'''");
        check("$(touch x) `y` \\ \" ! * ~\n", "'$(touch x) `y` \\ \" ! * ~\n'");
    }
}
