//! The content of a data file at one moment: rows that never change.
//!
//! A write makes the next [`Snapshot`] and shares the rows it does not touch. Readers keep the one they have.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use minijinja::value::Serde;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The member that names a row.
pub(crate) const ID: &str = "id";

/// One object of a collection, or the whole of a singleton.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) json: Map<String, Value>,
    for_templates: OnceLock<minijinja::Value>,
}

impl Row {
    pub(crate) fn new(json: Map<String, Value>) -> Arc<Self> {
        Arc::new(Self { json, for_templates: OnceLock::new() })
    }

    /// The row as templates see it.
    pub(crate) fn for_templates(&self) -> minijinja::Value {
        self.for_templates.get_or_init(|| minijinja::Value::from(Serde(&self.json))).clone()
    }

    /// The row's id as it stands in a path.
    pub(crate) fn id(&self) -> Option<String> {
        self.json.get(ID).and_then(id_text)
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An array of objects.
    Collection,
    /// One object.
    Singleton,
}

/// All rows, with their places by id.
#[derive(Debug)]
pub(crate) struct Snapshot {
    form: Form,
    rows: Vec<Arc<Row>>,
    places: HashMap<String, usize>,
    for_templates: OnceLock<minijinja::Value>,
}

/// Why a text is no data file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    #[error("entry {0} of the array is no object; a collection is an array of objects")]
    NoObject(usize),
    #[error("the file is neither an array of objects nor an object")]
    NoCollection,
}

impl Snapshot {
    /// Reads a data file.
    pub(crate) fn parse(text: &str) -> Result<Self, DataError> {
        match serde_json::from_str(text)? {
            Value::Array(values) => {
                let rows = values.into_iter().enumerate().map(|(place, value)| match value {
                    Value::Object(json) => Ok(Row::new(json)),
                    _ => Err(DataError::NoObject(place)),
                });
                Ok(Self::new(Form::Collection, rows.collect::<Result<_, _>>()?))
            }
            Value::Object(json) => Ok(Self::new(Form::Singleton, vec![Row::new(json)])),
            _ => Err(DataError::NoCollection),
        }
    }

