//! Several ranges of one file in one request: RFC 9110 §14.2, and how they are answered: §14.6, §15.3.7.2.
//!
//! Ranges that overlap or nearly touch become one, so that no request makes an answer longer than the file. Absent here: a single
//! range, which is the library's.

use std::ops::Range;

use http::HeaderValue;

/// Most ranges of a request. Readers of documents and media ask for a handful; more is an attack or a mistake, and gets the whole.
const MAX_RANGES: usize = 32;

/// Ranges with less than this between them are sent as one: the head of a part takes as much.
const NEAR_BYTES: u64 = 100;

/// What a `Range` with several members comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Several {
    /// It is no such field, or one that nobody has to heed: the library sees it as it is, or not at all.
    No,
    /// Everything is sent.
    Whole,
    /// None of them is in the file.
    Unsatisfiable,
    /// What is sent, in the order in which it was asked for; at least one range, none empty.
    Parts(Vec<Range<u64>>),
}

/// Reads a `Range` for a file of this length.
pub(super) fn several(value: &HeaderValue, length: u64) -> Several {
    let Some(list) = value.to_str().ok().and_then(set) else { return Several::No };
    let members: Vec<&str> = list.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
    if !list.contains(',') {
        return Several::No;
    }
    if members.is_empty() || members.len() > MAX_RANGES {
        return Several::Whole;
    }
    let Some(asked) = members.into_iter().map(|member| range(member, length)).collect::<Option<Vec<_>>>() else {
        return Several::Whole;
    };
    let parts = asked.into_iter().filter(|range| !range.is_empty()).fold(Vec::new(), merged);
    if parts.is_empty() { Several::Unsatisfiable } else { Several::Parts(parts) }
}

/// What stands behind the unit.
fn set(value: &str) -> Option<&str> {
    let (unit, set) = value.split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some(set)
}

/// One member: empty when the file has nothing of it, `None` when it is none.
fn range(member: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = member.split_once('-')?;
    if first.is_empty() {
        return Some(length.saturating_sub(number(last)?)..length);
    }
    let first = number(first)?;
    let end = if last.is_empty() { length } else { number(last)?.saturating_add(1) };
    (last.is_empty() || end > first).then(|| first.min(length)..end.min(length))
}

/// Digits alone; what is larger than any file is the largest number there is.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The list with one range more, which takes in those that it is near, and the place of the first of them.
fn merged(mut parts: Vec<Range<u64>>, mut range: Range<u64>) -> Vec<Range<u64>> {
    let mut place = parts.len();
    while let Some(at) = parts.iter().position(|part| is_near(part, &range)) {
        let part = parts.remove(at);
        range = part.start.min(range.start)..part.end.max(range.end);
        place = place.min(at);
    }
    parts.insert(place.min(parts.len()), range);
    parts
}

fn is_near(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start <= other.end.saturating_add(NEAR_BYTES) && other.start <= one.end.saturating_add(NEAR_BYTES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Several::*, *};

    #[test]
    fn lists_of_ranges() {
        let parts = |ranges: &[(u64, u64)]| Parts(ranges.iter().map(|(start, end)| *start..*end).collect());
        for (value, expected) in [
            ("bytes=0-4", No),
            ("bytes=-5", No),
            ("items=0-1,2-3", No),
            ("bytes", No),
            ("bytes=0-4,500-504", parts(&[(0, 5), (500, 505)])),
            ("BYTES=0-0, 500-", parts(&[(0, 1), (500, 1000)])),
            ("bytes=900-999,0-99", parts(&[(900, 1000), (0, 100)])),
            ("bytes=0-9,-10", parts(&[(0, 10), (990, 1000)])),
            ("bytes=,0-9,,500-509,", parts(&[(0, 10), (500, 510)])),
            ("bytes=500-509,", parts(&[(500, 510)])),
            ("bytes=0-499,400-999", parts(&[(0, 1000)])),
            ("bytes=0-9,80-89", parts(&[(0, 90)])),
            ("bytes=0-9,600-609,300-309,5-650", parts(&[(0, 651)])),
            ("bytes=800-809,0-9,801-805", parts(&[(800, 810), (0, 10)])),
            ("bytes=0-4,2000-", parts(&[(0, 5)])),
            ("bytes=2000-,1000-1001", Unsatisfiable),
            ("bytes=-0,1000-", Unsatisfiable),
            ("bytes=0-99999999999999999999,0-1", parts(&[(0, 1000)])),
            ("bytes=0-4,x", Whole),
            ("bytes=0-4,5", Whole),
            ("bytes=0-4,9-5", Whole),
            ("bytes=0-4,+5-9", Whole),
            ("bytes=,", Whole),
        ] {
            assert_eq!(several(&HeaderValue::from_static(value), 1000), expected, "{value}");
        }
        let many = format!("bytes={}", (0..=MAX_RANGES).map(|n| format!("{n}-{n},")).collect::<String>());
        assert_eq!(several(&HeaderValue::try_from(many).unwrap(), 1000), Whole);
        assert_eq!(several(&HeaderValue::from_static("bytes=0-1,2-3"), 0), Unsatisfiable);
    }

    proptest! {
        /// Whatever is asked for, what is sent lies in the file, has all that was asked for, and no byte twice.
        #[test]
        fn parts_are_what_was_asked_for(asked in prop::collection::vec((0_u64..1200, 0_u64..400), 2..=MAX_RANGES)) {
            let list: Vec<String> = asked.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
            let found = several(&HeaderValue::try_from(format!("bytes={}", list.join(","))).unwrap(), 1000);
            let parts = if let Parts(parts) = found { parts } else { Vec::new() };
            let sent = |byte: u64| parts.iter().filter(|part| part.contains(&byte)).count();
            for byte in 0..1000 {
                let is_asked = asked.iter().any(|(first, more)| (*first..=first + more).contains(&byte));
                prop_assert!(sent(byte) <= 1 && (sent(byte) == 1 || !is_asked), "{}", byte);
            }
            prop_assert!(parts.iter().all(|part| part.end <= 1000));
        }
    }
}
