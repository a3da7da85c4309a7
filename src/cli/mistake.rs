//! What is kept of a mistake of ours: a panic.
//!
//! A panic ends one request, or the program in order; here it is only written down, for who can mend it. The report says where it
//! was and how it came there. Words that were put together while the program ran are left out, since they may hold what was being
//! worked on: only those that stand in the source are kept.

use std::{
    backtrace::Backtrace,
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write},
    panic::{self, PanicHookInfo},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// The file, in the folder for what lasts; that of the last run that made a mistake.
const FILE: &str = "panic.txt";

/// Mistakes of one run that are written down. What panics again and again does so at the same place.
const MOST: usize = 8;

/// Has each panic written down in a folder, and named on standard error.
pub(super) fn keep_reports(folder: Option<PathBuf>) {
    let count = AtomicUsize::new(0);
    panic::set_hook(Box::new(move |panic| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        if number < MOST {
            keep(folder.as_deref(), number == 0, panic);
        }
    }));
}

/// Nothing in here may panic, nor wait for who did.
fn keep(folder: Option<&Path>, is_first: bool, panic: &PanicHookInfo<'_>) {
    let text = describe(panic);
    let written = folder.ok_or(io::ErrorKind::NotFound.into()).and_then(|folder| write(folder, is_first, &text));
    let _ = match written {
        Ok(file) => writeln!(io::stderr(), "everlit made a mistake; what is known of it is in {}", file.display()),
        Err(_) => io::stderr().write_all(text.as_bytes()),
    };
}

fn write(folder: &Path, is_first: bool, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join(FILE);
    let mut options = File::options();
    options.create(true);
    // Another run's is not mixed with ours.
    if is_first {
        options.write(true).truncate(true)
    } else {
        options.append(true)
    };
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(text.as_bytes())?;
    Ok(path)
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let (version, system, machine) = (env!("CARGO_PKG_VERSION"), env::consts::OS, env::consts::ARCH);
    let words = panic.payload().downcast_ref::<&str>().copied().unwrap_or("left out, for they may hold what was being worked on");
    let mut text = format!("everlit {version} made a mistake ({system}, {machine})\n");
    if let Some(place) = panic.location() {
        let _ = writeln!(text, "place:  {place}");
    }
    let _ = writeln!(text, "thread: {}", thread::current().name().unwrap_or("without a name"));
    let _ = writeln!(text, "words:  {words}\n\n{}", Backtrace::force_capture());
    text
}
