//! Which editor: the one that is named, the one around Everlit, one that runs, the one of the shell, one that is installed.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::{
    surroundings::Surroundings,
    table::{EDITORS, FILE, Row, Shows, fill},
};
use crate::{config::EditorCommand, process::tree};

/// Arguments that make Emacs show itself in the terminal.
const IN_TERMINAL: [&str; 4] = ["-nw", "-t", "--tty", "--no-window-system"];

/// Where a macOS application keeps the program that takes arguments.
const BUNDLED: [&str; 2] = ["Contents/Resources/app/bin", "Contents/MacOS"];

/// An editor, and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// What it is called.
    pub(super) name: String,
    program: PathBuf,
    /// What the person gave it, before the place.
    given: Vec<String>,
    /// How it is told the place.
    arguments: Vec<String>,
    /// Whether it shows itself in the terminal it is started in.
    pub(super) needs_terminal: bool,
}

impl Chosen {
    /// The program and its arguments.
    pub(super) fn argv(&self, file: &Path, line: u32, column: u32) -> Vec<OsString> {
        let words = self.given.iter().chain(&self.arguments).map(String::as_str);
        let mut argv = vec![self.program.clone().into_os_string()];
        argv.extend(fill(words, file.as_os_str(), line, column));
        argv
    }

    fn of_row(row: &'static Row, program: PathBuf, display: bool) -> Self {
        Self {
            name: row.name.to_owned(),
            program,
            given: Vec::new(),
            arguments: row.arguments.iter().map(|&argument| argument.to_owned()).collect(),
            needs_terminal: row.shows == Shows::Terminal || (row.shows == Shows::Either && !display),
        }
    }
}

/// The first of these ways that leads to an editor.
pub(super) fn choose(configured: Option<&EditorCommand>, surroundings: &Surroundings) -> Option<Chosen> {
    // What the person named is taken or refused, never replaced by another.
    if let Some(named) = configured {
        return Some(named_one(named, surroundings));
    }
    let running = tree::programs_of_this_user();
    around(surroundings, &running)
        .or_else(|| running_one(surroundings, &running))
        .or_else(|| surroundings.preferred.first().map(|named| named_one(named, surroundings)))
        .or_else(|| installed(surroundings))
}

/// An editor by the words that start it.
fn named_one(named: &EditorCommand, surroundings: &Surroundings) -> Chosen {
    let EditorCommand(words) = named;
    let (program, given) = words.split_first().map_or(("", &[][..]), |(program, given)| (program.as_str(), given));
    let found = surroundings.find(OsStr::new(program));
    let row = row_of(program).or_else(|| row_of(&found.as_ref()?.canonicalize().ok()?.to_string_lossy()));
    let program_path = found.unwrap_or_else(|| PathBuf::from(program));
    let mut chosen = match row {
        Some(row) => Chosen::of_row(row, program_path, surroundings.display),
        // It most likely takes a file; how it is told a line, the person says with placeholders.
        None => Chosen {
            name: name_of(program).to_owned(),
            program: program_path,
            given: Vec::new(),
            arguments: vec![FILE.to_owned()],
            needs_terminal: false,
        },
    };
    chosen.needs_terminal |=
        row.is_some_and(|row| row.name == "Emacs") && given.iter().any(|word| IN_TERMINAL.contains(&word.as_str()));
    if chosen.needs_terminal {
        // `-n` gives the terminal back at once.
        chosen.arguments.retain(|argument| argument != "-n");
    }
    if given.iter().any(|word| word.contains(FILE)) {
        chosen.arguments.clear();
    }
    chosen.given = given.to_vec();
    chosen
}

/// `/usr/bin/vim.basic` → Vim.
fn row_of(program: &str) -> Option<&'static Row> {
    let name = name_of(program);
    Row::by_command(name)
        .or_else(|| Row::by_command(name.split_once('.')?.0))
        .or_else(|| Row::by_command(name.split_once('-')?.0))
}

fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The editor in whose terminal Everlit runs.
fn around(surroundings: &Surroundings, running: &[PathBuf]) -> Option<Chosen> {
    let by_command = |command: &str| EDITORS.iter().find(|row| row.commands.contains(&command));
    let is_code = surroundings.term_program.eq_ignore_ascii_case("vscode");
    // VS Code and its kin all call themselves vscode; the path of their own program tells them apart.
    let kin = || surroundings.host("VSCODE_GIT_ASKPASS_NODE").and_then(|path| row_of_program(Path::new(path)));
    let row = match () {
        () if is_code => kin().or_else(|| by_command("code")),
        () if surroundings.host("ZED_TERM").is_some() => by_command("zed"),
        () if surroundings.host("INSIDE_EMACS").is_some() => by_command("emacsclient"),
        () if surroundings.host("TERMINAL_EMULATOR") == Some("JetBrains-JediTerm") => {
            return running_among(surroundings, running, |row| row.arguments.contains(&"--column"));
        }
        () => None,
    }?;
    row.commands
        .iter()
        .find_map(|command| surroundings.find(OsStr::new(command)))
        .map(|program| Chosen::of_row(row, program, true))
}

/// An editor that has a window open.
fn running_one(surroundings: &Surroundings, running: &[PathBuf]) -> Option<Chosen> {
    running_among(surroundings, running, |row| row.shows == Shows::Window)
}

fn running_among(surroundings: &Surroundings, running: &[PathBuf], wanted: impl Fn(&Row) -> bool) -> Option<Chosen> {
    EDITORS.iter().filter(|row| wanted(row)).find_map(|row| {
        let process = running.iter().find(|program| row_of_program(program) == Some(row))?;
        let command = row.commands.iter().find_map(|command| surroundings.find(OsStr::new(command)));
        let program = command.or_else(|| bundled(row, process)).unwrap_or_else(|| process.clone());
        Some(Chosen::of_row(row, program, surroundings.display))
    })
}

/// The editor whose program this is.
fn row_of_program(program: &Path) -> Option<&'static Row> {
    let is_of = |row: &&Row| {
        let name = program.file_name().unwrap_or_default();
        let is_name = |known: &&&str| name == OsStr::new(known);
        let in_bundle = |bundle: &&&str| bundle.ends_with(".app") && program.iter().any(|part| part == OsStr::new(bundle));
        row.commands.iter().any(|known| is_name(&known)) || row.processes.iter().any(|known| is_name(&known) || in_bundle(&known))
    };
    EDITORS.iter().find(is_of)
}

/// The program inside of the application that a process belongs to.
fn bundled(row: &Row, process: &Path) -> Option<PathBuf> {
    let bundle = process.ancestors().find(|folder| folder.extension().is_some_and(|ending| ending == "app"))?;
    let programs = BUNDLED.iter().flat_map(|folder| row.commands.iter().map(move |command| bundle.join(folder).join(command)));
    programs.into_iter().find(|program| program.is_file())
}

