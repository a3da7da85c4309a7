//! Single keys on the terminal.
//!
//! The terminal is put into a mode without lines and echo, but with its signals and its output as they were; it is put back
//! when [`Keys`] is dropped. There are no keys when standard input is no terminal, or belongs to another job.
//!
//! A shell may take the terminal away (Ctrl-Z, `bg`) and give it back (`fg`). It is given away as it was: not every shell puts it
//! back itself. Whoever reads it or changes its mode meanwhile is stopped by the kernel, so neither is done; the mode is set anew
//! with the first look that finds the terminal ours again.

use std::{
    io,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, read},
    process::{Signal as Stop, getpgrp, getpid, kill_process},
    termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::sleep,
};

/// Keys that may be pressed ahead.
const AHEAD: usize = 16;

/// Bytes read at once; more than anybody types between two looks.
const CHUNK: usize = 64;

/// How often a job in the background looks whether the terminal is its own again: `fg` says nothing to a job that is running.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How the terminal was, as long as it is changed. The one state that outlives every value: the process may have to put it
/// back while it is being ended.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Rebuild,
    Back,
    FurtherBack,
    Open,
    Devices,
    DevTools,
    Pages,
    Inspect,
    Timings,
    Pair,
    Help,
    Quit,
}

impl Key {
    /// The keys on a line.
    pub(super) const HELP: &str = "r rebuild · b roll back, again to return · B further back · o open · d open on phones · p pair a phone · i inspect · l list pages · t timings · q quit · h help";

    /// Those that mean something only where there are phones.
    pub(super) const OF_PHONES: &str = "D DevTools of the page on phones";

    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'r' => Self::Rebuild,
            b'b' => Self::Back,
            b'B' => Self::FurtherBack,
            b'o' => Self::Open,
            b'd' => Self::Devices,
            b'D' => Self::DevTools,
            b'p' => Self::Pair,
            b'l' => Self::Pages,
            b'i' => Self::Inspect,
            b't' => Self::Timings,
            b'h' | b'?' => Self::Help,
            b'q' => Self::Quit,
            _ => return None,
        })
    }
}

/// The keys that are pressed.
pub(super) struct Keys {
    pressed: mpsc::Receiver<Key>,
    suspended: Signal,
    continued: Signal,
    /// Whether the last look found the terminal with another job.
    is_away: bool,
}

impl Keys {
    /// Begins to listen; `None` when there is nobody to listen to. Must be called within a runtime.
    pub(super) fn listen() -> Option<Self> {
        if !isatty(io::stdin()) || !is_ours().ok()? {
            return None;
        }
        let [suspended, continued] = [Stop::TSTP, Stop::CONT].map(|kind| signal(SignalKind::from_raw(kind.as_raw())));
        let (suspended, continued) = (suspended.ok()?, continued.ok()?);
        let before = tcgetattr(io::stdin()).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let (sender, pressed) = mpsc::channel(AHEAD);
        // From here on every way out puts the terminal back.
        let keys = Self { pressed, suspended, continued, is_away: false };
        set_single();
        thread::Builder::new().name("keys".into()).spawn(move || listen(&sender)).ok()?;
        Some(keys)
    }

    /// The next key. Cancel-safe. `None` when the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Key> {
        loop {
            tokio::select! {
                key = self.pressed.recv() => return key,
                Some(()) = self.suspended.recv() => suspend(),
                Some(()) = self.continued.recv() => self.look(),
                () = sleep(LOOK_AGAIN), if self.is_away => self.look(),
            }
        }
    }

    fn look(&mut self) {
        self.is_away = is_ours() == Ok(false);
        set_single();
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Puts the terminal back as it was, unless it is another job's by now: its shell has done so.
pub(super) fn restore_terminal() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        set(&before);
    }
}

/// Does what Ctrl-Z asks for, with the terminal as it was. Returns when the shell lets us go on.
fn suspend() {
    if let Some(before) = &*BEFORE.lock().unwrap_or_else(PoisonError::into_inner) {
        set(before);
    }
    let _ = kill_process(getpid(), Stop::STOP);
}

/// Gives every key on its own and shows none, as long as the terminal is to be changed.
fn set_single() {
    if let Some(before) = &*BEFORE.lock().unwrap_or_else(PoisonError::into_inner) {
        let mut single = before.clone();
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        set(&single);
    }
}

fn set(mode: &Termios) {
    if is_ours() == Ok(true) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, mode);
    }
}

/// Whether we are the job in the foreground; an error when there is no terminal any more.
fn is_ours() -> rustix::io::Result<bool> {
    Ok(tcgetpgrp(io::stdin())? == getpgrp())
}

/// Hands keys on until the terminal or the listener is gone.
fn listen(keys: &mpsc::Sender<Key>) {
    loop {
        match pressed() {
            Ok(pressed) => {
                if pressed.into_iter().any(|key| keys.blocking_send(key).is_err()) {
                    return;
                }
            }
            Err(Errno::INTR) => (),
            Err(_) => return,
        }
    }
}

/// The keys pressed next; none when the terminal is another job's.
fn pressed() -> rustix::io::Result<Vec<Key>> {
    if !is_ours()? {
        // What wakes us is typed for another job, and stays there until that job reads it.
        thread::sleep(LOOK_AGAIN);
        return Ok(Vec::new());
    }
    wait_for_input()?;
    // It may have been taken away while we waited.
    if is_ours()? { read_keys() } else { Ok(Vec::new()) }
}

fn wait_for_input() -> rustix::io::Result<()> {
    poll(&mut [PollFd::new(&io::stdin(), PollFlags::IN)], None).map(drop)
}

/// The keys that were pressed; an error at the end of the input.
fn read_keys() -> rustix::io::Result<Vec<Key>> {
    let mut bytes = [0; CHUNK];
    match read(io::stdin(), &mut bytes)? {
        0 => Err(Errno::IO),
        read => Ok(bytes[..read].iter().filter_map(|byte| Key::of(*byte)).collect()),
    }
}
