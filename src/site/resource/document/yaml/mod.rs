//! YAML files: a list of mappings, or one mapping.
//!
//! A change of a row exchanges only the text of the members that changed ([`edit`]), and is taken only if the row, parsed again, says
//! what it should. Where that cannot be, the row is written anew, unless that would lose a comment or what others refer to: then the
//! change is refused, and the author has to make it.
//!
//! There is one document in a file, names are texts, tags are those of the core schema. Merge keys are refused: what they mean has
//! never been part of YAML.

mod edit;
mod ends;
mod node;
mod reader;
mod scalar;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::{
    edit::{Edit, line_end},
    ends::skip_comments,
    node::{Content, Entry, Node},
    reader::{Layout, Reader, Root, Wrong},
    write::Style,
};
use super::{DataError, Document, Form, Format, Inexpressible, Row, text::Text};

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What to do about a change that cannot be made in the text around it.
const BY_HAND: &str = "the change would lose a comment, or change something else in the file; edit the file by hand";

/// What to do about a row that other rows need.
const REFERRED: &str = "other rows refer to an anchor in this one; edit the file by hand";

pub(super) fn read(text: &Text) -> Result<Document, DataError> {
    if let Some(byte) = lone_return(text) {
        return Err(DataError::at(text, byte, "a carriage return without a line feed"));
    }
    if let Some(byte) = foreign_directive(text) {
        return Err(DataError::at(text, byte, "a directive with a character that is not ASCII"));
    }
    take_apart(text).map_err(|wrong| DataError::at(text, wrong.byte, wrong.message))
}

/// An old line end, which almost nothing else takes for one.
fn lone_return(text: &str) -> Option<usize> {
    memchr::memchr_iter(b'\r', text.as_bytes()).find(|at| text.as_bytes().get(at + 1) != Some(&b'\n'))
}

/// A line of `%` before the document with what no directive needs: behind it the parser no longer knows where things are.
fn foreign_directive(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches(BYTE_ORDER_MARK);
        match bare.trim_start().chars().next() {
            Some('%') if !bare.is_ascii() => return Some(start),
            Some('%' | '#') | None => start += line.len(),
            Some(_) => break,
        }
    }
    None
}

fn take_apart(text: &Text) -> Result<Document, Wrong> {
    let mut reader = Reader::new(text);
    match reader.root()? {
        Root::Nothing => Ok(Document::new(Format::Yaml, Form::Collection, text.clone(), Vec::new(), Text::default())),
        Root::Other(node) => singleton(text, &node),
        Root::Sequence(layout) => collection(text, reader, layout),
    }
}

fn singleton(text: &Text, node: &Node) -> Result<Document, Wrong> {
    let Value::Object(object) = node.value() else {
        let message = "the file is neither a list of mappings nor a mapping".to_owned();
        return Err(Wrong { byte: node.span.start, message });
    };
    let (start, end) = (node.span.start, end_of_row(text, &node.span, 0));
    let row = Row::of_object(Text::default(), text.piece(start, end), &object);
    Ok(Document::new(Format::Yaml, Form::Singleton, text.piece(0, start), vec![row.into()], text.piece(end, text.len())))
}

fn collection(text: &Text, mut reader: Reader<'_>, layout: Layout) -> Result<Document, Wrong> {
    let (mut rows, mut head, mut end) = (Vec::new(), None, reader.end());
    while let Some(entry) = reader.entry(layout)? {
        let Value::Object(object) = entry.value.value() else {
            let message = format!("entry {} of the list is no mapping; a collection is a list of mappings", rows.len());
            return Err(Wrong { byte: entry.value.span.start, message });
        };
        if layout == Layout::Flow && !text[entry.dash..].starts_with(['{', '&', '*', '!']) {
            return Err(Wrong { byte: entry.dash, message: "a mapping in a list between brackets needs braces".to_owned() });
        }
        let start = entry.dash.max(end);
        head.get_or_insert(start);
        let before = text.piece(end, start);
        end = match layout {
            Layout::Block => end_of_row(text, &(start..entry.end()), column_of(text, start) + 1),
            Layout::Flow => entry.end(),
        };
        rows.push(Arc::new(Row::of_object(before, text.piece(start, end), &object)));
    }
    let head = head.unwrap_or(end);
    Ok(Document::new(Format::Yaml, Form::Collection, text.piece(0, head), rows, text.piece(end.max(head), text.len())))
}