/// An editor on the search path; one that shows itself somewhere before one that needs a terminal.
fn installed(surroundings: &Surroundings) -> Option<Chosen> {
    let windows =
        EDITORS.iter().filter(|row| row.shows != Shows::Terminal && row.commands[0] != "emacsclient" && surroundings.display);
    let terminals = EDITORS.iter().filter(|row| row.shows != Shows::Window);
    windows.chain(terminals).find_map(|row| {
        let program = row.commands.iter().find_map(|command| surroundings.find(OsStr::new(command)))?;
        Some(Chosen::of_row(row, program, surroundings.display))
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A folder with programs of these names.
    fn programs(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn surroundings(path: &Path, variables: &[(&str, &str)]) -> Surroundings {
        let mut variables: HashMap<&str, OsString> = variables.iter().map(|(name, value)| (*name, (*value).into())).collect();
        variables.insert("PATH", path.into());
        Surroundings::from_env(|name| variables.get(name).cloned())
    }

    fn words(chosen: &Chosen) -> String {
        let argv = chosen.argv(Path::new("/p/a.rs"), 12, 3);
        let words: Vec<_> = argv.iter().map(|word| name_of(word.to_str().unwrap()).to_owned()).collect();
        format!("{}{} {}", chosen.name, if chosen.needs_terminal { ", terminal:" } else { ":" }, words.join(" "))
    }

    #[test]
    fn what_is_named_is_taken() {
        let folder = programs(&["code", "vim.basic", "ed!tor", "emacs", "emacsclient", "idea"]);
        std::os::unix::fs::symlink("vim.basic", folder.path().join("editor")).unwrap();
        let surroundings = surroundings(folder.path(), &[]);
        let check = |command: &str, expected: &str| {
            let command: EditorCommand = command.parse().unwrap();
            assert_eq!(words(&named_one(&command, &surroundings)), expected, "{command:?}");
        };
        check("code", "VS Code: code -g a.rs:12:3");
        check("code --reuse-window", "VS Code: code --reuse-window -g a.rs:12:3");
        check(&format!("{}/code", folder.path().display()), "VS Code: code -g a.rs:12:3");
        check("editor", "Vim, terminal: editor +call cursor(12,3) a.rs");
        check("'ed!tor' -x", "ed!tor: ed!tor -x a.rs");
        check("ed!tor --at={line}:{column} {file}", "ed!tor: ed!tor --at=12:3 a.rs");
        check("emacs -nw", "Emacs, terminal: emacs -nw +12:3 a.rs");
        check("emacsclient -t", "Emacs, terminal: emacsclient -t +12:3 a.rs");
        check("emacs", "Emacs, terminal: emacs +12:3 a.rs");
        check("idea", "IntelliJ IDEA: idea --line 12 --column 3 a.rs");
        check("gone", "gone: gone a.rs");
    }

    #[test]
    fn the_editor_around_comes_first() {
        let folder = programs(&["code", "cursor", "zed", "emacsclient", "vim", "goland"]);
        let running = ["/usr/bin/bash", "/opt/goland/bin/goland"].map(PathBuf::from);
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let chosen = around(&surroundings(folder.path(), variables), &running);
            assert_eq!(chosen.map(|chosen| chosen.name).as_deref(), expected, "{variables:?}");
        };
        check(&[("TERM_PROGRAM", "vscode")], Some("VS Code"));
        check(&[("TERM_PROGRAM", "vscode"), ("VSCODE_GIT_ASKPASS_NODE", "/usr/share/cursor/cursor")], Some("Cursor"));
        let mac = "/Applications/Cursor.app/Contents/Frameworks/Cursor Helper (Plugin)";
        check(&[("TERM_PROGRAM", "vscode"), ("VSCODE_GIT_ASKPASS_NODE", mac)], Some("Cursor"));
        check(&[("ZED_TERM", "true")], Some("Zed"));
        check(&[("INSIDE_EMACS", "29.1,vterm")], Some("Emacs"));
        check(&[("TERMINAL_EMULATOR", "JetBrains-JediTerm")], Some("GoLand"));
        check(&[("TERM_PROGRAM", "iTerm.app")], None);
        check(&[], None);
    }

    #[test]
    fn one_that_runs_comes_before_the_shells() {
        let folder = programs(&["subl", "vim", "Apps/Visual Studio Code.app/Contents/Resources/app/bin/code"]);
        let surroundings = surroundings(folder.path(), &[("EDITOR", "vim")]);
        let check = |running: &[&str], expected: Option<&str>| {
            let running: Vec<_> = running.iter().map(|program| folder.path().join(program)).collect();
            assert_eq!(running_one(&surroundings, &running).map(|chosen| words(&chosen)).as_deref(), expected, "{running:?}");
        };
        check(&["/usr/bin/bash", "/opt/sublime_text/sublime_text"], Some("Sublime Text: subl a.rs:12:3"));
        check(&["/usr/share/code/code"], Some("VS Code: code -g a.rs:12:3"));
        check(&["Apps/Visual Studio Code.app/Contents/MacOS/Electron"], Some("VS Code: code -g a.rs:12:3"));
        check(&["/usr/bin/vim", "/usr/bin/nvim"], None);
        check(&[], None);
    }

    #[test]
    fn the_shells_editor_and_then_any() {
        let folder = programs(&["kate", "nano", "micro"]);
        let installed =
            |variables: &[(&str, &str)]| installed(&surroundings(folder.path(), variables)).map(|chosen| words(&chosen));
        assert_eq!(installed(&[("DISPLAY", ":0")]).as_deref(), Some("Kate: kate --line 12 --column 3 a.rs"));
        assert_eq!(installed(&[]).as_deref(), Some("Micro, terminal: micro +12:3 a.rs"));
        let preferred = surroundings(folder.path(), &[("EDITOR", "nano"), ("VISUAL", "micro")]).preferred;
        assert_eq!(preferred, ["micro".parse().unwrap(), "nano".parse().unwrap()]);
    }
}
