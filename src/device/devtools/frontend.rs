//! Where the DevTools are that fit a phone's browser.
//!
//! Pure. The browser names them, and what is made of its words is opened in a browser of this machine: so the version is all that is taken
//! from them, and the address is written anew.

/// Where Chromium's makers keep the DevTools of every version, for phones, which have none of their own.
const KEPT_AT: &str = "chrome-devtools-frontend.appspot.com";

/// The folders in which they keep them.
const FOLDERS: [&str; 3] = ["serve_rev", "serve_file", "serve_internal_file"];

/// How long the name of a version may be; it is a hash, or was a number.
const VERSION: usize = 64;

/// How long the name of the page may be: `inspector.html`.
const PAGE: usize = 32;

/// Those that are part of every Chromium.
const BUNDLED: &str = "devtools://devtools/bundled/inspector.html";

/// DevTools for a tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frontend {
    /// Their address: those of the browser's own version.
    Kept(String),
    /// Those of whichever Chromium opens them, which takes their address from a person alone.
    Bundled,
}

impl Frontend {
    /// Reads what a browser names.
    pub(super) fn parse(named: &str) -> Self {
        kept(named).map_or(Self::Bundled, Self::Kept)
    }

    /// Where they speak with a tab through a websocket at `socket`: its host, port and path.
    #[must_use]
    pub fn url(&self, socket: &str) -> String {
        let place = match self {
            Self::Kept(place) => place,
            Self::Bundled => BUNDLED,
        };
        format!("{place}?ws={socket}")
    }
}

fn kept(named: &str) -> Option<String> {
    let rest = named.strip_prefix("https://").or_else(|| named.strip_prefix("http://"))?;
    let path = rest.strip_prefix(KEPT_AT)?.strip_prefix('/')?.split(['?', '#']).next()?;
    let mut parts = path.split('/');
    let (folder, version, page) = (parts.next()?, parts.next()?, parts.next()?);
    let is_version = |name: &str| (1..=VERSION).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_page =
        |name: &str| (1..=PAGE).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_one = FOLDERS.contains(&folder)
        && version.strip_prefix('@').is_some_and(is_version)
        && page.strip_suffix(".html").is_some_and(is_page);
    (is_one && parts.next().is_none()).then(|| format!("https://{KEPT_AT}/{folder}/{version}/{page}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_browser_names_the_version_is_taken() {
        let check = |named: &str, expected: &str| {
            assert_eq!(Frontend::parse(named).url("127.0.0.1:9/t"), format!("https://{KEPT_AT}/{expected}?ws=127.0.0.1:9/t"));
        };
        let hash = "@5be7c9ac1e5a0e53a6e2d0bd38e4a5a1c1fcd5fd";
        let inspector = format!("serve_rev/{hash}/inspector.html");
        check(&format!("https://{KEPT_AT}/{inspector}?ws=localhost/devtools/page/12"), &inspector);
        check(&format!("https://{KEPT_AT}/{inspector}?ws=evil.example/&remoteFrontendUrl=x#y"), &inspector);
        check(
            &format!("http://{KEPT_AT}/serve_rev/@198714/devtools.html?ws=localhost/devtools/page/0"),
            "serve_rev/@198714/devtools.html",
        );
        check(
            &format!("https://{KEPT_AT}/serve_internal_file/{hash}/worker_app.html"),
            &format!("serve_internal_file/{hash}/worker_app.html"),
        );
    }

    #[test]
    fn nothing_else_is_opened() {
        for named in [
            "",
            "/devtools/inspector.html?ws=localhost:9222/devtools/page/1",
            "devtools://devtools/bundled/inspector.html",
            "https://evil.example/serve_rev/@1/inspector.html",
            "https://chrome-devtools-frontend.appspot.com.evil.example/serve_rev/@1/inspector.html",
            "https://chrome-devtools-frontend.appspot.com:81/serve_rev/@1/inspector.html",
            "https://user@chrome-devtools-frontend.appspot.com/serve_rev/@1/inspector.html",
            "https://chrome-devtools-frontend.appspot.com@evil.example/serve_rev/@1/inspector.html",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/@/inspector.html",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/1/inspector.html",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/@1/../inspector.html",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/@1/a/inspector.html",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/@1%2f/inspector.html",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/@1/inspector.js",
            "https://chrome-devtools-frontend.appspot.com/serve_rev/@1/in spector.html",
            "https://chrome-devtools-frontend.appspot.com/other/@1/inspector.html",
            "javascript:https://chrome-devtools-frontend.appspot.com/serve_rev/@1/inspector.html",
        ] {
            assert_eq!(Frontend::parse(named), Frontend::Bundled, "{named}");
        }
        let long = format!("https://{KEPT_AT}/serve_rev/@{}/inspector.html", "1".repeat(VERSION + 1));
        assert_eq!(Frontend::parse(&long), Frontend::Bundled);
        assert_eq!(Frontend::Bundled.url("127.0.0.1:9/t"), "devtools://devtools/bundled/inspector.html?ws=127.0.0.1:9/t");
    }
}
