//! NDJSON files: one object on each line.

use serde_json::{Map, Value};

use super::{
    DataError, Document, Form, Format, Inexpressible, Row,
    row::{Head, ID},
    style::{Style, rewrite},
    text::Text,
};
use crate::site::failure;

pub(super) fn read(text: &Text) -> Result<Document, DataError> {
    let mut rows: Vec<std::sync::Arc<Row>> = Vec::new();
    let (mut end, mut head) = (0, None);
    for (number, line) in text.split('\n').enumerate() {
        let body = line.trim_matches([' ', '\t', '\r', '\u{feff}']);
        if !body.is_empty() {
            let source = text.piece_of(body);
            let row: Head = serde_json::from_str(body).map_err(|error| wrong(&error, number, line))?;
            let from = source.as_ptr() as usize - text.as_ptr() as usize;
            head.get_or_insert_with(|| text.piece(0, from));
            rows.push(Row::of_json(text.piece(end, from), source.clone(), row.id.as_ref()).into());
            end = from + source.len();
        }
    }
    let head = head.unwrap_or_default();
    Ok(Document::new(Format::Ndjson, Form::Collection, head, rows, text.piece(end, text.len())))
}

fn wrong(error: &serde_json::Error, number: usize, line: &str) -> DataError {
    let indent = line.len() - line.trim_start().len();
    let (_, column) = failure::place_in_json(error);
    DataError { message: failure::without_place(&error.to_string()), place: Some((number + 1, indent + column)) }
}

pub(super) fn push(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    let newline = Text::from(document.newline());
    if document.rows.is_empty() {
        document.tail = newline.clone();
    }
    let style = document.rows.last().map_or_else(Style::line, |row| Style::of(row.source()));
    for item in items {
        let source = Text::from(style.write(item));
        document.rows.push(Row::of_json(newline.clone(), source, item.get(ID)).into());
    }
    Ok(())
}

pub(super) fn replace(document: &mut Document, place: usize, item: &Map<String, Value>) -> Result<(), Inexpressible> {
    let row = &document.rows[place];
    let source = Text::from(rewrite(row.source(), item));
    document.rows[place] = Row::of_json(row.before().clone(), source, item.get(ID)).into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_and_gives_back_the_same_bytes() {
        for text in ["", "\n", "{}", "{\"id\":1}\n{\"id\":2}\n", "\n{\"id\":1}\r\n\r\n  {\"id\": 2 } \r\n\n"] {
            assert_eq!(text_of(&read(&text.into()).unwrap()), text);
        }
        let error = read(&"{}\n\n  {\"a\":}\n".into()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.place), ("expected value", Some((3, 8))));
        assert!(read(&"[1]\n".into()).unwrap_err().message.contains("expected an object"));
    }

    #[test]
    fn changes() {
        let check = |file: &str, change: fn(&mut Document) -> Result<(), Inexpressible>, expected: &str| {
            let mut document = read(&file.into()).unwrap();
            change(&mut document).unwrap();
            assert_eq!(text_of(&document), expected);
        };
        check("", |document| push(document, &[object(), object()]), "{\"id\":7,\"n\":[1]}\n{\"id\":7,\"n\":[1]}\n");
        check("{\"id\": 1}", |document| push(document, &[object()]), "{\"id\": 1}\n{\"id\": 7, \"n\": [1]}");
        check(
            "{\"id\":1}\r\n{\"id\":2}\r\n",
            |document| push(document, &[object()]),
            "{\"id\":1}\r\n{\"id\":2}\r\n{\"id\":7,\"n\":[1]}\r\n",
        );
        check("{\"id\":1}\n{\"id\":2}\n", |document| replace(document, 0, &object()), "{\"id\":7,\"n\":[1]}\n{\"id\":2}\n");
        check("{\"id\":1}\n{\"id\":2}\n", |document| document.remove(0), "{\"id\":2}\n");
    }

    fn object() -> Map<String, Value> {
        json!({"id": 7, "n": [1]}).as_object().unwrap().clone()
    }

    fn text_of(document: &Document) -> String {
        document.pieces().map(|piece| piece.to_string()).collect()
    }
}
