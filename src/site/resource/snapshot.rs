//! The content of a data file at one moment, with its rows by id.
//!
//! Readers keep the one they have. A writer clones the newest, which costs a pointer per row, changes the clone, and shows it once it
//! is on the disk.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::SystemTime,
};

use hashbrown::HashTable;
use serde_json::{Map, Value};

use super::{
    document::{DataError, Document, Form, Format, ID, Inexpressible, Row, Text, id_text, integer},
    refusal::Refusal,
};
use crate::site::path::is_name;

/// The longest id that a new row may have.
const MAX_ID_BYTES: usize = 256;

/// Ids from here on are their clients' own choice, and others are not counted on from them: there soon would be none left that
/// JavaScript can tell apart, which ends at twice as many.
const FIRST_UNCOUNTED: i64 = 1 << 52;

/// All rows, with their places by id. Of rows with the same id the first has it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    document: Document,
    places: HashTable<u32>,
    hasher: RandomState,
    /// Which kind of id a new row gets.
    ids: Ids,
    /// When the file changed last.
    modified: Option<SystemTime>,
}

/// The ids there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    /// Whole numbers, none of those that are counted greater. Those of rows that are gone count too, as long as the file is not read
    /// anew.
    Integers { greatest: i64 },
    /// Texts among them.
    Texts,
}

impl Snapshot {
    /// Reads a data file that changed last at this time.
    pub(crate) fn read(format: Format, text: impl Into<Text>, modified: Option<SystemTime>) -> Result<Self, DataError> {
        let (document, ids) = (Document::read(format, text)?, Ids::Integers { greatest: 0 });
        let mut snapshot = Self { document, places: HashTable::new(), hasher: RandomState::new(), ids, modified };
        snapshot.index();
        Ok(snapshot)
    }

