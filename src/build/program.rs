//! Which file is the program: the one a build makes and `run` starts, told apart from tools and scripts that are run too.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::config::{AppConfig, ArtifactConfig, CommandLine, Run};

/// Detected builds put what they make below it; nobody's own files are there.
const OURS: &str = ".everlit";

/// First bytes of executables: ELF, and Mach-O of both byte orders and for several machines.
const MAGIC: [[u8; 4]; 4] = [*b"\x7fELF", [0xcf, 0xfa, 0xed, 0xfe], [0xfe, 0xed, 0xfa, 0xcf], [0xca, 0xfe, 0xba, 0xbe]];

/// Sources of which all that matters is in what a compiler makes of them. Any other file may be read by the program itself.
const COMPILED: [&str; 44] = [
    "go", "rs", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp", "inl", "m", "mm", "s", "asm", "zig", "nim", "d", "hs",
    "ml", "mli", "swift", "kt", "java", "scala", "cs", "fs", "vb", "f90", "f95", "pas", "adb", "ads", "cr", "v", "odin", "proto",
    "templ", "y", "l", "cmake", "vala", "hx",
];

/// Files of build tools.
const OF_TOOLS: [&str; 10] = [
    "go.mod",
    "go.sum",
    "go.work",
    "go.work.sum",
    "Cargo.toml",
    "Cargo.lock",
    "Makefile",
    "CMakeLists.txt",
    "meson.build",
    "build.zig",
];

/// The file that is run, where it is one that a build made; `executable` is the one the compiler named, `began` when the build
/// did, `known` one that an earlier build made.
pub(super) fn find(app: &AppConfig, executable: Option<&Path>, began: SystemTime, known: Option<&Path>) -> Option<PathBuf> {
    match (&app.artifact, &app.run) {
        (ArtifactConfig::Off, _) => None,
        (ArtifactConfig::At(path), run) => names(run, path, &app.dir).then(|| path.clone()),
        // What nothing builds is no artifact.
        (ArtifactConfig::Found, _) if app.build().is_none() => None,
        (ArtifactConfig::Found, Run::BuiltExecutable) => executable.map(Path::to_owned),
        (ArtifactConfig::Found, Run::Command(command)) => {
            let is_ours = |path: &PathBuf| known == Some(path) || path.starts_with(&app.dir) && is_built(path, &app.dir, began);
            program_of(command, &app.dir).filter(is_ours)
        }
    }
}

/// Whether the command runs this file, as far as can be seen.
fn names(run: &Run, path: &Path, dir: &Path) -> bool {
    match run {
        Run::BuiltExecutable => true,
        Run::Command(CommandLine::Argv(words)) => words.iter().any(|word| dir.join(word) == path),
        Run::Command(CommandLine::Shell(line)) => words(line).any(|word| is_at(word, path, dir)),
    }
}

/// The program a command begins with. Of a shell line that is more than one command nobody knows which is the program.
fn program_of(command: &CommandLine, dir: &Path) -> Option<PathBuf> {
    let first = match command {
        CommandLine::Argv(words) => words.first()?,
        CommandLine::Shell(line) if line.contains([';', '&', '|', '\n', '(', '`']) => return None,
        CommandLine::Shell(line) => line.split_whitespace().find(|word| *word != "exec" && !is_assignment(word))?,
    };
    // What has no slash is looked for on the path.
    first.contains('/').then(|| absolute(first, dir))
}

