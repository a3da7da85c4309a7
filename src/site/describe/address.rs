//! Addresses of resources, and the commands that ask for them.
//!
//! Names come from files and values from data, so both are escaped: for the URL, and for the shell the command is pasted into.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::ID;
use crate::site::path;

/// What a query keeps unescaped: RFC 3986 §3.4, without `&`, `+` and `=`, which forms give a meaning.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b',').remove(b'/').remove(b'@');

/// `/api/products`, or `/api/v1/products` for a version that is named.
pub(super) fn of_resource(name: &str, version: Option<u32>) -> String {
    let version = version.map(|version| format!("v{version}"));
    let segments: Vec<&str> = [Some("api"), version.as_deref(), Some(name)].into_iter().flatten().collect();
    path::encode(&segments)
}

/// The address of an item in its collection at `collection`.
pub(super) fn of_item(collection: &str, id: &str) -> String {
    format!("{collection}{}", path::encode(&[id]))
}

/// The id of an item as it stands in a path.
pub(super) fn id_of(item: &serde_json::Map<String, Value>) -> Option<String> {
    match item.get(ID)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// An address with a query.
pub(super) fn with_query(address: &str, parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let parameters: Vec<String> = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    format!("{address}?{}", parameters.join("&"))
}

/// A line for a POSIX shell that sends a request. `body` has its media type in front.
pub(super) fn curl(method: &str, url: &str, body: Option<(&str, &Value)>) -> String {
    let mut words = vec!["curl".to_owned()];
    if method != "GET" {
        words.extend(["-X".to_owned(), method.to_owned()]);
    }
    words.push(quote(url));
    if let Some((media_type, body)) = body {
        words.extend(["-H".to_owned(), quote(&format!("Content-Type: {media_type}")), "-d".to_owned(), quote(&body.to_string())]);
    }
    words.join(" ")
}

/// One word for the shell, whatever is in it.
fn quote(word: &str) -> String {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/%@,=".contains(&byte));
    if is_plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(of_resource("products", None), "/api/products");
        assert_eq!(of_resource("{a}/ü", Some(2)), "/api/v2/%7Ba%7D%2F%C3%BC");
        assert_eq!(of_item("/api/products", "a b"), "/api/products/a%20b");
        assert_eq!(with_query("/x", &[("a b", "1&2"), ("n:gte", "+3,")]), "/x?a%20b=1%262&n:gte=%2B3,");
    }

    #[test]
    fn commands_are_safe_to_paste() {
        assert_eq!(curl("GET", "http://localhost/x", None), "curl http://localhost/x");
        assert_eq!(curl("GET", "http://localhost/x?a=1", None), "curl 'http://localhost/x?a=1'");
        assert_eq!(
            curl("PUT", "http://localhost/x", Some(("application/json", &json!({"a": "it's $(x)"})))),
            r#"curl -X PUT http://localhost/x -H 'Content-Type: application/json' -d '{"a":"it'\''s $(x)"}'"#
        );
    }
}
