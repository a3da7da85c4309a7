//! A data file taken apart into rows, so that a change of one row changes nothing else in the file.
//!
//! [`Document::read`] finds the rows and keeps the text between them: joined again ([`Document::pieces`]) it is the same file, byte
//! for byte. [`Document::push`], [`Document::replace`] and [`Document::remove`] exchange the text of the rows they name; each format
//! writes them in the style it finds around. A change that a format cannot express is refused and changes nothing.
//!
//! Rows are texts, not trees: a tree of a large file takes many times its size. Who looks into a row parses it ([`Row::object`]).
//! Absent here: names of files, ids that must be unique, and the disk.

mod align;
mod csv;
mod json;
mod ndjson;
mod row;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod toml;
mod yaml;

use std::sync::Arc;

use serde_json::{Map, Value};

pub(crate) use self::{
    row::{ID, Row, id_text, integer},
    text::Text,
};

/// How a data file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    Ndjson,
    Toml,
    Yaml,
}

impl Format {
    /// The format of files with this extension, lower case.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any number of objects.
    Collection,
    /// One object.
    Singleton,
}

/// Why a text is no data file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct DataError {
    /// One sentence.
    pub(crate) message: String,
    /// Line and column, from 1, where they are known.
    pub(crate) place: Option<(usize, usize)>,
}

impl DataError {
    fn somewhere(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None }
    }

    /// At a byte of the whole text.
    fn at(text: &Text, byte: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: Some(text.place(byte)) }
    }
}

/// What a format has no way to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Inexpressible {
    /// JSON pointer to the member.
    pub(crate) pointer: String,
    /// One sentence.
    pub(crate) detail: String,
}

impl Inexpressible {
    fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// The pointer to a member or an entry of what `parent` points to (RFC 6901 §3).
fn pointer(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The deepest nesting that is read from a file or written into one: what reads a row as JSON has a limit of its own, not far above.
const MAX_DEPTH: usize = 100;

/// What a list is called in a file that has to call it something, if nobody said it.
const NAME: &str = "items";

/// A data file: what stands before its rows, the rows, and what stands behind them. A clone costs a pointer per row.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    format: Format,
    form: Form,
    head: Text,
    rows: Vec<Arc<Row>>,
    tail: Text,
    /// What a format that names its list calls it, where the file does not say.
    name: Text,
}

impl Document {
    /// Takes a file apart.
    pub(crate) fn read(format: Format, text: impl Into<Text>) -> Result<Self, DataError> {
        let text = text.into();
        match format {
            Format::Csv => csv::read(&text),
            Format::Json => json::read(&text),
            Format::Ndjson => ndjson::read(&text),
            Format::Toml => toml::read(&text),
            Format::Yaml => yaml::read(&text),
        }
    }

    fn new(format: Format, form: Form, head: Text, rows: Vec<Arc<Row>>, tail: Text) -> Self {
        Self { format, form, head, rows, tail, name: NAME.into() }
    }

    /// The same document. The first row of a TOML file that has none will stand under `[[name]]`.
    pub(crate) fn named(self, name: &str) -> Self {
        if self.rows.is_empty() { Self { name: name.into(), ..self } } else { self }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn rows(&self) -> &[Arc<Row>] {
        &self.rows
    }

    /// The text of the file, in pieces of any length.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Text> {
        let rows = self.rows.iter().enumerate().flat_map(|(place, row)| row.pieces(place));
        text::join(std::iter::once(&self.head).chain(rows).chain([&self.tail]))
    }

    /// Appends rows to a collection: all, or none.
    pub(crate) fn push(&mut self, items: &[Map<String, Value>]) -> Result<(), Inexpressible> {
        if items.is_empty() {
            return Ok(());
        }
        match self.format {
            Format::Csv => csv::push(self, items),
            Format::Json => json::push(self, items),
            Format::Ndjson => ndjson::push(self, items),
            Format::Toml => toml::push(self, items),
            Format::Yaml => yaml::push(self, items),
        }
    }

    /// Puts another row in the place of one. One that says the same keeps its text.
    pub(crate) fn replace(&mut self, place: usize, item: &Map<String, Value>) -> Result<(), Inexpressible> {
        if self.rows[place].object() == *item {
            return Ok(());
        }
        match self.format {
            Format::Csv => csv::replace(self, place, item),
            Format::Json => json::replace(self, place, item),
            Format::Ndjson => ndjson::replace(self, place, item),
            Format::Toml => toml::replace(self, place, item),
            Format::Yaml => yaml::replace(self, place, item),
        }
    }

    /// Takes a row out of a collection. Only YAML refuses that: for a row that others refer to.
    pub(crate) fn remove(&mut self, place: usize) -> Result<(), Inexpressible> {
        match self.format {
            Format::Csv => csv::remove(self, place),
            Format::Json => json::remove(self, place),
            Format::Ndjson => drop(self.rows.remove(place)),
            Format::Toml => toml::remove(self, place),
            Format::Yaml => yaml::remove(self, place)?,
        }
        Ok(())
    }

    /// Takes a row out of a file with comments: those above the row go with it, those above the next one stay.
    fn take_out(&mut self, place: usize) {
        self.rows.remove(place);
        let next = self.rows.first().map_or("", |next| next.before());
        let above = next.split_once('\n').map_or("", |(_, above)| above);
        if place == 0 && above.contains('#') {
            self.head = format!("{}{above}", self.head.trim_end_matches([' ', '\t'])).into();
        }
        if self.rows.is_empty() {
            self.head = self.head.trim_end_matches([' ', '\t']).into();
            let tail = self.tail.strip_prefix('\r').unwrap_or(&self.tail);
            self.tail = tail.strip_prefix('\n').unwrap_or(tail).into();
        }
    }

    /// Puts rows behind the others, each on a line of its own.
    fn append(&mut self, rows: Vec<Arc<Row>>) {
        if self.rows.is_empty() {
            let newline = self.newline();
            if !self.head.is_empty() && !self.head.ends_with('\n') {
                self.head = format!("{}{newline}", &*self.head).into();
            }
            self.tail = newline.into();
        }
        self.rows.extend(rows);
    }

    /// What ends a line of this file.
    fn newline(&self) -> &'static str {
        let first = self.rows.first().map(|row| row.source());
        let second = self.rows.get(1).map(|row| row.before());
        let texts = [Some(&self.head), second, Some(&self.tail), first];
        texts.into_iter().flatten().find_map(|text| text::newline(text)).unwrap_or("\n")
    }
}
