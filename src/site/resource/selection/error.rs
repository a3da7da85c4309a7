//! Why a query is not answered: always the parameter by name, what it said, and what it could say instead.

/// How much of a value is shown again, in characters.
const SHOWN_CHARACTERS: usize = 60;

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("the parameter {name} takes {expected}, not {value:?}")]
    Value { name: String, expected: String, value: String },
    #[error("the parameter {name} cannot compare {value:?}: {operator} takes {takes}, but {member} is {found}")]
    Incomparable {
        name: Box<str>,
        value: Box<str>,
        operator: &'static str,
        takes: &'static str,
        member: Box<str>,
        found: Box<str>,
    },
    #[error("the query takes longer than {limit:?}; ask for less at once")]
    TooLong { limit: std::time::Duration },
    #[error("the parameter {name} has no operator that is known; there are {known}")]
    Operator { name: String, known: String },
    #[error("there is no parameter {name}; {instead}")]
    Unknown { name: String, instead: String },
    #[error("a name in the parameter {name} is longer than {limit} bytes")]
    LongName { name: String, limit: usize },
    #[error("the query makes more than {limit} comparisons with each item; ask in several requests")]
    TooManyComparisons { limit: usize },
    #[error("the parameter {name} has more than {limit} names")]
    TooManyNames { name: &'static str, limit: usize },
    #[error("{collection} has no relation {relation:?} for {name}; {possible}")]
    Relation { name: &'static str, relation: String, collection: String, possible: String },
    #[error("what {name} adds is longer than {limit} bytes; ask for fewer items with _page and _per_page")]
    TooMuchEmbedded { name: &'static str, limit: usize },
}

impl QueryError {
    /// A value that is not what its parameter takes.
    pub(crate) fn value(name: &str, expected: impl Into<String>, value: &str) -> Self {
        Self::Value { name: name.to_owned(), expected: expected.into(), value: shown(value) }
    }
}

/// The beginning of a text that came with a request.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut() {
        assert_eq!(shown("ä"), "ä");
        assert_eq!(shown(&"ä".repeat(60)), "ä".repeat(60));
        assert_eq!(shown(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
    }
}
