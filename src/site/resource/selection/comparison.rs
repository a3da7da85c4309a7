//! One comparison: an operator with the values it was given, made ready for many rows.
//!
//! A row's value decides how it is compared: a number with a number, a text with a text. What the rows hold is [`Seen`] on the
//! way, and [`Comparison::judge`] refuses afterwards what could be compared with none of it.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{
    error::{QueryError, shown},
    fold::fold,
    member::{Members, Path},
    operator::Operator,
    quantity::Quantity,
};

/// How large a compiled regular expression may be, in bytes: two or three Unicode classes. Where nothing quicker can be done, each
/// step of a match visits all of it.
const MAX_PATTERN_BYTES: usize = 128 * 1024;

/// What a regular expression may remember of its steps, in bytes; with less it forgets and starts over all the time.
const MAX_PATTERN_CACHE_BYTES: usize = 2 * 1024 * 1024;

/// How many other comparisons a regular expression counts as.
const PATTERN_COST: usize = 8;

/// An operator and its values: any of them will do, or none where the operator is `ne`.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    operator: Operator,
    operands: Vec<Operand>,
    test: Test,
}

/// A value as a query gives it.
#[derive(Clone, Debug)]
struct Operand {
    text: String,
    number: Option<Quantity>,
}

#[derive(Clone, Debug)]
enum Test {
    /// Sets, so that a thousand ids cost a row no more than one.
    Equal {
        texts: HashSet<String>,
        numbers: HashSet<Quantity>,
    },
    Order,
    Part(Vec<String>),
    Pattern(Vec<Regex>),
}

/// What kinds of values the rows have where a comparison looks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// A row has the member, be it null.
    pub(super) present: bool,
    kinds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
    Object,
}

const KINDS: [Kind; 4] = [Kind::Text, Kind::Number, Kind::Boolean, Kind::Object];

impl Comparison {
    /// `parameter` is for the message.
    pub(super) fn new(parameter: &str, operator: Operator, values: &[String]) -> Result<Self, QueryError> {
        let texts: Vec<&str> = match operator {
            Operator::In => values.iter().flat_map(|value| value.split(',')).map(str::trim).collect(),
            _ => values.iter().map(String::as_str).collect(),
        };
        let test = match operator {
            Operator::Equal | Operator::NotEqual | Operator::In => Test::Equal {
                texts: texts.iter().map(|text| (*text).to_owned()).collect(),
                numbers: texts.iter().filter_map(|text| Quantity::parse(text)).collect(),
            },
            Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual => Test::Order,
            Operator::Contains | Operator::StartsWith | Operator::EndsWith => {
                Test::Part(texts.iter().map(|text| fold(text).into_owned()).collect())
            }
            Operator::Like => Test::Pattern(texts.iter().map(|text| pattern(parameter, text)).collect::<Result<_, _>>()?),
        };
        let operands = texts.iter().map(|text| Operand { text: (*text).to_owned(), number: Quantity::parse(text) }).collect();
        Ok(Self { operator, operands, test })
    }

    /// How many comparisons it makes with a row's value.
    pub(super) fn cost(&self) -> usize {
        match self.test {
            Test::Equal { .. } => 1,
            Test::Order | Test::Part(_) => self.operands.len(),
            Test::Pattern(_) => self.operands.len().saturating_mul(PATTERN_COST),
        }
    }

    /// Whether it holds for what `path` leads to in a row. An array stands for each of its elements.
    pub(super) fn holds(&self, path: &Path, members: &Members, seen: &mut Seen) -> bool {
        let (mut present, mut found) = (false, false);
        path.each(members, |value| {
            present = true;
            each_element(value, &mut |value| {
                seen.note(value);
                found = found || self.takes(value);
            });
        });
        seen.present |= present;
        present && found != (self.operator == Operator::NotEqual)
    }

    fn takes(&self, value: &Value) -> bool {
        match &self.test {
            Test::Equal { texts, numbers } => match value {
                Value::String(text) => texts.contains(text),
                Value::Number(number) => numbers.contains(&Quantity::of(number)),
                Value::Bool(value) => texts.contains(word(*value)),
                Value::Null => texts.contains("null"),
                Value::Array(_) | Value::Object(_) => false,
            },
            Test::Order => self.operands.iter().any(|operand| self.in_order(value, operand)),
            Test::Part(folded) => value.as_str().is_some_and(|text| {
                let text = fold(text);
                folded.iter().any(|part| match self.operator {
                    Operator::StartsWith => text.starts_with(part),
                    Operator::EndsWith => text.ends_with(part),
                    _ => text.contains(part),
                })
            }),
            Test::Pattern(patterns) => patterns.iter().any(|pattern| match value {
                Value::String(text) => pattern.is_match(text),
                Value::Number(number) => pattern.is_match(&number.to_string()),
                Value::Bool(value) => pattern.is_match(word(*value)),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            }),
        }
    }

