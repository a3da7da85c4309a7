//! Hands a command a socket that listens already, as systemd does (sd_listen_fds(3)).
//!
//! The command's process is this program first, called as `everlit --everlit-listen PORT PROGRAM ARGS…`: it opens the socket and becomes
//! the command, so that `LISTEN_PID` is right. Connections that come before the command takes the socket wait in its queue.

use std::{
    ffi::OsString,
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    os::{fd::AsRawFd, unix::process::CommandExt},
    process::{self, Command, ExitCode},
};

use rustix::io::{FdFlags, fcntl_setfd};

use super::keeper;

/// The first argument that makes this program open a socket. It is no subcommand: nobody should meet it in `--help`.
pub(super) const ARGUMENT: &str = "--everlit-listen";

/// The descriptor that a command looks at first, SD_LISTEN_FDS_START.
const FIRST: i32 = 3;

/// What a shell answers for a command that it cannot run.
const NOT_RUN: u8 = 127;

/// Becomes the command when the arguments say so; returns when that fails, or with `None` when they are for somebody else.
pub(crate) fn run_if_asked(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (args.next()? == ARGUMENT).then(|| {
        let _ = writeln!(io::stderr(), "{}", become_command(args));
        NOT_RUN.into()
    })
}

/// Why the command does not run.
fn become_command(mut args: impl Iterator<Item = OsString>) -> String {
    let (Some(port), Some(program)) = (args.next().and_then(|port| port.to_str()?.parse().ok()), args.next()) else {
        return format!("{ARGUMENT} needs a port and a program");
    };
    let _socket = match listener(port) {
        Ok(socket) => socket,
        Err(error) => return format!("cannot listen on port {port} for `{}`: {error}", program.to_string_lossy()),
    };
    let mut command = Command::new(&program);
    command.args(args).env("LISTEN_FDS", "1").env("LISTEN_PID", process::id().to_string());
    keeper::refusal(&program, &command.exec())
}

fn listener(port: u16) -> io::Result<TcpListener> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    if socket.as_raw_fd() != FIRST {
        return Err(io::Error::other("whoever started everlit left descriptor 3 open, where the socket has to be"));
    }
    fcntl_setfd(&socket, FdFlags::empty())?;
    Ok(socket)
}