/// The end of the last line of a row, and of the comments below it that stand at `column` or behind.
fn end_of_row(text: &str, row: &std::ops::Range<usize>, column: usize) -> usize {
    let mut end = line_end(text, row.end);
    loop {
        let Some(next) = text[end..].find('\n').map(|newline| end + newline + 1) else { return end };
        let line = &text[next..];
        let blank = line.len() - line.trim_start_matches(' ').len();
        if column == 0 || blank < column || !line[blank..].starts_with('#') {
            return end;
        }
        end = line_end(text, next);
    }
}

fn column_of(text: &str, byte: usize) -> usize {
    let line = text[..byte].rsplit('\n').next().unwrap_or_default();
    line.trim_start_matches(BYTE_ORDER_MARK).len()
}

/// A row alone, at its column.
struct Alone {
    text: String,
    column: usize,
}

impl Alone {
    fn new(source: &str, column: usize) -> Self {
        Self { text: format!("{:column$}{source}", ""), column }
    }

    /// The mapping that it is, if nothing else stands in it.
    fn parse(&self) -> Result<Parsed, Wrong> {
        let nothing = || Wrong { byte: 0, message: "nothing is left".to_owned() };
        let mut reader = Reader::new(&self.text);
        let entry = match reader.root()? {
            Root::Nothing => return Err(nothing()),
            Root::Other(node) => Entry { dash: node.span.start, value: node },
            Root::Sequence(layout) => {
                let entry = reader.entry(layout)?.ok_or_else(nothing)?;
                if let Some(second) = reader.entry(layout)? {
                    return Err(Wrong { byte: second.dash, message: "this would be a second row".to_owned() });
                }
                entry
            }
        };
        let comments = comments(&self.text, &reader.scalars);
        Ok(Parsed { node: entry.value, comments, shares: reader.shares })
    }

    /// The row, if it says what it should.
    fn row(&self, before: Text, item: &Map<String, Value>) -> Result<Arc<Row>, Inexpressible> {
        let parsed = self.parse().map_err(|wrong| Inexpressible::new("", format!("YAML cannot say this: {}", wrong.message)))?;
        match parsed.node.value() {
            Value::Object(object) if object == *item => {
                Ok(Arc::new(Row::of_object(before, self.text[self.column..].into(), &object)))
            }
            _ => Err(Inexpressible::new("", BY_HAND)),
        }
    }
}

struct Parsed {
    node: Node,
    comments: Vec<usize>,
    /// Whether there are anchors or aliases.
    shares: bool,
}

/// Where comments start: at a `#` that is not part of a scalar.
fn comments(text: &str, scalars: &[std::ops::Range<usize>]) -> Vec<usize> {
    let (mut comments, mut scalars) = (Vec::new(), scalars.iter().peekable());
    let mut line = 0;
    for at in memchr::memchr_iter(b'#', text.as_bytes()) {
        while scalars.next_if(|scalar| scalar.end <= at).is_some() {}
        if at >= line && scalars.peek().is_none_or(|scalar| at < scalar.start) {
            comments.push(at);
            line = line_end(text, at);
        }
    }
    comments
}

/// The style of a row, as far as it shows.
fn style_of(text: &str, node: &Node, newline: &'static str) -> Style {
    let members = if let Content::Mapping(members) = &node.content { members.as_slice() } else { &[] };
    let dash = members.iter().find_map(|member| match &member.value.content {
        Content::Sequence(entries) => entries.first().map(|entry| column_of(text, entry.dash)),
        _ => None,
    });
    let column = members.first().map_or(0, |member| column_of(text, member.key.start));
    let brace = if text[node.span.clone()].starts_with("{ ") { " " } else { "" };
    Style { newline, dash: dash.map_or(2, |dash| dash.saturating_sub(column)), brace }
}

/// The column at which the row at a place stands.
fn column(document: &Document, place: usize) -> usize {
    let before = if place == 0 { &document.head } else { document.rows[place].before() };
    column_of(before, before.len())
}

