//! JSON files: an array of objects, or one object.

use serde_json::{Map, Value, value::RawValue};

use super::{
    DataError, Document, Form, Format, Inexpressible, Row,
    row::{Checked, Head, ID},
    style::{Style, rewrite},
    text::Text,
};
use crate::site::failure;

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What stands before the rows of an array that had none.
const INDENT: &str = "  ";

pub(super) fn read(text: &Text) -> Result<Document, DataError> {
    let body = text.trim_start_matches(BYTE_ORDER_MARK);
    match body.trim_start().bytes().next() {
        Some(b'[') => collection(text, body),
        Some(b'{') => singleton(text, body),
        // An empty or broken text has a place; anything else is JSON of the wrong kind.
        _ => Err(serde_json::from_str::<&RawValue>(body).map_or_else(
            |error| syntax(body, &error),
            |_| DataError::somewhere("the file is neither an array of objects nor an object"),
        )),
    }
}

fn collection(text: &Text, body: &str) -> Result<Document, DataError> {
    let entries: Vec<&RawValue> = serde_json::from_str(body).map_err(|error| syntax(body, &error))?;
    let mut rows = Vec::with_capacity(entries.len());
    let Some(first) = entries.first() else { return Ok(empty(text, body)) };
    let head = up_to(text, first.get());
    let mut end = head.len();
    for (place, entry) in entries.iter().enumerate() {
        let source = text.piece_of(entry.get());
        let head = check(&source, place)?;
        let start = source.as_ptr() as usize - text.as_ptr() as usize;
        rows.push(Row::of_json(text.piece(end, start), source.clone(), head.id.as_ref()).into());
        end = start + source.len();
    }
    Ok(Document::new(Format::Json, Form::Collection, head, rows, text.piece(end, text.len())))
}

fn empty(text: &Text, body: &str) -> Document {
    let bracket = body.find('[').map_or(0, |at| at + 1) + text.len() - body.len();
    let (head, tail) = (text.piece(0, bracket), text.piece(bracket, text.len()));
    Document::new(Format::Json, Form::Collection, head, Vec::new(), tail)
}

fn singleton(text: &Text, body: &str) -> Result<Document, DataError> {
    let whole: &RawValue = serde_json::from_str(body).map_err(|error| syntax(body, &error))?;
    let source = text.piece_of(whole.get());
    let id = check(&source, 0)?.id;
    let head = up_to(text, whole.get());
    let tail = text.piece(head.len() + source.len(), text.len());
    let row = Row::of_json(Text::default(), source, id.as_ref());
    Ok(Document::new(Format::Json, Form::Singleton, head, vec![row.into()], tail))
}

/// What stands before a slice of the text.
fn up_to(text: &Text, slice: &str) -> Text {
    text.piece(0, slice.as_ptr() as usize - text.as_ptr() as usize)
}

/// Sees to it that a row can be parsed at any later time.
fn check(source: &Text, place: usize) -> Result<Head, DataError> {
    if !source.starts_with('{') {
        let message = format!("entry {place} of the array is no object; a collection is an array of objects");
        return Err(DataError { message, place: Some(source.place(0)) });
    }
    serde_json::from_str(source).map_err(|error| {
        let (line, column) = source.place(0);
        let (below, right) = failure::place_in_json(&error);
        let column = if below == 1 { column + right - 1 } else { right };
        DataError { message: failure::without_place(&error.to_string()), place: Some((line + below - 1, column)) }
    })
}

/// Who looks for rows only says less about a mistake than who reads the values.
fn syntax(body: &str, error: &serde_json::Error) -> DataError {
    let closer = serde_json::from_str::<Checked>(body).err();
    let error = closer.as_ref().unwrap_or(error);
    DataError { message: failure::without_place(&error.to_string()), place: Some(failure::place_in_json(error)) }
}

pub(super) fn push(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    let newline = document.newline();
    if document.rows.is_empty() {
        open(document, newline);
    }
    let style = document.rows.last().map_or_else(|| Style::lines(newline), |row| Style::of(row.source()));
    let before = match document.rows.as_slice() {
        [.., _, last] => last.before().clone(),
        _ => Text::from(format!(",{}", &document.head[document.head.trim_end().len()..])),
    };
    for item in items {
        let source = Text::from(style.write(item));
        document.rows.push(Row::of_json(before.clone(), source, item.get(ID)).into());
    }
    Ok(())
}

pub(super) fn replace(document: &mut Document, place: usize, item: &Map<String, Value>) -> Result<(), Inexpressible> {
    let row = &document.rows[place];
    let source = Text::from(rewrite(row.source(), item));
    document.rows[place] = Row::of_json(row.before().clone(), source, item.get(ID)).into();
    Ok(())
}

pub(super) fn remove(document: &mut Document, place: usize) {
    document.rows.remove(place);
    if document.rows.is_empty() {
        document.head = document.head.trim_end().into();
        document.tail = document.tail.trim_start().into();
    }
}

