//! The programs that commands begin with: which one of a project's own comes before the system's, and where each is had.

use super::{Folder, owned};

/// A word of a command with what stands for it: the words behind the first of these files that is there, or the last ones.
type Own = (&'static str, &'static [(&'static str, &'static [&'static str])], &'static [&'static str]);

/// Tools that a project may bring along.
const OWN: [Own; 4] = [
    (
        "{python}",
        &[
            (".venv/bin/python", &[".venv/bin/python"]),
            ("venv/bin/python", &["venv/bin/python"]),
            ("uv.lock", &["uv", "run", "python"]),
            ("poetry.lock", &["poetry", "run", "python"]),
            ("Pipfile.lock", &["pipenv", "run", "python"]),
        ],
        &["python3"],
    ),
    ("{bundle}", &[("Gemfile", &["bundle", "exec"])], &[]),
    ("{mvn}", &[("mvnw", &["./mvnw"])], &["mvn"]),
    ("{gradle}", &[("gradlew", &["./gradlew"])], &["gradle"]),
];

/// Where tools are had.
const PLACES: [(&str, &str); 29] = [
    ("bun", "https://bun.sh"),
    ("bundle", "`gem install bundler`"),
    ("cargo", "https://rustup.rs"),
    ("cargo-leptos", "`cargo install cargo-leptos`"),
    ("deno", "https://deno.com"),
    ("django", "`python3 -m pip install django`"),
    ("dotnet", "https://dot.net/download"),
    ("dx", "`cargo install dioxus-cli`"),
    ("flask", "`python3 -m pip install flask`"),
    ("go", "https://go.dev/dl"),
    ("gradle", "https://gradle.org/install"),
    ("java", "https://adoptium.net"),
    ("leptos", "`cargo install cargo-leptos`"),
    ("mvn", "https://maven.apache.org/download.cgi"),
    ("node", "https://nodejs.org"),
    ("npm", "https://nodejs.org"),
    ("npx", "https://nodejs.org"),
    ("php", "https://www.php.net/downloads"),
    ("pipenv", "`python3 -m pip install pipenv`"),
    ("pnpm", "https://pnpm.io/installation"),
    ("poetry", "https://python-poetry.org/docs"),
    ("puma", "`gem install puma`"),
    ("python3", "https://www.python.org/downloads"),
    ("rackup", "`gem install rackup`"),
    ("ruby", "https://www.ruby-lang.org"),
    ("trunk", "`cargo install trunk`"),
    ("uv", "https://docs.astral.sh/uv"),
    ("uvicorn", "`python3 -m pip install uvicorn`"),
    ("yarn", "https://yarnpkg.com"),
];

/// What stands for a word of a command.
pub(super) fn words(word: &str, folder: &Folder) -> Vec<String> {
    let Some((_, own, system)) = OWN.iter().find(|(name, ..)| *name == word) else { return vec![word.to_owned()] };
    owned(own.iter().find(|(file, _)| folder.has_file(file)).map_or(*system, |(_, words)| words))
}

/// Where a tool is had: an address or a command.
pub(crate) fn place(tool: &str) -> Option<&'static str> {
    PLACES.iter().find(|(name, _)| *name == tool).map(|(_, place)| *place)
}

/// What to do about a command that lacked a tool, by its last words.
pub(crate) fn advice(output: &str) -> Option<String> {
    let tool = output.lines().find_map(missing)?;
    Some(match place(tool) {
        Some(place) => format!("`{tool}` is not installed; get it by {place}"),
        None => format!("`{tool}` is not installed, or the project's dependencies are not"),
    })
}

/// The tool that a line says is not there.
fn missing(line: &str) -> Option<&str> {
    let line = line.trim();
    let found = by_shell(line).or_else(|| by_python(line)).or_else(|| by_runner(line)).or_else(|| by_loader(line))?;
    // What is named by its path is a file of the project.
    (!found.is_empty() && !found.contains(char::is_whitespace) && !found.starts_with(['.', '/'])).then_some(found)
}

/// `sh: 1: vite: not found`, `bash: line 1: vite: command not found`, `env: 'node': No such file or directory`.
fn by_shell(line: &str) -> Option<&str> {
    let (shell, rest) = line.split_once(": ")?;
    match shell.rsplit('/').next()? {
        "env" => rest.strip_suffix(": No such file or directory").map(|name| name.trim_matches(['\'', '‘', '’'])),
        "sh" | "bash" | "dash" => {
            let before = rest.strip_suffix(": not found").or_else(|| rest.strip_suffix(": command not found"))?;
            before.rsplit(": ").next()
        }
        _ => None,
    }
}

/// `python3: No module named uvicorn`, `ModuleNotFoundError: No module named 'flask.cli'`.
fn by_python(line: &str) -> Option<&str> {
    after(line, "No module named ")?.trim_matches('\'').split('.').next()
}

/// What Cargo and Bundler say.
fn by_runner(line: &str) -> Option<&str> {
    let found = after(line, "no such command: `").or_else(|| after(line, "bundler: command not found: "))?;
    found.split('`').next()
}

/// `Error: Cannot find module 'express'`, `Cannot find package 'express' imported from …`, `cannot load such file -- sinatra (LoadError)`.
fn by_loader(line: &str) -> Option<&str> {
    let of_node = after(line, "Cannot find module '").or_else(|| after(line, "Cannot find package '"));
    let of_ruby = || after(line, "cannot load such file -- ")?.split(' ').next();
    of_node.and_then(|rest| rest.split('\'').next()).or_else(of_ruby)
}

fn after<'l>(line: &'l str, text: &str) -> Option<&'l str> {
    line.split_once(text).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture::TestFolder;

    #[test]
    fn a_tool_of_the_project_comes_first() {
        let check = |files: &str, word: &str, expected: &[&str]| {
            let folder = TestFolder::new(files);
            assert_eq!(words(word, &Folder::new(folder.path())), expected, "{files}");
        };
        check("", "{python}", &["python3"]);
        check("-- uv.lock --\n", "{python}", &["uv", "run", "python"]);
        check("-- uv.lock --\n-- .venv/bin/python --\n", "{python}", &[".venv/bin/python"]);
        check("-- poetry.lock --\n", "{python}", &["poetry", "run", "python"]);
        check("-- Pipfile.lock --\n", "{python}", &["pipenv", "run", "python"]);
        check("", "{bundle}", &[]);
        check("-- Gemfile --\n", "{bundle}", &["bundle", "exec"]);
        check("-- mvnw --\n", "{mvn}", &["./mvnw"]);
        check("-- gradlew --\n", "{gradle}", &["./gradlew"]);
        check("", "php", &["php"]);
    }

    #[test]
    fn who_lacks_a_tool_is_told_where_it_is_had() {
        let check = |output, expected: Option<&str>| assert_eq!(advice(output).as_deref(), expected, "{output}");
        check("sh: 1: pnpm: not found\n", Some("`pnpm` is not installed; get it by https://pnpm.io/installation"));
        check("x\nbash: line 1: deno: command not found", Some("`deno` is not installed; get it by https://deno.com"));
        check("sh: 1: vite: not found", Some("`vite` is not installed, or the project's dependencies are not"));
        check("env: ‘node’: No such file or directory", Some("`node` is not installed; get it by https://nodejs.org"));
        check(
            "/usr/bin/python3: No module named uvicorn",
            Some("`uvicorn` is not installed; get it by `python3 -m pip install uvicorn`"),
        );
        check(
            "ModuleNotFoundError: No module named 'django'",
            Some("`django` is not installed; get it by `python3 -m pip install django`"),
        );
        check("error: no such command: `leptos`", Some("`leptos` is not installed; get it by `cargo install cargo-leptos`"));
        check("bundler: command not found: puma", Some("`puma` is not installed; get it by `gem install puma`"));
        check(
            "Error: Cannot find module 'express'\nRequire stack:",
            Some("`express` is not installed, or the project's dependencies are not"),
        );
        check("Cannot find module './mine.js'", None);
        check(
            "a.rb:1:in `require': cannot load such file -- puma (LoadError)",
            Some("`puma` is not installed; get it by `gem install puma`"),
        );
        check("GET /x: 404 page not found elsewhere", None);
        check("", None);
    }

    #[test]
    fn tools_are_listed_once_and_in_order() {
        assert!(PLACES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
