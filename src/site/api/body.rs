//! The body of a write: bounded in size and time, of a type the resource takes, read as JSON.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use json_patch::PatchOperation;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Write,
    offers::{Offers, View},
};
use crate::{
    config::BodyLimits,
    negotiate::{Accept, Representation, choose},
    site::{
        failure,
        resource::{
            patch::{MAX_DEPTH, depth},
            refusal::{BODY_TYPES, PATCH_TYPES, Refusal},
        },
    },
};

/// How many items one request may add; each is checked while the disk waits.
const MAX_ITEMS: usize = 10_000;

/// The most values in a body: numbers, texts, arrays and objects. Two bytes of text may be a hundred in a tree.
const MAX_VALUES: usize = 500_000;

/// What a value takes in a tree, with its share of what holds it.
const VALUE_BYTES: usize = 128;

/// Digits of which every whole number fits into 64 bits.
const SAFE_DIGITS: usize = 18;

/// What a body says, in the version that its type names.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// One item.
    Item(Map<String, Value>, u32),
    /// Several.
    Items(Vec<Map<String, Value>>, u32),
    /// RFC 7396.
    Merge(Map<String, Value>, u32),
    /// RFC 6902.
    Operations(Vec<PatchOperation>, u32),
}

impl Content {
    /// The version it says it is in.
    pub(super) fn version(&self) -> u32 {
        let (Self::Item(_, version) | Self::Items(_, version) | Self::Merge(_, version) | Self::Operations(_, version)) = self;
        *version
    }
}

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One item, or an array of them.
    Items(u32),
    Item(u32),
    Merge(u32),
    Operations(u32),
}

/// Which kind of body a request announces. `offers` are the JSON representations of the address; the plain type stands for the
/// version that the address shows to a client who names none.
pub(super) fn kind(write: Write, headers: &HeaderMap, offers: &Offers, plain: u32) -> Result<Kind, Refusal> {
    let (accepted, header) = match write {
        Write::Patch => (PATCH_TYPES, "accept-patch"),
        Write::Add => (BODY_TYPES, "accept-post"),
        Write::Replace | Write::Remove => (BODY_TYPES, "accept"),
    };
    let refused = Refusal::BodyType { accepted, header };
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return Err(refused) };
    if let Some(View::Json(version)) = offers.named(content_type) {
        return Ok(match write {
            Write::Add => Kind::Items(*version),
            Write::Patch => Kind::Merge(*version),
            Write::Replace | Write::Remove => Kind::Item(*version),
        });
    }
    let patches = ["application/merge-patch+json", "application/json-patch+json"].map(Representation::new);
    let named = Accept::of_content_type(content_type).and_then(|accept| choose(&accept, &patches));
    match named.filter(|_| write == Write::Patch) {
        Some(0) => Ok(Kind::Merge(plain)),
        Some(_) => Ok(Kind::Operations(plain)),
        None => Err(refused),
    }
}

/// Reads a body as what it announces.
pub(super) fn parse(kind: Kind, bytes: &[u8]) -> Result<Content, Refusal> {
    match kind {
        Kind::Items(version) => items(value(bytes)?, version),
        Kind::Item(version) => Ok(Content::Item(object(value(bytes)?)?, version)),
        Kind::Merge(version) => Ok(Content::Merge(object(value(bytes)?)?, version)),
        Kind::Operations(version) => {
            let operations = read(bytes)?;
            exact(bytes)?;
            Ok(Content::Operations(operations, version))
        }
    }
}

/// How many bytes a body may come to.
pub(super) fn room(body: &Body, limits: BodyLimits) -> usize {
    body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(limits.bytes).min(limits.bytes)
}

/// How many bytes a body comes to as a tree, a little more than less.
pub(super) fn tree_bytes(text: &[u8]) -> Result<usize, Refusal> {
    let values = values(text);
    if values > MAX_VALUES { Err(Refusal::TooManyValues { limit: MAX_VALUES }) } else { Ok(values * VALUE_BYTES) }
}

/// What separates or begins values, outside of texts. Of what is no JSON any number.
fn values(text: &[u8]) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b',' | b':' | b'[' | b'{' if !is_text => count += 1,
            _ => (),
        }
    }
    count
}

/// Waits for the whole body.
pub(super) async fn receive(body: Body, limits: BodyLimits) -> Result<Bytes, Refusal> {
    let too_long = Refusal::BodyTooLong { limit: limits.bytes };
    if body.size_hint().lower() > limits.bytes as u64 {
        return Err(too_long);
    }
    let collected = tokio::time::timeout(limits.arrival, Limited::new(body, limits.bytes).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long),
        Ok(Err(_)) => Err(Refusal::BodyBroken),
        Err(_) => Err(Refusal::BodyTooSlow),
    }
}

fn items(value: Value, version: u32) -> Result<Content, Refusal> {
    let Value::Array(entries) = value else { return Ok(Content::Item(object(value)?, version)) };
    if entries.is_empty() {
        return Err(Refusal::NoItems);
    }
    if entries.len() > MAX_ITEMS {
        return Err(Refusal::TooMany { limit: MAX_ITEMS });
    }
    let item = |(place, entry)| match entry {
        Value::Object(item) => Ok(item),
        _ => Err(Refusal::NoObjects(place)),
    };
    Ok(Content::Items(entries.into_iter().enumerate().map(item).collect::<Result<_, _>>()?, version))
}

