//! What the fields of negotiation have in common: lists (RFC 9110 §5.6.1) of members with a weight (§12.4.2).
//!
//! A member that does not follow the grammar is skipped as if it were not there, and what is too long is cut: nothing here fails,
//! and nothing takes longer than the bytes it reads.

use std::fmt;

use http::{HeaderMap, HeaderName};

/// How many members of a list are kept; browsers send eight. What follows cannot win attention for itself.
pub(super) const MAX_MEMBERS: usize = 64;

/// How many bytes of one header line are read: far more than [`MAX_MEMBERS`] sensible members need.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// The weight of a member that names none, in thousandths.
pub(super) const WHOLE: u16 = 1000;

/// The members of all lines of a field, without the white space around them.
pub(super) fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let lines = headers.get_all(name).iter().map(|value| value.as_bytes());
    lines.flat_map(|line| split(&line[..line.len().min(MAX_LINE_BYTES)], b','))
}

/// A member that has no parameter but its weight: a language or a coding, with the thousandths.
pub(super) fn weighted(member: &[u8]) -> Option<(&str, u16)> {
    let mut parts = std::str::from_utf8(member).ok()?.split(';').map(str::trim_ascii);
    let name = parts.next().filter(|name| is_token(name))?;
    let mut weight = WHOLE;
    for part in parts.filter(|part| !part.is_empty()) {
        let (parameter, value) = part.split_once('=')?;
        weight = quality(value).filter(|_| parameter.eq_ignore_ascii_case("q"))?;
    }
    Some((name, weight))
}

/// `qvalue`, RFC 9110 §12.4.2, in thousandths.
pub(super) fn quality(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{digits:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(WHOLE),
        _ => None,
    }
}

/// A token, or the content of a quoted string.
pub(super) fn unquote(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else { return is_token(value).then(|| value.to_owned()) };
    let inner = inner.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => chars.next()?,
            '"' => return None,
            c => c,
        });
    }
    Some(text)
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The pieces between separators that stand outside quoted strings, without the white space around them.
pub(super) fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_piece(text, separator);
        rest = text.get(end + 1..);
        Some(text[..end].trim_ascii())
    })
}

fn end_of_piece(text: &[u8], separator: u8) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if *byte == separator && !quoted => return place,
            _ => (),
        }
    }
    text.len()
}

/// Thousandths as a number of at most three digits: 0.5.
pub(super) struct Decimal(pub(super) u16);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / f64::from(WHOLE))
    }
}

/// Thousandths as a parameter; a weight of 1 goes without saying.
pub(super) struct Weight(pub(super) u16);

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == WHOLE { Ok(()) } else { write!(f, ";q={}", Decimal(self.0)) }
    }
}

/// Writes the members of a list.
pub(super) fn list(f: &mut fmt::Formatter<'_>, members: &[impl fmt::Display]) -> fmt::Result {
    members.iter().enumerate().try_for_each(|(place, member)| write!(f, "{}{member}", if place == 0 { "" } else { ", " }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_at_most_three_digits() {
        for (text, thousandths) in [("1", 1000), ("1.000", 1000), ("0", 0), ("0.", 0), ("0.5", 500), ("0.05", 50), ("0.001", 1)] {
            assert_eq!(quality(text), Some(thousandths), "{text}");
        }
        for text in ["", ".5", "1.001", "0.0001", "2", "-1", "+1", "0,5", "0.5 ", "1e0", "\"1\""] {
            assert_eq!(quality(text), None, "{text}");
        }
        for (thousandths, text) in [(1000, ""), (0, ";q=0"), (500, ";q=0.5"), (999, ";q=0.999"), (1, ";q=0.001")] {
            assert_eq!(Weight(thousandths).to_string(), text);
        }
    }

    #[test]
    fn a_member_has_a_name_and_a_weight() {
        check("gzip", Some(("gzip", 1000)));
        check("en-GB ; Q=0.5", Some(("en-GB", 500)));
        check("*;q=0;", Some(("*", 0)));
        check("", None);
        check("a b", None);
        check("gzip;level=9", None);
        check("gzip;q", None);
        check("gzip;q=x", None);
        check(";q=1", None);
        check("\"gzip\"", None);

        fn check(member: &str, expected: Option<(&str, u16)>) {
            assert_eq!(weighted(member.as_bytes()), expected, "{member}");
        }
    }
}
