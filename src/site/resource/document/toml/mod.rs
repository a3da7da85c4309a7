//! TOML files: one array of tables (`[[posts]]`) and nothing else is a list, anything else is one object.
//!
//! A row is the text from its header to before the next: tables below it (`[posts.author]`) are part of it. It is parsed alone when
//! it changes, and written by the same library with everything that did not change as it was.
//!
//! Times are texts in JSON (RFC 3339). They stay times in the file as long as the text is a time of the same kind.

mod edit;
mod value;

use std::sync::Arc;

use serde_json::{Map, Value};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use self::value::{Wrong, object_of};
use super::{DataError, Document, Form, Format, Inexpressible, Row, text::Text};

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What to do about a change that leads to another value than it should.
const BY_HAND: &str = "the file cannot be changed this way without a loss; edit it by hand";

pub(super) fn read(text: &Text) -> Result<Document, DataError> {
    let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let wrong = |wrong: Wrong| DataError { message: wrong.message, place: wrong.span.map(|span| text.place(mark + span.start)) };
    let file = toml_edit::Document::parse(&text[mark..]).map_err(|error| wrong(syntax(&error)))?;
    let root = file.as_table();
    if root.is_empty() {
        return Ok(Document::new(Format::Toml, Form::Collection, text.clone(), Vec::new(), Text::default()));
    }
    match list(root) {
        Some((name, tables)) => collection(text, mark, name, tables).map_err(wrong),
        None => singleton(text, mark, root).map_err(wrong),
    }
}

fn syntax(error: &toml_edit::TomlError) -> Wrong {
    let message = error.message().lines().next().unwrap_or("the file is no TOML").to_owned();
    Wrong { span: error.span(), message }
}

/// The one list of a file that is nothing else.
fn list(root: &Table) -> Option<(&str, &ArrayOfTables)> {
    let mut members = root.iter();
    match (members.next(), members.next()) {
        (Some((name, Item::ArrayOfTables(tables))), None) => Some((name, tables)),
        _ => None,
    }
}

fn collection(text: &Text, mark: usize, name: &str, tables: &ArrayOfTables) -> Result<Document, Wrong> {
    let start = |table: &Table| table.span().map_or(text.len(), |span| mark + span.start);
    let head = tables.get(0).map_or(text.len(), start);
    let mut rows = Vec::with_capacity(tables.len());
    let mut end = head;
    for (place, table) in tables.iter().enumerate() {
        let from = start(table);
        let next = tables.get(place + 1).map_or(text.len(), start);
        let before = text.piece(end, from);
        end = end_of_row(text, mark + end_of_table(table), next);
        rows.push(Arc::new(Row::of_object(before, text.piece(from, end), &object_of(table, 0)?)));
    }
    let document = Document::new(Format::Toml, Form::Collection, text.piece(0, head), rows, text.piece(end, text.len()));
    Ok(Document { name: name.into(), ..document })
}

/// Where the last thing in a table ends.
fn end_of_table(table: &Table) -> usize {
    let inner = table.iter().map(|(_, item)| match item {
        Item::Table(table) => end_of_table(table),
        Item::ArrayOfTables(tables) => tables.iter().map(end_of_table).max().unwrap_or_default(),
        item => item.span().map_or(0, |span| span.end),
    });
    inner.chain(table.span().map(|span| span.end)).max().unwrap_or_default()
}

/// The end of the line, and of the comments right below it unless they stand right above the next row.
fn end_of_row(text: &str, content: usize, next: usize) -> usize {
    let end = |from: usize| {
        let line = text[from..].split('\n').next().unwrap_or_default();
        from + line.strip_suffix('\r').unwrap_or(line).len()
    };
    let last = end(content);
    let mut above = last;
    loop {
        let line = above + text[above..].find('\n').map_or(text.len() - above, |newline| newline + 1);
        if line >= next {
            return if next == text.len() { above } else { last };
        }
        match text[line..].trim_start_matches([' ', '\t']).bytes().next() {
            Some(b'#') => above = end(line),
            Some(b'\r' | b'\n') => return above,
            _ => return last,
        }
    }
}

fn singleton(text: &Text, mark: usize, root: &Table) -> Result<Document, Wrong> {
    let end = text.trim_end_matches(['\r', '\n']).len().max(mark);
    let row = Row::of_object(Text::default(), text.piece(mark, end), &object_of(root, 0)?);
    let (head, tail) = (text.piece(0, mark), text.piece(end, text.len()));
    Ok(Document::new(Format::Toml, Form::Singleton, head, vec![row.into()], tail))
}