pub(super) fn replace(document: &mut Document, place: usize, item: &Map<String, Value>) -> Result<(), Inexpressible> {
    let row = &document.rows[place];
    let alone = Alone::new(row.source(), column(document, place));
    let parsed = alone.parse().ok();
    if parsed.as_ref().is_none_or(|parsed| parsed.shares) && is_referred_to(document, place) {
        return Err(Inexpressible::new("", REFERRED));
    }
    let newline = document.newline();
    let spliced = parsed.as_ref().filter(|parsed| !parsed.shares).and_then(|parsed| {
        let edit = Edit::new(&alone.text, style_of(&alone.text, &parsed.node, newline), &parsed.comments);
        let text = edit.apply(&parsed.node, item).ok()?;
        Alone { text, ..alone }.row(row.before().clone(), item).ok()
    });
    document.rows[place] = match spliced {
        Some(row) => row,
        None => rewritten(document, place, parsed.as_ref(), &alone, item)?,
    };
    Ok(())
}

/// The row written anew, if no comment is lost.
fn rewritten(
    document: &Document,
    place: usize,
    parsed: Option<&Parsed>,
    alone: &Alone,
    item: &Map<String, Value>,
) -> Result<Arc<Row>, Inexpressible> {
    let row = &document.rows[place];
    if parsed.map_or(row.source().contains('#'), |parsed| !parsed.comments.is_empty()) {
        return Err(Inexpressible::new("", BY_HAND));
    }
    let source = match (document.form, parsed) {
        _ if row.source().starts_with('-') => row_like(Some(row.source()), alone.column, document.newline(), item),
        (_, Some(parsed)) if matches!(parsed.node.content, Content::Flow(_)) => {
            let style = style_of(&alone.text, &parsed.node, document.newline());
            style.flow(&Value::Object(item.clone()))
        }
        (Form::Singleton, _) if !item.is_empty() => {
            Style { newline: document.newline(), dash: 2, brace: "" }.mapping(item, alone.column)
        }
        _ => Style { newline: document.newline(), dash: 2, brace: "" }.flow(&Value::Object(item.clone())),
    };
    Alone::new(&source, alone.column).row(row.before().clone(), item)
}

/// Whether an anchor of a row has the name of an alias in a later one.
fn is_referred_to(document: &Document, place: usize) -> bool {
    let names = document.rows[place].source().split('&').skip(1);
    let names =
        names.map(|rest| rest.split(|sign: char| sign.is_whitespace() || ",[]{}".contains(sign)).next().unwrap_or_default());
    let aliases: Vec<String> = names.filter(|name| !name.is_empty()).map(|name| format!("*{name}")).collect();
    document.rows[place + 1..]
        .iter()
        .any(|row| row.source().contains('*') && aliases.iter().any(|alias| row.source().contains(alias.as_str())))
}

/// An entry of a list, written as its sibling is.
fn row_like(sibling: Option<&str>, column: usize, newline: &'static str, item: &Map<String, Value>) -> String {
    let alone = Alone::new(sibling.unwrap_or_default(), column);
    let parsed = alone.parse().ok();
    let style =
        parsed.as_ref().map_or(Style { newline, dash: 2, brace: "" }, |parsed| style_of(&alone.text, &parsed.node, newline));
    let flow = parsed.is_some_and(|parsed| matches!(parsed.node.content, Content::Flow(_)));
    let behind = sibling.and_then(|sibling| sibling.strip_prefix('-')).unwrap_or_default();
    let gap = behind.len() - behind.trim_start_matches(' ').len();
    let gap = if behind[gap..].starts_with(|sign: char| sign.is_alphanumeric() || "\"'{".contains(sign)) { gap } else { 1 };
    let text =
        if item.is_empty() || flow { style.flow(&Value::Object(item.clone())) } else { style.mapping(item, column + 1 + gap) };
    format!("-{:gap$}{text}", "")
}

pub(super) fn push(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    if let [.., last] = document.rows.as_slice() {
        return if last.source().starts_with('-') { push_lines(document, items) } else { push_flow(document, items) };
    }
    let mut next = document.clone();
    if let Some(tail) = next.tail.trim_start().strip_prefix(']') {
        // A list that was `[]` gets lines of its own, if there is room for them.
        let tail = tail.trim_start().into();
        next.head = next.head.strip_suffix('[').unwrap_or(&next.head).trim_end_matches([' ', '\t']).into();
        next.tail = tail;
    }
    let tail = std::mem::take(&mut next.tail);
    push_lines(&mut next, items)?;
    next.tail = format!("{}{}", &*next.tail, &*tail).into();
    if !says_the_same(&next) {
        next = document.clone();
        push_flow(&mut next, items)?;
        if !says_the_same(&next) {
            return Err(Inexpressible::new("", BY_HAND));
        }
    }
    *document = next;
    Ok(())
}

