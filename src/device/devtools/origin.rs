use http::Uri;

/// Where a phone has pages of this project: at these ports of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::device) struct Ours(pub(in crate::device) Vec<u16>);

impl Ours {
    /// Whether an address is one of them: by `localhost`, a name below it, or the loopback's address.
    pub(super) fn has(&self, url: &str) -> bool {
        // Of the rest nothing is asked, and a browser's address may have letters in it that a `Uri` may not.
        let Some((scheme, rest)) = url.split_once("://") else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let Ok(uri) = format!("http://{authority}/").parse::<Uri>() else { return false };
        let is_loopback =
            |host: &str| host == "localhost" || host.ends_with(".localhost") || matches!(host, "127.0.0.1" | "[::1]");
        let port = uri.port_u16().unwrap_or(80);
        scheme == "http" && !authority.contains('@') && uri.host().is_some_and(is_loopback) && self.0.contains(&port)
    }
}

/// The path and query of an address.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..]).split('#').next().unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: bool) {
        assert_eq!(Ours(vec![4747, 4748]).has(url), expected, "{url}");
    }

    #[test]
    fn a_page_of_the_project_is_known_by_its_origin() {
        for url in [
            "http://localhost:4747/",
            "http://localhost:4748/cart?a=|b#c",
            "http://localhost:4747",
            "http://shop.localhost:4747/",
            "http://127.0.0.1:4747/",
            "http://[::1]:4747/",
        ] {
            check(url, true);
        }
        for url in [
            "https://localhost:4747/",
            "http://localhost:3000/",
            "http://localhost/",
            "http://localhost.evil.example:4747/",
            "http://localhost:4747@evil.example/",
            "http://user@localhost:4747/",
            "http://evil.example/?http://localhost:4747/",
            "view-source:http://localhost:4747/",
            "chrome://newtab",
            "about:blank",
            "",
        ] {
            check(url, false);
        }
        assert!(Ours(vec![80]).has("http://localhost/"));
    }

    #[test]
    fn of_an_address_the_path_is_named() {
        let check = |url: &str, expected: &str| assert_eq!(path(url), expected, "{url}");
        check("http://localhost:4747/cart?a=b#c", "/cart?a=b");
        check("http://localhost:4747", "/");
        check("/a", "/a");
    }
}
