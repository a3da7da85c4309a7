//! All conditions of a query, and how they go together: all of them, or as `_where` says.
//!
//! Each row gives one bit a condition. The bits are put together again when the conditions are settled.

use serde_json::{Map, Value};

use super::{
    condition::{Condition, Evidence, Read},
    error::{QueryError, shown},
    member::{Members, Names},
    operator::{self, Operator},
};

/// How many comparisons a query may make with one row, and the bits of [`Bits`]. A form has a handful.
const MAX_COMPARISONS: usize = 64;

/// One bit for each condition, the first one lowest.
type Bits = u64;

/// The conditions of a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    conditions: Vec<Condition>,
    formula: Formula,
    cost: usize,
}

#[derive(Clone, Debug)]
enum Formula {
    /// The condition at this place.
    Is(usize),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

/// The conditions that a row meets, by reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    literal: Bits,
    derived: Bits,
}

/// The filter when it is known how its conditions are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled<'a> {
    formula: &'a Formula,
    literal: Bits,
}

impl Default for Formula {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// One more condition, which all rows must meet.
    pub(super) fn require(&mut self, condition: Condition) -> Result<(), QueryError> {
        let is = self.add(condition)?;
        if let Formula::All(all) = &mut self.formula {
            all.push(is);
        }
        Ok(())
    }

    /// Reads what `_where` says; it stands for all other conditions, as in json-server 1.
    pub(super) fn of_json(text: &str, names: &mut Names) -> Result<Self, QueryError> {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| QueryError::value(WHERE, format!("a JSON object ({error})"), text))?;
        let mut filter = Self::default();
        filter.formula = filter.object("", &object, names)?;
        Ok(filter)
    }

    fn object(&mut self, prefix: &str, object: &Map<String, Value>, names: &mut Names) -> Result<Formula, QueryError> {
        self.spend(1)?;
        let parts = object.iter().map(|(name, value)| match value {
            Value::Array(choices) if name == "or" => {
                self.spend(1)?;
                let choices = choices.iter().map(|choice| match choice {
                    Value::Object(choice) => self.object(prefix, choice, names),
                    other => Err(QueryError::value(WHERE, "objects in \"or\"", &other.to_string())),
                });
                choices.collect::<Result<_, _>>().map(Formula::Any)
            }
            value => self.member(&format!("{prefix}{name}"), value, names),
        });
        parts.collect::<Result<_, _>>().map(Formula::All)
    }

    fn member(&mut self, path: &str, value: &Value, names: &mut Names) -> Result<Formula, QueryError> {
        match value {
            Value::Object(object) if object.keys().any(|name| Operator::parse(name).is_some()) => {
                let parts = object.iter().map(|(name, value)| {
                    let parameter = format!("{WHERE}.{path}.{name}");
                    let unknown = || QueryError::Operator { name: shown(&parameter), known: operator::listed() };
                    let operator = Operator::parse(name).ok_or_else(unknown)?;
                    self.add(Condition::compare(&parameter, path, operator, &texts(&parameter, value)?, names)?)
                });
                parts.collect::<Result<_, _>>().map(Formula::All)
            }
            Value::Object(object) => self.object(&format!("{path}."), object, names),
            value => {
                let parameter = format!("{WHERE}.{path}");
                let values = texts(&parameter, value)?;
                self.add(Condition::compare(&parameter, path, Operator::Equal, &values, names)?)
            }
        }
    }

    fn add(&mut self, condition: Condition) -> Result<Formula, QueryError> {
        self.spend(condition.cost().max(1))?;
        self.conditions.push(condition);
        Ok(Formula::Is(self.conditions.len() - 1))
    }

    fn spend(&mut self, cost: usize) -> Result<(), QueryError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > MAX_COMPARISONS { Err(QueryError::TooManyComparisons { limit: MAX_COMPARISONS }) } else { Ok(()) }
    }

    /// The conditions, if all of them must be met.
    pub(super) fn required(&self) -> Option<impl Iterator<Item = &Condition>> {
        let are_all = matches!(&self.formula, Formula::All(parts) if parts.iter().all(|part| matches!(part, Formula::Is(_))));
        are_all.then(|| self.conditions.iter())
    }

    pub(super) fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// What is learned from the rows, by condition; nothing yet.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        vec![Evidence::default(); self.conditions.len()]
    }

    /// Compares a row. `None` if it is not taken, however the conditions are read. All conditions see every row: what is refused
    /// does not depend on their order.
    pub(super) fn look(&self, members: &Members, evidence: &mut [Evidence]) -> Option<Marks> {
        let mut marks = Marks { literal: 0, derived: 0 };
        for ((place, condition), evidence) in self.conditions.iter().enumerate().zip(evidence) {
            let met = condition.look(members, evidence);
            marks.literal |= Bits::from(met.literal) << place;
            marks.derived |= Bits::from(met.derived) << place;
        }
        self.formula.holds(marks.literal | marks.derived).then_some(marks)
    }

    /// Decides how each condition is read.
    pub(super) fn settle(&self, evidence: &[Evidence]) -> Result<Settled<'_>, QueryError> {
        let mut literal = 0;
        for ((place, condition), evidence) in self.conditions.iter().enumerate().zip(evidence) {
            literal |= Bits::from(condition.settle(*evidence)? == Read::Literal) << place;
        }
        Ok(Settled { formula: &self.formula, literal })
    }
}

impl Settled<'_> {
    /// Whether a row with these marks is taken.
    pub(super) fn takes(self, marks: Marks) -> bool {
        self.formula.holds(marks.literal & self.literal | marks.derived & !self.literal)
    }
}

impl Formula {
    fn holds(&self, bits: Bits) -> bool {
        match self {
            Self::Is(place) => bits & (1 << place) != 0,
            Self::All(all) => all.iter().all(|formula| formula.holds(bits)),
            Self::Any(any) => any.iter().any(|formula| formula.holds(bits)),
        }
    }
}

/// The parameter with conditions as JSON.
pub(super) const WHERE: &str = "_where";

/// The values of a comparison in JSON as a query would spell them; a list has several.
fn texts(parameter: &str, value: &Value) -> Result<Vec<String>, QueryError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            Err(QueryError::value(&shown(parameter), "a text, a number, true, false or null", &value.to_string()))
        }
        value => Ok(value.to_string()),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}
