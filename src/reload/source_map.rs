//! Source maps, revision 3 (ECMA-426): from a place in a script to the one it was made from.
//!
//! Kept as it came: a place is asked for now and then, and reading the mappings up to it takes milliseconds. Maps made of sections
//! are not read.

use data_encoding::BASE64_NOPAD;
use serde::Deserialize;

use crate::telemetry::Place;

/// Digits of a number in the mappings, five bits each: lines and columns have 32 bits.
const DIGITS: u32 = 7;

/// The map of one script.
#[derive(Debug)]
pub(super) struct SourceMap {
    sources: Vec<String>,
    mappings: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    source_root: Option<String>,
    sources: Vec<Option<String>>,
    mappings: String,
}

/// Where the reading of mappings is.
#[derive(Default)]
struct Cursor {
    column: i64,
    source: i64,
    line: i64,
    original_column: i64,
}

impl SourceMap {
    /// Reads a map that was found at the URL path `at`; `None` when it is none.
    pub(super) fn parse(json: &[u8], at: &str) -> Option<Self> {
        let Wire { source_root, sources, mappings } = serde_json::from_slice(json).ok()?;
        let root = source_root.unwrap_or_default();
        let sources = sources.into_iter().map(|source| resolved(at, &root, &source.unwrap_or_default())).collect();
        Some(Self { sources, mappings })
    }

    /// Where a place in the script was made from; `None` when it was made from nothing.
    pub(super) fn original(&self, place: &Place) -> Option<Place> {
        let (line, column) = (usize::try_from(place.line).ok()?.checked_sub(1)?, i64::from(place.column) - 1);
        let mut lines = self.mappings.split(';');
        let mut cursor = Cursor::default();
        for before in lines.by_ref().take(line) {
            cursor.pass(before, i64::MAX)?;
        }
        cursor.pass(lines.next()?, column)?.then_some(())?;
        let source = self.sources.get(usize::try_from(cursor.source).ok()?)?.clone();
        Some(Place { source, line: one_more(cursor.line)?, column: one_more(cursor.original_column)? })
    }
}

impl Cursor {
    /// Reads the segments of one line that begin no later than at `last`; answers whether the last of them has an original, and
    /// `None` when they cannot be read.
    fn pass(&mut self, line: &str, last: i64) -> Option<bool> {
        let mut is_mapped = false;
        self.column = 0;
        for segment in line.split(',').filter(|segment| !segment.is_empty()) {
            let (numbers, count) = numbers(segment)?;
            let column = self.column + numbers[0];
            if column > last {
                break;
            }
            self.column = column;
            is_mapped = count >= 4;
            self.source += numbers[1];
            self.line += numbers[2];
            self.original_column += numbers[3];
        }
        Some(is_mapped)
    }
}

/// The numbers of a segment, and how many there are: 1, 4 or 5; what is missing is 0.
fn numbers(segment: &str) -> Option<([i64; 5], usize)> {
    let (mut found, mut count) = ([0; 5], 0);
    let (mut value, mut digits) = (0_i64, 0);
    for byte in segment.bytes() {
        let digit = sextet(byte)?;
        value |= i64::from(digit & 31) << (5 * digits);
        digits += 1;
        if digit & 32 != 0 {
            (digits < DIGITS).then_some(())?;
            continue;
        }
        *found.get_mut(count)? = if value & 1 == 1 { -(value >> 1) } else { value >> 1 };
        (count, value, digits) = (count + 1, 0, 0);
    }
    (digits == 0).then_some((found, count))
}

/// The bytes of base64 text (RFC 4648 §4), padded or not; `None` when it is none.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

fn one_more(number: i64) -> Option<u32> {
    u32::try_from(number).ok()?.checked_add(1)
}

/// A source's URL path, or the name it has where that is no path (`webpack:///./a.ts`).
fn resolved(at: &str, root: &str, source: &str) -> String {
    let source = if root.is_empty() { source.to_owned() } else { format!("{}/{source}", root.strip_suffix('/').unwrap_or(root)) };
    if source.contains("://") || source.is_empty() {
        return source;
    }
    absolute(at, &source)
}

/// The path that a relative one means at the path `at`, as browsers understand it (RFC 3986 §5.2.4).
pub(super) fn absolute(at: &str, relative: &str) -> String {
    let folder = if relative.starts_with('/') { "" } else { at.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let whole = format!("{folder}/{relative}");
    let mut parts = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: &str, line: u32, column: u32) -> Place {
        Place { source: source.into(), line, column }
    }

    /// Two sources; the second line of the script is the third and, from its column 10, the fifth of `b.ts`.
    const MAP: &str = r#"{"version":3,"sources":["a.ts","../src/b.ts"],"names":[],"mappings":"AAAA;ACEE,SAEEA,C"}"#;

    #[test]
    fn places_are_led_to_where_they_come_from() {
        let map = SourceMap::parse(MAP.as_bytes(), "/js/app.js.map").unwrap();
        let check = |line, column, expected| assert_eq!(map.original(&place("/js/app.js", line, column)), expected);
        check(1, 1, Some(place("/js/a.ts", 1, 1)));
        check(1, 80, Some(place("/js/a.ts", 1, 1)));
        check(2, 1, Some(place("/src/b.ts", 3, 3)));
        check(2, 9, Some(place("/src/b.ts", 3, 3)));
        check(2, 10, Some(place("/src/b.ts", 5, 5)));
        check(2, 11, None);
        check(3, 1, None);
        check(0, 1, None);
        check(1, 0, None);
    }

    #[test]
    fn what_is_no_map_is_none() {
        let check = |json: &str| assert!(SourceMap::parse(json.as_bytes(), "/a.map").is_none(), "{json}");
        check("");
        check("[]");
        check(r#"{"version":3,"sections":[]}"#);
        for mappings in ["!", "gggggggggggB", "g", "AAAAAA", "AADA"] {
            let map = SourceMap { sources: vec!["/a".into()], mappings: mappings.into() };
            assert_eq!(map.original(&place("/b", 1, 1)), None, "{mappings}");
        }
    }

    #[test]
    fn sources_are_found_from_the_map() {
        let check = |root, source, expected: &str| assert_eq!(resolved("/js/app.js.map", root, source), expected);
        check("", "a.ts", "/js/a.ts");
        check("", "../../../a.ts", "/a.ts");
        check("/src/", "./x/../a.ts", "/src/a.ts");
        check("", "webpack:///./a.ts", "webpack:///./a.ts");
        check("webpack:///", "./a.ts", "webpack:///./a.ts");
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(base64(""), Some(Vec::new()));
        assert_eq!(base64("a b"), None);
    }
}
