//! The tree of a YAML text, with the place of everything in it that can be changed.
//!
//! What has lines of its own is known by member and entry; what stands between brackets, or has a tag or an anchor, only as a whole.

use std::ops::Range;

use saphyr_parser::ScalarStyle;
use serde_json::Value;

/// A value and where it stands, from its first to behind its last sign.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(Value, ScalarStyle),
    /// With lines for members.
    Mapping(Vec<Member>),
    /// With lines for entries.
    Sequence(Vec<Entry>),
    /// Between brackets or braces.
    Flow(Value),
    /// An alias, or something with a tag or an anchor.
    Opaque(Value),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) key: Range<usize>,
    /// Behind the colon.
    pub(super) colon: usize,
    pub(super) value: Node,
}

impl Member {
    pub(super) fn end(&self) -> usize {
        self.value.span.end.max(self.colon)
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) dash: usize,
    pub(super) value: Node,
}

impl Entry {
    pub(super) fn end(&self) -> usize {
        self.value.span.end.max(self.dash + 1)
    }
}

impl Node {
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value, _) | Content::Flow(value) | Content::Opaque(value) => value.clone(),
            Content::Mapping(members) => members.iter().map(|member| (member.name.clone(), member.value.value())).collect(),
            Content::Sequence(entries) => entries.iter().map(|entry| entry.value.value()).collect(),
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self.content {
            Content::Scalar(value, _) | Content::Flow(value) | Content::Opaque(value) => value,
            Content::Mapping(members) => members.into_iter().map(|member| (member.name, member.value.into_value())).collect(),
            Content::Sequence(entries) => entries.into_iter().map(|entry| entry.value.into_value()).collect(),
        }
    }
}
