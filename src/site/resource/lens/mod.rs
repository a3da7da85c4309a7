//! How one version of an API differs from the next newer one, in both directions.
//!
//! `data/posts.v1.toml` says it. Every key names members as the newer version does:
//!
//! ```toml
//! rename = { title = "headline" }         # newer name = name in version 1
//! omit = ["rating"]                       # version 1 does not have it
//! default = { rating = 3, kind = "post" }
//! wrap = { price = "amount" }             # 12 is { amount = 12 } in version 1
//! unwrap = { author = "name" }            # { name = "Ada", mail = "…" } is "Ada" in version 1
//! map = { status = { draft = "unpublished" } }
//! ```
//!
//! A default for an omitted member fills it in items that version 1 adds; any other default is what version 1 shows where the
//! newer item has no such member.
//!
//! The laws hold for all files that are read, and for all objects. What is written is read again as it was written, completed by
//! the defaults. Writing back what was read changes nothing. What this version does not show stays as it is: omitted members, a
//! member whose name another one has here, what stands beside an unwrapped value. Where that cannot be, the file is refused (a
//! map that is not one to one, a default that cannot be written, two rules that contradict each other), or the write is.

mod file;
mod member;
mod schema;
mod values;

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};

pub(crate) use self::file::LensError;
use self::member::{Layout, Member};
use super::patch::in_order_of;

/// The difference between one version and the next newer one. The one by default has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lens {
    /// The members that differ, by newer name.
    members: BTreeMap<String, Member>,
    /// Newer names by those that this version has for them.
    renamed: BTreeMap<String, String>,
    /// Newer names that this version does not have, and what a new item gets.
    omitted: BTreeMap<String, Option<Value>>,
    /// Newer names of the members with a default, in the file's order.
    defaults: Vec<String>,
}

/// A place in a written object that this version cannot write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Where, in the version that was written (RFC 6901).
    pub(crate) pointer: String,
    /// What is wrong, with the member's name left out.
    pub(crate) detail: String,
}

