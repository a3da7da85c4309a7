//! Records of a CSV file and their cells (RFC 4180 §2), strictly: what it does not allow is an error with a place, not a guess.

use std::{borrow::Cow, ops::Range};

use serde_json::{Number, Value};

/// What is wrong at a byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) byte: usize,
    pub(super) message: &'static str,
}

/// The cells of the record that starts at `start`, as they stand there, with their quotes. What ends the record is behind the last.
pub(super) fn record(text: &str, start: usize, separator: u8) -> Result<Vec<Range<usize>>, Wrong> {
    let mut cells = Vec::new();
    let mut from = start;
    loop {
        let end = cell(text, from, separator)?;
        cells.push(from..end);
        if text.as_bytes().get(end) != Some(&separator) {
            return Ok(cells);
        }
        from = end + 1;
    }
}

/// Where the cell that starts at `start` ends.
fn cell(text: &str, start: usize, separator: u8) -> Result<usize, Wrong> {
    let bytes = text.as_bytes();
    let end = if bytes.get(start) == Some(&b'"') {
        closing(bytes, start + 1).ok_or(Wrong { byte: start, message: "the quote that opens here is never closed" })?
    } else {
        let ends = |byte: &u8| [separator, b'\n', b'\r', b'"'].contains(byte);
        bytes[start..].iter().position(ends).map_or(bytes.len(), |length| start + length)
    };
    match bytes.get(end) {
        None | Some(b'\n') => Ok(end),
        Some(byte) if *byte == separator => Ok(end),
        Some(b'\r') if bytes.get(end + 1) == Some(&b'\n') => Ok(end),
        Some(b'\r') => Err(Wrong { byte: end, message: "a carriage return without a line feed; put the cell in quotes" }),
        Some(_) if bytes[start] == b'"' => {
            Err(Wrong { byte: end, message: "text behind a closing quote; double quotes that are part of a cell" })
        }
        Some(_) => Err(Wrong { byte: end, message: "a quote inside of a cell; put the cell in quotes and double the quote" }),
    }
}

/// Behind the quote that closes a cell.
fn closing(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        from += memchr::memchr(b'"', &bytes[from..])? + 1;
        if bytes.get(from) != Some(&b'"') {
            return Some(from);
        }
        from += 1;
    }
}

/// Where the next record starts: empty lines are none.
pub(super) fn skip_line_ends(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + rest.len() - rest.trim_start_matches(['\r', '\n']).len()
}

/// The text in a cell.
pub(super) fn text_of(cell: &str) -> Cow<'_, str> {
    match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => inner.replace("\"\"", "\"").into(),
        Some(inner) => inner.into(),
        None => cell.into(),
    }
}

/// What a cell says: in quotes always a text; of the rest numbers as JSON writes them, and the two booleans, are no texts.
pub(super) fn value_of(cell: &str) -> Option<Value> {
    match cell {
        "" => None,
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => Some(number(cell).map_or_else(|| Value::String(text_of(cell).into_owned()), Value::Number)),
    }
}

/// Only what would be written the same way: `007` and `1e5` are texts that must not change.
fn number(cell: &str) -> Option<Number> {
    if !cell.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return None;
    }
    serde_json::from_str::<Number>(cell).ok().filter(|number| number.to_string() == cell)
}

/// The cell that says a value. Why there is none, if it cannot be.
pub(super) fn cell_of(value: Option<&Value>) -> Result<String, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(quoted_if_needed(text)),
        Some(Value::Array(_)) => Err("a CSV cell holds no array"),
        Some(Value::Object(_)) => Err("a CSV cell holds no object"),
        Some(scalar) => Ok(scalar.to_string()),
    }
}

/// A text that reads as itself, in every program that reads one of the usual separators.
pub(super) fn quoted_if_needed(text: &str) -> String {
    let special = |c: char| matches!(c, '"' | ',' | ';' | '\t' | '\r' | '\n' | '\u{feff}');
    let plain =
        text.trim().len() == text.len() && !text.contains(special) && value_of(text).is_some_and(|value| value.is_string());
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_cells() {
        check("a,b\nc", Ok(vec!["a", "b"]));
        check("a,\r\n", Ok(vec!["a", ""]));
        check("", Ok(vec![""]));
        check("\"a,\"\"\n\",x", Ok(vec!["\"a,\"\"\n\"", "x"]));
        check("ä, ö ", Ok(vec!["ä", " ö "]));
        check("a,\"b", Err(2));
        check("a,\"b\"c", Err(5));
        check("a,b\"c\"", Err(3));
        check("a\rb", Err(1));

        fn check(text: &str, expected: Result<Vec<&str>, usize>) {
            let found = record(text, 0, b',').map_err(|wrong| wrong.byte);
            let found = found.map(|cells| cells.into_iter().map(|cell| &text[cell]).collect::<Vec<_>>());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn cells_have_types() {
        for (cell, expected) in [
            ("", json!(null)),
            ("\"\"", json!("")),
            ("1", json!(1)),
            ("-1.5", json!(-1.5)),
            ("1.0", json!(1.0)),
            ("007", json!("007")),
            ("1e5", json!("1e5")),
            ("+1", json!("+1")),
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("1.", json!("1.")),
            ("- 1", json!("- 1")),
            ("true", json!(true)),
            ("True", json!("True")),
            ("\"true\"", json!("true")),
            ("\"1\"", json!("1")),
            ("null", json!("null")),
            (" 1", json!(" 1")),
            ("\"a\"\"b\"", json!("a\"b")),
            ("\"\"\"\"", json!("\"")),
        ] {
            assert_eq!(value_of(cell).unwrap_or_default(), expected, "{cell}");
        }
    }

    #[test]
    fn texts_are_quoted_where_they_would_be_something_else() {
        for (text, expected) in [
            ("a b", "a b"),
            ("", "\"\""),
            ("1", "\"1\""),
            ("007", "007"),
            ("true", "\"true\""),
            ("a;b", "\"a;b\""),
            (" a", "\" a\""),
            ("a\"", "\"a\"\"\""),
        ] {
            assert_eq!(cell_of(Some(&json!(text))).unwrap(), expected);
        }
        assert_eq!(cell_of(Some(&json!(1.5))).unwrap(), "1.5");
        assert_eq!(cell_of(Some(&json!(null))).unwrap(), "");
        assert!(cell_of(Some(&json!([1]))).is_err());
    }
}
