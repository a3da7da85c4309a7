//! The editors that are known, one row each: what they are called, how they are found, and how they are told a line.

use std::ffi::{OsStr, OsString};

/// Stands in an argument for the absolute name of the file.
pub(super) const FILE: &str = "{file}";

/// Stands in an argument for the line, from 1.
pub(super) const LINE: &str = "{line}";

/// Stands in an argument for the column, from 1.
pub(super) const COLUMN: &str = "{column}";

/// An editor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What people call it.
    pub(super) name: &'static str,
    /// The commands that start it, the usual one first.
    pub(super) commands: &'static [&'static str],
    /// What its processes are called besides, while it runs.
    pub(super) processes: &'static [&'static str],
    /// Where it shows itself.
    pub(super) shows: Shows,
    /// Its arguments for a file, a line and a column.
    pub(super) arguments: &'static [&'static str],
}

/// Where an editor shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// In a window of its own, or in one that is open.
    Window,
    /// In the terminal it is started in.
    Terminal,
    /// In a window where there is a screen, in a terminal elsewhere.
    Either,
}

const GOTO: &[&str] = &["-g", "{file}:{line}:{column}"];
const COLONS: &[&str] = &["{file}:{line}:{column}"];
const JETBRAINS: &[&str] = &["--line", "{line}", "--column", "{column}", "{file}"];
const PLUS: &[&str] = &["+{line}", "{file}"];
const PLUS_COLON: &[&str] = &["+{line}:{column}", "{file}"];
const PLUS_COMMA: &[&str] = &["+{line},{column}", "{file}"];
const VIM: &[&str] = &["+call cursor({line},{column})", "{file}"];

/// Of several that run, the first in this order is taken.
pub(super) const EDITORS: &[Row] = &[
    window("VS Code", &["code", "code-oss"], &["Code", "Visual Studio Code.app"], GOTO),
    window("VS Code Insiders", &["code-insiders"], &["Code - Insiders", "Visual Studio Code - Insiders.app"], GOTO),
    window("Cursor", &["cursor"], &["Cursor", "Cursor.app"], GOTO),
    window("Windsurf", &["windsurf"], &["Windsurf.app"], GOTO),
    window("VSCodium", &["codium", "vscodium"], &["VSCodium.app"], GOTO),
    window("Zed", &["zed", "zeditor", "zedit"], &["zed-editor", "Zed.app"], COLONS),
    window("RustRover", &["rustrover"], &["rustrover64", "RustRover.app"], JETBRAINS),
    window("GoLand", &["goland"], &["goland64", "GoLand.app"], JETBRAINS),
    window("WebStorm", &["webstorm"], &["webstorm64", "WebStorm.app"], JETBRAINS),
    window(
        "PyCharm",
        &["pycharm", "pycharm-professional", "pycharm-community", "charm"],
        &["PyCharm.app", "PyCharm CE.app"],
        JETBRAINS,
    ),
    window(
        "IntelliJ IDEA",
        &["idea", "intellij-idea-ultimate", "intellij-idea-community"],
        &["IntelliJ IDEA.app", "IntelliJ IDEA CE.app"],
        JETBRAINS,
    ),
    window("CLion", &["clion"], &["CLion.app"], JETBRAINS),
    window("PhpStorm", &["phpstorm", "pstorm"], &["PhpStorm.app"], JETBRAINS),
    window("RubyMine", &["rubymine", "mine"], &["RubyMine.app"], JETBRAINS),
    window("Rider", &["rider"], &["Rider.app"], JETBRAINS),
    window("Sublime Text", &["subl"], &["sublime_text", "Sublime Text.app"], COLONS),
    window("Pulsar", &["pulsar"], &["Pulsar.app"], COLONS),
    window("Lapce", &["lapce"], &["Lapce.app"], COLONS),
    window("TextMate", &["mate"], &["TextMate.app"], &["--line", "{line}:{column}", "{file}"]),
    window("Kate", &["kate"], &[], &["--line", "{line}", "--column", "{column}", "{file}"]),
    window("Geany", &["geany"], &[], &["--line", "{line}", "--column", "{column}", "{file}"]),
    window("gedit", &["gedit"], &[], PLUS_COLON),
    window("gVim", &["gvim", "mvim"], &["MacVim.app"], VIM),
    window("Emacs", &["emacsclient"], &[], &["-n", "+{line}:{column}", "{file}"]),
    Row { name: "Emacs", commands: &["emacs"], processes: &["Emacs.app"], shows: Shows::Either, arguments: PLUS_COLON },
    terminal("Neovim", &["nvim"], VIM),
    terminal("Vim", &["vim"], VIM),
    terminal("Helix", &["hx", "helix"], COLONS),
    terminal("Kakoune", &["kak"], PLUS_COLON),
    terminal("Micro", &["micro"], PLUS_COLON),
    terminal("nano", &["nano"], PLUS_COMMA),
    terminal("ne", &["ne"], PLUS_COMMA),
    terminal("joe", &["joe", "jmacs"], PLUS),
    terminal("mg", &["mg"], PLUS),
    terminal("mcedit", &["mcedit"], &["{file}:{line}"]),
    terminal("vi", &["vi"], PLUS),
];

