//! Which rows of a collection a query asks for, as json-server's users write it in both generations of its syntax.
//!
//! ```text
//! ?author.name=ada&views:gte=10&title_like=^the&q=sea&_sort=-views,title&_page=2&_per_page=20&_fields=id,title&_embed=comments
//! ```
//!
//! [`Selection::parse`] reads the parameters, [`Selection::apply`] takes the rows as JSON texts, reads of each the few members that
//! are looked at, and goes over them once. A parameter that cannot mean anything for these rows is refused by name; an empty list
//! always says that nothing was found. Relations and fields are parsed here and applied by whoever makes the answer.

mod comparison;
mod condition;
mod error;
mod fields;
mod filter;
mod fold;
mod member;
mod operator;
mod order;
mod page;
mod prefilter;
mod quantity;
mod search;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use self::{
    condition::{Condition, Evidence},
    filter::{Filter, Marks, WHERE},
    order::{Key, Order},
    page::{Cut, Parameters},
    prefilter::Prefilter,
    search::Search,
};
pub(crate) use self::{
    error::{QueryError, shown},
    fields::Fields,
    member::{Names, members},
    page::Page,
};
use super::refusal::Refusal;

/// The parameters that are no conditions.
const SPECIAL: [&str; 12] =
    ["q", "_sort", "_order", "_page", "_per_page", "_limit", "_start", "_end", "_fields", "_embed", "_expand", WHERE];

/// The parameter of `DELETE`.
const DEPENDENT: &str = "_dependent";

/// How long the rows may be gone through. An honest query of the longest file takes a second; a pattern made for it takes minutes.
const LONGEST: Duration = Duration::from_secs(5);

/// How many rows are gone through between two looks at the clock.
const ROWS_BETWEEN_LOOKS: usize = 256;

/// How many typing errors a parameter may have to be recognised.
const TYPING_ERRORS: usize = 2;

/// How many relations a query may ask for; each is a pass over a collection.
const MAX_RELATIONS: usize = 16;

/// What a query asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    filter: Filter,
    search: Option<Search>,
    order: Order,
    cut: Cut,
    fields: Option<Fields>,
    relations: Vec<Wanted>,
    /// The members that the filter and the order look at.
    names: Names,
}

/// A relation that is to be added to every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// `_embed`, `_expand` or `_dependent`.
    pub(crate) parameter: &'static str,
    pub(crate) name: String,
}

/// The rows that were asked for.
#[derive(Debug)]
pub(crate) struct Selected<T> {
    pub(crate) rows: Vec<T>,
    /// How many there are on all pages.
    pub(crate) total: usize,
    /// Where the rows are, if the query asks for a page.
    pub(crate) page: Option<Page>,
}

/// How a stored object is shown, in whose names the query asks.
pub(crate) type Lens<'a> = &'a dyn Fn(Map<String, Value>) -> Map<String, Value>;

/// A row that may be among those asked for.
struct Kept<T> {
    row: T,
    marks: Marks,
    key: Key,
}

