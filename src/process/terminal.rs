//! A pseudo-terminal that a command writes to instead of pipes.

use std::{
    fs::OpenOptions,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStringExt, fs::OpenOptionsExt},
    },
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use rustix::{
    fs::OFlags,
    io::{FdFlags, fcntl_setfd, ioctl_fionbio},
    process::{Pid, Signal, ioctl_tiocsctty, kill_process_group, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcgetwinsize, tcsetpgrp, tcsetwinsize},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::unix::pipe::Receiver,
    signal::unix::{SignalKind, signal},
};

use crate::telemetry::Source;

/// The size of a terminal that nobody looks at.
const SIZE: (u16, u16) = (80, 24);

/// The least width a command is told: what is narrower wraps every word.
const NARROWEST: u16 = 20;

/// The end that reads what the command writes. The command's terminal is as large as ours, less the mark before each line.
#[derive(Debug)]
pub(super) struct Terminal {
    end: Receiver,
    resized: tokio::signal::unix::Signal,
}

impl Terminal {
    /// A new one, and the end that is the command's.
    ///
    /// # Errors
    /// When the system has no more of them.
    pub(super) fn open() -> io::Result<(Self, OwnedFd)> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        // At once where that is possible: a command that is being started must not inherit it.
        #[cfg(target_os = "linux")]
        let flags = flags | OpenptFlags::CLOEXEC;
        let end = openpt(flags)?;
        fcntl_setfd(&end, FdFlags::CLOEXEC)?;
        grantpt(&end)?;
        unlockpt(&end)?;
        let name = PathBuf::from(std::ffi::OsString::from_vec(ptsname(&end, Vec::new())?.into_bytes()));
        let flags = i32::try_from(OFlags::NOCTTY.bits()).map_err(io::Error::other)?;
        let theirs = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name)?;
        ioctl_fionbio(&end, true)?;
        tcsetwinsize(&end, size())?;
        let resized = signal(SignalKind::window_change())?;
        // It is no pipe, but read like one.
        Ok((Self { end: Receiver::from_owned_fd_unchecked(end)?, resized }, theirs.into()))
    }

    /// Passes on that our own terminal has another size; the kernel tells the command.
    fn follow_size(&mut self, context: &mut Context<'_>) {
        while self.resized.poll_recv(context).is_ready() {
            let _ = tcsetwinsize(&self.end, size());
        }
    }
}

impl AsyncRead for Terminal {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.follow_size(context);
        Pin::new(&mut self.end).poll_read(context, into)
    }
}

/// The size a command is told.
fn size() -> Winsize {
    let ours = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    let (columns, rows) = ours.map_or(SIZE, |size| (size.ws_col.saturating_sub(Source::MARK), size.ws_row));
    Winsize { ws_row: rows, ws_col: columns.max(NARROWEST), ws_xpixel: 0, ws_ypixel: 0 }
}

/// Makes a terminal that of this process and of all it starts. The process must not lead a group yet.
///
/// # Errors
/// When it does, or the terminal is somebody else's.
pub(super) fn take(terminal: impl AsFd) -> io::Result<()> {
    setsid()?;
    Ok(ioctl_tiocsctty(terminal)?)
}

/// Gives a command that was just started the foreground of its terminal, in which alone it may read and set modes. One that tried
/// before was stopped for it.
///
/// # Errors
/// When the command is gone.
pub(super) fn bring_to_front(terminal: impl AsFd, leader: Pid) -> io::Result<()> {
    tcsetpgrp(terminal, leader)?;
    Ok(kill_process_group(leader, Signal::CONT)?)
}
