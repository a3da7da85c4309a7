//! Starts an editor and lets it go.

use std::{
    ffi::OsString,
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::process::outside::NOT_RUN;

/// How long it is looked at: one that cannot show itself ends by then, and a person waits no longer for the word that it is open.
const LOOK: Duration = Duration::from_millis(400);

const NO_PROGRAM: &str = "there is no such program";

/// Starts it in `dir`, in a process group of its own, so that the terminal's Ctrl-C is none of its business.
///
/// # Errors
/// Why it did not start, or how it ended, in words.
pub(super) async fn start(argv: &[OsString], dir: &Path) -> Result<(), String> {
    let Some((program, arguments)) = argv.split_first() else { return Err("it has no name".to_owned()) };
    let spawned = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = spawned.map_err(|error| refusal(&error))?;
    // Dropped while it runs, it is reaped when it ends, and not ended.
    match timeout(LOOK, child.wait()).await {
        Ok(Ok(status)) if !status.success() => Err(ended(status)),
        _ => Ok(()),
    }
}

fn refusal(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => NO_PROGRAM.to_owned(),
        _ => error.to_string(),
    }
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) if code == i32::from(NOT_RUN) => NO_PROGRAM.to_owned(),
        Some(code) => format!("it exited with code {code}"),
        None => "a signal ended it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(argv: &[&str], expected: Result<(), &str>) {
        let argv: Vec<_> = argv.iter().map(OsString::from).collect();
        assert_eq!(start(&argv, Path::new("/")).await.as_ref().map_err(String::as_str).copied(), expected, "{argv:?}");
    }

    #[tokio::test]
    async fn says_how_it_went() {
        check(&["true"], Ok(())).await;
        check(&["sh", "-c", "exit 3"], Err("it exited with code 3")).await;
        check(&["sh", "-c", "kill -9 $$"], Err("a signal ended it")).await;
        check(&["/nowhere/editor"], Err("there is no such program")).await;
    }
}