    fn in_order(&self, value: &Value, operand: &Operand) -> bool {
        let order = match value {
            Value::Number(number) => operand.number.map(|other| Quantity::of(number).cmp(&other)),
            Value::String(text) => Some(text.as_str().cmp(&operand.text)),
            _ => None,
        };
        order.is_some_and(|order| match self.operator {
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            _ => order.is_le(),
        })
    }

    /// Refuses a value that could be compared with none of what the rows have.
    pub(super) fn judge(&self, parameter: &str, member: &str, seen: Seen) -> Result<(), QueryError> {
        let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| seen.has(*kind)).collect();
        let is_alien = |operand: &&Operand| !kinds.iter().any(|kind| self.compares(*kind, operand));
        let Some(alien) = self.operands.iter().find(is_alien).filter(|_| !kinds.is_empty()) else { return Ok(()) };
        let listed = |kinds: &[Kind]| kinds.iter().map(|kind| kind.phrase()).collect::<Vec<_>>().join(" or ");
        let takes = self.operator.takes();
        let comparable: Vec<Kind> = kinds.iter().copied().filter(|kind| takes.contains(kind)).collect();
        Err(match comparable.as_slice() {
            [] => QueryError::Incomparable {
                name: shown(parameter).into(),
                value: shown(&alien.text).into(),
                operator: self.operator.name(),
                takes: self.operator.takes_phrase(),
                member: shown(member).into(),
                found: listed(&kinds).into(),
            },
            comparable => QueryError::value(&shown(parameter), listed(comparable), &alien.text),
        })
    }

    fn compares(&self, kind: Kind, operand: &Operand) -> bool {
        let is_null = matches!(self.test, Test::Equal { .. }) && operand.text == "null";
        is_null
            || self.operator.takes().contains(&kind)
                && match (kind, &self.test) {
                    (Kind::Number, Test::Equal { .. } | Test::Order) => operand.number.is_some(),
                    (Kind::Boolean, Test::Equal { .. }) => [word(true), word(false)].contains(&operand.text.as_str()),
                    _ => true,
                }
    }
}

impl Operator {
    fn takes(self) -> &'static [Kind] {
        match self {
            Self::Equal | Self::NotEqual | Self::In | Self::Like => &[Kind::Text, Kind::Number, Kind::Boolean],
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual => &[Kind::Text, Kind::Number],
            Self::Contains | Self::StartsWith | Self::EndsWith => &[Kind::Text],
        }
    }

    fn takes_phrase(self) -> &'static str {
        match self.takes() {
            [_] => "texts",
            [_, _] => "numbers and texts",
            _ => "numbers, texts, true and false",
        }
    }
}

impl Kind {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(_) => Some(Self::Text),
            Value::Number(_) => Some(Self::Number),
            Value::Bool(_) => Some(Self::Boolean),
            Value::Object(_) => Some(Self::Object),
            Value::Null | Value::Array(_) => None,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Object => "an object",
        }
    }
}

impl Seen {
    fn note(&mut self, value: &Value) {
        self.kinds |= Kind::of(value).map_or(0, |kind| 1 << kind as u8);
    }

    fn has(self, kind: Kind) -> bool {
        self.kinds & (1 << kind as u8) != 0
    }
}

fn each_element(value: &Value, found: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| each_element(value, found)),
        value => found(value),
    }
}

fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Compiles what `_like` is given. The engine is linear in the text, and what it does not know (looking around, references back)
/// is refused.
fn pattern(parameter: &str, text: &str) -> Result<Regex, QueryError> {
    let built = RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_CACHE_BYTES)
        .build();
    built.map_err(|error| {
        let reason = match &error {
            regex::Error::Syntax(message) => {
                message.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
            _ => "it is too large".to_owned(),
        };
        QueryError::value(&shown(parameter), format!("a regular expression ({reason})"), text)
    })
}
