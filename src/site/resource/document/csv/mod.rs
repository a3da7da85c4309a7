//! CSV files (RFC 4180): a header that names the members, then a record for each row.
//!
//! The separator is that of the header: a comma, or what spreadsheets write instead where the comma is in numbers. A record may be
//! shorter than the header: its last members are absent. An empty cell is an absent member, too; `""` is the empty text.
//!
//! A member that the header does not name gets a column of its own, behind the others. Cells hold no lists and no objects.

mod record;

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value};

use self::record::{cell_of, quoted_if_needed, record, skip_line_ends, text_of, value_of};
use super::{DataError, Document, Form, Format, Inexpressible, Row, pointer, row, text::Text};

/// What spreadsheets put in front of a text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Instead of a comma, if the header has none.
const OTHER_SEPARATORS: [u8; 2] = [b';', b'\t'];

/// The names of the columns.
struct Header {
    names: Vec<String>,
    separator: u8,
    /// Behind the last name.
    end: usize,
}

impl Header {
    /// The header of a file, if it has one.
    fn read(text: &Text) -> Result<Option<Self>, DataError> {
        let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let start = skip_line_ends(text, mark);
        if start == text.len() {
            return Ok(None);
        }
        let wrong = |wrong: record::Wrong| DataError::at(text, wrong.byte, wrong.message);
        let cells = |separator| record(text, start, separator);
        // A quoted name can hold any of them, so the header is taken apart and not searched.
        let other = || OTHER_SEPARATORS.into_iter().find(|separator| cells(*separator).is_ok_and(|cells| cells.len() > 1));
        let separator = if cells(b',').is_ok_and(|cells| cells.len() > 1) { b',' } else { other().unwrap_or(b',') };
        let cells = cells(separator).map_err(wrong)?;
        let mut names = HashSet::with_capacity(cells.len());
        for cell in &cells {
            let name = text_of(&text[cell.clone()]);
            if name.is_empty() {
                return Err(DataError::at(text, cell.start, "the header has a column without a name"));
            }
            if names.contains(&name) {
                return Err(DataError::at(text, cell.start, row::twice(&name)));
            }
            names.insert(name);
        }
        let names = cells.iter().map(|cell| text_of(&text[cell.clone()]).into_owned()).collect();
        Ok(Some(Self { names, separator, end: cells.last().map_or(start, |cell| cell.end) }))
    }

    /// The header of a document, which was read before.
    fn of(document: &Document) -> Self {
        let none = Self { names: Vec::new(), separator: b',', end: document.head.len() };
        Self::read(&document.head).ok().flatten().unwrap_or(none)
    }

    /// Adds columns for members that have none.
    fn extend<'i>(&mut self, items: impl IntoIterator<Item = &'i Map<String, Value>>) -> Result<(), Inexpressible> {
        let mut known: HashSet<String> = self.names.iter().cloned().collect();
        for (name, _) in items.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            if name.is_empty() {
                return Err(Inexpressible::new("/", "a CSV column needs a name"));
            }
            if known.insert(name.clone()) {
                self.names.push(name.clone());
            }
        }
        Ok(())
    }

    /// The head of a file with the columns that were added since it was read.
    fn write(&self, head: &str, known: usize, newline: &str) -> Text {
        let mut text = head[..self.end].to_owned();
        for (place, name) in self.names.iter().enumerate().skip(known) {
            if place > 0 {
                text.push(char::from(self.separator));
            }
            text.push_str(&quoted_if_needed(name));
        }
        text.push_str(&head[self.end..]);
        if !text.ends_with('\n') {
            text.push_str(newline);
        }
        text.into()
    }

    /// The record of an item, as it stands in place of `source`, whose cells stay where they say the same.
    fn record(&self, item: &Map<String, Value>, source: &str) -> Result<String, Inexpressible> {
        let old = if source.is_empty() { Vec::new() } else { record(source, 0, self.separator).unwrap_or_default() };
        let mut cells = Vec::with_capacity(self.names.len());
        for (place, name) in self.names.iter().enumerate() {
            let value = item.get(name).filter(|value| !value.is_null());
            cells.push(match old.get(place).map(|cell| &source[cell.clone()]) {
                Some(cell) if value_of(cell).as_ref() == value => cell.to_owned(),
                _ => cell_of(value).map_err(|detail| Inexpressible::new(pointer("", name), detail))?,
            });
        }
        let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        let length = if old.is_empty() { cells.len() } else { used.max(old.len()) };
        cells.truncate(length);
        let text = cells.join(char::from(self.separator).to_string().as_str());
        if text.is_empty() {
            return Err(Inexpressible::new(
                "",
                "a row without any value is an empty line in this CSV file, and those are no rows",
            ));
        }
        Ok(text)
    }

    /// What a record says.
    fn object(&self, source: &str) -> Map<String, Value> {
        let cells = record(source, 0, self.separator).unwrap_or_default();
        let members = self.names.iter().zip(cells).filter_map(|(name, cell)| Some((name.clone(), value_of(&source[cell])?)));
        members.collect()
    }
}

