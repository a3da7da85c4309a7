//! The versions of a resource: their numbers, what they show, and how long they stay.
//!
//! Each version differs from the next newer one by a [`Lens`]; the greatest number is what is stored. Reading goes down the chain
//! from there, writing goes up, and what a newer version shows on the way is what the older one writes over. So the laws of one
//! lens are those of the chain, whose defaults are those of the version and of all newer ones.
//!
//! Absent is how a version is asked for; that is the business of `negotiate`.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::lens::{self, Beneath, Lens, Mismatch};

/// How long a version stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// From when on nobody should begin to use it (RFC 9745).
    pub(crate) deprecated: Option<Timestamp>,
    /// From when on it may be gone (RFC 8594).
    pub(crate) sunset: Option<Timestamp>,
}

/// All versions of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    /// How the older ones differ, each from the next newer one.
    older: BTreeMap<u32, Lens>,
    lifecycles: BTreeMap<u32, Lifecycle>,
    current: u32,
}

impl Default for Versions {
    fn default() -> Self {
        Self::new(BTreeMap::new(), BTreeMap::new(), None)
    }
}

impl Versions {
    /// Those that have a file, and those that are declared. The current one is the one after the last file, or the greatest number
    /// that is declared where that is greater. A declared one without a file is like the next newer one.
    pub(crate) fn new(mut older: BTreeMap<u32, Lens>, declared: BTreeMap<u32, Lifecycle>, current: Option<u32>) -> Self {
        let after_files = older.last_key_value().map_or(1, |(newest, _)| newest.saturating_add(1));
        let greatest = declared.last_key_value().map(|(number, _)| *number);
        let current = [greatest, current].into_iter().flatten().fold(after_files, u32::max);
        for number in declared.keys() {
            older.entry(*number).or_default();
        }
        older.remove(&current);
        Self { older, lifecycles: declared, current }
    }

    /// The number of what is stored.
    pub(crate) fn current(&self) -> u32 {
        self.current
    }

    /// All numbers, the current one first.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.current).chain(self.older.keys().rev().copied())
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        number == self.current || self.older.contains_key(&number)
    }

    /// Whether a version is what is stored, with nothing in between.
    pub(crate) fn is_stored(&self, number: u32) -> bool {
        self.down_to(number).is_some_and(|mut lenses| lenses.all(|lens| *lens == Lens::default()))
    }

    /// The next newer version; `None` for the current one.
    pub(crate) fn successor(&self, number: u32) -> Option<u32> {
        self.older.get(&number)?;
        let newer = self.older.range(number.saturating_add(1)..).next();
        Some(newer.map_or(self.current, |(number, _)| *number))
    }

    /// How long a version stays; nothing is said of most.
    pub(crate) fn lifecycle(&self, number: u32) -> Lifecycle {
        self.lifecycles.get(&number).copied().unwrap_or_default()
    }

    /// A stored object in a version; `None` when there is no such version.
    pub(crate) fn show<'a>(&self, number: u32, stored: &'a Map<String, Value>) -> Option<Cow<'a, Map<String, Value>>> {
        Some(self.down_to(number)?.fold(Cow::Borrowed(stored), |newer, lens| Cow::Owned(lens.show(&newer))))
    }

    /// What is stored when a version writes `shown` in the place of `before`, or as a new item; `None` when there is no such
    /// version.
    pub(crate) fn store(
        &self,
        number: u32,
        shown: Map<String, Value>,
        before: Option<&Map<String, Value>>,
    ) -> Option<Result<Map<String, Value>, Vec<Mismatch>>> {
        let lenses: Vec<&Lens> = self.down_to(number)?.collect();
        let nothing = Map::new();
        let mut beneath = vec![Cow::Borrowed(before.unwrap_or(&nothing))];
        for lens in lenses.iter().take(lenses.len().saturating_sub(1)) {
            let shown = beneath.last().map(|newer| lens.show(newer)).unwrap_or_default();
            beneath.push(Cow::Owned(shown));
        }
        let mut object = shown;
        for (place, lens) in lenses.iter().enumerate().rev() {
            let below = if before.is_some() { Beneath::Object(&beneath[place]) } else { Beneath::Defaults(&beneath[place]) };
            object = match lens.store(object, below) {
                Ok(newer) => newer,
                Err(mismatches) => return Some(Err(in_own_names(mismatches, &lenses[place + 1..]))),
            };
        }
        Some(Ok(object))
    }

    /// A place in a stored object, as a JSON pointer, in a version; `None` where the version does not show it.
    pub(crate) fn shown_pointer(&self, number: u32, stored: &str) -> Option<String> {
        pointer_through(self.down_to(number)?, stored)
    }

    /// The name that a version has for a stored member; `None` where it does not show it.
    pub(crate) fn shown_name(&self, number: u32, stored: &str) -> Option<String> {
        self.down_to(number)?.try_fold(stored.to_owned(), |name, lens| Some(lens.shown_name(&name)?.to_owned()))
    }

    /// The stored name for one of a version; `None` for a name that means nothing in it.
    pub(crate) fn stored_name(&self, number: u32, shown: &str) -> Option<String> {
        let lenses: Vec<&Lens> = self.down_to(number)?.collect();
        lenses.into_iter().rev().try_fold(shown.to_owned(), |name, lens| Some(lens.newer_name(&name)?.to_owned()))
    }

    /// The schema of what is stored as that of a version; `None` when there is no such version.
    pub(crate) fn schema(&self, number: u32, stored: &Value) -> Option<Value> {
        Some(self.down_to(number)?.fold(stored.clone(), |newer, lens| lens.schema(&newer)))
    }

    /// Members of the stored objects and of every version between that mean nothing in this one; a write that has one is refused.
    pub(crate) fn foreign_names(&self, number: u32) -> Vec<String> {
        let lenses: Vec<&Lens> = self.down_to(number).into_iter().flatten().collect();
        let names = lenses.iter().flat_map(|lens| lens.newer_names());
        let foreign = names.filter(|name| self.stored_name(number, name).is_none()).map(str::to_owned);
        foreign.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// What lies between what is stored and a version, the newest first.
    fn down_to(&self, number: u32) -> Option<impl Iterator<Item = &Lens>> {
        self.has(number).then(|| self.older.range(number..).rev().map(|(_, lens)| lens))
    }
}

