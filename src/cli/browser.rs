//! Opens the page in the person's browser.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::{ExitCode, Stdio},
};

use tokio::process::Command;

use crate::{
    process::{outside, program},
    telemetry::Notices,
};

/// The first argument that makes this program open a URL and end. It is no subcommand: nobody should meet it in `--help`.
const ARGUMENT: &str = "--everlit-browser";

/// Asks the desktop to open a URL; says so when it cannot.
pub(super) async fn open(url: &str, notices: &Notices) {
    if let Err(error) = ask(url).await {
        notices.warn(format!("cannot open a browser ({error}); open {url} by hand"));
    }
}

/// Asks the desktop to open a URL. A process of its own does, so that a browser it starts is none of our group.
///
/// # Errors
/// When the desktop does not, in its words.
pub(super) async fn ask(url: &str) -> io::Result<()> {
    let asked = Command::new(program()?).args([ARGUMENT, url]).stdin(Stdio::null()).stdout(Stdio::null()).output().await?;
    let words = String::from_utf8_lossy(&asked.stderr);
    if asked.status.success() { Ok(()) } else { Err(io::Error::other(words.trim().to_owned())) }
}

/// Opens the URL when the arguments say so; `None` when they are for somebody else.
pub(super) fn run_if_asked(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (args.next()? == ARGUMENT).then(|| {
        outside::leave();
        match open::that_detached(args.next().unwrap_or_default()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = write!(io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        }
    })
}
