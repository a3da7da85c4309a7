//! Tells the linker to put the functions that a start and the first requests run side by side.
//!
//! The kernel maps 64 KiB around each function that runs for the first time. Where these functions lie scattered over 9 MiB of code
//! an idle server weighs twice what it needs. `start.ld` names them; `scripts/link-order` writes it anew.
//!
//! The places that the loader has to adjust are packed, where the system's loader knows how: a start reads a tenth as much of them.
//!
//! It is an optimisation only: names that no longer exist are passed over, and whoever chose another linker, which may not read
//! scripts, builds without it.

use std::{env, path::Path, process::Command};

/// The first glibc that reads packed relocations (DT_RELR).
const PACKING_GLIBC: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=link/build.rs");
    println!("cargo::rerun-if-changed=link/start.ld");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    if is_release() && is_gnu_linux() && is_default_linker() {
        let order = Path::new(&variable("CARGO_MANIFEST_DIR")).join("link/start.ld");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", order.display());
        if is_for_this_machine() && glibc().is_some_and(|version| version >= PACKING_GLIBC) {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
    }
}

fn is_release() -> bool {
    variable("PROFILE") == "release"
}

/// Where the compiler's default is lld or GNU ld: both add a script with `INSERT` to their own.
fn is_gnu_linux() -> bool {
    variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu"
}

fn is_default_linker() -> bool {
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let names_linker = |flag: &str| flag.contains("link") && !flag.starts_with("--remap-path-prefix");
    env::var_os("RUSTC_LINKER").is_none() && !flags.split('\u{1f}').any(names_linker)
}

fn is_for_this_machine() -> bool {
    variable("HOST") == variable("TARGET")
}

/// This system's glibc; a program that was linked here runs with this one or a later one.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = std::str::from_utf8(&said.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
