//! The terminal is left as it was found, however everlit ends; and a key that only it has.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::harness::{TestProject, require};

/// `terminal.py` plays the shell: who leads a session and hands its terminal around must be a process of its own.
fn check(how: &str) {
    let project = TestProject::from_text("-- index.html --\n<p>Hello\n");
    let output = Command::new(require("python3"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/terminal.py"))
        .arg(env!("CARGO_BIN_EXE_everlit"))
        .arg(project.path())
        .arg(how)
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_key_to_quit() {
    check("q");
}

#[test]
fn an_interrupt_from_the_keyboard() {
    check("interrupt");
}

#[test]
fn a_signal_to_end() {
    check("term");
}

#[test]
fn the_key_to_list_pages() {
    check("list_pages");
}

#[test]
fn a_hang_up() {
    check("hang_up");
}

#[test]
fn a_terminal_that_is_closed() {
    check("closed");
}

#[test]
fn suspended_and_taken_to_the_foreground() {
    check("suspended");
}

#[test]
fn ended_in_the_background() {
    check("in_background");
}

#[test]
fn taken_from_the_background_to_the_foreground() {
    check("foreground_again");
    check("foreground_again_at_once");
}

#[test]
fn the_key_to_inspect_opens_a_link_that_works_once() {
    let project = TestProject::from_text(
        "-- index.html --\n<p>Hello\n-- bin/xdg-open --\n#!/bin/sh\necho \"$1\" > \"$OPENED.new\" && mv \"$OPENED.new\" \"$OPENED\"\n",
    );
    let folder = project.path().join("bin");
    fs::set_permissions(folder.join("xdg-open"), fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new(require("python3"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/terminal.py"))
        .arg(env!("CARGO_BIN_EXE_everlit"))
        .arg(project.path())
        .arg("inspect")
        .env("PATH", path)
        .env("OPENED", folder.join("opened"))
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
