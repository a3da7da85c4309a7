//! The body of a write: bounded in size and time, of a type the resource takes, read as JSON.

use std::time::Duration;

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
    negotiate::{Accept, Representation, choose},
    site::{
        failure,
        resource::{
            patch::{MAX_DEPTH, depth},
            refusal::{BODY_TYPES, PATCH_TYPES, Refusal},
        },
    },
};

/// The longest body. An item is a record, not a file.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive: a phone on a bad network needs seconds.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// What a body says.
#[derive(Debug)]
pub(super) enum Content {
    /// An item, in this version.
    Item(Map<String, Value>, u32),
    /// RFC 7396.
    Merge(Map<String, Value>, u32),
    /// RFC 6902.
    Operations(Vec<PatchOperation>, u32),
}

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Item(u32),
    Merge(u32),
    Operations(u32),
}

/// Which kind of body a request announces. `offers` are the JSON representations of the address; the plain type stands for the
/// version that the address shows to a client who names none.
pub(super) fn kind(write: Write, headers: &HeaderMap, offers: &Offers, plain: u32) -> Result<Kind, Refusal> {
    let refused = Refusal::BodyType { accepted: if write == Write::Patch { PATCH_TYPES } else { BODY_TYPES } };
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return Err(refused) };
    if let Some(View::Json(version)) = offers.named(content_type) {
        return Ok(if write == Write::Patch { Kind::Merge(*version) } else { Kind::Item(*version) });
    }
    let patches = ["application/merge-patch+json", "application/json-patch+json"].map(Representation::new);
    let named = Accept::of_content_type(content_type).and_then(|accept| choose(&accept, &patches));
    match named.filter(|_| write == Write::Patch) {
        Some(0) => Ok(Kind::Merge(plain)),
        Some(_) => Ok(Kind::Operations(plain)),
        None => Err(refused),
    }
}

/// Reads the whole body as what it announces.
pub(super) async fn read(kind: Kind, body: Body) -> Result<Content, Refusal> {
    let bytes = receive(body).await?;
    match kind {
        Kind::Item(version) => Ok(Content::Item(object(&bytes)?, version)),
        Kind::Merge(version) => Ok(Content::Merge(object(&bytes)?, version)),
        Kind::Operations(version) => Ok(Content::Operations(parse(&bytes)?, version)),
    }
}

async fn receive(body: Body) -> Result<Bytes, Refusal> {
    let too_long = Refusal::BodyTooLong { limit: MAX_BODY_BYTES };
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_long);
    }
    let collected = tokio::time::timeout(BODY_DEADLINE, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long),
        Ok(Err(_)) => Err(Refusal::BodyBroken),
        Err(_) => Err(Refusal::BodyTooSlow),
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let value: Value = parse(bytes)?;
    if depth(&value) > MAX_DEPTH {
        return Err(Refusal::TooDeep { limit: MAX_DEPTH });
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal::NoObject),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| Refusal::BadJson {
        message: format!("the body is not as it should be: {}", failure::without_place(&error.to_string())),
        line: error.line(),
        column: error.column(),
    })
}
