//! A Go module, or Go files without one.

use super::{AppFound, Finding, Folder, argv, detected, note, owned};
use crate::config::{AppKind, CommandLine, Run};

/// What a program is built from, and what is commonly embedded in one or read by one.
const SOURCES: [&str; 8] =
    ["**/*.go", "go.mod", "go.sum", "go.work", "**/*.tmpl", "**/*.gohtml", "templates/**", "**/templates/**"];

/// Where the program is put: out of sight, and in a folder of ours that is never watched.
const PROGRAM: &str = ".everlit/bin/app";

pub(super) fn find(folder: &Folder) -> Option<Finding> {
    let module = folder.has_file("go.mod");
    let files = program_files(folder);
    match (module, files.is_empty()) {
        (true, false) => Some(app(folder, "Go module", "go.mod", &["."])),
        (true, true) => below_cmd(folder),
        (false, false) if folder.has_file("main.go") => Some(loose(folder, &files)),
        (false, _) => None,
    }
}

/// Go builds a package by its folder inside a module only; elsewhere the files have to be named.
fn loose(folder: &Folder, files: &[String]) -> Finding {
    let in_module = folder.path().ancestors().skip(1).any(|parent| parent.join("go.mod").is_file());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    app(folder, "Go program", "main.go", if in_module { &["."] } else { &files })
}

/// A module that keeps its programs where most do.
fn below_cmd(folder: &Folder) -> Option<Finding> {
    let cmd = folder.inner("cmd");
    let mut programs = cmd.names();
    programs.retain(|name| !program_files(&cmd.inner(name)).is_empty());
    match programs.as_slice() {
        [] => note("Go module without a program", "go.mod; neither the module's folder nor cmd/ has a `package main`"),
        [program] => Some(app(folder, "Go module", format!("go.mod and cmd/{program}/"), &[&format!("./cmd/{program}")])),
        _ => note(
            format!("Go module with several programs below cmd/: {}", programs.join(", ")),
            format!("go.mod; choose one by `[app] build = \"go build -o {PROGRAM} ./cmd/NAME\"` and `run = \"{PROGRAM}\"`"),
        ),
    }
}

/// The files of `package main` that a build takes, when there are any.
fn program_files(folder: &Folder) -> Vec<String> {
    let mut names = folder.names();
    names.retain(|name| name.ends_with(".go") && !name.ends_with("_test.go") && !name.starts_with(['_', '.']));
    names.retain(|name| folder.text(name).is_some_and(|text| is_main(&text)));
    names
}

/// Whether a file is of `package main` and no script that builds leave out.
fn is_main(text: &str) -> bool {
    let mut in_comment = false;
    for line in text.lines().map(str::trim) {
        match (in_comment, line) {
            (true, _) => in_comment = !line.contains("*/"),
            (false, "//go:build ignore") => return false,
            (false, _) if line.is_empty() || line.starts_with("//") => (),
            (false, _) if line.starts_with("/*") => in_comment = !line.contains("*/"),
            (false, _) => return is_clause(line),
        }
    }
    false
}

/// Whether the first line that is no comment is `package main`, whatever follows it.
fn is_clause(line: &str) -> bool {
    let clause = line.split(['/', ';']).next().unwrap_or(line);
    clause.split_whitespace().eq(["package", "main"])
}

fn app(folder: &Folder, what: &str, why: impl Into<String>, package: &[&str]) -> Finding {
    let mut build = owned(&["go", "build", "-o", PROGRAM]);
    build.extend(owned(package));
    let mut app = AppFound::new(AppKind::Go, detected(what, why), Run::Command(argv(&[PROGRAM])), &SOURCES);
    app.sources.extend(embedded(folder));
    Finding::App(Box::new(AppFound { build: Some(CommandLine::Argv(build)), ..app }))
}

/// What the packages at the top and one folder below carry with them (`//go:embed`), as globs.
fn embedded(folder: &Folder) -> Vec<String> {
    let mut globs = embedded_by(folder, "");
    for name in folder.names().iter().filter(|name| folder.has_folder(name)) {
        globs.extend(embedded_by(&folder.inner(name), &format!("{name}/")));
    }
    globs
}

fn embedded_by(package: &Folder, prefix: &str) -> Vec<String> {
    let mut names = package.names();
    names.retain(|name| name.ends_with(".go"));
    let texts: Vec<_> = names.iter().filter_map(|name| package.text(name)).collect();
    texts
        .iter()
        .flat_map(|text| patterns(text))
        .flat_map(|pattern| [format!("{prefix}{pattern}"), format!("{prefix}{pattern}/**")])
        .collect()
}

/// The patterns of a file's `//go:embed` lines; a folder stands for all it holds.
fn patterns(text: &str) -> impl Iterator<Item = &str> {
    let words = text.lines().filter_map(|line| line.strip_prefix("//go:embed ")).flat_map(str::split_whitespace);
    words
        .map(|word| word.trim_matches(['"', '`']))
        .map(|word| word.strip_prefix("all:").unwrap_or(word))
        .filter(|word| *word != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_files() {
        let text = "package main\n//go:embed static all:web \"a b\"\nvar files embed.FS\n// go:embed no\n//go:embed .\n";
        assert_eq!(patterns(text).take(2).collect::<Vec<_>>(), ["static", "web"]);
        assert!(patterns("package main\n").next().is_none());
    }

    #[test]
    fn package_clauses() {
        let check = |text, expected| assert_eq!(is_main(text), expected, "{text:?}");
        check("package main\n", true);
        check("// Command x.\n\n/*\npackage lib\n*/\npackage  main // x\n", true);
        check("package mainly\n", false);
        check("package lib // package main\n", false);
        check("//go:build ignore\n\npackage main\n", false);
        check("", false);
    }
}
