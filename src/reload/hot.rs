//! Gives the modules that ask for it their `import.meta.hot`.
//!
//! A script that mentions it gets one statement before its first byte, on its first line, so that the lines of its errors and
//! source maps stay. All others go out as they are. Absent here: what the API does; that is `static/hot.js`.

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Limited};

use crate::field::SEC_FETCH_DEST;

/// What a module says that wants to take its own updates.
const MENTION: &[u8] = b"import.meta.hot";

/// What such a module begins with.
const PRELUDE: &str = r#"import{createHot as __everlit}from"/__everlit/hot.js";import.meta.hot=__everlit(import.meta.url);"#;

/// Longest script that is looked at; what is longer was bundled, and nobody writes its updates by hand.
const LONGEST: usize = 2 * 1024 * 1024;

/// What a request says about where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A script of a page.
    Script,
    /// Anything else.
    Other,
}

impl Destination {
    /// Browsers name it on origins they trust, localhost among them; elsewhere a script that mentions `import.meta` is a module.
    #[must_use]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let is_script = request.headers().get(&SEC_FETCH_DEST).is_none_or(|to| to.as_bytes() == b"script");
        if *request.method() == Method::GET && is_script { Self::Script } else { Self::Other }
    }
}

/// The answer, with the statement where it is asked for.
pub(crate) async fn prepare(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if head.status != StatusCode::OK || !may_mention(&head.headers) {
        return Response::from_parts(head, body);
    }
    let Ok(collected) = Limited::new(body, LONGEST).collect().await else {
        // The length was said to be less: the file is being written, and what was read of it is no answer.
        head.status = StatusCode::SERVICE_UNAVAILABLE;
        head.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(head, Body::empty());
    };
    let script = collected.to_bytes();
    if !mentions(&script) {
        return Response::from_parts(head, script.into());
    }
    head.headers.insert(CONTENT_LENGTH, (PRELUDE.len() + script.len()).into());
    head.headers.remove(ACCEPT_RANGES);
    Response::from_parts(head, [PRELUDE.as_bytes(), &script].concat().into())
}

fn may_mention(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let essence = text(CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    ["text/javascript", "application/javascript"].iter().any(|script| essence.eq_ignore_ascii_case(script))
        && !headers.contains_key(CONTENT_ENCODING)
        && length.is_some_and(|length| length <= LONGEST)
}

fn mentions(script: &Bytes) -> bool {
    !script.starts_with(b"#!") && memchr::memmem::find(script, MENTION).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(content_type: &str, script: &str, is_prepared: bool) {
        let response = Response::builder()
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_LENGTH, script.len())
            .body(Body::from(script.to_owned()))
            .expect("a response");
        let prepared = prepare(response).await;
        let length = prepared.headers()[CONTENT_LENGTH].to_str().expect("a number").parse::<usize>().expect("a number");
        let body = prepared.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(length, body.len());
        assert_eq!(body, if is_prepared { format!("{PRELUDE}{script}") } else { script.to_owned() }, "{content_type} {script}");
    }

    #[tokio::test]
    async fn only_modules_that_ask_for_it_are_given_it() {
        check("text/javascript; charset=utf-8", "import.meta.hot?.accept()", true).await;
        check("text/javascript", "console.log(1)", false).await;
        check("text/javascript", "#!/usr/bin/env node\nimport.meta.hot", false).await;
        check("text/plain", "import.meta.hot", false).await;
    }
}
