//! Rows that cannot meet a query, told by their bytes.
//!
//! A member can only be equal to a word if the row has the word, or an escape that may hide it. Most rows of a long collection have
//! neither, and are passed over without being read.

use memchr::{memchr, memmem::Finder};

use super::filter::Filter;

/// For each condition, the words of which a row must have one.
pub(super) struct Prefilter<'q>(Vec<Vec<Finder<'q>>>);

impl<'q> Prefilter<'q> {
    /// `None` where rows have to be read: something else than words is asked for, or what is asked depends on all rows.
    pub(super) fn of(filter: &'q Filter) -> Option<Self> {
        let words: Option<Vec<&[String]>> = filter.required()?.map(|condition| condition.words()).collect();
        let finders = words.filter(|words| !words.is_empty())?;
        Some(Self(finders.into_iter().map(|words| words.iter().map(Finder::new).collect()).collect()))
    }

    /// Whether a row may meet all conditions.
    pub(super) fn may_take(&self, json: &str) -> bool {
        let json = json.as_bytes();
        let has_all = self.0.iter().all(|words| words.iter().any(|word| word.find(json).is_some()));
        has_all || memchr(b'\\', json).is_some()
    }
}

/// Whether a text can only be equal to a text: numbers, switches and null have several spellings.
pub(super) fn is_word(text: &str) -> bool {
    let first = text.chars().next();
    let others = ["true", "false", "null", "nan", "inf", "infinity"];
    first.is_some_and(char::is_alphabetic) && !others.iter().any(|other| text.eq_ignore_ascii_case(other))
}
