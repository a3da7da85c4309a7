//! Turns argv into a [`Config`](crate::config::Config) and one action, prints, and picks the exit code.
//!
//! One file per subcommand. Nobody else prints, reads argv or the environment, or exits. Exit codes: 0 stopped by the user,
//! 1 failed, 2 wrong usage.

mod adb;
mod args;
mod browser;
mod completions;
mod console;
mod dev;
mod devices;
mod devtools;
mod folders;
mod init;
mod init_api;
mod keys;
mod mistake;
mod shot;
mod signals;
mod trace;
mod trust;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser;
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::{
    config::LISTEN_PORT,
    process::{keeper, listen_fds, outside},
};
use args::{Args, Command, InitArgs};
use init_api::Api;

/// Runs the program with these arguments, the program's own name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<_> = args.into_iter().collect();
    let asked = || args.iter().skip(1).cloned();
    let others = [keeper::run_if_asked(asked()), listen_fds::run_if_asked(asked()), outside::run_if_asked(asked())];
    if let Some(code) = others.into_iter().flatten().next().or_else(|| browser::run_if_asked(asked())) {
        return code;
    }
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    match act(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error must not turn a failure into a panic.
            let _ = writeln!(io::stderr(), "error: {}", in_words(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, those left out that it says itself.
fn in_words(error: &anyhow::Error) -> String {
    let mut words = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words.push_str(&format!(": {cause}"));
        }
    }
    words
}

/// Help and version are answers, not mistakes.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn act(command: Command) -> Result<()> {
    match command {
        Command::Dev(args) => dev::dev(&args),
        Command::Devices(args) => devices::devices(&args),
        Command::Init(args) => init(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Trust(args) => trust::trust(args),
        Command::Untrust(args) => trust::untrust(args),
        Command::Completions(args) => Ok(completions::write(args.shell, &mut io::stdout())?),
    }
}

fn init(args: &InitArgs) -> Result<()> {
    let Some(source) = &args.api else { return Ok(tell_written(&args.dir, &init::init(&args.dir)?)?) };
    let (files, api) = init::init_api(source, &args.dir)?;
    tell_written(&args.dir, &files)?;
    Ok(tell_api(&api)?)
}

fn tell_api(api: &Api) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\nThen try")?;
    for name in &api.resources {
        // Of all that a name may have, only other letters than ASCII's need escapes.
        writeln!(out, "  http://localhost:{LISTEN_PORT}/api/{}", utf8_percent_encode(name, CONTROLS))?;
    }
    if !api.notes.is_empty() {
        writeln!(out, "\nNot as in the document:")?;
    }
    api.notes.iter().try_for_each(|note| writeln!(out, "  {note}"))
}

fn tell_written(dir: &Path, files: &[std::path::PathBuf]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for file in files {
        writeln!(out, "  wrote {}", file.display())?;
    }
    let dir = if dir == Path::new(".") { String::new() } else { format!(" {}", dir.display()) };
    writeln!(out, "\nStart it with `everlit dev{dir}`, then change a file.")
}