pub(super) fn read(text: &Text) -> Result<Document, DataError> {
    let document = |head, rows, tail| Ok(Document::new(Format::Csv, Form::Collection, head, rows, tail));
    let Some(header) = Header::read(text)? else { return document(text.clone(), Vec::new(), Text::default()) };
    let (mut rows, mut head, mut end) = (Vec::new(), None, header.end);
    loop {
        let start = skip_line_ends(text, end);
        if start == text.len() {
            break;
        }
        let cells = record(text, start, header.separator).map_err(|wrong| DataError::at(text, wrong.byte, wrong.message))?;
        if let Some(cell) = cells.get(header.names.len()) {
            let message = format!("the record has more cells than the header has columns, which are {}", header.names.len());
            return Err(DataError::at(text, cell.start, message));
        }
        head.get_or_insert(start);
        let before = text.piece(end, start);
        end = cells.last().map_or(start, |cell| cell.end);
        let members = header.names.iter().zip(cells).filter_map(|(name, cell)| Some((name.clone(), value_of(&text[cell])?)));
        let object: Map<String, Value> = members.collect();
        rows.push(Arc::new(Row::of_object(before, text.piece(start, end), &object)));
    }
    match head {
        Some(head) => document(text.piece(0, head), rows, text.piece(end, text.len())),
        None => document(text.clone(), rows, Text::default()),
    }
}

pub(super) fn push(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    let newline = document.newline();
    let mut header = Header::of(document);
    let known = header.names.len();
    header.extend(items)?;
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let source = header.record(item, "")?;
        rows.push(Arc::new(Row::of_object(newline.into(), source.as_str().into(), &header.object(&source))));
    }
    if document.rows.is_empty() {
        document.tail = newline.into();
    }
    document.head = header.write(&document.head, known, newline);
    document.rows.extend(rows);
    Ok(())
}

pub(super) fn replace(document: &mut Document, place: usize, item: &Map<String, Value>) -> Result<(), Inexpressible> {
    let row = &document.rows[place];
    let mut header = Header::of(document);
    let known = header.names.len();
    header.extend([item])?;
    let source = header.record(item, row.source())?;
    let row = Row::of_object(row.before().clone(), source.as_str().into(), &header.object(&source));
    if header.names.len() > known {
        document.head = header.write(&document.head, known, document.newline());
    }
    document.rows[place] = row.into();
    Ok(())
}

