//! Filters templates have besides minijinja's own: `date`, and `json` and `url` by their short names.

use jiff::{Timestamp, Zoned, civil, fmt::strtime, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, Value};

const DEFAULT_FORMAT: &str = "%Y-%m-%d";

/// Adds the filters to an environment.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("date", date);
    environment.add_filter("json", minijinja::filters::tojson);
    environment.add_filter("url", minijinja::filters::urlencode);
}

/// `{{ post.created | date("%d %B %Y") }}`: a date, a date with time (RFC 3339 or without a zone), or seconds since 1970, in the
/// words of strftime. A time with a zone is shown in UTC.
fn date(value: &Value, format: Option<&str>) -> Result<String, Error> {
    let time = parse(value).ok_or_else(|| invalid(format!("{value} is neither a date nor a number of seconds")))?;
    strtime::format(format.unwrap_or(DEFAULT_FORMAT), &time).map_err(|error| invalid(error.to_string()))
}

fn parse(value: &Value) -> Option<Zoned> {
    let timestamp = match value.as_str() {
        Some(text) => return parse_text(text.trim()),
        None => Timestamp::from_second(i64::try_from(value.clone()).ok()?).ok()?,
    };
    Some(timestamp.to_zoned(TimeZone::UTC))
}

fn parse_text(text: &str) -> Option<Zoned> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.to_zoned(TimeZone::UTC));
    }
    let time = text.parse::<civil::DateTime>().ok().or_else(|| text.parse::<civil::Date>().ok().map(civil::DateTime::from))?;
    time.to_zoned(TimeZone::UTC).ok()
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        check("{{ '2026-05-04' | date }}", "2026-05-04");
        check("{{ '2026-05-04T10:20:30Z' | date('%d %B %Y %H:%M') }}", "04 May 2026 10:20");
        check("{{ '2026-05-04 10:20' | date('%H:%M') }}", "10:20");
        check("{{ '2026-05-04T23:20:30-02:00' | date }}", "2026-05-05");
        check("{{ 0 | date('%Y') }}", "1970");
        check("{{ 'soon' | date }}", "invalid operation: soon is neither a date");
        check("{{ 9999999999999 | date }}", "invalid operation: 9999999999999 is neither a date");
        check("{{ '2026-05-04' | date('%Q %!') }}", "invalid operation: ");
        check("{{ {'a': 1} | json }}", "{\"a\": 1}");
        check("{{ 'a b&c' | url }}", "a%20b%26c");

        fn check(source: &str, expected: &str) {
            let mut environment = Environment::new();
            add(&mut environment);
            let found = environment.render_str(source, ()).unwrap_or_else(|error| error.to_string());
            assert!(found.starts_with(expected), "{source}: {found}");
        }
    }
}
