//! Which entries of a list are changed, which are new and which are gone, when only the list before and after is known.

use serde_json::Value;

/// The middle of two lists that begin and end alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alignment {
    /// Entries that are equal at the start.
    pub(super) start: usize,
    /// Entries behind them that take the place of each other.
    pub(super) pairs: usize,
    /// Old entries behind those which are gone.
    pub(super) gone: usize,
    /// New entries at that place.
    pub(super) fresh: usize,
}

/// Compares from both ends: exact for an entry that was changed, added or removed, and linear.
pub(super) fn align(before: &[Value], after: &[Value]) -> Alignment {
    let start = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let rest = (&before[start..], &after[start..]);
    let end = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(before, after)| before == after).count();
    let (old, new) = (rest.0.len() - end, rest.1.len() - end);
    let pairs = old.min(new);
    Alignment { start, pairs, gone: old - pairs, fresh: new - pairs }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_what_changed() {
        check("abc", "abc", (3, 0, 0, 0));
        check("abc", "axc", (1, 1, 0, 0));
        check("abc", "ac", (1, 0, 1, 0));
        check("ac", "abc", (1, 0, 0, 1));
        check("aaa", "aa", (2, 0, 1, 0));
        check("", "ab", (0, 0, 0, 2));
        check("abcd", "axyzd", (1, 2, 0, 1));

        fn check(before: &str, after: &str, expected: (usize, usize, usize, usize)) {
            let list = |text: &str| text.chars().map(|sign| json!(sign.to_string())).collect::<Vec<_>>();
            let found = align(&list(before), &list(after));
            assert_eq!((found.start, found.pairs, found.gone, found.fresh), expected, "{before} {after}");
        }
    }
}
