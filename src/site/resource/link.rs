//! `Link` to the other pages of a list (RFC 8288). Pure.
//!
//! Each link is the address that was asked, query and all, with another `_page`. What a client may have left unescaped is escaped,
//! so that nothing in it ends the link or the header.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::selection::Page;

/// The parameter with a page's number.
const PAGE: &str = "_page";

/// How long an address may be that is linked to. A header of four longer ones is more than clients take.
const MAX_ADDRESS_BYTES: usize = 8 * 1024;

/// What a reference may not hold as it is (RFC 3986 §2), beside `%`, which is looked at on its own.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The links of a page, each to go into `Link`: the first, the previous, the next and the last one, as far as there are such.
/// `path` is path-absolute, `query` what follows its `?`, both as they came over the wire; very long ones are not linked to.
pub(crate) fn pages(path: &str, query: Option<&str>, page: &Page) -> Vec<String> {
    let relations = [("first", Some(1)), ("prev", page.previous()), ("next", page.next()), ("last", Some(page.last))];
    let links = relations.into_iter().filter_map(|(relation, number)| {
        let address = escape(&format!("{path}?{}", with_page(query.unwrap_or_default(), number?)));
        (address.len() <= MAX_ADDRESS_BYTES).then(|| format!("<{address}>; rel=\"{relation}\""))
    });
    links.collect()
}

/// The query with another page: in the place of the first one, or at the end.
fn with_page(query: &str, number: usize) -> String {
    let own = format!("{PAGE}={number}");
    let is_page = |parameter: &&str| percent_decode_str(parameter.split('=').next().unwrap_or_default()).eq(PAGE.bytes());
    let place = query.split('&').position(|parameter| is_page(&parameter));
    let parameters = query.split('&').enumerate().filter(|(_, parameter)| !parameter.is_empty());
    let mut next: Vec<&str> = parameters
        .filter(|(at, parameter)| Some(*at) == place || !is_page(parameter))
        .map(|(at, parameter)| if Some(at) == place { own.as_str() } else { parameter })
        .collect();
    if place.is_none() {
        next.push(&own);
    }
    next.join("&")
}

/// Escapes what may not stand in a reference, and percent signs that begin no escape.
pub(crate) fn escape(address: &str) -> String {
    let mut pieces = address.split('%');
    let mut escaped = utf8_percent_encode(pieces.next().unwrap_or_default(), ESCAPED).to_string();
    for piece in pieces {
        let is_escape = piece.len() >= 2 && piece.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
        escaped.push_str(if is_escape { "%" } else { "%25" });
        escaped.extend(utf8_percent_encode(piece, ESCAPED));
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_other_pages() {
        let page = |number, last| Page { number, limit: 10, last };
        check("_page=2", page(2, 4), "first=/posts?_page=1 prev=/posts?_page=1 next=/posts?_page=3 last=/posts?_page=4");
        check("_page=1", page(1, 1), "first=/posts?_page=1 last=/posts?_page=1");
        check("_page=9", page(9, 2), "first=/posts?_page=1 prev=/posts?_page=2 last=/posts?_page=2");
        check("_limit=1", page(1, 2), "first=/posts?_limit=1&_page=1 next=/posts?_limit=1&_page=2 last=/posts?_limit=1&_page=2");
        check("", page(1, 1), "first=/posts?_page=1 last=/posts?_page=1");
    }

    #[test]
    fn the_query_stays_otherwise() {
        same("q=a&_page=7&_sort=-b", "q=a&_page=1&_sort=-b");
        same("_page=7&x&_page=8&&y=", "_page=1&x&y=");
        same("%5fpage=7&_pages=3&x_page=2", "_page=1&_pages=3&x_page=2");
        same("title_ne=a%26b&t=%C3%A4+x", "title_ne=a%26b&t=%C3%A4+x&_page=1");
        same("q=ä&w={\"or\":[1]}", "q=%C3%A4&w=%7B%22or%22:%5B1%5D%7D&_page=1");
        same("q=>; rel=\"x\"\r\nX: y", "q=%3E;%20rel=%22x%22%0D%0AX:%20y&_page=1");
        same("q=100%&r=%zz&s=%4", "q=100%25&r=%25zz&s=%254&_page=1");
        same("q=%ä1", "q=%25%C3%A41&_page=1");
    }

    #[test]
    fn long_addresses_are_not_linked_to() {
        let page = Page { number: 1, limit: 1, last: 1 };
        let links = |bytes: usize| pages("/posts", Some(&"a".repeat(bytes)), &page).len();
        assert_eq!((links(MAX_ADDRESS_BYTES - 15), links(MAX_ADDRESS_BYTES - 14)), (2, 0));
    }

    fn check(query: &str, page: Page, expected: &str) {
        let links = pages("/posts", Some(query).filter(|query| !query.is_empty()), &page);
        let found = links.iter().map(|link| {
            let (address, relation) = link.strip_prefix('<').unwrap().split_once(">; rel=").unwrap();
            format!("{}={address}", relation.trim_matches('"'))
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{query}");
    }

    fn same(query: &str, expected: &str) {
        let links = pages("/posts", Some(query), &Page { number: 1, limit: 1, last: 1 });
        assert_eq!(links[0], format!("</posts?{expected}>; rel=\"first\""));
    }
}