pub(super) fn push(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    let newline = document.newline();
    let last = document.rows.last().and_then(|row| row.source().parse::<DocumentMut>().ok());
    let sibling = last.as_ref().and_then(|last| list(last)).and_then(|(_, tables)| tables.get(0));
    let before = Text::from(newline.repeat(lines_between(document)));
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let mut tables = ArrayOfTables::new();
        tables.push(edit::table_of(item, sibling, "")?);
        let mut file = DocumentMut::new();
        file.insert(&document.name, Item::ArrayOfTables(tables));
        rows.push(row(before.clone(), &file, Form::Collection, item, newline)?);
    }
    document.append(rows);
    Ok(())
}

/// How many line ends stand between a row and what stands above the next one.
fn lines_between(document: &Document) -> usize {
    let [_, .., last] = document.rows.as_slice() else { return 2 };
    let space = last.before().split('#').next().unwrap_or_default();
    space.matches('\n').count().max(1)
}

pub(super) fn replace(document: &mut Document, place: usize, item: &Map<String, Value>) -> Result<(), Inexpressible> {
    let old = &document.rows[place];
    let mut file: DocumentMut = old.source().parse().map_err(|_| Inexpressible::new("", BY_HAND))?;
    let table = match document.form {
        Form::Collection => {
            let tables = file.iter_mut().next().and_then(|(_, item)| item.as_array_of_tables_mut());
            tables.and_then(|tables| tables.get_mut(0)).ok_or_else(|| Inexpressible::new("", BY_HAND))?
        }
        Form::Singleton => file.as_table_mut(),
    };
    edit::change(table, &old.object(), item, "")?;
    let newline = super::text::newline(old.source()).unwrap_or(document.newline());
    document.rows[place] = row(old.before().clone(), &file, document.form, item, newline)?;
    Ok(())
}

/// The row that a small file holds, if it says what it should.
fn row(
    before: Text,
    file: &DocumentMut,
    form: Form,
    item: &Map<String, Value>,
    newline: &str,
) -> Result<Arc<Row>, Inexpressible> {
    let text = file.to_string();
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = if newline == "\n" { text.to_owned() } else { text.replace("\r\n", "\n").replace('\n', newline) };
    let file = toml_edit::Document::parse(text.as_str()).map_err(|_| Inexpressible::new("", BY_HAND))?;
    let table = match (form, list(&file)) {
        (Form::Collection, Some((_, tables))) => tables.get(0).filter(|_| tables.len() == 1),
        (Form::Singleton, None) if !file.is_empty() => Some(file.as_table()),
        (Form::Singleton, _) => {
            return Err(Inexpressible::new(
                "",
                "a TOML file that holds nothing but one list of tables, or nothing, is a collection",
            ));
        }
        (Form::Collection, None) => None,
    };
    match table.map(|table| object_of(table, 0)) {
        Some(Ok(object)) if object == *item => Ok(Arc::new(Row::of_object(before, text.as_str().into(), &object))),
        Some(Err(wrong)) => Err(Inexpressible::new("", wrong.message)),
        _ => Err(Inexpressible::new("", BY_HAND)),
    }
}