pub(super) fn remove(document: &mut Document, place: usize) {
    document.rows.remove(place);
    if document.rows.is_empty() {
        document.tail = Text::default();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_rows() {
        check("", json!([]));
        check("\u{feff}\r\n", json!([]));
        check("id,title\n", json!([]));
        check("id,title", json!([]));
        check("id,title\n1,a\n2,\"b, \"\"c\"\"\nd\"\n", json!([{"id": 1, "title": "a"}, {"id": 2, "title": "b, \"c\"\nd"}]));
        check("\u{feff}id;title\r\n\r\n1;1,5\r\n2", json!([{"id": 1, "title": "1,5"}, {"id": 2}]));
        check("id\ttitle\n\t\n", json!([{}]));
        check("\"a;b\"\n1\n\n2\n", json!([{"a;b": 1}, {"a;b": 2}]));

        fn check(text: &str, expected: Value) {
            let document = read(&text.into()).unwrap();
            assert_eq!(text_of(&document), text);
            assert_eq!(Value::from_iter(document.rows.iter().map(|row| row.object())), expected, "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        check("a,,b\n", "the header has a column without a name", (1, 3));
        check("a,b,\"a\"\n", "the member \"a\" is there twice", (1, 5));
        check("a,b\n1,2\n1,2,3\n", "the record has more cells than the header has columns, which are 2", (3, 5));
        check("a,b\n1,\"2\n", "the quote that opens here is never closed", (2, 3));
        check("ä,b\r\n\"ö\"x,\n", "text behind a closing quote; double quotes that are part of a cell", (2, 4));

        fn check(text: &str, message: &str, place: (usize, usize)) {
            let error = read(&text.into()).unwrap_err();
            assert_eq!((error.message.as_str(), error.place), (message, Some(place)), "{text:?}");
        }
    }

    #[test]
    fn a_change_keeps_the_rest() {
        let file = "id,title,n\r\n1,\"a\",1\r\n2,b\r\n";
        edited(
            file,
            |document| push(document, &[object(json!({"n": 5, "id": 3}))]),
            "id,title,n\r\n1,\"a\",1\r\n2,b\r\n3,,5\r\n",
        );
        edited(
            file,
            |document| push(document, &[object(json!({"id": 3, "new": "x"})), object(json!({"id": 4, "t;": true}))]),
            "id,title,n,new,\"t;\"\r\n1,\"a\",1\r\n2,b\r\n3,,,x,\r\n4,,,,true\r\n",
        );
        edited(
            file,
            |document| replace(document, 0, &object(json!({"id": 1, "title": "a"}))),
            "id,title,n\r\n1,\"a\",\r\n2,b\r\n",
        );
        edited(
            file,
            |document| replace(document, 1, &object(json!({"id": 2, "n": "7"}))),
            "id,title,n\r\n1,\"a\",1\r\n2,,\"7\"\r\n",
        );
        edited(file, |document| document.remove(0), "id,title,n\r\n2,b\r\n");
        edited("id\n1\n", |document| document.remove(0), "id\n");
        edited("", |document| push(document, &[object(json!({"id": 1, "a": "x", "b": null}))]), "id,a\n1,x\n");
        edited("\u{feff}id", |document| push(document, &[object(json!({"id": 1}))]), "\u{feff}id\n1\n");
        edited("a;b\n1;2", |document| push(document, &[object(json!({"a": "x;y"}))]), "a;b\n1;2\n\"x;y\";");

        fn edited(file: &str, change: impl FnOnce(&mut Document) -> Result<(), Inexpressible>, expected: &str) {
            let mut document = read(&file.into()).unwrap();
            change(&mut document).unwrap();
            assert_eq!(text_of(&document), expected);
        }
    }

    #[test]
    fn what_a_cell_cannot_hold_changes_nothing() {
        check("id\n1\n", json!([{"id": 2}, {"id": 3, "a/b": [1]}]), "/a~1b");
        check("id\n1\n", json!([{"id": 2, "o": {}}]), "/o");
        check("id\n1\n", json!([{}]), "");
        check("", json!([{}]), "");
        check("id,n\n1\n", json!([{"": 1}]), "/");

        fn check(file: &str, items: Value, expected: &str) {
            let mut document = read(&file.into()).unwrap();
            let items: Vec<_> = items.as_array().unwrap().iter().cloned().map(object).collect();
            assert_eq!(push(&mut document, &items).unwrap_err().pointer, expected, "{items:?}");
            assert_eq!(text_of(&document), file);
        }
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn text_of(document: &Document) -> String {
        document.pieces().map(|piece| piece.to_string()).collect()
    }
}