/// What a write goes over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beneath<'a> {
    /// An object that is there, in the newer version.
    Object(&'a Map<String, Value>),
    /// Nothing. What the newer version shows of that are its defaults.
    Defaults(&'a Map<String, Value>),
}

impl Lens {
    /// Reads the file of a version.
    ///
    /// # Errors
    /// When it is no TOML, or its rules are none or contradict each other.
    pub(crate) fn parse(text: &str) -> Result<Self, LensError> {
        file::parse(text)
    }

    /// A newer object as this version shows it.
    pub(crate) fn show(&self, newer: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::with_capacity(newer.len());
        for (name, value) in newer.iter().filter(|(name, _)| !self.hides(name)) {
            let value = match self.members.get(name) {
                Some(member) => member.show(value),
                None => Some(value.clone()),
            };
            shown.extend(value.map(|value| (self.own_name(name).to_owned(), value)));
        }
        for name in &self.defaults {
            let (own, member) = (self.own_name(name), self.members.get(name));
            if let Some(value) = member.and_then(|member| member.default.as_ref()).filter(|_| !shown.contains_key(own)) {
                shown.insert(own.to_owned(), value.clone());
            }
        }
        shown
    }

    /// The newer object when this version writes `shown`.
    ///
    /// # Errors
    /// With every member that cannot be written.
    pub(super) fn store(&self, shown: Map<String, Value>, beneath: Beneath<'_>) -> Result<Map<String, Value>, Vec<Mismatch>> {
        let (Beneath::Object(old) | Beneath::Defaults(old)) = beneath;
        let mut stored = Map::with_capacity(shown.len());
        let mut mismatches = Vec::new();
        for (name, value) in shown {
            match self.written(&name, value, old) {
                Ok(Some((newer, value))) => drop(stored.insert(newer, value)),
                Ok(None) => (),
                Err(mismatch) => mismatches.push(mismatch),
            }
        }
        if !mismatches.is_empty() {
            return Err(mismatches);
        }
        match beneath {
            Beneath::Object(old) => {
                let kept: Vec<_> = old.iter().filter(|(name, _)| !stored.contains_key(*name)).collect();
                stored.extend(kept.into_iter().filter_map(|(name, value)| Some((name.clone(), self.kept(name, value)?))));
                Ok(in_order_of(old, stored))
            }
            Beneath::Defaults(_) => {
                let filled = self.omitted.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
                stored.extend(filled);
                Ok(stored)
            }
        }
    }

    /// The newer member for a written one; none where what this version shows anyway was written.
    fn written(&self, name: &str, value: Value, old: &Map<String, Value>) -> Result<Option<(String, Value)>, Mismatch> {
        let Some(newer) = self.newer_name(name) else {
            return Err(Mismatch { pointer: pointer(&[name]), detail: self.why_unknown(name) });
        };
        let value = match self.members.get(newer) {
            Some(member) => member.store(value, old.get(newer)).map_err(|misfit| {
                let place: Vec<&str> = [Some(name), misfit.inner.as_deref()].into_iter().flatten().collect();
                Mismatch { pointer: pointer(&place), detail: misfit.detail }
            })?,
            None => Some(value),
        };
        Ok(value.map(|value| (newer.to_owned(), value)))
    }

    /// What stays of a newer member that was not written.
    fn kept(&self, name: &str, value: &Value) -> Option<Value> {
        if self.hides(name) { Some(value.clone()) } else { self.members.get(name)?.rest(value) }
    }

    /// The name that this version has for a newer one; `None` where it does not show it.
    pub(crate) fn shown_name<'a>(&'a self, newer: &'a str) -> Option<&'a str> {
        (!self.hides(newer)).then(|| self.own_name(newer))
    }

    /// The newer name for one of this version; `None` for a name that means nothing in it.
    pub(crate) fn newer_name<'a>(&'a self, shown: &'a str) -> Option<&'a str> {
        match self.renamed.get(shown) {
            Some(newer) => Some(newer),
            None => (!self.omitted.contains_key(shown) && self.own_name(shown) == shown).then_some(shown),
        }
    }

    /// The members of the newer version that this one has otherwise, or not at all.
    pub(super) fn newer_names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().chain(self.omitted.keys()).map(String::as_str)
    }

    /// A place in a newer object as this version has it; `None` where it does not show it.
    pub(super) fn shown_place<'a>(&'a self, mut place: Vec<Cow<'a, str>>) -> Option<Vec<Cow<'a, str>>> {
        let Some(first) = place.first_mut() else { return Some(place) };
        if self.hides(first) {
            return None;
        }
        let Some(member) = self.members.get(first.as_ref()) else { return Some(place) };
        if let Some(name) = &member.name {
            *first = Cow::Borrowed(name);
        }
        match &member.layout {
            Layout::Plain => (),
            Layout::Wrapped(name) => place.insert(1, Cow::Borrowed(name)),
            Layout::Unwrapped(name) => {
                if place.get(1).is_some_and(|inner| inner != name) {
                    return None;
                }
                place.drain(1..place.len().min(2));
            }
        }
        Some(place)
    }

    /// Whether this version shows nothing of a newer member: it is omitted, or its name is another's here.
    fn hides(&self, newer: &str) -> bool {
        self.omitted.contains_key(newer) || (self.renamed.contains_key(newer) && self.own_name(newer) == newer)
    }

    fn own_name<'a>(&'a self, newer: &'a str) -> &'a str {
        self.members.get(newer).and_then(|member| member.name.as_deref()).unwrap_or(newer)
    }

    fn why_unknown(&self, name: &str) -> String {
        match self.own_name(name) {
            own if own == name => "is no member of this version".to_owned(),
            own => format!("is called `{own}` in this version"),
        }
    }
}

/// A JSON pointer (RFC 6901 §3).
pub(super) fn pointer<T: AsRef<str>>(place: &[T]) -> String {
    place.iter().map(|token| format!("/{}", token.as_ref().replace('~', "~0").replace('/', "~1"))).collect()
}

#[cfg(test)]
mod tests;
