//! The query of a request as names and values: `application/x-www-form-urlencoded` as the URL standard reads it.

use percent_encoding::percent_decode_str;

/// How many parameters are read; a form has tens. What follows is as if it were not there.
const MAX_PARAMETERS: usize = 1_000;

/// Decoded names and values in their order. A parameter without `=` has an empty value, and nothing in a query is an error.
pub(super) fn parse(query: Option<&str>) -> Vec<(String, String)> {
    let parameters = query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty());
    parameters
        .take(MAX_PARAMETERS)
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        check("", &[]);
        check("a=1&&b", &[("a", "1"), ("b", "")]);
        check("a=1&a=2=3", &[("a", "1"), ("a", "2=3")]);
        check("n%61me=a+b%2B%C3%A4&=x", &[("name", "a b+ä"), ("", "x")]);
        check("a=%ff%&%=%zz", &[("a", "\u{fffd}%"), ("%", "%zz")]);

        fn check(query: &str, expected: &[(&str, &str)]) {
            let found = parse(Some(query));
            let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{query}");
        }
    }

    #[test]
    fn reads_no_more_than_the_bound() {
        assert_eq!(parse(Some(&"a=1&".repeat(15_000))).len(), MAX_PARAMETERS);
        assert!(parse(None).is_empty());
    }
}
