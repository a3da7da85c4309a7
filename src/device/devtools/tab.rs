//! The tabs that are open in the browsers of a phone.

use serde_json::Value;

use super::{Error, Ours, frontend::Frontend, http, sockets};
use crate::device::{adb::Adb, untrusted::shown};

/// How many tabs of one browser are looked at.
const TABS: usize = 100;

/// How long the name of a tab may be; browsers' are numbers, or have 32 letters.
const ID: usize = 64;

/// A tab of a phone's browser. All text is fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The socket of its browser, as `chrome_devtools_remote`.
    pub browser: String,
    /// The title of its page.
    pub title: String,
    /// The address of its page, cut where it is long.
    pub url: String,
    /// Whether that is a page that is served here.
    pub is_ours: bool,
}

/// A tab, and how it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::device) struct Target {
    pub(in crate::device) tab: Tab,
    pub(super) id: String,
    pub(super) frontend: Frontend,
}

impl Target {
    /// Where its browser lets it be attached to.
    pub(super) fn path(&self) -> String {
        format!("/devtools/page/{}", self.id)
    }
}

/// The tabs of all browsers of a phone, in the order of each browser: where that is Chrome for Android, the one last looked at is the first.
pub(in crate::device) async fn tabs(adb: &Adb, serial: &str, ours: &Ours) -> Result<Vec<Target>, Error> {
    let mut found = Vec::new();
    for socket in sockets::parse(&adb.output(serial, sockets::LIST).await?) {
        // A browser that is about to end does not hide the others' tabs.
        if let Ok(targets) = adb.within_patience(tabs_of(adb, serial, &socket, ours)).await {
            found.extend(targets);
        }
    }
    Ok(found)
}

/// The first one that shows this project.
pub(in crate::device) async fn shows_us(adb: &Adb, serial: &str, ours: &Ours) -> Result<Option<Target>, Error> {
    Ok(tabs(adb, serial, ours).await?.into_iter().find(|target| target.tab.is_ours))
}

async fn tabs_of(adb: &Adb, serial: &str, socket: &str, ours: &Ours) -> Result<Vec<Target>, Error> {
    let list = http::get(adb.socket(serial, socket).await?, "/json/list").await?;
    Ok(parse(&list, socket, ours))
}

fn parse(list: &Value, socket: &str, ours: &Ours) -> Vec<Target> {
    let target = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let (id, url) = (text("id"), text("url"));
        let is_tab = text("type") == "page" && is_id(id);
        let tab = Tab { browser: socket.to_owned(), title: shown(text("title")), url: shown(url), is_ours: ours.has(url) };
        is_tab.then(|| Target { tab, id: id.to_owned(), frontend: Frontend::parse(text("devtoolsFrontendUrl")) })
    };
    list.as_array().into_iter().flatten().filter_map(target).take(TABS).collect()
}

/// It becomes a part of an address.
fn is_id(id: &str) -> bool {
    (1..=ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tabs_are_pages_and_their_words_cannot_act() {
        let list = json!([
            { "id": "12", "type": "page", "title": "Shop\u{1b}[2J", "url": "http://localhost:4747/", "webSocketDebuggerUrl": "ws://evil.example/" },
            { "id": "A0-b", "type": "page", "title": "x".repeat(10_000), "url": "https://example.com/" },
            { "id": "13", "type": "service_worker", "title": "", "url": "http://localhost:4747/sw.js" },
            { "id": "../json/close/1", "type": "page", "title": "", "url": "" },
            { "id": 7, "type": "page" },
            { "id": "", "type": "page" },
            "page",
        ]);
        let found = parse(&list, "chrome_devtools_remote", &Ours(vec![4747]));
        let named: Vec<_> = found.iter().map(|target| (target.id.as_str(), target.tab.is_ours)).collect();
        assert_eq!(named, [("12", true), ("A0-b", false)]);
        assert_eq!(found[0].tab.title, "Shop\u{fffd}[2J");
        assert!(found[1].tab.title.len() < 1000);
        assert_eq!(parse(&json!({ "id": "12", "type": "page" }), "", &Ours::default()), []);
        let many = Value::Array(vec![json!({ "id": "1", "type": "page" }); TABS + 1]);
        assert_eq!(parse(&many, "", &Ours::default()).len(), TABS);
    }
}
