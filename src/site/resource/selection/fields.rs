//! The members that an answer keeps: `_fields=id,title,author.name`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{error::QueryError, member::MAX_NAME_BYTES};

/// How many names may be given, with the parts between their dots.
const MAX_NAMES: usize = 256;

/// Names of members as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(HashMap<String, Kept>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Whole,
    Some(Fields),
}

impl Fields {
    /// Reads the parameter. `None` if it names nothing.
    pub(super) fn parse<'a>(lists: impl Iterator<Item = &'a str>) -> Result<Option<Self>, QueryError> {
        let mut fields = Self::default();
        let mut parts = 0;
        for name in lists.flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
            // The tree is as deep as a name has dots; it is walked, and let go, level by level.
            if name.len() > MAX_NAME_BYTES {
                return Err(QueryError::LongName { name: "_fields".to_owned(), limit: MAX_NAME_BYTES });
            }
            parts += name.split('.').count();
            if parts > MAX_NAMES {
                return Err(QueryError::TooManyNames { name: "_fields", limit: MAX_NAMES });
            }
            fields.keep(name);
        }
        Ok((parts > 0).then_some(fields))
    }

    fn keep(&mut self, name: &str) {
        match name.split_once('.') {
            None => {
                self.0.insert(name.to_owned(), Kept::Whole);
            }
            Some((first, rest)) => {
                let kept = self.0.entry(first.to_owned()).or_insert_with(|| Kept::Some(Self::default()));
                if let Kept::Some(inner) = kept {
                    inner.keep(rest);
                }
            }
        }
    }

    /// Keeps a member whole, unless only some of it was asked for.
    pub(super) fn keep_also(&mut self, name: &str) {
        self.0.entry(name.to_owned()).or_insert(Kept::Whole);
    }

    /// The object with these members alone, in their order. An array on the way is cut element by element.
    pub(crate) fn project(&self, object: Map<String, Value>) -> Map<String, Value> {
        let members = object.into_iter().filter_map(|(name, value)| match self.0.get(&name)? {
            Kept::Whole => Some((name, value)),
            Kept::Some(inner) => Some((name, inner.inside(value)?)),
        });
        members.collect()
    }

    fn inside(&self, value: Value) -> Option<Value> {
        match value {
            Value::Object(object) => Some(Value::Object(self.project(object))),
            Value::Array(values) => Some(values.into_iter().filter_map(|value| self.inside(value)).collect()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects() {
        check("id", r#"{"id":1}"#);
        check("title,id", r#"{"id":1,"title":"T"}"#);
        check("author.name", r#"{"author":{"name":"A"}}"#);
        check("author.name,author", r#"{"author":{"name":"A","age":3}}"#);
        check("author,author.name", r#"{"author":{"name":"A","age":3}}"#);
        check("tags.n", r#"{"tags":[{"n":1},{}]}"#);
        check("id.x,none", "{}");
        check(" id , ,", r#"{"id":1}"#);

        fn check(list: &str, expected: &str) {
            let row = r#"{"id":1,"title":"T","author":{"name":"A","age":3},"tags":[{"n":1,"m":2},{"m":3},4]}"#;
            let fields = Fields::parse([list].into_iter()).unwrap().unwrap();
            let kept = fields.project(serde_json::from_str(row).unwrap());
            assert_eq!(serde_json::to_string(&kept).unwrap(), expected, "{list}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let parse = |list: String| Fields::parse([list.as_str()].into_iter());
        assert_eq!(parse(" ,".to_owned()), Ok(None));
        assert!(parse("a,".repeat(MAX_NAMES)).is_ok());
        assert!(parse("a,".repeat(MAX_NAMES + 1)).is_err());
        assert!(parse("a.".repeat(MAX_NAME_BYTES / 2)).is_ok());
        assert!(parse("a.".repeat(MAX_NAME_BYTES / 2) + "a").is_err());
        assert!(parse(".".repeat(1_000_000)).is_err());
    }
}
