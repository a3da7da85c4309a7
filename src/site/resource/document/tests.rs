//! What holds for every format: a document after any changes is what reading its text gives.
//!
//! The objects are small and hostile: names and texts that mean something in one of the formats.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Number};

use super::*;

/// Texts that could be read as something else.
const WORDS: &[&str] = &[
    "",
    "a",
    "b c",
    "id",
    "007",
    "1",
    "-1.5",
    "1e5",
    "+1",
    "0x1F",
    "0o17",
    "1_000",
    "12:30",
    "12:30:45",
    "2024-01-01",
    "2024-01-01T10:00:00Z",
    "10:00:00",
    "true",
    "True",
    "yes",
    "NO",
    "on",
    "null",
    "~",
    "Null",
    ".inf",
    ".NaN",
    "nan",
    "- a",
    "a: b",
    "a:",
    ":a",
    "a #b",
    "#a",
    "a, b",
    "[a",
    "{a}",
    "&a",
    "*a",
    "!a",
    "!!str",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "?",
    "? a",
    "-",
    "---",
    "...",
    "<<",
    "=",
    "'",
    "''",
    "\"",
    "\"\"",
    "a\"b",
    "a'b",
    "\\",
    "\\n",
    "\n",
    "a\nb",
    "a\n\n b\n",
    "\r",
    "\r\n",
    "a\r\nb",
    "\t",
    " a",
    "a ",
    "\u{feff}",
    "a\u{feff}b",
    "\u{85}",
    "a\u{2028}b",
    "\u{0}",
    "\u{1b}",
    "\u{7f}",
    "ä",
    "日本",
    "🦀",
    "\u{fffe}",
    "\u{e000}",
    "a;b",
    "a/b",
    "a~b",
    "a.b",
    "http://x.test/?a=b&c#d",
    "x@y.test",
    "[[a]]",
    "\"\"\"",
    "'''",
    "12 angry men",
    "3d",
    "=1+1",
    "a\\\u{3000}b",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(WORDS).prop_map(str::to_owned), 1 => ".{0,5}", 1 => "[a-z]{1,3}"]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        (-3i64..9).prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
        select(&[1.0, -0.0, 1e30, 1.5e-7, 1e16][..]).prop_filter_map("finite", Number::from_f64),
        select(&[u64::MAX][..]).prop_map(Number::from),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![5 => word().prop_map(Value::String), 3 => number().prop_map(Value::Number), 1 => any::<bool>().prop_map(Value::Bool), 1 => Just(Value::Null)]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(&["id", "a", "b", "c", "d e"][..]).prop_map(str::to_owned), 1 => word()]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((name(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    vec((name(), value), 0..5).prop_map(|members| members.into_iter().collect())
}

#[derive(Clone, Debug)]
enum Change {
    Push(Vec<Map<String, Value>>),
    Replace(usize, Map<String, Value>),
    /// Members that are put into what is there.
    Merge(usize, Map<String, Value>),
    Drop(usize, usize),
    Remove(usize),
}

fn change(value: BoxedStrategy<Value>) -> impl Strategy<Value = Change> {
    prop_oneof![
        vec(object(value.clone()), 1..3).prop_map(Change::Push),
        (0usize..5, object(value.clone())).prop_map(|(place, item)| Change::Replace(place, item)),
        (0usize..5, object(value)).prop_map(|(place, item)| Change::Merge(place, item)),
        (0usize..5, 0usize..5).prop_map(|(place, member)| Change::Drop(place, member)),
        (0usize..5).prop_map(Change::Remove),
    ]
}

fn text_of(document: &Document) -> String {
    document.pieces().map(|piece| piece.to_string()).collect()
}

fn said(document: &Document) -> Vec<(Map<String, Value>, Option<String>)> {
    document.rows().iter().map(|row| (row.object(), row.id().map(str::to_owned))).collect()
}

/// Makes one change; whether it was one.
fn apply(document: &mut Document, change: &Change) -> bool {
    let count = document.rows().len();
    let collection = document.form() == Form::Collection;
    match change {
        Change::Push(items) => collection && document.push(items).is_ok(),
        Change::Remove(place) => collection && count > 0 && document.remove(place % count).is_ok(),
        _ if count == 0 => false,
        Change::Replace(place, item) => document.replace(place % count, item).is_ok(),
        Change::Merge(place, members) => {
            let mut item = document.rows()[place % count].object();
            item.extend(members.clone());
            document.replace(place % count, &item).is_ok()
        }
        Change::Drop(place, member) => {
            let mut item = document.rows()[place % count].object();
            let name = item.keys().nth(*member).cloned();
            name.is_some_and(|name| {
                item.shift_remove(&name);
                document.replace(place % count, &item).is_ok()
            })
        }
    }
}

/// What the items of a change say, where the format can say it: CSV has no null.
fn expected(format: Format, item: &Map<String, Value>) -> Map<String, Value> {
    let said = |value: &Value| format != Format::Csv || !value.is_null();
    item.iter().filter(|(_, value)| said(value)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What files are made of, in any format.
const PIECES: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "\r\n",
    " ",
    "  ",
    "    ",
    "\t",
    "a",
    "b",
    "id",
    "1",
    "-1.5",
    "é",
    "日",
    "🦀",
    "\u{feff}",
    "\u{85}",
    "\0",
    "\\",
    ":",
    ": ",
    "a: ",
    "b: ",
    "\nid: ",
    "\n- ",
    "\n- id: ",
    "\n  a: ",
    "\n  - ",
    "\n  b:\n",
    "- ",
    "-",
    "?",
    "? ",
    "*a",
    "&a ",
    "!!str ",
    "!!map",
    "!<x,>",
    "!",
    "|",
    "|+\n",
    ">-\n",
    "|2\n",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "<<",
    "#",
    " # c\n",
    "\n# c",
    "\n  # d\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    ", ",
    "{a: 1}",
    "[1, 2]",
    "{\"a\":1}",
    "\"",
    "\"a\"",
    "'",
    "'b'",
    "''",
    "=",
    " = ",
    "\na = ",
    "\nb = ",
    "\nid = 1",
    "\n[[a]]\n",
    "\n[[a.b]]\n",
    "\n[a.c]\n",
    "[b]",
    "a.b = 1\n",
    "\"\"\"",
    "'''",
    "{ a = 1 }",
    "2024-01-01",
    "true",
    "null",
    ".inf",
    "nan",
    "0x1F",
    ";",
    "id,a\n",
    "1,x\n",
    "id;a\n",
    "{\"id\": 1}",
    "\"a\": ",
    "\\u0041",
    "\\ud800",
];

fn any_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![20 => select(PIECES).prop_map(str::to_owned), 1 => ".{0,3}"];
    let known = select([JSON, NDJSON, CSV, TOML, YAML].concat());
    let cut = (known, any::<prop::sample::Index>(), any::<prop::sample::Index>(), vec(piece.clone(), 0..4));
    let mutant = cut.prop_map(|(file, from, to, pieces)| {
        let places: Vec<usize> = file.char_indices().map(|(at, _)| at).chain([file.len()]).collect();
        let (from, to) = (*from.get(&places), *to.get(&places));
        let to = if to >= from && to < from + 8 { to } else { from };
        format!("{}{}{}", &file[..from], pieces.concat(), &file[to..])
    });
    prop_oneof![1 => vec(piece, 0..20).prop_map(|pieces| pieces.concat()), 2 => mutant]
}

fn holds(format: Format, file: &str, changes: &[Change]) {
    let document = Document::read(format, file).unwrap_or_else(|error| panic!("{file:?}: {error:?}"));
    stays_what_it_says(document, file, changes);
}

fn stays_what_it_says(mut document: Document, file: &str, changes: &[Change]) {
    let format = document.format;
    assert_eq!(text_of(&document), file);
    for change in changes {
        let before = (text_of(&document), said(&document), document.rows().to_vec());
        let done = apply(&mut document, change);
        let text = text_of(&document);
        if !done {
            assert_eq!(text, before.0, "{change:?}");
            continue;
        }
        let again = Document::read(format, text.as_str())
            .unwrap_or_else(|error| panic!("{error:?}\nbefore:\n{}\nafter:\n{text}", before.0));
        assert_eq!(said(&again), said(&document), "\nbefore:\n{}\nafter:\n{text}", before.0);
        assert_eq!(text_of(&again), text);
        let rows = document.rows();
        match change {
            Change::Push(items) => {
                let new = items.iter().map(|item| expected(format, item)).collect::<Vec<_>>();
                let found = rows[before.2.len()..].iter().map(|row| row.object()).collect::<Vec<_>>();
                assert_eq!(found, new);
                assert!(before.2.iter().zip(rows).all(|(old, row)| Arc::ptr_eq(old, row)));
            }
            Change::Replace(place, item) => assert_eq!(rows[place % rows.len()].object(), expected(format, item)),
            Change::Remove(place) => assert_eq!(rows.len() + 1, before.2.len(), "{place}"),
            _ => assert_eq!(rows.len(), before.2.len()),
        }
        for (old, row) in before.2.iter().zip(rows).filter(|_| rows.len() == before.2.len()) {
            assert!(old.object() != row.object() || **old.source() == **row.source(), "\nbefore:\n{}\nafter:\n{text}", before.0);
        }
    }
}

const JSON: &[&str] = &[
    "[]",
    "{}",
    "[{\"id\":1}]",
    "[\r\n\t{\r\n\t\t\"id\": 1,\r\n\t\t\"a\": [1, 2]\r\n\t},\r\n\t{ \"id\": \"x\" }\r\n]\r\n",
    "\u{feff}[\n  {\"id\": 1.50, \"a\": {\"b\" : 12345678901234567890123}}\n,\n{}]",
    "{\n  \"a\": 1,\n\n  \"b\": {}\n}\n",
];

const NDJSON: &[&str] =
    &["", "\n", "{\"id\":1}", "{\"id\": 1, \"a\": {\"b\":1}}\r\n\r\n{\"id\":2}\r\n", "\u{feff}{}\n{ \"a\": \"x\" }\n\n"];

const CSV: &[&str] =
    &["", "id", "id\n\n1\n", "\u{feff}id;a\r\n1;x\r\n2\r\n", "id\t\"b;\"\n1\t\"\"", "\"a\",b,c\n,,\n\"1\",1,\"x\n,\"\n"];

const TOML: &[&str] = &[
    "",
    "# empty",
    "a = 1",
    "[a]\nb = 1 # one\n[a.b2]\n[[c]]\nd = 1",
    "# all\n\n[[posts]] # first\nid = 1\nat = 2024-01-01T10:00:00Z\n# todo\n\n[posts.a]\nb = 'x' # y\n\n# second\n[[posts]]\nid = 2\na = [\n  1, # one\n  2\n]\n",
    "\u{feff}[[a]]\r\nid = 1\r\nb.c = 1\r\nb.d = { x = 1, y.z = 2 }\r\n\r\n\r\n[[a]]\r\n[[a.b]]\r\nc = 1\r\n# in b\r\n[[a.b]]\r\n",
];

const YAML: &[&str] = &[
    "",
    "# nothing\n---\n",
    "[]\n",
    "--- []",
    "a: 1",
    "{}",
    "{\"a\": 1, \"b\": [1, 2]}",
    "# all\n- id: 1 # one\n  a: x # why\n  # about b\n  b:\n    - 1 # first\n    - c: 2\n      d: {e: 3}\n\n# second\n- id: 'x'\n  a: \"é # y\"\n  # todo\n",
    "  -   id: 1\r\n      b:\r\n      - 1\r\n      -   - 2\r\n          - 3\r\n\r\n  -   {id: 2}\r\n  - # none\r\n    a: |\r\n      x\r\n\r\n",
    "\u{feff}- a: |+\n    x # no\n\n\n- b: >-\n    y\n    z\n- c: 1\n  d:\n\n\n- a: plain\n    text\n  b: \"q\n    r\"",
    "- &x {id: 1}\n- id: &y 2\n  a: *y\n- id: 3\n  a: *x\n- id: !!str 4 # t\n  a: b\n",
    "[\n  # one\n  {id: 1}, # two\n  { id: 2, a: [b, 'c'] },\n]\n",
    "id: 1\n\n# a\na: # x\n  b: 1\n\n  # c\n  c:\n  - 1\n  -\n    d: 1\n    e: ~\n...\n",
    "%YAML 1.2\n--- # c\n!!map\na: !!int 1\n\"b\" : &x [1]\nc: *x\n",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_is_what_it_says(file in select(JSON), changes in vec(change(value().boxed()), 1..6)) {
        holds(Format::Json, file, &changes);
    }

    #[test]
    fn ndjson_is_what_it_says(file in select(NDJSON), changes in vec(change(value().boxed()), 1..6)) {
        holds(Format::Ndjson, file, &changes);
    }

    #[test]
    fn csv_is_what_it_says(file in select(CSV), changes in vec(change(prop_oneof![9 => scalar(), 1 => value()].boxed()), 1..6)) {
        holds(Format::Csv, file, &changes);
    }

    #[test]
    fn toml_is_what_it_says(file in select(TOML), changes in vec(change(value().boxed()), 1..6)) {
        holds(Format::Toml, file, &changes);
    }

    #[test]
    fn yaml_is_what_it_says(file in select(YAML), changes in vec(change(value().boxed()), 1..6)) {
        holds(Format::Yaml, file, &changes);
    }

    #[test]
    fn whatever_can_be_read_is_what_it_says(file in any_file(), changes in vec(change(value().boxed()), 1..3)) {
        for format in [Format::Csv, Format::Json, Format::Ndjson, Format::Toml, Format::Yaml] {
            match Document::read(format, file.as_str()) {
                Ok(document) => stays_what_it_says(document, &file, &changes),
                Err(error) => assert!(!error.message.is_empty() && (error.place.is_some() || format == Format::Json), "{file:?}: {error:?}"),
            }
        }
    }
}
