//! Puts the client script into HTML pages while they stream by, and says which generation made each answer.
//!
//! [`InjectLayer`] goes around whatever answers, site and program alike. Every answer gets `Everlit-Generation`; HTML answers
//! also get `Everlit-Inject: injected`, with what else was done, or `skipped; reason=…` (see [`Reason`]). Bytes outside the
//! insertion are untouched, and no more of a page is held back than an unfinished tag.
//!
//! Bytes are only ever inserted: the script tag, as the first child of the head, and into a policy that stands in the page's own
//! `<meta>` what it lacks for the client's socket. A page is never parsed into a tree and never gathered. One that an app encoded
//! although it was asked not to is decoded while it streams, and encoded again for a browser that takes it so.
//!
//! The script tag stands in `templates/client-script.html`.

mod asked;
mod body;
mod charset;
mod coding;
mod decision;
mod layer;
mod markup;
mod meta;
mod metas;
mod policy;
mod scanner;
mod splice;
mod stamp;
mod tag;
mod validator;

use axum::body::Body;
use http::HeaderMap;

pub use decision::Reason;
pub use layer::{Inject, InjectLayer, InjectService};
pub(crate) use stamp::Stamp;

/// Whether a body is something else than what its type says, before it is decoded.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    !matches!(coding::Coding::of(headers), Ok(None))
}

/// Whether [`plain`] can take a body's coding off, if it has one.
pub(crate) fn is_readable(headers: &HeaderMap) -> bool {
    coding::Coding::of(headers).is_ok()
}

/// A body as plain text, where its coding is known.
pub(crate) fn plain(headers: &HeaderMap, body: Body) -> Body {
    match coding::Coding::of(headers) {
        Ok(Some(coding)) => Body::new(coding::Decoded::new(body, coding)),
        _ => body,
    }
}
