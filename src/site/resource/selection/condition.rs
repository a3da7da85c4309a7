//! One condition: what a parameter says about the rows, in each of the ways it can be read.
//!
//! `views_gte` is a comparison of `views`, unless rows have a member of that very name; and `views_foo` is a mistake, unless they
//! do. Which it is shows only after the last row, so a [`Condition`] looks with both eyes and is settled at the end.

use super::{
    comparison::{Comparison, Seen},
    error::{QueryError, shown},
    member::{Members, Names, Path},
    operator::{self, Operator, Spelling},
    prefilter::is_word,
};

/// A parameter that rows are compared with.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    parameter: String,
    /// The parameter as the name of a member.
    literal: Option<Reading>,
    /// The parameter as a name with an operator.
    derived: Option<Reading>,
    mistake: Option<Mistake>,
    /// The values, if all are words and the parameter can only be the name of a member.
    words: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Reading {
    path: Path,
    comparison: Comparison,
}

/// What to say when no row has the literal member.
#[derive(Clone, Debug)]
struct Mistake {
    error: QueryError,
    /// It is one only if a row has this.
    stem: Option<Path>,
}

/// What the rows showed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    literal: Seen,
    derived: Seen,
    stem: bool,
}

/// Whether a row meets a condition, by reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) literal: bool,
    pub(super) derived: bool,
}

/// The reading that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Literal,
    Derived,
}

impl Condition {
    /// Reads a parameter with all the values it was given.
    pub(super) fn parse(parameter: &str, values: &[String], names: &mut Names) -> Result<Self, QueryError> {
        let spelling = operator::spelling(parameter);
        let mut condition = Self { parameter: parameter.to_owned(), literal: None, derived: None, mistake: None, words: None };
        if !matches!(spelling, Spelling::Colon(_, Some(_))) {
            condition.literal = Some(Reading::new(parameter, parameter, Operator::Equal, values, names)?);
        }
        let error = || QueryError::Operator { name: shown(parameter), known: operator::listed() };
        match spelling {
            Spelling::Plain => condition.words = values.iter().all(|value| is_word(value)).then(|| values.to_vec()),
            Spelling::Colon(member, Some(operator)) | Spelling::Suffix(member, Some(operator)) => {
                condition.derived = Some(Reading::new(parameter, member, operator, values, names)?);
            }
            Spelling::Colon(_, None) => condition.mistake = Some(Mistake { error: error(), stem: None }),
            Spelling::Suffix(member, None) => {
                let stem = Some(Path::parse(member, parameter, names)?);
                condition.mistake = Some(Mistake { error: error(), stem });
            }
        }
        Ok(condition)
    }

    /// A comparison of a member, which can be read in no other way.
    pub(super) fn compare(
        parameter: &str,
        member: &str,
        operator: Operator,
        values: &[String],
        names: &mut Names,
    ) -> Result<Self, QueryError> {
        let derived = Some(Reading::new(parameter, member, operator, values, names)?);
        Ok(Self { parameter: parameter.to_owned(), literal: None, derived, mistake: None, words: None })
    }

    /// The condition, refused with `error` where no row has what it names.
    pub(super) fn or(self, error: QueryError) -> Self {
        Self { mistake: Some(Mistake { error, stem: None }), words: None, ..self }
    }

    /// The words of which a row must have one to meet it, if that is all there is to it.
    pub(super) fn words(&self) -> Option<&[String]> {
        self.words.as_deref()
    }

    /// How many comparisons it makes with a row.
    pub(super) fn cost(&self) -> usize {
        [&self.literal, &self.derived].into_iter().flatten().map(|reading| reading.comparison.cost()).max().unwrap_or_default()
    }

    /// Compares a row.
    pub(super) fn look(&self, members: &Members, evidence: &mut Evidence) -> Met {
        if let Some(stem) = self.mistake.as_ref().and_then(|mistake| mistake.stem.as_ref()) {
            evidence.stem |= stem.first(members).is_some();
        }
        let holds = |reading: &Option<Reading>, seen: &mut Seen| {
            reading.as_ref().is_some_and(|reading| reading.comparison.holds(&reading.path, members, seen))
        };
        Met { literal: holds(&self.literal, &mut evidence.literal), derived: holds(&self.derived, &mut evidence.derived) }
    }

    /// Which reading counts after the last row, or what is wrong with the condition.
    pub(super) fn settle(&self, evidence: Evidence) -> Result<Read, QueryError> {
        let is_known = evidence.literal.present || evidence.derived.present;
        if let Some(mistake) = self.mistake.as_ref().filter(|mistake| !is_known && mistake.stem.is_some() == evidence.stem) {
            return Err(mistake.error.clone());
        }
        let (read, reading, seen) = match (&self.literal, &self.derived) {
            (Some(literal), None) => (Read::Literal, literal, evidence.literal),
            (Some(literal), Some(_)) if evidence.literal.present => (Read::Literal, literal, evidence.literal),
            (_, Some(derived)) => (Read::Derived, derived, evidence.derived),
            (None, None) => return Ok(Read::Literal),
        };
        reading.comparison.judge(&self.parameter, reading.path.name(), seen)?;
        Ok(read)
    }

    /// What can be said to be wrong without any row.
    pub(super) fn mistake(&self) -> Option<&QueryError> {
        self.mistake.as_ref().filter(|mistake| mistake.stem.is_none()).map(|mistake| &mistake.error)
    }
}

impl Reading {
    fn new(parameter: &str, member: &str, operator: Operator, values: &[String], names: &mut Names) -> Result<Self, QueryError> {
        let path = Path::parse(member, parameter, names)?;
        Ok(Self { path, comparison: Comparison::new(parameter, operator, values)? })
    }
}