    fn new(form: Form, rows: Vec<Arc<Row>>) -> Self {
        let mut places = HashMap::with_capacity(rows.len());
        for (place, id) in rows.iter().enumerate().filter_map(|(place, row)| Some((place, row.id()?))) {
            places.entry(id).or_insert(place);
        }
        Self { form, rows, places, for_templates: OnceLock::new() }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn rows(&self) -> &[Arc<Row>] {
        &self.rows
    }

    /// All rows, or the singleton, as templates see them.
    pub(crate) fn for_templates(&self) -> minijinja::Value {
        let convert = || match (self.form, self.rows.as_slice()) {
            (Form::Singleton, [row]) => row.for_templates(),
            _ => self.rows.iter().map(|row| row.for_templates()).collect(),
        };
        self.for_templates.get_or_init(convert).clone()
    }

    /// The row with this id, or the one row of a singleton, which has no name.
    pub(crate) fn row(&self, id: Option<&str>) -> Option<&Arc<Row>> {
        self.place(id).map(|place| &self.rows[place])
    }

    fn place(&self, id: Option<&str>) -> Option<usize> {
        match (self.form, id) {
            (Form::Singleton, None) => Some(0),
            (Form::Collection, Some(id)) => self.places.get(id).copied(),
            _ => None,
        }
    }

    /// The next snapshot: one row more.
    pub(crate) fn with(&self, row: Arc<Row>) -> Self {
        let rows = self.rows.iter().cloned().chain([row]).collect();
        Self::new(self.form, rows)
    }

    /// The next snapshot: another row in the place of this one.
    pub(crate) fn replacing(&self, id: Option<&str>, row: Arc<Row>) -> Result<Self, Refusal> {
        let place = self.place(id).ok_or(Refusal::Missing)?;
        let mut rows = self.rows.clone();
        rows[place] = row;
        Ok(Self::new(self.form, rows))
    }

    /// The next snapshot: without this row.
    pub(crate) fn without(&self, id: &str) -> Result<Self, Refusal> {
        let place = self.place(Some(id)).ok_or(Refusal::Missing)?;
        let mut rows = self.rows.clone();
        rows.remove(place);
        Ok(Self::new(self.form, rows))
    }

    /// The id of a new row that brings none: the next number where all are numbers, random otherwise.
    pub(crate) fn next_id(&self) -> Result<Value, Refusal> {
        let mut numbers = self.rows.iter().filter_map(|row| row.json.get(ID)).map(Value::as_i64);
        let greatest = numbers.try_fold(0, |greatest, number| number.map(|number| greatest.max(number)));
        match greatest.and_then(|greatest| greatest.checked_add(1)) {
            Some(next) => Ok(next.into()),
            None => random_id().map(Value::String).map_err(Refusal::Disk),
        }
    }

    /// The text of the file: two spaces a level, and a newline at the end.
    pub(crate) fn to_text(&self) -> String {
        let objects: Vec<&Map<String, Value>> = self.rows.iter().map(|row| &row.json).collect();
        let text = match (self.form, objects.as_slice()) {
            (Form::Singleton, [object]) => serde_json::to_string_pretty(object),
            _ => serde_json::to_string_pretty(&objects),
        };
        // Maps with text keys always have a JSON form.
        text.unwrap_or_default() + "\n"
    }
}

/// An id as it stands in a path; only numbers and texts are ids.
pub(crate) fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Twelve hexadecimal digits: enough that two people who add rows to one file do not meet.
fn random_id() -> std::io::Result<String> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_order_of_keys() {
        let text = "[\n  {\n    \"id\": 1,\n    \"z\": 1,\n    \"a\": {}\n  }\n]\n";
        assert_eq!(Snapshot::parse(text).unwrap().to_text(), text);
        let text = "{\n  \"z\": 1,\n  \"a\": []\n}\n";
        assert_eq!(Snapshot::parse(text).unwrap().to_text(), text);
    }

    #[test]
    fn ids_are_numbers_or_texts() {
        let snapshot = Snapshot::parse(r#"[{"id":7,"n":1},{"id":"x"},{"id":7,"n":2},{"id":null},{}]"#).unwrap();
        assert_eq!(snapshot.row(Some("7")).unwrap().json["n"], 1);
        assert!(snapshot.row(Some("x")).is_some());
        assert!(snapshot.row(Some("null")).is_none());
        assert!(snapshot.row(None).is_none());
        assert!(Snapshot::parse("{}").unwrap().row(None).is_some());
    }

    #[test]
    fn new_ids_follow_the_others() {
        for (text, expected) in
            [("[]", Some(1)), (r#"[{"id":3},{"id":9},{"n":1}]"#, Some(10)), (r#"[{"id":1},{"id":"x"}]"#, None)]
        {
            let id = Snapshot::parse(text).unwrap().next_id().unwrap();
            assert_eq!(id.as_i64(), expected, "{text}");
            assert!(expected.is_some() || id.as_str().is_some_and(|id| id.len() == 12));
        }
        let full = Snapshot::parse(&format!("[{{\"id\":{}}}]", i64::MAX)).unwrap();
        assert!(full.next_id().unwrap().is_string());
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, expected) in [("[1]", "entry 0"), ("1", "neither"), ("[{]", "line 1 column 3"), ("", "EOF")] {
            let error = Snapshot::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn rows_come_and_go() {
        let snapshot = Snapshot::parse(r#"[{"id":1},{"id":2}]"#).unwrap();
        let row = |json: Value| Row::new(json.as_object().unwrap().clone());
        assert_eq!(snapshot.with(row(json!({"id": 3}))).rows().len(), 3);
        assert_eq!(snapshot.without("1").unwrap().rows()[0].json[ID], 2);
        assert_eq!(snapshot.replacing(Some("2"), row(json!({"id": 2, "n": 1}))).unwrap().rows()[1].json["n"], 1);
        assert!(snapshot.without("9").is_err());
    }
}
