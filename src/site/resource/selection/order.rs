//! The order of the rows: `_sort=-views,title` (json-server 1), or `_sort=views,title&_order=desc,asc` (0.17).
//!
//! Numbers are ordered by size and texts by their characters. What a row does not have comes first, and kinds do not mix.

use std::cmp::{Ordering, Reverse};

use serde_json::Value;

use super::{
    error::QueryError,
    member::{Members, Names, Path},
    quantity::Quantity,
};

/// How many names the rows are ordered by; each one is kept for every row.
const MAX_NAMES: usize = 16;

/// Names in the order in which they matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order(Vec<(Path, Direction)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// What a row is ordered by.
pub(super) type Key = Vec<Part>;

/// One value of a key. The order of the variants is the order of kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Nothing,
    Boolean(bool),
    Number(Quantity),
    Text(String),
    Array,
    Object,
}

impl Order {
    /// Reads both parameters. A minus before a name counts more than what `_order` says.
    pub(super) fn parse(sort: Option<&str>, order: Option<&str>, names: &mut Names) -> Result<Self, QueryError> {
        let mut directions = order.unwrap_or_default().split(',').map(direction);
        let mut all = Vec::new();
        for name in sort.unwrap_or_default().split(',') {
            let given = directions.next().transpose()?.unwrap_or(Direction::Ascending);
            let (name, direction) = match name.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (name, given),
            };
            if !name.is_empty() {
                all.push((Path::parse(name, "_sort", names)?, direction));
            }
        }
        if all.len() > MAX_NAMES {
            return Err(QueryError::TooManyNames { name: "_sort", limit: MAX_NAMES });
        }
        Ok(Self(all))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn key(&self, members: &Members) -> Key {
        self.0.iter().map(|(path, _)| part(path.first(members))).collect()
    }

    pub(super) fn compare(&self, one: &Key, other: &Key) -> Ordering {
        let parts = self.0.iter().zip(one).zip(other).map(|(((_, direction), one), other)| match direction {
            Direction::Ascending => one.cmp(other),
            Direction::Descending => Reverse(one).cmp(&Reverse(other)),
        });
        parts.fold(Ordering::Equal, Ordering::then)
    }
}

fn direction(text: &str) -> Result<Direction, QueryError> {
    match text.trim() {
        text if text.is_empty() || text.eq_ignore_ascii_case("asc") => Ok(Direction::Ascending),
        text if text.eq_ignore_ascii_case("desc") => Ok(Direction::Descending),
        text => Err(QueryError::value("_order", "asc or desc", text)),
    }
}

fn part(value: Option<&Value>) -> Part {
    match value {
        None | Some(Value::Null) => Part::Nothing,
        Some(Value::Bool(value)) => Part::Boolean(*value),
        Some(Value::Number(number)) => Part::Number(Quantity::of(number)),
        Some(Value::String(text)) => Part::Text(text.clone()),
        Some(Value::Array(_)) => Part::Array,
        Some(Value::Object(_)) => Part::Object,
    }
}