/// Whether a document is what its text says.
fn says_the_same(document: &Document) -> bool {
    let text: String = document.pieces().map(|piece| piece.to_string()).collect();
    let objects = |document: &Document| document.rows.iter().map(|row| row.object()).collect::<Vec<_>>();
    Document::read(Format::Yaml, text).is_ok_and(|again| again.form == document.form && objects(&again) == objects(document))
}

fn push_lines(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    let newline = document.newline();
    let sibling = document.rows.last().cloned();
    let column = document.rows.len().checked_sub(1).map_or(0, |last| column(document, last));
    let lines = match document.rows.as_slice() {
        [_, .., last] => last.before().split('#').next().unwrap_or_default().matches('\n').count().max(1),
        _ => 1,
    };
    let before = Text::from(format!("{}{:column$}", newline.repeat(lines), ""));
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let source = row_like(sibling.as_ref().map(|row| &**row.source()), column, newline, item);
        rows.push(Alone::new(&source, column).row(before.clone(), item)?);
    }
    if let (Some(last), [first, ..]) = (&sibling, rows.as_mut_slice()) {
        *first = behind(last, first, column, newline).ok_or_else(|| Inexpressible::new("", BY_HAND))?;
    }
    document.append(rows);
    Ok(())
}

/// A row behind another one. Empty lines and comments in between can become part of a text that the other one ends with.
fn behind(last: &Row, row: &Arc<Row>, column: usize, newline: &str) -> Option<Arc<Row>> {
    let stays = |before: &str| {
        let text = format!("{}{}", &**last.source(), before.trim_end_matches(' '));
        // What cannot be parsed alone has an alias; only a text in lines is in danger.
        !last.source().contains(['|', '>'])
            || Alone::new(&text, column).parse().is_ok_and(|parsed| parsed.node.value() == Value::Object(last.object()))
    };
    if stays(row.before()) {
        return Some(Arc::clone(row));
    }
    let near = format!("{newline}{}", row.before().trim_start_matches(['\r', '\n']));
    stays(&near).then(|| Arc::new(row.behind(near.into())))
}

/// Rows of a list between brackets.
fn push_flow(document: &mut Document, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
    let before = match document.rows.as_slice() {
        [_, .., last] if !last.before().contains('#') => last.before().clone(),
        _ => ", ".into(),
    };
    let alone = document.rows.last().map(|row| Alone::new(row.source(), 0));
    let parsed = alone.as_ref().and_then(|alone| Some((alone, alone.parse().ok()?)));
    let newline = document.newline();
    let style =
        parsed.map_or(Style { newline, dash: 2, brace: "" }, |(alone, parsed)| style_of(&alone.text, &parsed.node, newline));
    for item in items {
        let source = style.flow(&Value::Object(item.clone()));
        let row = Alone::new(&source, 0).row(before.clone(), item)?;
        document.rows.push(row);
    }
    Ok(())
}

pub(super) fn remove(document: &mut Document, place: usize) -> Result<(), Inexpressible> {
    if document.rows[place].source().contains('&') && is_referred_to(document, place) {
        return Err(Inexpressible::new("", REFERRED));
    }
    if !document.rows[place].source().starts_with('-') {
        if let (0, Some(next)) = (place, document.rows.get(1)) {
            document.rows[1] = Arc::new(next.behind(without_comma(next.before()).into()));
        }
        document.take_out(place);
        if document.rows.is_empty() {
            document.tail = without_comma(&document.tail).into();
        }
        return Ok(());
    }
    let newline = document.newline();
    match (place.checked_sub(1), document.rows.get(place + 1)) {
        (Some(last), Some(next)) => {
            let column = column(document, last);
            let next = behind(&document.rows[last], next, column, newline).ok_or_else(|| Inexpressible::new("", BY_HAND))?;
            document.rows[place + 1] = next;
        }
        // A text in lines that the row before ends with needs the end of its last one.
        (Some(_), None) if document.tail.is_empty() => document.tail = newline.into(),
        _ => (),
    }
    document.take_out(place);
    Ok(())
}

/// What stands behind a row of a list between brackets, without the comma that may follow it.
fn without_comma(behind: &str) -> String {
    let comma = skip_comments(behind, 0);
    match behind[comma..].strip_prefix(',') {
        Some(rest) => format!("{}{rest}", &behind[..comma]),
        None => behind.to_owned(),
    }
}