/// Makes room for a first row.
fn open(document: &mut Document, newline: &str) {
    document.head = format!("{}{newline}{INDENT}", document.head.trim_end()).into();
    document.tail = format!("{newline}{}", document.tail.trim_start()).into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_and_gives_back_the_same_bytes() {
        for text in [
            "[]",
            " [ ]\n",
            "\u{feff}[\n]\n",
            "[{}]",
            "[\n  {\"id\": 1},\n\n  {\"id\":\"x\", \"n\": [1,\n2]}\n]\n\n",
            "{\"a\": 1e2}\n",
            "  {\n}",
        ] {
            assert_eq!(text_of(&read(&text.into()).unwrap()), text);
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        check("", "EOF while parsing a value 1:1");
        check("[{\"a\": \"\n\"}]", "control character (\\u0000-\\u001F) found while parsing a string 2:1");
        check("1", "the file is neither an array of objects nor an object");
        check("[{},\n {]", "key must be a string 2:3");
        check("[{},\n 1]", "entry 1 of the array is no object; a collection is an array of objects 2:2");
        check("[\n {\"a\": 1e999}]", "number out of range 2:12");
        check("[\n {\n  \"a\": \"\\ud800\"}]", "");
        check(&format!("[\n{}1{}]", "{\"a\":".repeat(200), "}".repeat(200)), "recursion limit exceeded 2:");
        check("[{}] x", "trailing characters 1:6");
        check("[{\"id\": 1,\n\"id\": 2}]", "the member \"id\" is there twice 2:");
        check("{\"a\": [{\"b\": 1, \"\\u0062\": 2}]}", "the member \"b\" is there twice 1:");
        let many: Vec<String> = (0..50).map(|number| format!("\"m{number}\": 1")).collect();
        check(&format!("{{{}, \"m40\": 1}}", many.join(",")), "the member \"m40\" is there twice");

        fn check(text: &str, expected: &str) {
            let error = read(&text.into()).unwrap_err();
            let place = error.place.map_or(String::new(), |(line, column)| format!(" {line}:{column}"));
            let found = format!("{error}{place}");
            assert!(found.starts_with(expected), "{text:?}: {found}");
        }
    }

    #[test]
    fn a_change_keeps_the_rest() {
        let file =
            "[\n  {\n    \"id\": 1,\n    \"n\": 1.50,\n    \"tags\": [\"a\", \"b\"]\n  },\n  { \"id\": 2, \"t\": \"x\" }\n]\n";
        edited(
            file,
            |document| replace(document, 0, &object(json!({"id": 1, "n": 1.5, "tags": ["a", "b"], "new": {"k": []}}))),
            concat!(
                "[\n  {\n    \"id\": 1,\n    \"n\": 1.50,\n    \"tags\": [\"a\", \"b\"],\n    \"new\": {\n      \"k\": []\n    }\n  },\n",
                "  { \"id\": 2, \"t\": \"x\" }\n]\n"
            ),
        );
        edited(
            file,
            |document| push(document, &[object(json!({"id": 3, "t": "y"}))]),
            &format!("{}{}", &file[..file.len() - 3], ",\n  { \"id\": 3, \"t\": \"y\" }\n]\n"),
        );
        edited(file, |document| document.remove(0), "[\n  { \"id\": 2, \"t\": \"x\" }\n]\n");
        edited(
            "[]\n",
            |document| push(document, &[object(json!({"id": 1})), object(json!({"id": 2}))]),
            "[\n  {\n    \"id\": 1\n  },\n  {\n    \"id\": 2\n  }\n]\n",
        );
        edited("[\r\n]\r\n", |document| push(document, &[object(json!({"id": 1}))]), "[\r\n  {\r\n    \"id\": 1\r\n  }\r\n]\r\n");
        edited("[\n  {\"id\":1}\n]\n", |document| document.remove(0), "[]\n");
        edited(
            "[{\"id\":1}]",
            |document| push(document, &[object(json!({"id": 2, "a": [1, 2]}))]),
            "[{\"id\":1},{\"id\":2,\"a\":[1,2]}]",
        );
        edited(
            "{\n\t\"a\": 1,\n\t\"b\": 2\n}\n",
            |document| replace(document, 0, &object(json!({"a": 1, "c": [1]}))),
            "{\n\t\"a\": 1,\n\t\"c\": [\n\t\t1\n\t]\n}\n",
        );

        fn edited(file: &str, change: impl FnOnce(&mut Document) -> Result<(), Inexpressible>, expected: &str) {
            let mut document = read(&file.into()).unwrap();
            change(&mut document).unwrap();
            assert_eq!(text_of(&document), expected);
            let again = read(&expected.into()).unwrap();
            let rows = |document: &Document| document.rows.iter().map(|row| row.object()).collect::<Vec<_>>();
            assert_eq!(rows(&again), rows(&document));
        }
    }

    fn text_of(document: &Document) -> String {
        document.pieces().map(|piece| piece.to_string()).collect()
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }
}