fn object(value: Value) -> Result<Map<String, Value>, Refusal> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal::NoObject),
    }
}

/// A value that can be stored as it is.
fn value(bytes: &[u8]) -> Result<Value, Refusal> {
    let value: Value = read(bytes)?;
    if depth(&value) > MAX_DEPTH {
        return Err(Refusal::TooDeep { limit: MAX_DEPTH });
    }
    exact(bytes)?;
    Ok(value)
}

/// Refuses what would be stored as another number. The bytes are JSON.
fn exact(bytes: &[u8]) -> Result<(), Refusal> {
    long_number(bytes).map_or(Ok(()), |place| Err(inexact(bytes, place)))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = failure::place_in_json(&error);
        let message = format!("the body is not as it should be: {}", failure::without_place(&error.to_string()));
        Refusal::BadJson { message, line, column }
    })
}

/// The place of a whole number that 64 bits do not hold: as a floating-point number, which JSON's reader makes of it, it would be
/// another one. The bytes are JSON.
fn long_number(bytes: &[u8]) -> Option<usize> {
    let (mut place, mut is_text) = (0, false);
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'\\' if is_text => place += 1,
            b'"' => is_text = !is_text,
            b'-' | b'0'..=b'9' if !is_text => {
                let length = bytes[place..].iter().take_while(|byte| b"+-.eE0123456789".contains(byte)).count();
                let number = std::str::from_utf8(&bytes[place..place + length]).unwrap_or_default();
                let is_whole = !number.contains(['.', 'e', 'E']);
                if is_whole && length > SAFE_DIGITS && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some(place);
                }
                place += length - 1;
            }
            _ => (),
        }
        place += 1;
    }
    None
}

fn inexact(bytes: &[u8], place: usize) -> Refusal {
    let (line, column) = failure::place(&String::from_utf8_lossy(bytes), place);
    let message = "the body has a whole number that 64 bits do not hold; send it as a text".to_owned();
    Refusal::BadJson { message, line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        let check = |text: &str, expected| assert_eq!(values(text.as_bytes()), expected, "{text}");
        check("1", 0);
        check("[1,2,3]", 3);
        check(r#"{"a":{"b":[]}}"#, 5);
        check(r#"{"a":"one, two: [three]"}"#, 2);
        check(r#"["a\"b,c\\",1]"#, 2);
        let ones = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert!(tree_bytes(ones(MAX_VALUES).as_bytes()).is_ok());
        assert!(matches!(tree_bytes(ones(MAX_VALUES + 1).as_bytes()), Err(Refusal::TooManyValues { .. })));
    }

    #[test]
    fn bodies() {
        check(Kind::Item(1), r#"{"a":1}"#, r#"Item({"a": Number(1)}, 1)"#);
        check(Kind::Items(1), r#"{"a":1}"#, r#"Item({"a": Number(1)}, 1)"#);
        check(Kind::Items(1), r#"[{"a":1},{}]"#, r#"Items([{"a": Number(1)}, {}], 1)"#);
        check(Kind::Items(1), "[{},1]", "the array has an entry that is no object, at place 1");
        check(Kind::Item(1), "[{}]", "the body is not an object");
        check(Kind::Item(1), "{\n \"a\": }", "the body is not as it should be: expected value at 2:7");
        check(Kind::Item(1), "", "the body is not as it should be: EOF while parsing a value at 1:1");
        check(Kind::Items(1), &format!("[{}]", vec!["{}"; MAX_ITEMS + 1].join(",")), "the array has more than 10000 entries");
        check(
            Kind::Item(1),
            &format!("{}1{}", "{\"a\":".repeat(110), "}".repeat(110)),
            "the item is nested deeper than 100 levels",
        );
        check(
            Kind::Item(1),
            &format!("{}1{}", "{\"a\":".repeat(9000), "}".repeat(9000)),
            "the body is not as it should be: recursion",
        );
        check(Kind::Merge(1), "[]", "the body is not an object");
        check(Kind::Operations(1), r#"[{"op":"spin","path":"/a"}]"#, "the body is not as it should be: unknown variant `spin`");
    }

    #[test]
    fn numbers_stay_what_they_are() {
        for number in ["18446744073709551615", "-9223372036854775808", "1e300", "123456789012345678.5", "0"] {
            check(Kind::Item(1), &format!(r#"{{"n":{number}}}"#), "Item");
        }
        check(Kind::Item(1), r#"{"t":"99999999999999999999 \" 99999999999999999999"}"#, "Item");
        let refused = "the body has a whole number that 64 bits do not hold; send it as a text at";
        check(Kind::Item(1), "{\"a\":1,\n\"n\": 18446744073709551616}", &format!("{refused} 2:6"));
        check(Kind::Item(1), "{\"n\":[-9223372036854775809]}", &format!("{refused} 1:7"));
        check(Kind::Operations(1), r#"[{"op":"add","path":"/n","value":18446744073709551616}]"#, &format!("{refused} 1:34"));
        check(Kind::Item(1), "{\"n\":1e999}", "the body is not as it should be: number out of range");
    }

    fn check(kind: Kind, body: &str, expected: &str) {
        let found = match parse(kind, body.as_bytes()) {
            Ok(content) => format!("{content:?}"),
            Err(Refusal::BadJson { message, line, column }) => format!("{message} at {line}:{column}"),
            Err(refusal) => refusal.to_string(),
        };
        assert!(found.starts_with(expected), "{found}");
    }
}
