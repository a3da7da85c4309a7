//! Entity tags of encoded answers.
//!
//! An encoded answer is another representation than the plain one: its tag says in which coding it is (`"abc"` becomes `"abc-br"`)
//! and keeps its strength. When a client comes back with it, the original is put in front of it, so that the service below finds
//! the state it knows. The tag itself stays in the list: behind us there may be an app whose tags end alike.
//!
//! `If-Range` is left alone. What answers a range is plain, and a client that has encoded bytes must not put plain ones behind
//! them; its condition fails, and it gets the whole.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ETAG, IF_MATCH, IF_NONE_MATCH},
};

use crate::negotiate::Coding;

/// The longest list that is read; it has room for a hundred tags, and a client sends one.
const MAX_LIST_BYTES: usize = 8 * 1024;

/// The tags of the plain answers, `W/` taken off, of which a client has the encoded ones.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<String>);

impl Known {
    /// Puts the original entity tags into `If-None-Match` and `If-Match`, and remembers the first ones.
    ///
    /// Who reads means the bytes: only tags of the coding that he would get now count. Who writes means the state, whatever it was
    /// encoded in.
    pub(super) fn take(method: Method, headers: &mut HeaderMap, coding: Coding) -> Self {
        let reads = [Method::GET, Method::HEAD].contains(&method);
        let meant = Coding::ENCODED.into_iter().filter(|known| !reads || *known == coding);
        let codings: Vec<Coding> = meant.collect();
        restore(headers, IF_MATCH, &codings);
        Self(restore(headers, IF_NONE_MATCH, &codings))
    }

    /// Whether the answer's tag is one of them.
    pub(super) fn has(&self, headers: &HeaderMap) -> bool {
        let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        tag.is_some_and(|tag| self.0.iter().any(|known| known == opaque(tag)))
    }
}

/// Makes the answer's entity tag that of the encoded one.
pub(super) fn mark(headers: &mut HeaderMap, coding: Coding) {
    let marked = headers.get(ETAG).and_then(|tag| marked(tag.to_str().ok()?, coding));
    match marked.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        Some(tag) => headers.insert(ETAG, tag),
        None => headers.remove(ETAG),
    };
}

fn marked(tag: &str, coding: Coding) -> Option<String> {
    Some(format!("{}-{}\"", tag.strip_suffix('"')?, coding.token()))
}

/// The tag without the coding that was put into it.
fn original(tag: &str, coding: Coding) -> Option<String> {
    let start = tag.strip_suffix('"')?.strip_suffix(coding.token())?.strip_suffix('-')?;
    opaque(start).starts_with('"').then(|| format!("{start}\""))
}

/// What is compared weakly: RFC 9110 §8.8.3.2.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Puts the original in front of each tag of these codings, and gives back what it put, `W/` taken off.
fn restore(headers: &mut HeaderMap, name: HeaderName, codings: &[Coding]) -> Vec<String> {
    let Some(list) = list(headers, &name) else { return Vec::new() };
    let mut originals = Vec::new();
    let mut tags = Vec::new();
    for tag in split(&list) {
        if let Some(original) = codings.iter().find_map(|coding| original(tag, *coding)) {
            originals.push(opaque(&original).to_owned());
            tags.push(original);
        }
        tags.push(tag.to_owned());
    }
    match HeaderValue::try_from(tags.join(", ")) {
        Ok(value) if !originals.is_empty() => drop(headers.insert(name, value)),
        _ => (),
    }
    originals
}

fn list(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Option<Vec<&str>> = headers.get_all(name).into_iter().map(|line| line.to_str().ok()).collect();
    lines.map(|lines| lines.join(", ")).filter(|list| !list.is_empty() && list.len() <= MAX_LIST_BYTES)
}

/// The members of a list of entity tags; commas may stand in their quotes.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let members = list.split(move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    members.map(str::trim).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_has_a_tag_of_its_own() {
        check(r#""abc""#, Coding::Brotli, Some(r#""abc-br""#));
        check(r#""abc""#, Coding::Zstd, Some(r#""abc-zstd""#));
        check(r#"W/"abc-everlit-41s""#, Coding::Gzip, Some(r#"W/"abc-everlit-41s-gzip""#));
        check(r#""""#, Coding::Brotli, Some(r#""-br""#));
        check("abc", Coding::Brotli, None);

        fn check(tag: &'static str, coding: Coding, expected: Option<&str>) {
            let mut headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static(tag))]);
            mark(&mut headers, coding);
            assert_eq!(headers.get(ETAG).map(|tag| tag.to_str().unwrap()), expected, "{tag}");
            let back = headers.get(ETAG).and_then(|marked| original(marked.to_str().unwrap(), coding));
            assert_eq!(back.as_deref(), expected.map(|_| tag));
        }
    }

    #[test]
    fn who_reads_gets_back_the_tags_of_the_coding_he_would_get() {
        check(Method::GET, r#""abc-br""#, r#""abc", "abc-br""#, r#""abc""#);
        check(Method::HEAD, r#"W/"abc-br""#, r#"W/"abc", W/"abc-br""#, r#""abc""#);
        check(Method::GET, r#""a,b-br", "c""#, r#""a,b", "a,b-br", "c""#, r#""a,b""#);
        for untouched in
            [r#""abc-gzip""#, r#""abc""#, "*", "abc-br", r#""br""#, r#"-br""#, r#"W/-br""#, r#"W/"x"y-zstd""#, "", ",,", "\"-b"]
        {
            check(Method::GET, untouched, untouched, "");
        }
    }

    #[test]
    fn who_writes_means_the_state() {
        check(Method::PUT, r#""abc-gzip""#, r#""abc", "abc-gzip""#, r#""abc""#);
        check(Method::PATCH, r#""abc-br", "d-zstd""#, r#""abc", "abc-br", "d", "d-zstd""#, r#""d""#);
        check(Method::DELETE, r#""abc-deflate""#, r#""abc-deflate""#, "");
    }

    #[test]
    fn absurd_lists_are_left_alone() {
        let many = format!("{}\"abc-br\"", "\"x\", ".repeat(MAX_LIST_BYTES));
        check(Method::GET, &many, &many, "");
        check(Method::GET, "\"\u{e4}-br\"", "\"\u{e4}-br\"", "");
    }

    /// `list` in both fields becomes `expected`, and an answer with the tag `known` is one the client has encoded.
    fn check(method: Method, list: &str, expected: &str, known: &str) {
        let value = HeaderValue::from_bytes(list.as_bytes()).unwrap();
        let mut headers = HeaderMap::from_iter([(IF_MATCH, value.clone()), (IF_NONE_MATCH, value)]);
        let taken = Known::take(method, &mut headers, Coding::Brotli);
        for name in [IF_MATCH, IF_NONE_MATCH] {
            assert_eq!(headers[name].as_bytes(), expected.as_bytes(), "{list}");
        }
        assert_eq!(taken.0.is_empty(), known.is_empty(), "{list}");
        if !known.is_empty() {
            for tag in [known.to_owned(), format!("W/{known}")] {
                assert!(taken.has(&HeaderMap::from_iter([(ETAG, HeaderValue::try_from(tag).unwrap())])), "{list}");
            }
            assert!(!taken.has(&HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"other\""))])), "{list}");
        }
    }
}
