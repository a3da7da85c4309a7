//! Lets a program run outside of our control group: an editor or a browser stays when we end.
//!
//! The program's process is this program first, called as `everlit --everlit-outside PROGRAM ARGS…`: it leaves the group and becomes
//! the program. Moved from here, it could have started others by then, which would stay behind.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use super::{cgroup, keeper};

/// The first argument that makes this program leave. It is no subcommand: nobody should meet it in `--help`.
const ARGUMENT: &str = "--everlit-outside";

/// What a shell answers for a program that it cannot run.
pub(crate) const NOT_RUN: u8 = 127;

/// The words that run a program outside. One that cannot be run exits with [`NOT_RUN`].
///
/// # Errors
/// When this program itself cannot be found.
pub(crate) fn outside(argv: Vec<OsString>) -> io::Result<Vec<OsString>> {
    let before = [super::program()?.into(), ARGUMENT.into()];
    Ok(before.into_iter().chain(argv).collect())
}

/// Leaves the group of the session that started this process, if it has one.
pub(crate) fn leave() {
    // Where it cannot be left, the program ends with us: that is told by nobody and harms nothing.
    let _ = cgroup::step_out();
}

/// Becomes the program when the arguments say so; returns when that fails, or with `None` when they are for somebody else.
pub(crate) fn run_if_asked(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (args.next()? == ARGUMENT).then(|| {
        leave();
        if let Some(program) = args.next() {
            let error = Command::new(&program).args(args).exec();
            let _ = writeln!(io::stderr(), "{}", keeper::refusal(&program, &error));
        }
        NOT_RUN.into()
    })
}
