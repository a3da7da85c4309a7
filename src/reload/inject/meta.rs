//! A policy in a `<meta>` tag: widened where it stands.
//!
//! The script needs nothing of it, since it stands before it and policies do not concern what precedes them (CSP Level 3 §3.3).
//! Its socket opens later. What it lacks is inserted into the value of `content`, and every byte that was there stays.

use std::ops::Range;

use super::{
    markup::is_space,
    policy::{Own, Policy},
};

/// What to insert into a whole tag so that its policy, if it has one, lets the socket through: where, and what, in order.
pub(super) fn insertions(tag: &[u8], own: &Own) -> Vec<(usize, String)> {
    let attributes = attributes(tag);
    let value = |name: &str| {
        let found = attributes.iter().find(|attribute| tag[attribute.name.clone()].eq_ignore_ascii_case(name.as_bytes()))?;
        Some((found, Text::of(&tag[found.value.clone()])))
    };
    let Some((_, kind)) = value("http-equiv") else { return Vec::new() };
    if !kind.text.eq_ignore_ascii_case("content-security-policy") {
        return Vec::new();
    }
    match value("content") {
        Some((content, policy)) if content.is_quoted => {
            let insertions = Policy::of(&policy.text).insertions(own);
            insertions.into_iter().map(|(at, added)| (content.value.start + policy.origin(at), escape(&added))).collect()
        }
        _ => Vec::new(),
    }
}

/// An attribute, by where its parts stand.
struct Attribute {
    name: Range<usize>,
    value: Range<usize>,
    is_quoted: bool,
}

/// The attributes of a whole start tag (HTML §13.2.5.32 and on); of two with one name the first counts.
fn attributes(tag: &[u8]) -> Vec<Attribute> {
    let until = |from: usize, ends: &dyn Fn(u8) -> bool| {
        tag[from..].iter().position(|&byte| ends(byte)).map_or(tag.len(), |length| from + length)
    };
    let mut attributes = Vec::new();
    let mut at = until(0, &|byte| is_space(byte) || matches!(byte, b'/' | b'>'));
    loop {
        at = until(at, &|byte| !is_space(byte) && byte != b'/');
        if at >= tag.len() || tag[at] == b'>' {
            return attributes;
        }
        // An `=` at the beginning belongs to the name.
        let name = at..until(at + 1, &|byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='));
        at = until(name.end, &|byte| !is_space(byte));
        let mut attribute = Attribute { name, value: at..at, is_quoted: false };
        if tag.get(at) == Some(&b'=') {
            at = until(at + 1, &|byte| !is_space(byte));
            match tag.get(at) {
                Some(&quote @ (b'"' | b'\'')) => {
                    attribute.value = at + 1..until(at + 1, &|byte| byte == quote);
                    attribute.is_quoted = true;
                    at = attribute.value.end + 1;
                }
                _ => {
                    attribute.value = at..until(at, &|byte| is_space(byte) || byte == b'>');
                    at = attribute.value.end;
                }
            }
        }
        attributes.push(attribute);
    }
}

/// The value of an attribute as the parser sees it. Bytes that are not ASCII mean nothing in a policy.
struct Text {
    text: String,
    /// Where each byte of the text came from, and where the value ends.
    origins: Vec<usize>,
}

impl Text {
    fn of(value: &[u8]) -> Self {
        let (mut text, mut origins, mut at) = (String::new(), Vec::new(), 0);
        while at < value.len() {
            let (character, length) = reference(&value[at..]).unwrap_or((char::from(value[at]), 1));
            text.push(if character.is_ascii() { character } else { '?' });
            origins.push(at);
            at += length;
        }
        origins.push(at);
        Self { text, origins }
    }

    fn origin(&self, at: usize) -> usize {
        self.origins[at]
    }
}

/// The character reference at the beginning of `rest`, and its length: numbers, and the names of what stands in policies.
fn reference(rest: &[u8]) -> Option<(char, usize)> {
    /// `&#x000027;` and shorter ones.
    const LONGEST: usize = 10;
    const NAMES: [(&[u8], char); 6] =
        [(b"amp", '&'), (b"apos", '\''), (b"quot", '"'), (b"lt", '<'), (b"gt", '>'), (b"semi", ';')];
    if rest.first() != Some(&b'&') {
        return None;
    }
    let end = rest.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let name = &rest[1..end];
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    let character = match name {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16).and_then(char::from_u32),
        [b'#', digits @ ..] => number(digits, 10).and_then(char::from_u32),
        name => NAMES.iter().find(|(known, _)| *known == name).map(|(_, character)| *character),
    };
    Some((character?, end + 1))
}

/// A text of ours in an attribute, whatever its quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('\'', "&#39;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_at(host: &str, tag: &str, expected: &str) {
        let own = Own::at(host.to_owned(), None);
        let mut text = tag.to_owned();
        for (at, added) in insertions(tag.as_bytes(), &own).into_iter().rev() {
            text.insert_str(at, &added);
        }
        assert_eq!(text, expected.replace("SOCKET", &format!("http://{host}/__everlit/ ws://{host}/__everlit/")), "{tag}");
    }

    fn check(tag: &str, expected: &str) {
        check_at("localhost:4747", tag, expected);
    }

    #[test]
    fn a_policy_is_widened_in_its_place() {
        check(
            r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'">"#,
            r#"<meta http-equiv="Content-Security-Policy" content="connect-src SOCKET; default-src 'none'">"#,
        );
        check(
            "<META content='connect-src https://a ;img-src b' x = 1 HTTP-EQUIV=content-security-policy >",
            "<META content='connect-src https://a SOCKET ;img-src b' x = 1 HTTP-EQUIV=content-security-policy >",
        );
        check(
            r#"<meta/http-equiv=content-security-policy content="connect-src &#x27;none&#39;&semi; img-src *">"#,
            r#"<meta/http-equiv=content-security-policy content="connect-src &#x27;none&#39; SOCKET&semi; img-src *">"#,
        );
        check(
            "<meta http-equiv=content-security-policy content=\"default-src 'nonce-a' b&amp;c\">",
            "<meta http-equiv=content-security-policy content=\"connect-src &#39;nonce-a&#39; b&amp;c SOCKET; default-src 'nonce-a' b&amp;c\">",
        );
    }

    #[test]
    fn where_we_have_no_name_a_keyword_is_escaped() {
        check_at(
            "[::1]:4747",
            "<meta http-equiv='content-security-policy' content='connect-src a'>",
            "<meta http-equiv='content-security-policy' content='connect-src a &#39;self&#39;'>",
        );
    }

    #[test]
    fn other_tags_stay() {
        for tag in [
            "<meta>",
            "<meta charset=utf-8>",
            "<meta http-equiv=content-security-policy>",
            "<meta http-equiv=content-security-policy content>",
            "<meta http-equiv=content-security-policy content=\"\">",
            "<meta http-equiv=content-security-policy content=connect-src>",
            "<meta http-equiv=content-security-policy-report-only content=\"connect-src a\">",
            "<meta http-equiv=refresh http-equiv=content-security-policy content=\"connect-src a\">",
            "<meta http-equiv=content-security-policy content=\"connect-src 'self'\">",
            "<meta http-equiv=content-security-policy content=\"script-src 'none'\">",
            "<meta name=a content=\"connect-src a\">",
            "<meta content=\"connect-src a\" http-equiv=content-security-policy/>",
            "<meta =http-equiv=content-security-policy content=\"connect-src a\">",
        ] {
            check(tag, tag);
        }
    }
}