const fn window(
    name: &'static str,
    commands: &'static [&'static str],
    processes: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Row {
    Row { name, commands, processes, shows: Shows::Window, arguments }
}

const fn terminal(name: &'static str, commands: &'static [&'static str], arguments: &'static [&'static str]) -> Row {
    Row { name, commands, processes: &[], shows: Shows::Terminal, arguments }
}

impl Row {
    /// The editor that is started by a command of this name.
    pub(super) fn by_command(name: &str) -> Option<&'static Self> {
        EDITORS.iter().find(|row| row.commands.contains(&name))
    }
}

/// The arguments with the place in them. The file may have any name: it is taken in as it is.
pub(super) fn fill<'a>(arguments: impl IntoIterator<Item = &'a str>, file: &OsStr, line: u32, column: u32) -> Vec<OsString> {
    let fill = |argument: &str| {
        let argument = argument.replace(LINE, &line.to_string()).replace(COLUMN, &column.to_string());
        let mut filled = OsString::new();
        for (at, piece) in argument.split(FILE).enumerate() {
            if at > 0 {
                filled.push(file);
            }
            filled.push(piece);
        }
        filled
    };
    arguments.into_iter().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `command argument argument …` as each editor's manual has it, for `/p/a b.rs`, line 12, column 3.
    const EXPECTED: &[&[&str]] = &[
        &["code", "-g", "/p/a b.rs:12:3"],
        &["code-insiders", "-g", "/p/a b.rs:12:3"],
        &["cursor", "-g", "/p/a b.rs:12:3"],
        &["windsurf", "-g", "/p/a b.rs:12:3"],
        &["codium", "-g", "/p/a b.rs:12:3"],
        &["zed", "/p/a b.rs:12:3"],
        &["rustrover", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["goland", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["webstorm", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["pycharm", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["idea", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["clion", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["phpstorm", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["rubymine", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["rider", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["subl", "/p/a b.rs:12:3"],
        &["pulsar", "/p/a b.rs:12:3"],
        &["lapce", "/p/a b.rs:12:3"],
        &["mate", "--line", "12:3", "/p/a b.rs"],
        &["kate", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["geany", "--line", "12", "--column", "3", "/p/a b.rs"],
        &["gedit", "+12:3", "/p/a b.rs"],
        &["gvim", "+call cursor(12,3)", "/p/a b.rs"],
        &["emacsclient", "-n", "+12:3", "/p/a b.rs"],
        &["emacs", "+12:3", "/p/a b.rs"],
        &["nvim", "+call cursor(12,3)", "/p/a b.rs"],
        &["vim", "+call cursor(12,3)", "/p/a b.rs"],
        &["hx", "/p/a b.rs:12:3"],
        &["kak", "+12:3", "/p/a b.rs"],
        &["micro", "+12:3", "/p/a b.rs"],
        &["nano", "+12,3", "/p/a b.rs"],
        &["ne", "+12,3", "/p/a b.rs"],
        &["joe", "+12", "/p/a b.rs"],
        &["mg", "+12", "/p/a b.rs"],
        &["mcedit", "/p/a b.rs:12"],
        &["vi", "+12", "/p/a b.rs"],
    ];

    #[test]
    fn each_editor_is_told_the_place_in_its_own_way() {
        assert_eq!(EXPECTED.len(), EDITORS.len(), "a row has no expectation");
        for (row, expected) in EDITORS.iter().zip(EXPECTED) {
            let filled = fill(row.arguments.iter().copied(), OsStr::new("/p/a b.rs"), 12, 3);
            assert_eq!(
                (row.commands[0], &filled.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>()[..]),
                (expected[0], &expected[1..])
            );
        }
    }

    #[test]
    fn a_command_names_one_editor() {
        let mut commands: Vec<_> = EDITORS.iter().flat_map(|row| row.commands).collect();
        let count = commands.len();
        commands.sort_unstable();
        commands.dedup();
        assert_eq!(commands.len(), count);
    }

    #[test]
    fn a_file_is_never_taken_for_a_placeholder() {
        let filled = fill(["{file}:{line}"], OsStr::new("/p/{line}{file}"), 2, 1);
        assert_eq!(filled, ["/p/{line}{file}:2"]);
    }
}
