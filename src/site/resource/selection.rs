//! Which rows of a collection a query asks for: equality filters, order and page, as json-server's users write them.
//!
//! `?author=ada&_sort=year,title&_order=desc&_page=2&_limit=10`. A name that is repeated takes any of its values; a name with
//! dots looks into objects. Names that begin with `_` are never filters.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Rows on a page when only `_page` is given.
const DEFAULT_LIMIT: usize = 10;

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    filters: Vec<(String, Vec<String>)>,
    sort: Vec<(String, Order)>,
    page: Option<Page>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// A stretch of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1.
    pub(crate) number: usize,
    /// Rows on each.
    pub(crate) limit: usize,
}

/// The rows that were asked for.
#[derive(Debug)]
pub(crate) struct Selected<T> {
    pub(crate) rows: Vec<T>,
    /// How many there are on all pages.
    pub(crate) total: usize,
    pub(crate) page: Option<Page>,
}

impl Selection {
    /// Reads the parameters of a query.
    pub(crate) fn parse(parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let mut selection = Self::default();
        for (name, value) in parameters.iter().filter(|(name, _)| !name.starts_with('_') && !name.is_empty()) {
            match selection.filters.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(value.clone()),
                None => selection.filters.push((name.clone(), vec![value.clone()])),
            }
        }
        let special = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        selection.sort = sort(special("_sort"), special("_order"))?;
        selection.page = page(special("_page"), special("_limit"))?;
        Ok(selection)
    }

    /// Filters, orders and cuts. `json` shows the object behind an entry.
    pub(crate) fn apply<T>(&self, rows: impl Iterator<Item = T>, json: impl Fn(&T) -> &Map<String, Value>) -> Selected<T> {
        let mut rows: Vec<T> = rows.filter(|row| self.takes(json(row))).collect();
        if !self.sort.is_empty() {
            rows.sort_by(|one, other| self.compare(json(one), json(other)));
        }
        let total = rows.len();
        if let Some(page) = self.page {
            let start = (page.number - 1).saturating_mul(page.limit).min(total);
            rows = rows.into_iter().skip(start).take(page.limit).collect();
        }
        Selected { rows, total, page: self.page }
    }

    fn takes(&self, row: &Map<String, Value>) -> bool {
        self.filters.iter().all(|(name, values)| find(row, name).is_some_and(|found| values.iter().any(|value| is(found, value))))
    }

    fn compare(&self, one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
        let orders = self.sort.iter().map(|(name, order)| match order {
            Order::Ascending => compare(find(one, name), find(other, name)),
            Order::Descending => compare(find(other, name), find(one, name)),
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

fn sort(names: Option<&str>, orders: Option<&str>) -> Result<Vec<(String, Order)>, Refusal> {
    let mut orders = orders.unwrap_or_default().split(',');
    let names = names.unwrap_or_default().split(',').filter(|name| !name.is_empty());
    names.map(|name| Ok((name.to_owned(), order(orders.next().unwrap_or_default())?))).collect()
}

fn order(text: &str) -> Result<Order, Refusal> {
    match text {
        "" | "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(Refusal::BadQuery { name: "_order".to_owned(), expected: "asc or desc" }),
    }
}

fn page(number: Option<&str>, limit: Option<&str>) -> Result<Option<Page>, Refusal> {
    if number.is_none() && limit.is_none() {
        return Ok(None);
    }
    let number = positive("_page", number)?.unwrap_or(1);
    let limit = positive("_limit", limit)?.unwrap_or(DEFAULT_LIMIT);
    Ok(Some(Page { number, limit }))
}

fn positive(name: &str, text: Option<&str>) -> Result<Option<usize>, Refusal> {
    let number = text.map(|text| text.parse().ok().filter(|number| *number > 0));
    match number {
        Some(None) => Err(Refusal::BadQuery { name: name.to_owned(), expected: "a number from 1" }),
        number => Ok(number.flatten()),
    }
}

/// The member of this name, or the one that its dots lead to.
fn find<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = row.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(row.get(first)?.as_object()?, rest)
}

/// Whether a value is what the text says.
fn is(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Array(values) => values.iter().any(|value| is(value, text)),
        Value::Object(_) => false,
        Value::Number(number) => number.to_string() == text,
        Value::Bool(value) => text == if *value { "true" } else { "false" },
        Value::Null => text == "null",
    }
}

/// Numbers by size, texts by their characters; what is not there comes first, and kinds do not mix.
fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => {
            let (one, other) = (one.as_f64().unwrap_or_default(), other.as_f64().unwrap_or_default());
            one.total_cmp(&other)
        }
        (Some(Value::String(one)), Some(Value::String(other))) => one.cmp(other),
        (Some(Value::Bool(one)), Some(Value::Bool(other))) => one.cmp(other),
        (one, other) => kind(one).cmp(&kind(other)),
    }
}

fn kind(value: Option<&Value>) -> u8 {
    match value {
        None | Some(Value::Null) => 0,
        Some(Value::Bool(_)) => 1,
        Some(Value::Number(_)) => 2,
        Some(Value::String(_)) => 3,
        Some(Value::Array(_)) => 4,
        Some(Value::Object(_)) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::query;

    const ROWS: &str = r#"[
        {"id":1,"n":2,"t":"b","tags":["x","y"],"at":{"city":"Rome"}},
        {"id":2,"n":10,"t":"a","ok":true},
        {"id":3,"t":"c","tags":["y"],"none":null},
        {"id":4,"n":2,"t":"a"}
    ]"#;

    #[test]
    fn selects() {
        check("", "1 2 3 4 of 4");
        check("n=2", "1 4 of 2");
        check("n=2&t=a", "4 of 1");
        check("id=1&id=3", "1 3 of 2");
        check("tags=y", "1 3 of 2");
        check("at.city=Rome&ok=", " of 0");
        check("at.city=Rome", "1 of 1");
        check("ok=true", "2 of 1");
        check("none=null", "3 of 1");
        check("nothing=1", " of 0");
        check("_sort=n", "3 1 4 2 of 4");
        check("_sort=n,t&_order=desc", "2 4 1 3 of 4");
        check("_sort=t&_order=desc&_limit=2", "3 1 of 4");
        check("_page=2&_limit=3", "4 of 4");
        check("_page=9", " of 4");
        check("_page=18446744073709551615&_limit=18446744073709551615", " of 4");
        check("_unknown=1", "1 2 3 4 of 4");
        check("_page=0", "the parameter _page is not a number from 1");
        check("_limit=x", "the parameter _limit is not a number from 1");
        check("_sort=n&_order=up", "the parameter _order is not asc or desc");
    }

    fn check(query: &str, expected: &str) {
        let rows: Vec<Map<String, Value>> = serde_json::from_str(ROWS).unwrap();
        let found = match Selection::parse(&query::parse(Some(query))) {
            Ok(selection) => {
                let selected = selection.apply(rows.iter(), |row| row);
                let ids: Vec<String> = selected.rows.iter().map(|row| row["id"].to_string()).collect();
                format!("{} of {}", ids.join(" "), selected.total)
            }
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(found, expected, "{query}");
    }
}
