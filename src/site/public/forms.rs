//! What is made of one state of a file on its way out: once, by whoever needs it first, and kept with it.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::OnceCell;

use super::room::{Claim, Room};
use crate::negotiate::Coding;

type BoxError = Box<dyn Error + Send + Sync>;

/// Stands among the extensions of an answer that has a state of a file as it is, so that whoever makes something else of it need not
/// do so twice. A clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Forms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The entity tag and length of what they are made of.
    tag: HeaderValue,
    length: u64,
    room: Room,
    encoded: [OnceCell<Option<Kept>>; Coding::ENCODED.len()],
    is_no_module: AtomicBool,
}

/// An encoded form, and its place.
#[derive(Debug)]
struct Kept {
    encoded: Bytes,
    _claim: Claim,
}

/// Why a form was not kept.
enum Unkept {
    /// There is no room for it.
    Full(Bytes),
    Failed(BoxError),
}

impl Forms {
    pub(super) fn new(tag: HeaderValue, length: u64, room: Room) -> Self {
        Self(Arc::new(Inner { tag, length, room, encoded: Default::default(), is_no_module: AtomicBool::new(false) }))
    }

    /// Whether an answer with these headers still is what they are forms of: on its way it may have been made into something else.
    pub(crate) fn are_of(&self, headers: &HeaderMap) -> bool {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        headers.get(header::ETAG) == Some(&self.0.tag) && length == Some(self.0.length)
    }

    /// Whether it was looked through and asks for nothing that modules are given.
    pub(crate) fn is_no_module(&self) -> bool {
        self.0.is_no_module.load(Ordering::Relaxed)
    }

    /// Remembers that.
    pub(crate) fn note_no_module(&self) {
        self.0.is_no_module.store(true, Ordering::Relaxed);
    }

    /// The form in this coding; `None` when it is not shorter than the file. Made by `encode` if nobody has yet, while others who
    /// need it wait.
    ///
    /// # Errors
    /// What `encode` failed with.
    pub(crate) async fn encoded(
        &self,
        coding: Coding,
        encode: impl Future<Output = Result<Option<Bytes>, BoxError>>,
    ) -> Result<Option<Bytes>, BoxError> {
        let Some(place) = Coding::ENCODED.iter().position(|known| *known == coding) else { return encode.await };
        let made = async {
            let Some(encoded) = encode.await.map_err(Unkept::Failed)? else { return Ok(None) };
            match self.0.room.claim(encoded.len()) {
                Some(_claim) => Ok(Some(Kept { encoded, _claim })),
                None => Err(Unkept::Full(encoded)),
            }
        };
        match self.0.encoded[place].get_or_try_init(|| made).await {
            Ok(kept) => Ok(kept.as_ref().map(|kept| kept.encoded.clone())),
            Err(Unkept::Full(encoded)) => Ok(Some(encoded)),
            Err(Unkept::Failed(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    const SHORT: Bytes = Bytes::from_static(b"short");

    #[tokio::test]
    async fn each_form_is_made_once() {
        let room = Room::new(8);
        let forms = Forms::new(HeaderValue::from_static("\"a\""), 10, room.clone());
        let unasked = || async { panic!("it is there already") };
        assert_eq!(forms.encoded(Coding::Gzip, ready(Ok(Some(SHORT)))).await.unwrap(), Some(SHORT));
        assert_eq!(forms.encoded(Coding::Gzip, unasked()).await.unwrap(), Some(SHORT));
        assert_eq!(forms.encoded(Coding::Zstd, ready(Ok(None))).await.unwrap(), None);
        assert_eq!(forms.encoded(Coding::Zstd, unasked()).await.unwrap(), None);
        // There is no room for another one; it is made each time.
        for _ in 0..2 {
            assert_eq!(forms.encoded(Coding::Brotli, ready(Ok(Some(SHORT)))).await.unwrap(), Some(SHORT));
        }
        drop(forms);
        assert!(room.claim(8).is_some());
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let forms = Forms::new(HeaderValue::from_static("\"a\""), 10, Room::new(8));
        assert!(forms.encoded(Coding::Gzip, ready(Err("it broke off".into()))).await.is_err());
        assert_eq!(forms.encoded(Coding::Gzip, ready(Ok(Some(SHORT)))).await.unwrap(), Some(SHORT));
    }

    #[test]
    fn an_answer_that_was_changed_is_another() {
        let check = |tag: &'static str, length: usize, expected| {
            let forms = Forms::new(HeaderValue::from_static("\"a\""), 10, Room::new(8));
            let headers = [(header::ETAG, HeaderValue::from_static(tag)), (header::CONTENT_LENGTH, length.into())];
            assert_eq!(forms.are_of(&headers.into_iter().collect()), expected, "{tag} {length}");
        };
        check("\"a\"", 10, true);
        check("\"a\"", 11, false);
        check("W/\"a\"", 10, false);
    }
}
