//! Real programs the tests need. A missing one fails the test with the package that has it; nothing is skipped.

use std::{env, path::PathBuf};

/// Each program with the names it goes by and the Debian package that brings it.
const PACKAGES: &[(&str, &[&str], &str)] = &[
    ("adb", &["adb"], "adb"),
    ("bindfs", &["bindfs"], "bindfs"),
    ("cargo", &["cargo"], "cargo"),
    ("chromium", &["chromium", "chromium-browser", "google-chrome"], "chromium"),
    ("certutil", &["certutil"], "libnss3-tools"),
    ("curl", &["curl"], "curl"),
    ("faketime", &["faketime"], "faketime"),
    ("esbuild", &["esbuild"], "esbuild"),
    ("firefox", &["firefox-esr", "firefox"], "firefox-esr"),
    ("git", &["git"], "git"),
    ("go", &["go"], "golang-go"),
    ("ip", &["ip"], "iproute2"),
    ("mount", &["mount"], "mount"),
    ("node", &["node"], "nodejs"),
    ("nsenter", &["nsenter"], "util-linux"),
    ("openssl", &["openssl"], "openssl"),
    ("php", &["php"], "php-cli"),
    ("prlimit", &["prlimit"], "util-linux"),
    ("python3", &["python3"], "python3"),
    ("ruby", &["ruby"], "ruby"),
    ("script", &["script"], "bsdutils"),
    ("setpriv", &["setpriv"], "util-linux"),
    ("tmux", &["tmux"], "tmux"),
    ("tsc", &["tsc"], "node-typescript"),
    ("unshare", &["unshare"], "util-linux"),
    ("update-ca-certificates", &["update-ca-certificates"], "ca-certificates"),
    ("vim", &["vim"], "vim"),
];

/// Where a program is.
pub(crate) fn require(program: &str) -> PathBuf {
    let (_, names, package) = PACKAGES.iter().find(|(name, ..)| *name == program).expect("a program of the table");
    names.iter().find_map(|name| on_path(name)).unwrap_or_else(|| {
        panic!("{program} is missing, and this test needs the real one: install it with `apt-get install {package}`")
    })
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