    /// The same, of the resource with this name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { document: self.document.named(name), ..self }
    }

    pub(crate) fn form(&self) -> Form {
        self.document.form()
    }

    pub(crate) fn rows(&self) -> &[Arc<Row>] {
        self.document.rows()
    }

    /// The row with this id, or the one row of a singleton, which has no name.
    pub(crate) fn row(&self, id: Option<&str>) -> Option<&Arc<Row>> {
        self.rows().get(self.place(id)?)
    }

    fn place(&self, id: Option<&str>) -> Option<usize> {
        match (self.form(), id) {
            (Form::Singleton, None) => Some(0),
            (Form::Collection, Some(id)) => self.find(id),
            _ => None,
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        let is_it = |place: &u32| self.rows()[*place as usize].id() == Some(id);
        self.places.find(self.hasher.hash_one(id), is_it).map(|place| *place as usize)
    }

    /// The text of the file.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Text> {
        self.document.pieces()
    }

    /// The length of the file in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.document.pieces().map(|piece| piece.len() as u64).sum()
    }

    /// When it changed last.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// New items with the ids they will have; those without one get the next.
    pub(crate) fn name(&self, items: Vec<Map<String, Value>>) -> Result<Vec<Map<String, Value>>, Refusal> {
        let (mut ids, mut new) = (self.ids, HashSet::new());
        let name = |item| {
            let item = ids.name(item, |id| self.find(&id.to_string()).is_some());
            let id = item.get(ID).and_then(id_text).filter(|id| is_id(id)).ok_or(Refusal::BadId)?;
            if self.find(&id).is_some() || !new.insert(id.clone()) { Err(Refusal::Duplicate(id)) } else { Ok(item) }
        };
        items.into_iter().map(name).collect()
    }

    /// Whether all ids are whole numbers.
    pub(crate) fn has_integer_ids(&self) -> bool {
        matches!(self.ids, Ids::Integers { .. })
    }

    /// The id that an address names, of the kind that rows have here.
    pub(crate) fn id_of(&self, name: &str) -> Value {
        let number = name.parse::<i64>().ok().filter(|number| number.to_string() == name);
        match (self.ids, number) {
            (Ids::Integers { .. }, Some(number)) => number.into(),
            _ => name.into(),
        }
    }

    /// Appends items that have ids of their own, all or none.
    pub(crate) fn push(&mut self, items: &[Map<String, Value>]) -> Result<&[Arc<Row>], Refusal> {
        let first = self.rows().len();
        self.document.push(items)?;
        (first..self.rows().len()).for_each(|place| self.add(place));
        self.modified = Some(SystemTime::now());
        Ok(&self.rows()[first..])
    }

    /// Puts another row of the same id in the place of one.
    pub(crate) fn replace(&mut self, id: Option<&str>, item: &Map<String, Value>) -> Result<&Arc<Row>, Refusal> {
        let place = self.place(id).ok_or(Refusal::Missing)?;
        self.document.replace(place, item)?;
        self.modified = Some(SystemTime::now());
        Ok(&self.rows()[place])
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, id: &str) -> Result<(), Refusal> {
        let place = self.find(id).ok_or(Refusal::Missing)?;
        self.document.remove(place)?;
        self.modified = Some(SystemTime::now());
        self.index();
        Ok(())
    }

    /// Takes out all rows that go, or none, and gives their ids.
    pub(crate) fn remove_all(&mut self, goes: impl Fn(&Row) -> bool) -> Result<Vec<String>, Refusal> {
        let places: Vec<usize> = (0..self.rows().len()).filter(|place| goes(&self.rows()[*place])).collect();
        let mut rest = self.document.clone();
        places.iter().rev().try_for_each(|place| rest.remove(*place))?;
        let ids = places.iter().filter_map(|place| self.rows()[*place].id().map(str::to_owned)).collect();
        self.document = rest;
        self.modified = Some(SystemTime::now());
        self.index();
        Ok(ids)
    }

    /// Finds all places anew.
    fn index(&mut self) {
        self.places.clear();
        (0..self.rows().len()).for_each(|place| self.add(place));
    }

    /// Notes the id of the row at `place`.
    fn add(&mut self, place: usize) {
        let (Some(row), Ok(number)) = (self.document.rows().get(place).cloned(), u32::try_from(place)) else { return };
        let Some(id) = row.id() else { return };
        self.ids.note(row.integer_id());
        if self.find(id).is_none() {
            let (rows, hasher) = (self.document.rows(), &self.hasher);
            let hash = |place: &u32| hasher.hash_one(rows[*place as usize].id().unwrap_or_default());
            self.places.insert_unique(hasher.hash_one(id), number, hash);
        }
    }
}

/// Whether a new row can have this id: it has to stand in an address.
fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID_BYTES && is_name(id)
}

impl Ids {
    fn note(&mut self, integer: Option<i64>) {
        *self = match (*self, integer) {
            (Self::Integers { .. }, Some(id)) if id >= FIRST_UNCOUNTED => *self,
            (Self::Integers { greatest }, Some(id)) => Self::Integers { greatest: greatest.max(id) },
            _ => Self::Texts,
        };
    }

    /// An item with an id, which stands first: the next number where all are numbers, a UUIDv7 (RFC 9562 §5.7) otherwise.
    fn name(&mut self, mut item: Map<String, Value>, is_taken: impl Fn(i64) -> bool) -> Map<String, Value> {
        let id = match item.shift_remove(ID) {
            None | Some(Value::Null) => self.next(is_taken),
            Some(id) => integer(&id).map_or(id, Value::from),
        };
        self.note(integer(&id));
        [(ID.to_owned(), id)].into_iter().chain(item).collect()
    }

    fn next(&mut self, is_taken: impl Fn(i64) -> bool) -> Value {
        let Self::Integers { greatest } = self else { return uuid::Uuid::now_v7().to_string().into() };
        *greatest += 1;
        while is_taken(*greatest) {
            *greatest += 1;
        }
        (*greatest).into()
    }
}

