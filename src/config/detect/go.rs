//! The programs of a Go module or workspace, or Go files without one.

use super::{
    Folder,
    program::{Program, Standing},
};

/// What a program that opens a port has in its own files, unless another package does it.
const LISTENS: [&str; 11] = [
    "ListenAndServe",
    "http.Serve(",
    "http.Server{",
    "net.Listen(",
    ".Listen(",
    "gin.Default(",
    "gin.New(",
    "echo.New(",
    "fiber.New(",
    "chi.NewRouter(",
    "iris.New(",
];

/// Where most modules keep their programs.
const CMD: &str = "cmd";

/// The programs of a module, or of the modules of a workspace.
pub(super) fn programs(folder: &Folder) -> Vec<Program> {
    let mut found = if folder.has_file("go.mod") { module(folder, "") } else { Vec::new() };
    if found.is_empty() {
        found = workspace(folder).iter().flat_map(|path| module(folder, path)).collect();
    }
    for program in &mut found {
        program.sources.extend(embedded(folder));
    }
    found
}

/// A `main.go` outside of the top of a module. Go builds a package by its folder inside a module only; elsewhere the files have to
/// be named.
pub(super) fn loose(folder: &Folder) -> Vec<Program> {
    let files = program_files(folder);
    if files.is_empty() {
        return Vec::new();
    }
    let in_module = folder.path().ancestors().skip(1).any(|parent| parent.join("go.mod").is_file());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let program = Program::new("main.go", "main.go", if in_module { &["."] } else { &files });
    vec![Program { sources: embedded(folder), ..program }]
}

/// The programs of the module at `path`: its own folder's, with those below `cmd/` on request, or those, or what is one folder below.
fn module(folder: &Folder, path: &str) -> Vec<Program> {
    let inner = folder.inner(path);
    // Every module of a workspace has its own name; only the project's says which one is meant.
    let names =
        if path.is_empty() { vec![folder.name().to_owned(), module_name(&inner)] } else { vec![folder.name().to_owned()] };
    let below = |parent: &str| -> Vec<Program> {
        let names_below = inner.inner(parent).names();
        names_below.iter().filter_map(|name| program(folder, &[path, parent, name].join("/"), &names)).collect()
    };
    let cmd = below(CMD);
    match program(folder, path, &names) {
        Some(own) => [own].into_iter().chain(cmd.into_iter().map(Program::on_request)).collect(),
        None if cmd.is_empty() => below(""),
        None => cmd,
    }
}

/// The program in the folder at `path`, when there is one; `names` are those of its module and project.
fn program(folder: &Folder, path: &str, names: &[String]) -> Option<Program> {
    let path = path.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join("/");
    let inner = folder.inner(&path);
    let files = program_files(&inner);
    // Go itself passes over these folders.
    if files.is_empty() || path.split('/').any(|segment| segment == "testdata" || segment.starts_with(['_', '.'])) {
        return None;
    }
    let (package, why) = match path.as_str() {
        "" => (".".to_owned(), String::new()),
        path => (format!("./{path}"), format!("{} and {path}/", if folder.has_file("go.mod") { "go.mod" } else { "go.work" })),
    };
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(inner.name());
    let listens = files.iter().any(|file| inner.holds(file, &LISTENS));
    Some(Program {
        standing: if listens { Standing::Listens } else { Standing::Candidate },
        is_namesake: names.iter().any(|known| known == name),
        // What is at the top and one folder below is looked at for every program.
        sources: if path.contains('/') { embedded_by(&inner, &format!("{path}/")) } else { Vec::new() },
        ..Program::new(name, why, &[&package])
    })
}

/// The last part of a module's path that is no version.
fn module_name(folder: &Folder) -> String {
    let text = folder.text("go.mod").unwrap_or_default();
    let path = text.lines().find_map(|line| line.trim().strip_prefix("module ")).unwrap_or_default();
    let is_version = |part: &&str| part.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok());
    path.trim().trim_matches('"').rsplit('/').find(|part| !is_version(part)).unwrap_or_default().to_owned()
}

/// The folders of the modules that `go.work` names.
fn workspace(folder: &Folder) -> Vec<String> {
    let text = folder.text("go.work").unwrap_or_default();
    let mut in_block = false;
    let mut folders = Vec::new();
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
        match (in_block, line.strip_prefix("use")) {
            (true, _) if line == ")" => in_block = false,
            (true, _) => folders.push(line),
            (false, Some(rest)) if rest.trim() == "(" => in_block = true,
            (false, Some(rest)) if rest.starts_with(char::is_whitespace) => folders.push(rest.trim()),
            (false, _) => (),
        }
    }
    // Modules outside of the project are none of its programs.
    let inside = folders.into_iter().map(|path| path.trim_matches('"').trim_start_matches("./").trim_end_matches('/'));
    inside.filter(|path| !path.is_empty() && !path.starts_with("..") && !path.starts_with('/')).map(str::to_owned).collect()
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