impl Selection {
    /// Reads the parameters of a query. Of a special one the first that is not empty counts; `_` alone, which jQuery adds against
    /// caches, and names that begin with `__` are not looked at.
    pub(crate) fn parse(parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let all = |name: &'static str| {
            parameters.iter().filter(move |(known, text)| known == name && !text.is_empty()).map(|(_, text)| text.as_str())
        };
        let first = |name: &'static str| all(name).next();
        let mut names = Names::default();
        let filter = match first(WHERE) {
            Some(text) => Filter::of_json(text, &mut names)?,
            None => conditions(parameters, &mut names)?,
        };
        let relations = relations(["_embed", "_expand"].into_iter().flat_map(|name| all(name).map(move |text| (name, text))))?;
        let mut fields = Fields::parse(all("_fields"))?;
        if let Some(fields) = &mut fields {
            relations.iter().for_each(|wanted| fields.keep_also(&wanted.name));
        }
        Ok(Self {
            filter,
            search: first("q").map(Search::new),
            order: Order::parse(first("_sort"), first("_order"), &mut names)?,
            cut: Cut::parse(Parameters {
                page: first("_page"),
                per_page: first("_per_page"),
                limit: first("_limit"),
                start: first("_start"),
                end: first("_end"),
            })?,
            fields,
            relations,
            names,
        })
    }

    /// Filters, orders and cuts, in one pass and one sort. `json` shows the object behind a row; with a lens the query is about
    /// what the lens makes of it. Only rows that `belong` are asked for, but what does not fit any of the rows is refused by all
    /// of them: where few belong, a mistake would pass for a list without items.
    pub(crate) fn apply<T>(
        &self,
        rows: impl Iterator<Item = T> + Clone,
        belongs: impl Fn(&T) -> bool,
        json: impl Fn(&T) -> &str,
        lens: Option<Lens<'_>>,
    ) -> Result<Selected<T>, Refusal> {
        if let Some(prefilter) = Prefilter::of(&self.filter).filter(|_| lens.is_none()) {
            let selected = self.read(rows.clone().filter(|row| prefilter.may_take(json(row))), &belongs, &json, None)?;
            if selected.total > 0 {
                return Ok(selected);
            }
            // Whether that is nothing, or a mistake, all rows tell.
        }
        self.read(rows, belongs, json, lens)
    }

    fn read<T>(
        &self,
        rows: impl Iterator<Item = T>,
        belongs: impl Fn(&T) -> bool,
        json: impl Fn(&T) -> &str,
        lens: Option<Lens<'_>>,
    ) -> Result<Selected<T>, Refusal> {
        let mut evidence = self.filter.evidence();
        let mut kept = Vec::new();
        let began = Instant::now();
        let learns = !self.filter.conditions().is_empty();
        for (place, row) in rows.enumerate() {
            if place % ROWS_BETWEEN_LOOKS == 0 && began.elapsed() > LONGEST {
                return Err(QueryError::TooLong { limit: LONGEST }.into());
            }
            if !learns && !belongs(&row) {
                continue;
            }
            if let Some((marks, key)) = self.look(json(&row), lens, &mut evidence)
                && (!learns || belongs(&row))
            {
                kept.push(Kept { row, marks, key });
            }
        }
        let settled = self.filter.settle(&evidence)?;
        kept.retain(|kept| settled.takes(kept.marks));
        if !self.order.is_empty() {
            kept.sort_by(|one, other| self.order.compare(&one.key, &other.key));
        }
        let total = kept.len();
        let (start, end) = self.cut.range(total);
        let rows = kept.into_iter().skip(start).take(end - start).map(|kept| kept.row).collect();
        Ok(Selected { rows, total, page: self.cut.page(total) })
    }

    fn look(&self, json: &str, lens: Option<Lens<'_>>, evidence: &mut [Evidence]) -> Option<(Marks, Key)> {
        let shown = lens.map(|lens| lens(serde_json::from_str(json).unwrap_or_default()));
        let members = match &shown {
            Some(shown) => member::picked(shown, &self.names),
            None => members(json, &self.names),
        };
        let marks = self.filter.look(&members, evidence)?;
        let is_found = match (&self.search, &shown) {
            (None, _) => true,
            (Some(search), Some(shown)) => search.finds(shown),
            (Some(search), None) => search.finds(&mut serde_json::Deserializer::from_str(json)),
        };
        is_found.then(|| (marks, self.order.key(&members)))
    }

    /// Refuses parameters that would be unknown whatever the rows are. [`Self::apply`] does this and more; this is for one item.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.filter.conditions().iter().find_map(Condition::mistake) {
            Some(mistake) => Err(mistake.clone().into()),
            None => Ok(()),
        }
    }

    /// What to cut the objects of the answer down to; relations that are asked for are among it.
    pub(crate) fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    pub(crate) fn relations(&self) -> &[Wanted] {
        &self.relations
    }
}

/// The collections that `_dependent` names, of which a removed item takes along what refers to it.
pub(crate) fn dependents(parameters: &[(String, String)]) -> Result<Vec<Wanted>, QueryError> {
    relations(parameters.iter().filter(|(name, _)| name == DEPENDENT).map(|(_, text)| (DEPENDENT, text.as_str())))
}

fn conditions(parameters: &[(String, String)], names: &mut Names) -> Result<Filter, QueryError> {
    let is_condition = |name: &str| !(name.is_empty() || name == "_" || name.starts_with("__") || SPECIAL.contains(&name));
    // In the order in which the parameters came, so that the first mistake is the one that is named.
    let mut values: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, value) in parameters.iter().filter(|(name, _)| is_condition(name)) {
        let name = without_brackets(name);
        match values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value.clone()),
            None => values.push((name, vec![value.clone()])),
        }
    }
    let mut filter = Filter::default();
    for (name, values) in values {
        let condition = Condition::parse(name, &values, names)?;
        filter.require(if name.starts_with('_') { condition.or(unknown(name)) } else { condition })?;
    }
    Ok(filter)
}

/// The name of a parameter as libraries repeat it for a list: `id[]=1&id[]=2` is `id=1&id=2`.
fn without_brackets(name: &str) -> &str {
    name.strip_suffix("[]").filter(|member| !member.is_empty() && !member.starts_with('_')).unwrap_or(name)
}

/// The error for a parameter that begins with `_` and is neither special nor the name of a member.
fn unknown(name: &str) -> QueryError {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    let nearest = SPECIAL.into_iter().min_by_key(distance).filter(|known| distance(known) <= TYPING_ERRORS.min(known.len() / 2));
    let instead = match nearest {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", SPECIAL.join(", ")),
    };
    QueryError::Unknown { name: shown(name), instead }
}

fn relations<'a>(lists: impl Iterator<Item = (&'static str, &'a str)>) -> Result<Vec<Wanted>, QueryError> {
    let mut all: Vec<Wanted> = Vec::new();
    let names = lists.flat_map(|(parameter, list)| list.split(',').map(move |name| (parameter, name.trim())));
    for (parameter, name) in names.filter(|(_, name)| !name.is_empty()) {
        if all.iter().any(|wanted| wanted.name == name) {
            continue;
        }
        if all.len() == MAX_RELATIONS {
            return Err(QueryError::TooManyNames { name: parameter, limit: MAX_RELATIONS });
        }
        all.push(Wanted { parameter, name: name.to_owned() });
    }
    Ok(all)
}