/// Mismatches that a newer version found, in the names of the one that was written. What that one does not show is at the whole.
fn in_own_names(mismatches: Vec<Mismatch>, older: &[&Lens]) -> Vec<Mismatch> {
    let own = |mismatch: Mismatch| match pointer_through(older.iter().copied(), &mismatch.pointer) {
        Some(pointer) => Mismatch { pointer, ..mismatch },
        None => Mismatch { pointer: String::new(), detail: format!("`{}` {}", mismatch.pointer, mismatch.detail) },
    };
    mismatches.into_iter().map(own).collect()
}

fn pointer_through<'l>(mut lenses: impl Iterator<Item = &'l Lens>, pointer: &str) -> Option<String> {
    let tokens = pointer.split('/').skip(1).map(|token| Cow::Owned(token.replace("~1", "/").replace("~0", "~")));
    let place = lenses.try_fold(tokens.collect(), |place: Vec<Cow<'l, str>>, lens| lens.shown_place(place))?;
    Some(lens::pointer(&place))
}

#[cfg(test)]
mod laws;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_files() {
        check(&[], &[], None, &[1]);
        check(&[1], &[], None, &[2, 1]);
        check(&[1, 2], &[2], None, &[3, 2, 1]);
        check(&[1], &[3, 2], None, &[3, 2, 1]);
        check(&[1], &[], Some(5), &[5, 1]);
        check(&[3], &[2], Some(1), &[4, 3, 2]);
        check(&[u32::MAX], &[], None, &[u32::MAX]);

        fn check(files: &[u32], declared: &[u32], current: Option<u32>, expected: &[u32]) {
            let files = files.iter().map(|number| (*number, Lens::default())).collect();
            let declared = declared.iter().map(|number| (*number, Lifecycle::default())).collect();
            let versions = Versions::new(files, declared, current);
            let numbers: Vec<u32> = versions.numbers().collect();
            assert_eq!(numbers, expected);
            let successors: Vec<_> = numbers.iter().map(|number| versions.successor(*number)).collect();
            let newer = std::iter::once(None).chain(expected.iter().copied().map(Some));
            assert_eq!(successors, newer.take(expected.len()).collect::<Vec<_>>());
            assert!(numbers.iter().all(|number| versions.has(*number)) && !versions.has(9));
        }
    }

    #[test]
    fn what_is_declared_is_told() {
        let lifecycle = Lifecycle { deprecated: Some(Timestamp::UNIX_EPOCH), sunset: None };
        let versions = Versions::new(BTreeMap::new(), BTreeMap::from([(1, lifecycle)]), Some(2));
        assert_eq!((versions.lifecycle(1), versions.lifecycle(2)), (lifecycle, Lifecycle::default()));
    }

    #[test]
    fn an_object_goes_down_the_chain_and_up_again() {
        let stored = r#"{"id":1,"title":{"text":"T","lang":"en"},"rating":5,"state":"live"}"#;
        check(3, stored, r#"{"id":1,"n":1}"#, r#"{"id":1,"n":1}"#);
        check(2, stored, r#"{"id":1,"name":"N"}"#, r#"{"id":1,"title":{"text":"N","lang":"en"}}"#);
        check(1, stored, r#"{"label":{"text":"N"}}"#, r#"{"title":{"text":"N","lang":"en"},"rating":5}"#);
        assert_eq!(text(&versions().show(2, &object(stored)).unwrap()), r#"{"id":1,"name":"T","rating":5,"state":"on"}"#);
        assert_eq!(text(&versions().show(1, &object(stored)).unwrap()), r#"{"id":1,"label":{"text":"T"},"state":"on"}"#);
        assert!(versions().show(4, &object(stored)).is_none() && versions().store(4, Map::new(), None).is_none());

        fn check(number: u32, before: &str, shown: &str, expected: &str) {
            let stored = versions().store(number, object(shown), Some(&object(before))).unwrap().unwrap();
            assert_eq!(text(&stored), expected);
        }
    }

    #[test]
    fn a_new_item_is_filled_on_every_step() {
        let stored = versions().store(1, object(r#"{"state":"off"}"#), None).unwrap().unwrap();
        assert_eq!(text(&stored), r#"{"state":"draft","rating":3}"#);
    }

    #[test]
    fn a_default_of_a_newer_version_can_be_written_over() {
        let files = [(1, "default = { kind = 'old' }"), (2, "default = { kind = 'new' }")];
        let versions =
            Versions::new(files.map(|(number, file)| (number, Lens::parse(file).unwrap())).into(), BTreeMap::new(), None);
        for (shown, expected) in [
            (r#"{"kind":"old"}"#, r#"{"kind":"old"}"#),
            (r#"{"kind":"new"}"#, "{}"),
            ("{}", "{}"),
            (r#"{"kind":1}"#, r#"{"kind":1}"#),
        ] {
            assert_eq!(text(&versions.store(1, object(shown), None).unwrap().unwrap()), expected, "{shown}");
        }
        assert_eq!(text(&versions.show(1, &Map::new()).unwrap()), r#"{"kind":"new"}"#);
    }

    #[test]
    fn mismatches_have_the_names_of_the_version_that_wrote() {
        check(1, r#"{"state":"live"}"#, "/state is no value of this version; it is called \"on\" here");
        check(1, r#"{"title":1}"#, "/title is called `name` in this version");
        check(1, r#"{"label":{"text":1,"x":2}}"#, "/label/x has no place in the newer version; only `text` may stand here");

        fn check(number: u32, shown: &str, expected: &str) {
            let mismatches = versions().store(number, object(shown), None).unwrap().unwrap_err();
            let said: Vec<_> = mismatches.iter().map(|mismatch| format!("{} {}", mismatch.pointer, mismatch.detail)).collect();
            assert_eq!(said, [expected]);
        }
    }

    #[test]
    fn places_and_names() {
        check(3, "/title/lang", Some("/title/lang"));
        check(2, "/title/text/0", Some("/name/0"));
        check(2, "/title/lang", None);
        check(1, "/title", Some("/label/text"));
        check(1, "/title/text", Some("/label/text"));
        check(1, "/rating", None);
        check(1, "/a~1b/~01", Some("/a~1b/~01"));
        check(1, "", Some(""));
        check(9, "", None);

        fn check(number: u32, stored: &str, expected: Option<&str>) {
            assert_eq!(versions().shown_pointer(number, stored).as_deref(), expected, "{stored}");
        }

        for (number, stored, shown) in [(3, "title", "title"), (2, "title", "name"), (1, "title", "label"), (1, "id", "id")] {
            assert_eq!(versions().shown_name(number, stored).as_deref(), Some(shown));
            assert_eq!(versions().stored_name(number, shown).as_deref(), Some(stored));
        }
        assert_eq!((versions().shown_name(1, "rating"), versions().stored_name(1, "title")), (None, None));
    }

    fn versions() -> Versions {
        let files = [
            (1, "rename = { name = 'label' }\nomit = ['rating']\ndefault = { rating = 3 }\nwrap = { name = 'text' }"),
            (2, "rename = { title = 'name' }\nunwrap = { title = 'text' }\nmap = { state = { live = 'on', draft = 'off' } }"),
        ];
        Versions::new(files.map(|(number, file)| (number, Lens::parse(file).unwrap())).into(), BTreeMap::new(), None)
    }

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn text(object: &Map<String, Value>) -> String {
        serde_json::to_string(object).unwrap()
    }
}
