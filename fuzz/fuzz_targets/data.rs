//! Any text as a data file or as the file of a version: what is changed says what was written, and all else stays.
//!
//! The first byte of an input names the format, the second the change and its place. What is behind them has two parts with a record
//! separator (0x1E) between them: the file, and an object in JSON. For the file of a version there are two objects: what is there, and
//! what is written.
#![no_main]

use everlit::site::fuzzing::{Document, Lens};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const EXTENSIONS: [&str; 5] = ["json", "yaml", "toml", "csv", "ndjson"];

type Row = Map<String, Value>;

fuzz_target!(|input: &[u8]| {
    let [format, change, texts @ ..] = input else { return };
    let Ok(texts) = std::str::from_utf8(texts) else { return };
    let mut parts = texts.split('\u{1e}');
    let text = parts.next().unwrap_or_default();
    let mut objects =
        parts.map(|part| serde_json::from_str::<Row>(part).unwrap_or_default()).chain(std::iter::repeat(Map::new()));
    let mut next = || objects.next().unwrap_or_default();
    match EXTENSIONS.get(usize::from(format % 6)) {
        Some(extension) => check_document(extension, text, *change, &next()),
        None => check_lens(text, &next(), next()),
    }
});

fn check_document(extension: &str, text: &str, change: u8, row: &Row) {
    let document = match Document::read(extension, text) {
        Ok(document) => document,
        Err(place) => return check_place(text, place),
    };
    assert_eq!(document.text(), text, "nothing is lost");
    let before = document.rows();
    check_rows(extension, text, &before);
    let mut after = document.clone();
    let mut expected = before.clone();
    let place = usize::from(change / 3).checked_rem(before.len());
    let is_changed = match (change % 3, place) {
        (0, _) if document.is_collection() => {
            expected.push(row.clone());
            after.push(row)
        }
        (1, Some(place)) => {
            expected[place] = row.clone();
            after.replace(place, row)
        }
        (2, Some(place)) if document.is_collection() => {
            expected.remove(place);
            after.remove(place)
        }
        _ => return,
    };
    if !is_changed {
        assert_eq!(after.text(), text, "what cannot be written changes nothing");
        return;
    }
    if extension == "csv" {
        // It has no word for null: such a member is not there.
        expected.iter_mut().for_each(|row| row.retain(|_, value| !value.is_null()));
    }
    let written = after.text();
    let read =
        Document::read(extension, &written).unwrap_or_else(|place| panic!("{text:?} became {written:?}, wrong at {place:?}"));
    assert_eq!(read.rows(), expected, "{text:?} became {written:?}");
    assert_eq!(after.rows(), expected, "{text:?} became {written:?}");
}

fn check_place(text: &str, place: Option<(usize, usize)>) {
    let Some((line, column)) = place else { return };
    let lines: Vec<&str> = text.split('\n').collect();
    let found = line.checked_sub(1).and_then(|line| lines.get(line));
    assert!(found.is_some() && column > 0, "{line}:{column} is no place in {text:?}");
}

/// Where another reader has the format, it reads the same.
fn check_rows(extension: &str, text: &str, rows: &[Row]) {
    let text = text.trim_start_matches('\u{feff}');
    let known: Option<Vec<Row>> = match extension {
        "json" => serde_json::from_str::<Value>(text).ok().map(|value| match value {
            Value::Array(values) => values.into_iter().filter_map(|value| value.as_object().cloned()).collect(),
            value => value.as_object().cloned().into_iter().collect(),
        }),
        "ndjson" => {
            // Such a mark may stand in front of a line as well: files are put behind one another.
            let lines = text.split('\n').map(|line| line.trim_matches([' ', '\t', '\r', '\u{feff}']));
            lines.filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).ok()).collect()
        }
        _ => return,
    };
    assert_eq!(known.as_deref(), Some(rows), "{text:?}");
}

fn check_lens(text: &str, before: &Row, written: Row) {
    let lens = match Lens::parse(text) {
        Ok(lens) => lens,
        Err(span) => {
            assert!(span.is_none_or(|span| span.start <= span.end && span.end <= text.len()));
            return;
        }
    };
    let shown = lens.show(before);
    let stored = lens.store(shown.clone(), before).unwrap_or_else(|| panic!("{shown:?} was read, and cannot be written"));
    assert_eq!(json(&stored), json(before), "what is written as it was read changes nothing");
    let mut changed = shown;
    changed.extend(written.clone());
    for written in [written, changed] {
        let Some(stored) = lens.store(written.clone(), before) else { continue };
        let read = lens.show(&stored);
        for (name, value) in &written {
            assert_eq!(read.get(name), Some(value), "{name} was written into {before:?} by {text:?}");
        }
        // What it does not show is not its business.
        for (name, value) in before {
            let is_hidden = [value.clone(), Value::from("another")].into_iter().all(|value| {
                let alone = Row::from_iter([(name.clone(), value)]);
                json(&lens.show(&alone)) == json(&lens.show(&Row::new()))
            });
            if is_hidden {
                assert_eq!(stored.get(name), Some(value), "{name} was lost by {text:?}");
            }
        }
    }
}

/// With the order of its members.
fn json(row: &Row) -> String {
    serde_json::to_string(row).expect("it is JSON")
}
