//! The key that opens DevTools for the page, as phones show it.

use super::{browser, devices};
use crate::{
    device::{self, AdbServer, Debuggee, Found, Frontend},
    session::Opened,
    telemetry::{DevTools, Notice, Notices},
};

/// Windows that are opened at a time; a desk with more phones has their links.
const WINDOWS: usize = 4;

/// Opens DevTools for each phone's tab that shows the page of this session, and says where they are.
pub(super) async fn open_by_key(adb: AdbServer, opened: Opened, notices: Notices) {
    let say = |text: String| notices.send(Notice::Info(text));
    let Some(port) = opened.phones else { return say(devices::LEFT_ALONE.to_owned()) };
    let found = match device::debuggees(&adb, port).await {
        Ok(found) if found.is_empty() => return say(devices::NONE.to_owned()),
        Ok(found) => found,
        Err(error) => return say(error.to_string()),
    };
    let mut links = Vec::new();
    for Found { name, outcome } in found {
        match outcome {
            Ok(tab) => links.extend(link(name, tab, &opened, &notices).await),
            Err(why) => notices.send(Notice::Device { name, what: format!("no DevTools: {why}") }),
        }
    }
    if links.len() > WINDOWS {
        say(format!("{WINDOWS} windows are opened at a time; the other DevTools are behind their links"));
    }
    for link in links.into_iter().take(WINDOWS) {
        if let Err(error) = browser::ask(&link).await {
            return notices.warn(format!("cannot open a browser ({error}); open the link above by hand"));
        }
    }
}

/// Says where the DevTools of a tab are; the link, where it can be opened.
async fn link(name: String, tab: Debuggee, opened: &Opened, notices: &Notices) -> Option<String> {
    let (page, frontend) = (tab.url().to_owned(), tab.frontend().clone());
    let socket = match opened.relay.link(tab).await {
        Ok(socket) => socket,
        Err(error) => {
            notices.warn(format!("{name}: no DevTools: {error}"));
            return None;
        }
    };
    let (link, is_typed) = (frontend.url(&socket), frontend == Frontend::Bundled);
    notices.send(Notice::DevTools(Box::new(DevTools { name, page, link: link.clone(), is_typed })));
    (!is_typed).then_some(link)
}