impl From<Inexpressible> for Refusal {
    fn from(inexpressible: Inexpressible) -> Self {
        Self::Inexpressible(inexpressible)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_numbers_or_texts() {
        let snapshot = read(r#"[{"id":7,"n":1},{"id":"x"},{"id":7,"n":2},{"id":null},{}]"#);
        assert_eq!(snapshot.row(Some("7")).unwrap().object()["n"], 1);
        assert!(snapshot.row(Some("x")).is_some());
        assert!(snapshot.row(Some("null")).is_none());
        assert!(snapshot.row(None).is_none());
        assert!(read("{}").row(None).is_some());
    }

    #[test]
    fn new_ids_follow_the_others() {
        check("[]", &json!([{}, {"id": 7}, {}, {"id": null}]), "1 7 8 9");
        check(r#"[{"id":3},{"id":9},{"n":1}]"#, &json!([{}]), "10");
        check(r#"[{"id":3}]"#, &json!([{"id": 3}]), "there is already an item with the id 3");
        check(r#"[{"id":"3"}]"#, &json!([{"id": 3}]), "there is already an item with the id 3");
        check("[]", &json!([{"id": "a"}, {"id": "a"}]), "there is already an item with the id a");
        let bad = "an id is a number or a short text that can stand in an address: not empty, without slashes";
        check("[]", &json!([{"id": []}]), bad);
        check("[]", &json!([{"id": 7.0}, {}, {"id": 7.5}]), "7 8 7.5");
        check(r#"[{"id":3}]"#, &json!([{"id": 3.0}]), "there is already an item with the id 3");
        check(r#"[{"id":3.0}]"#, &json!([{}]), "4");
        check(r#"[{"id":3}]"#, &json!([{"id": i64::MAX}, {}, {"id": u64::MAX}]), "9223372036854775807 4 18446744073709551615");
        let last = FIRST_UNCOUNTED - 1;
        check(&format!(r#"[{{"id":{}}},{{"id":{last}}}]"#, last + 1), &json!([{}]), &(last + 2).to_string());
        let named = read(r#"[{"id":1},{"id":"x"}]"#).name(vec![Map::new()]).unwrap();
        let id = uuid::Uuid::parse_str(named[0][ID].as_str().unwrap()).unwrap();
        assert_eq!(id.get_version_num(), 7);

        fn check(text: &str, items: &Value, expected: &str) {
            let ids =
                |items: Vec<Map<String, Value>>| items.iter().map(|item| item[ID].to_string()).collect::<Vec<_>>().join(" ");
            let found = read(text).name(objects(items)).map_or_else(|refusal| refusal.to_string(), ids);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn no_id_is_given_twice() {
        let mut snapshot = read(r#"[{"id":1},{"id":2}]"#);
        snapshot.remove("2").unwrap();
        assert_eq!(snapshot.name(objects(&json!([{}]))).unwrap()[0][ID], 3);
    }

    #[test]
    fn rows_come_and_go() {
        let mut snapshot = read(r#"[{"id":1},{"id":2}]"#);
        assert_eq!(snapshot.push(&objects(&json!([{"id": 3}, {"id": 4}]))).unwrap().len(), 2);
        snapshot.remove("1").unwrap();
        assert_eq!(snapshot.replace(Some("3"), &objects(&json!([{"id": 3, "n": 1}]))[0]).unwrap().object()["n"], 1);
        let found = |id: &str| snapshot.row(Some(id)).map(|row| row.json().to_owned());
        assert_eq!([found("1"), found("2"), found("4")].map(|row| row.is_some()), [false, true, true]);
        assert!(snapshot.clone().remove("9").is_err());
        let text: String = snapshot.pieces().map(|piece| piece.to_string()).collect();
        assert_eq!((text.len() as u64, text.as_str()), (snapshot.length(), r#"[{"id":2},{"id":3,"n":1},{"id":4}]"#));
    }

    fn read(text: &str) -> Snapshot {
        Snapshot::read(Format::Json, text, None).unwrap()
    }

    fn objects(values: &Value) -> Vec<Map<String, Value>> {
        values.as_array().unwrap().iter().map(|value| value.as_object().unwrap().clone()).collect()
    }
}
