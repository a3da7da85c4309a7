//! What fuzzing reaches of data files and of versions, which are nobody else's business: it is built for that alone (`--cfg fuzzing`).
//!
//! Nothing is decided here. What a document or a version must keep is said by the one who calls.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{
    document::{self, Form, Format},
    lens::{self, Beneath},
};

/// A data file taken apart.
#[derive(Clone, Debug)]
pub struct Document(document::Document);

impl Document {
    /// Takes the text of a file with this extension apart.
    ///
    /// # Errors
    /// With line and column, where they are known.
    ///
    /// # Panics
    /// When no data file has this extension.
    pub fn read(extension: &str, text: &str) -> Result<Self, Option<(usize, usize)>> {
        let format = Format::of_extension(extension).expect("an extension of data files");
        document::Document::read(format, text.to_owned()).map(Self).map_err(|error| error.place)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.pieces().map(|piece| piece.to_string()).collect()
    }

    /// What it says.
    #[must_use]
    pub fn rows(&self) -> Vec<Map<String, Value>> {
        self.0.rows().iter().map(|row| row.object()).collect()
    }

    /// Whether there may be other rows.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        self.0.form() == Form::Collection
    }

    /// Appends a row; whether the format has a way to write it.
    pub fn push(&mut self, row: &Map<String, Value>) -> bool {
        self.0.push(std::slice::from_ref(row)).is_ok()
    }

    /// Puts a row in the place of another; whether the format has a way to write it.
    pub fn replace(&mut self, place: usize, row: &Map<String, Value>) -> bool {
        self.0.replace(place, row).is_ok()
    }

    /// Takes a row out; whether the format has a way to do so.
    pub fn remove(&mut self, place: usize) -> bool {
        self.0.remove(place).is_ok()
    }
}

/// How one version differs from the next newer one.
#[derive(Clone, Debug)]
pub struct Lens(lens::Lens);

impl Lens {
    /// Reads the file of a version.
    ///
    /// # Errors
    /// With the bytes that are wrong, where they are known.
    pub fn parse(text: &str) -> Result<Self, Option<Range<usize>>> {
        lens::Lens::parse(text).map(Self).map_err(|error| error.span())
    }

    /// A newer object as the version shows it.
    #[must_use]
    pub fn show(&self, newer: &Map<String, Value>) -> Map<String, Value> {
        self.0.show(newer)
    }

    /// The newer object when the version writes `shown` over it; `None` where it cannot be written.
    #[must_use]
    pub fn store(&self, shown: Map<String, Value>, newer: &Map<String, Value>) -> Option<Map<String, Value>> {
        self.0.store(shown, Beneath::Object(newer)).ok()
    }
}
