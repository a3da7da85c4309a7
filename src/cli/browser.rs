//! Opens the page in the person's browser.

use crate::telemetry::Notices;

/// Asks the desktop to open a URL; says so when it cannot.
pub(super) fn open(url: &str, notices: &Notices) {
    if let Err(error) = open::that_detached(url) {
        notices.warn(format!("cannot open a browser ({error}); open {url} by hand"));
    }
}