/// `NAME=value`.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A path without `.` and `..`; as text, for a link may lead anywhere and shall be followed when it is run.
fn absolute(word: &str, dir: &Path) -> PathBuf {
    let mut path = PathBuf::new();
    for part in dir.join(word).components() {
        match part {
            std::path::Component::CurDir => (),
            std::path::Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
    }
    path
}

pub(super) fn is_at(word: &str, path: &Path, dir: &Path) -> bool {
    word.contains('/') && absolute(word, dir) == path
}

/// A script that belongs to the sources is none, and neither is a tool that was installed: they are run where they lie.
fn is_built(path: &Path, dir: &Path, began: SystemTime) -> bool {
    // Not what a link leads to: what is run through one looks for its own files there.
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    if is_installed(path, dir) {
        return false;
    }
    let is_new = || metadata.modified().is_ok_and(|modified| modified >= began);
    metadata.is_file() && (path.starts_with(dir.join(OURS)) || is_executable(path) || is_new())
}

/// Whether it is in a virtual environment of Python's or among Node's packages.
fn is_installed(path: &Path, dir: &Path) -> bool {
    let folders = || path.ancestors().skip(1).take_while(|folder| *folder != dir);
    folders().any(|folder| folder.ends_with("node_modules") || folder.join("pyvenv.cfg").exists())
}

fn is_executable(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && MAGIC.contains(&magic)
}

/// A shell line in pieces: words that may be paths, and what is between them.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || "/._-+@%,~".contains(c);
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// Whether all that a file says is in what is built from it: a source of a compiler, or a file that a step names.
pub(super) fn is_compiled(path: &Path, app: &AppConfig) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    let file = app.dir.join(path);
    COMPILED.contains(&kind)
        || OF_TOOLS.contains(&name)
        || app.steps.iter().any(|step| {
            let named = |word: &str| absolute(word, &step.dir) == file;
            match &step.command {
                CommandLine::Argv(argv) => argv.iter().any(|word| named(word)),
                CommandLine::Shell(line) => words(line).any(named),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{build::fixture, config::fixture::TestFolder};

    fn shell(line: &str) -> CommandLine {
        CommandLine::Shell(line.to_owned())
    }

    #[test]
    fn the_program_of_a_command() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(program_of(&shell(line), Path::new("/p")), expected.map(PathBuf::from), "{line}");
        };
        check("./bin/app --port {port}", Some("/p/bin/app"));
        check("exec bin/../bin/app", Some("/p/bin/app"));
        check("A=1 B='2' /opt/app", Some("/opt/app"));
        check("node dist/server.js", None);
        check("bin/migrate && bin/app", None);
        check("cd x; ./app", None);
    }

    #[test]
    fn what_a_compiler_has_put_into_the_program() {
        let mut app = fixture::app(&[("build", &[], &[], &[])]);
        app.steps[0].command = shell("sh tools/build.sh --fast");
        let check = |file: &str, expected| assert_eq!(is_compiled(Path::new(file), &app), expected, "{file}");
        check("x/main.go", true);
        check("Cargo.toml", true);
        check("tools/build.sh", true);
        check("other.sh", false);
        check("templates/page.html", false);
        check("config.toml", false);
    }

    #[test]
    fn a_script_of_the_sources_is_run_where_it_lies() {
        let project = TestFolder::new("-- run.sh --\n#!/bin/sh\n-- .everlit/bin/app --\n#!/bin/sh\n");
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        let is_built = |name: &str, began| is_built(&project.path().join(name), project.path(), began);
        assert!(!is_built("run.sh", later));
        assert!(is_built("run.sh", SystemTime::UNIX_EPOCH), "the build wrote it");
        assert!(is_built(".everlit/bin/app", later));
        assert!(is_executable(&std::env::current_exe().unwrap()));
    }

    #[test]
    fn an_interpreter_is_run_where_it_lies() {
        let project = TestFolder::new("-- .venv/pyvenv.cfg --\n-- bin/ --\n-- .venv/bin/ --\n-- app --\n");
        let (dir, own) = (project.path(), std::env::current_exe().unwrap());
        fs::copy(&own, dir.join(".venv/bin/python")).unwrap();
        fs::copy(&own, dir.join("app")).unwrap();
        std::os::unix::fs::symlink(&own, dir.join("bin/python")).unwrap();
        let mut app = fixture::app(&[("build", &[], &[], &[]), ("css", &[], &[], &[])]);
        app.dir = dir.to_owned();
        let mut found = |line: &str| {
            app.run = Run::Command(shell(line));
            find(&app, None, SystemTime::UNIX_EPOCH, None)
        };
        assert_eq!((found(".venv/bin/python app.py"), found("bin/python app.py")), (None, None));
        assert_eq!(found("./app"), Some(dir.join("app")));
        app.steps.remove(0);
        assert_eq!(find(&app, None, SystemTime::UNIX_EPOCH, None), None, "nothing builds it");
    }
}