pub(super) fn remove(document: &mut Document, place: usize) {
    document.take_out(place);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POSTS: &str = "# all posts\n\n[[posts]] # first\nid = 1\ntitle = \"a\" # why\nat = 2024-01-01T10:00:00Z\n# todo\n\n\
        [posts.author]\nname = \"x\"\n\n# the second\n[[posts]]\nid = 2\ntags = [\n  \"a\", # good\n  \"b\",\n]\n# end\n";

    #[test]
    fn reads_rows() {
        check("", Form::Collection, json!([]));
        check("# nothing yet", Form::Collection, json!([]));
        check("\u{feff}[[a]]\r\n[[a]]\r\nid = 1", Form::Collection, json!([{}, {"id": 1}]));
        check(
            POSTS,
            Form::Collection,
            json!([
                {"id": 1, "title": "a", "at": "2024-01-01T10:00:00Z", "author": {"name": "x"}},
                {"id": 2, "tags": ["a", "b"]}
            ]),
        );
        check("a = 1\n", Form::Singleton, json!([{"a": 1}]));
        check("[a]\n", Form::Singleton, json!([{"a": {}}]));
        check("a = [{b = 1}]\n", Form::Singleton, json!([{"a": [{"b": 1}]}]));
        check("[[a.b]]\nc = 1.0", Form::Singleton, json!([{"a": {"b": [{"c": 1.0}]}}]));
        check("t = 1\n[[a]]\n\n", Form::Singleton, json!([{"t": 1, "a": [{}]}]));

        fn check(text: &str, form: Form, expected: Value) {
            let document = read(&text.into()).unwrap();
            assert_eq!(text_of(&document), text);
            assert_eq!(document.form, form, "{text:?}");
            assert_eq!(Value::from_iter(document.rows.iter().map(|row| row.object())), expected, "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        check("a = 1\nb = inf\n", "JSON has no number that is infinite or none", Some((2, 5)));
        check("[[a]]\na = 1\n[[a]]\nb = [\"ä\", nan]\n", "JSON has no number that is infinite or none", Some((4, 11)));
        check("a = 1\na = 2\n", "duplicate key", Some((2, 1)));
        check("[[a]\n", "", Some((1, 5)));
        check("a = 99999999999999999999\n", "", Some((1, 5)));
        let deep = format!(
            "{}a = {}1{}",
            "[a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f]\n",
            "[".repeat(70),
            "]".repeat(70)
        );
        check(&deep, "values are nested deeper than 100 levels", Some((2, 73)));
        check(&format!("a = {}", "[".repeat(100_000)), "", Some((1, 85)));

        fn check(text: &str, message: &str, place: Option<(usize, usize)>) {
            let error = read(&text.into()).unwrap_err();
            assert!(error.message.starts_with(message), "{text:?}: {error}");
            assert_eq!(error.place, place, "{text:?}: {error}");
        }
    }

    #[test]
    fn a_change_keeps_the_rest() {
        let author = json!({"name": "y", "age": 3});
        edited(
            POSTS,
            |document| {
                let first = json!({"id": 1, "at": "2025-01-01T10:00:00Z", "author": author, "n": 1});
                replace(document, 0, &object(first))
            },
            &POSTS
                .replace("title = \"a\" # why\n", "")
                .replace("2024", "2025")
                .replace("00Z\n", "00Z\nn = 1\n")
                .replace("name = \"x\"\n", "name = \"y\"\nage = 3\n"),
        );
        edited(
            POSTS,
            |document| replace(document, 1, &object(json!({"id": 2, "tags": ["a", "b", "c"]}))),
            &POSTS.replace("  \"b\",\n", "  \"b\",\n  \"c\",\n"),
        );
        edited(
            POSTS,
            |document| push(document, &[object(json!({"id": 3, "o": {"k": [1]}}))]),
            &format!("{POSTS}\n[[posts]]\nid = 3\no = {{ k = [1] }}\n"),
        );
        edited(
            POSTS,
            |document| document.remove(0),
            "# all posts\n\n\n# the second\n[[posts]]\nid = 2\ntags = [\n  \"a\", # good\n  \"b\",\n]\n# end\n",
        );
        edited(POSTS, |document| document.remove(1), &format!("{}\n", POSTS.split("\n\n# the second").next().unwrap()));
        edited("", |document| push(document, &[object(json!({"id": 1})), object(json!({}))]), "[[items]]\nid = 1\n\n[[items]]\n");
        edited(
            "a = 1\r\n# b\r\n",
            |document| replace(document, 0, &object(json!({"a": 2, "c": "d\ne"}))),
            "a = 2\r\nc = \"d\\ne\"\r\n# b\r\n",
        );
        edited("a.b = 1", |document| replace(document, 0, &object(json!({"a": {"b": 1, "c": 2}}))), "a.b = 1\na.c = 2");
        edited("a = {b = 1}", |document| replace(document, 0, &object(json!({"a": {"b": 1, "c": 2}}))), "a = {b = 1, c = 2}");

        fn edited(file: &str, change: impl FnOnce(&mut Document) -> Result<(), Inexpressible>, expected: &str) {
            let mut document = read(&file.into()).unwrap();
            change(&mut document).unwrap();
            assert_eq!(text_of(&document), expected);
        }
    }

    #[test]
    fn a_list_has_the_name_it_had() {
        let mut document = read(&"[[posts]]\n".into()).unwrap().named("other");
        document.remove(0).unwrap();
        push(&mut document, &[Map::new()]).unwrap();
        assert_eq!(text_of(&document), "[[posts]]\n");
        let mut document = read(&"".into()).unwrap().named("my posts");
        push(&mut document, &[Map::new()]).unwrap();
        assert_eq!(text_of(&document), "[[\"my posts\"]]\n");
    }

    #[test]
    fn what_toml_cannot_say_changes_nothing() {
        check("[[a]]\n", json!({"b": {"c/d": [1, null]}}), "/b/c~1d/1", "TOML has no null");
        check("[[a]]\n", json!({"n": u64::MAX}), "/n", "a TOML integer has 64 bits with a sign; write a larger one as a text");
        check("a = 1\n", json!({}), "", "a TOML file that holds nothing but one list of tables, or nothing, is a collection");
        check(
            "a = 1\n[[b]]\n",
            json!({"b": [{}]}),
            "",
            "a TOML file that holds nothing but one list of tables, or nothing, is a collection",
        );

        fn check(file: &str, item: Value, pointer: &str, detail: &str) {
            let mut document = read(&file.into()).unwrap();
            let error = replace(&mut document, 0, &object(item)).unwrap_err();
            assert_eq!((error.pointer.as_str(), error.detail.as_str()), (pointer, detail));
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
