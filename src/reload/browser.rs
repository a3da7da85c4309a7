//! Which browser a page is open in, by the name it gives itself.

use http::{HeaderMap, header};

/// What stands in a `User-Agent`, and whose word it is. The first that is found counts: most browsers name those they descend from
/// as well.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// What stands in it on phones and tablets.
const DEVICES: [&str; 3] = ["iPhone", "iPad", "Android"];

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Browser {
    /// `Firefox`.
    pub(super) name: &'static str,
    /// `iPhone`; `None` on a computer.
    pub(super) device: Option<&'static str>,
}

impl Browser {
    /// The one that a request comes from.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let name = BROWSERS.iter().find(|(word, _)| agent.contains(word)).map_or("a browser", |(_, name)| name);
        Self { name, device: DEVICES.into_iter().find(|device| agent.contains(device)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(agent: &str, name: &str, device: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, agent.parse().unwrap());
        let found = Browser::of(&headers);
        assert_eq!((found.name, found.device), (name, device), "{agent}");
    }

    #[test]
    fn browsers_are_called_what_people_call_them() {
        const CHROME: &str =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        check(CHROME, "Chrome", None);
        check(&format!("{CHROME} Edg/140.0.0.0"), "Edge", None);
        check(&CHROME.replace("X11; Linux x86_64", "Linux; Android 10; K"), "Chrome", Some("Android"));
        check("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", None);
        check(&format!("{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1"), "Safari", Some("iPhone"));
        check(&format!("{IPHONE} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1"), "Chrome", Some("iPhone"));
        check("curl/8.14", "a browser", None);
    }

    #[test]
    fn a_tool_need_not_name_itself() {
        assert_eq!(Browser::of(&HeaderMap::new()).name, "a browser");
    }
}
