//! The stretch of the rows that is answered: a numbered page, or a slice as JavaScript's `slice` cuts it.

use super::error::QueryError;

/// Rows on a page when only its number is given.
const DEFAULT_LIMIT: usize = 10;

/// What is cut out of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cut {
    #[default]
    Everything,
    /// From 1, with this many rows on each.
    Page { number: usize, limit: usize },
    /// From the first place to before the second one; negative places count from the end.
    Slice { start: i64, end: Option<i64> },
    /// From the first place, at most this many.
    Run { start: i64, limit: usize },
}

/// A page among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1; may be behind the last one.
    pub(crate) number: usize,
    /// Rows on each, from 1.
    pub(crate) limit: usize,
    /// The number of the last page; 1 if there are no rows.
    pub(crate) last: usize,
}

impl Page {
    /// The number of the page before; the last one of a page that is behind it.
    pub(crate) fn previous(&self) -> Option<usize> {
        (self.number > 1).then(|| (self.number - 1).min(self.last))
    }

    /// The number of the page after.
    pub(crate) fn next(&self) -> Option<usize> {
        (self.number < self.last).then(|| self.number + 1)
    }
}

/// The parameters as they were sent. What is empty was not sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parameters<'a> {
    pub(super) page: Option<&'a str>,
    pub(super) per_page: Option<&'a str>,
    pub(super) limit: Option<&'a str>,
    pub(super) start: Option<&'a str>,
    pub(super) end: Option<&'a str>,
}

impl Cut {
    /// A page counts more than a slice, and an end more than a length, as in json-server.
    pub(super) fn parse(sent: Parameters<'_>) -> Result<Self, QueryError> {
        let number = sent.page.map(|text| positive("_page", text)).transpose()?;
        let per_page = sent.per_page.map(|text| positive("_per_page", text)).transpose()?;
        let limit = sent.limit.map(|text| positive("_limit", text)).transpose()?;
        let start = sent.start.map(|text| place("_start", text)).transpose()?;
        let end = sent.end.map(|text| place("_end", text)).transpose()?;
        Ok(match (number, start, end, per_page.or(limit)) {
            (Some(number), _, _, limit) => Self::Page { number, limit: limit.unwrap_or(DEFAULT_LIMIT) },
            (None, start, Some(end), _) => Self::Slice { start: start.unwrap_or(0), end: Some(end) },
            (None, Some(start), None, Some(limit)) => Self::Run { start, limit },
            (None, Some(start), None, None) => Self::Slice { start, end: None },
            (None, None, None, Some(limit)) => Self::Page { number: 1, limit },
            (None, None, None, None) => Self::Everything,
        })
    }

    /// The places of the first row and behind the last one, among `total`.
    pub(super) fn range(self, total: usize) -> (usize, usize) {
        let (start, end) = match self {
            Self::Everything => (0, total),
            Self::Page { number, limit } => {
                let start = number.saturating_sub(1).saturating_mul(limit);
                (start, start.saturating_add(limit))
            }
            Self::Slice { start, end } => (absolute(start, total), end.map_or(total, |end| absolute(end, total))),
            Self::Run { start, limit } => {
                let start = absolute(start, total);
                (start, start.saturating_add(limit))
            }
        };
        let start = start.min(total);
        (start, end.clamp(start, total))
    }

    /// The page among `total` rows, if a page was asked for.
    pub(super) fn page(self, total: usize) -> Option<Page> {
        match self {
            Self::Page { number, limit } => Some(Page { number, limit, last: total.div_ceil(limit.max(1)).max(1) }),
            _ => None,
        }
    }
}

fn absolute(place: i64, total: usize) -> usize {
    let distance = usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX);
    if place < 0 { total.saturating_sub(distance) } else { distance }
}

fn positive(name: &str, text: &str) -> Result<usize, QueryError> {
    // The same numbers as for places, whatever machine this is.
    let number = text.parse().ok().filter(|number: &i64| *number > 0).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| QueryError::value(name, "a number from 1", text))
}

fn place(name: &str, text: &str) -> Result<i64, QueryError> {
    text.parse().map_err(|_| QueryError::value(name, "a whole number", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_know_their_neighbours() {
        check(1, 10, 0, "1 of 1, None None");
        check(1, 10, 10, "1 of 1, None None");
        check(1, 10, 11, "1 of 2, None Some(2)");
        check(2, 3, 9, "2 of 3, Some(1) Some(3)");
        check(3, 3, 9, "3 of 3, Some(2) None");
        check(9, 3, 9, "9 of 3, Some(3) None");
        check(usize::MAX, usize::MAX, usize::MAX, &format!("{} of 1, Some(1) None", usize::MAX));

        fn check(number: usize, limit: usize, total: usize, expected: &str) {
            let page = Cut::Page { number, limit }.page(total).unwrap();
            let found = format!("{} of {}, {:?} {:?}", page.number, page.last, page.previous(), page.next());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn ranges_are_within_the_rows() {
        check(Cut::Everything, (0, 5));
        check(Cut::Page { number: 2, limit: 2 }, (2, 4));
        check(Cut::Page { number: 3, limit: 2 }, (4, 5));
        check(Cut::Page { number: usize::MAX, limit: usize::MAX }, (5, 5));
        check(Cut::Slice { start: 1, end: Some(3) }, (1, 3));
        check(Cut::Slice { start: 3, end: Some(1) }, (3, 3));
        check(Cut::Slice { start: -2, end: None }, (3, 5));
        check(Cut::Slice { start: -9, end: Some(-1) }, (0, 4));
        check(Cut::Slice { start: i64::MIN, end: Some(i64::MAX) }, (0, 5));
        check(Cut::Run { start: -2, limit: 1 }, (3, 4));
        check(Cut::Run { start: i64::MAX, limit: usize::MAX }, (5, 5));

        fn check(cut: Cut, expected: (usize, usize)) {
            assert_eq!(cut.range(5), expected, "{cut:?}");
        }
    }
}
