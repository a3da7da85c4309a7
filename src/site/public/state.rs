//! One state of a file, as far as it is held in memory.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::HeaderValue;

use super::{forms::Forms, room::Room};
use crate::site::{
    guard::OpenFile,
    identity::Identity,
    media,
    validator::{self, Validators},
};

/// Files up to this size are read in one go, and kept: cheaper than streaming them, and what is sent is one state of the file.
pub(super) const SMALL_BYTES: u64 = 256 * 1024;

/// What is known of one state of a file.
#[derive(Debug)]
pub(super) struct State {
    /// What a look at the file has to show for this still to be its state; `None` when no look can.
    pub(super) identity: Option<Identity>,
    pub(super) length: u64,
    pub(super) metadata: Metadata,
    /// `None` when the state is too young to be told from the next one.
    pub(super) tag: Option<HeaderValue>,
    pub(super) media_type: HeaderValue,
    /// All of it, when it is small.
    pub(super) content: Option<Bytes>,
    pub(super) forms: Option<Forms>,
}

impl State {
    /// Reads what is small. `name` says what it is.
    ///
    /// It can be proved once it is `settled`: older than that when it is read.
    pub(super) fn read(opened: &OpenFile, name: &str, room: &Room, settled: Duration) -> io::Result<Self> {
        let now = SystemTime::now();
        let content = if opened.metadata.len() <= SMALL_BYTES { small(opened)? } else { None };
        let metadata = opened.file.metadata()?;
        // What was read while it changed is no state of it; whoever asked gets it, as he would from any server, and nobody else.
        let is_one = Identity::of(&metadata) == Identity::of(&opened.metadata);
        let identity = Identity::of(&metadata).filter(|_| is_one && validator::age(&metadata, now) >= settled);
        let tag = match &content {
            Some(content) => Validators::of_content(&metadata, now, content).tag,
            None => Validators::of_file(&metadata, now).tag,
        };
        let tag = tag.and_then(|tag| HeaderValue::try_from(tag).ok());
        let length = content.as_ref().map_or(metadata.len(), |content| content.len() as u64);
        let forms = tag.clone().map(|tag| Forms::new(tag, length, room.clone()));
        Ok(Self { identity, length, metadata, tag, media_type: media_type(name), content, forms })
    }

    /// The bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        self.content.as_ref().map_or(0, Bytes::len)
    }

    /// When it changed last, once that can be told.
    pub(super) fn date(&self, now: SystemTime) -> Option<HeaderValue> {
        validator::told_date(&self.metadata, now).and_then(|date| HeaderValue::try_from(httpdate::fmt_http_date(date)).ok())
    }

    /// What tells it from others, as of now.
    pub(super) fn validators(&self, now: SystemTime) -> Validators {
        let tag = self.tag.as_ref().and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Validators { tag, modified: validator::told_date(&self.metadata, now) }
    }
}

/// All of a file that is small, unless it has grown since it was looked at.
fn small(opened: &OpenFile) -> io::Result<Option<Bytes>> {
    let mut bytes = Vec::with_capacity(usize::try_from(opened.metadata.len()).unwrap_or_default() + 1);
    (&opened.file as &File).take(SMALL_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= SMALL_BYTES).then(|| bytes.into()))
}

pub(super) fn media_type(name: &str) -> HeaderValue {
    HeaderValue::try_from(media::content_type(name)).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}
