//! Entity tags of injected pages.
//!
//! An injected page is another representation than the one below: its tag is weak and names the generation that stands in the
//! script (`"abc"` becomes `W/"abc-everlit-41s"`; `s` for a strong one). When the browser comes back with it, the original is put in
//! its place, so that a 304 still works, but only while the same generation answers: else the browser would show a page that
//! believes to be of an older one.

use http::{
    HeaderMap, HeaderValue,
    header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH},
};

use crate::generation::Generation;

const MARK: &str = "-everlit-";

/// Makes the response's entity tag that of the injected page.
pub(super) fn mark(headers: &mut HeaderMap, generation: Generation) {
    let marked = headers.get(ETAG).and_then(|tag| marked(tag.to_str().ok()?, generation));
    match marked.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        Some(tag) => headers.insert(ETAG, tag),
        None => headers.remove(ETAG),
    };
}

fn marked(tag: &str, generation: Generation) -> Option<String> {
    let (opaque, strength) = match tag.strip_prefix("W/") {
        Some(opaque) => (opaque, ""),
        None => (tag, "s"),
    };
    let opaque = opaque.strip_prefix('"')?.strip_suffix('"')?;
    Some(format!("W/\"{opaque}{MARK}{generation}{strength}\""))
}

/// What becomes of the validators of pages that were never injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// They reach the page below.
    Keep,
    /// They do not.
    Drop,
}

/// Puts the original entity tags into `If-None-Match`, and leaves out those of other generations. Says whether there were any
/// of ours that stand for the page as it would be injected now.
pub(super) fn unmark(headers: &mut HeaderMap, generation: Generation, foreign: Foreign) -> bool {
    if foreign == Foreign::Drop {
        headers.remove(IF_MODIFIED_SINCE);
    }
    let Some(lines) = list(headers) else { return false };
    let tags: Vec<Original> = split(&lines).map(|tag| original(tag, generation)).collect();
    let is_foreign = |tag: &Original| matches!(tag, Original::Foreign(_));
    if tags.iter().all(is_foreign) && foreign == Foreign::Keep {
        return false;
    }
    let tags: Vec<Original> = tags.into_iter().filter(|tag| foreign == Foreign::Keep || !is_foreign(tag)).collect();
    let kept: Vec<&str> = tags.iter().filter_map(Original::text).collect();
    match HeaderValue::try_from(kept.join(", ")) {
        Ok(value) if !kept.is_empty() => headers.insert(IF_NONE_MATCH, value),
        _ => headers.remove(IF_NONE_MATCH),
    };
    // It would count once If-None-Match is gone, and knows nothing of generations.
    headers.remove(IF_MODIFIED_SINCE);
    tags.iter().any(|tag| matches!(tag, Original::Ours(_)))
}

/// What a browser's entity tag was before it was marked.
enum Original {
    /// It was never marked.
    Foreign(String),
    /// It was marked by the generation that answers.
    Ours(String),
    /// It was marked by another generation.
    Outdated,
}

impl Original {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Foreign(tag) | Self::Ours(tag) => Some(tag),
            Self::Outdated => None,
        }
    }
}

fn original(tag: &str, now: Generation) -> Original {
    let marked = tag.strip_prefix("W/\"").and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.rsplit_once(MARK));
    let Some((opaque, generation)) = marked else { return Original::Foreign(tag.to_owned()) };
    let (number, weakness) = match generation.strip_suffix('s') {
        Some(number) => (number, ""),
        None => (generation, "W/"),
    };
    match number.parse() {
        Ok(number) if Generation(number) == now => Original::Ours(format!("{weakness}\"{opaque}\"")),
        Ok(_) => Original::Outdated,
        Err(_) => Original::Foreign(tag.to_owned()),
    }
}

fn list(headers: &HeaderMap) -> Option<String> {
    let lines: Option<Vec<&str>> = headers.get_all(IF_NONE_MATCH).into_iter().map(|line| line.to_str().ok()).collect();
    lines.filter(|lines| !lines.is_empty()).map(|lines| lines.join(","))
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

    const NOW: Generation = Generation(41);

    fn check_mark(tag: &'static str, expected: Option<&str>) {
        let mut headers: HeaderMap = [(ETAG, HeaderValue::from_static(tag))].into_iter().collect();
        mark(&mut headers, NOW);
        assert_eq!(headers.get(ETAG).map(|tag| tag.to_str().expect("text")), expected, "{tag}");
    }

    fn check_unmark(lines: &[&'static str], expected: Option<&str>, ours: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MODIFIED_SINCE, HeaderValue::from_static("then"));
        for line in lines {
            headers.append(IF_NONE_MATCH, HeaderValue::from_static(line));
        }
        assert_eq!(unmark(&mut headers, NOW, Foreign::Keep), ours, "{lines:?}");
        let left: Vec<_> = headers.get_all(IF_NONE_MATCH).into_iter().map(|line| line.to_str().expect("text")).collect();
        assert_eq!(left, expected.into_iter().collect::<Vec<_>>(), "{lines:?}");
        let is_untouched = lines.concat() == left.concat();
        assert_eq!(headers.contains_key(IF_MODIFIED_SINCE), is_untouched, "{lines:?}");
    }

    #[test]
    fn injected_pages_have_tags_of_their_own() {
        check_mark(r#""abc""#, Some(r#"W/"abc-everlit-41s""#));
        check_mark(r#"W/"abc""#, Some(r#"W/"abc-everlit-41""#));
        check_mark(r#""""#, Some(r#"W/"-everlit-41s""#));
        check_mark("abc", None);
    }

    #[test]
    fn tags_come_back_as_they_were_while_the_generation_is_the_same() {
        check_unmark(&[r#"W/"abc-everlit-41s""#], Some(r#""abc""#), true);
        check_unmark(&[r#"W/"abc-everlit-41""#], Some(r#"W/"abc""#), true);
        check_unmark(&[r#"W/"abc-everlit-40s""#], None, false);
        check_unmark(&[r#"W/"a,b-everlit-41", "c", W/"d-everlit-7""#], Some(r#"W/"a,b", "c""#), true);
        check_unmark(&[r#""abc""#], Some(r#""abc""#), false);
        check_unmark(&["*"], Some("*"), false);
        check_unmark(&[r#"W/"abc-everlit-x""#], Some(r#"W/"abc-everlit-x""#), false);
        check_unmark(&[], None, false);
    }

    #[test]
    fn a_window_is_not_told_to_keep_a_page_without_the_script() {
        for (tags, expected) in [
            (r#""abc""#, None),
            (r#""abc", W/"d-everlit-41s", W/"e-everlit-40s""#, Some(r#""d""#)),
            (r#"W/"d-everlit-41""#, Some(r#"W/"d""#)),
        ] {
            let mut headers: HeaderMap = [(IF_NONE_MATCH, tags), (IF_MODIFIED_SINCE, "then")]
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .into_iter()
                .collect();
            assert_eq!(unmark(&mut headers, NOW, Foreign::Drop), expected.is_some(), "{tags}");
            assert_eq!(headers.get(IF_NONE_MATCH).map(|tags| tags.to_str().expect("text")), expected, "{tags}");
            assert!(!headers.contains_key(IF_MODIFIED_SINCE), "{tags}");
        }
    }
}
