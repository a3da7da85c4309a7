//! Which file git takes the user's own ignore rules from: `core.excludesFile` (git-config(1)).
//!
//! Read here, for the `ignore` crate compiles a regular expression to find the line, which took a third of the processor time of a
//! start. What a configuration includes from other files is not followed, there as here.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The user's file of rules; it need not exist. `None` without a home.
pub(super) fn excludes_file() -> Option<PathBuf> {
    excludes_file_in(|name| env::var_os(name))
}

fn excludes_file_in(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path_in = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = path_in("HOME");
    let own = path_in("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config"))).map(|config| config.join("git"));
    let global = match path_in("GIT_CONFIG_GLOBAL") {
        Some(file) => vec![file],
        None => own.iter().map(|own| own.join("config")).chain(home.iter().map(|home| home.join(".gitconfig"))).collect(),
    };
    // What is read later counts.
    let named = global.iter().rev().find_map(|file| excludes_file_of(&fs::read_to_string(file).ok()?, home.as_deref()));
    named.or_else(|| own.map(|own| own.join("ignore")))
}

/// What a configuration says last.
fn excludes_file_of(config: &str, home: Option<&Path>) -> Option<PathBuf> {
    let mut in_core = false;
    let mut found = None;
    for line in config.lines() {
        let mut line = line.trim();
        if let Some((section, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            in_core = section.trim().eq_ignore_ascii_case("core");
            line = rest.trim_start();
        }
        if let Some((key, value)) = line.split_once('=')
            && in_core
            && key.trim().eq_ignore_ascii_case("excludesfile")
        {
            found = place(&unquoted(value.trim()), home);
        }
    }
    found
}

/// A value without its quotes, escapes and comment.
fn unquoted(value: &str) -> String {
    let (mut text, mut is_quoted) = (String::new(), false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' => text.extend(chars.next()),
            '#' | ';' if !is_quoted => break,
            c => text.push(c),
        }
    }
    text.trim_end().to_owned()
}

fn place(value: &str, home: Option<&Path>) -> Option<PathBuf> {
    match value.strip_prefix("~/") {
        Some(below) => Some(home?.join(below)),
        None => (!value.is_empty()).then(|| value.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, expected: Option<&str>) {
        assert_eq!(excludes_file_of(config, Some(Path::new("/home/a"))), expected.map(PathBuf::from), "{config}");
    }

    #[test]
    fn it_is_found_as_git_writes_it() {
        check("[core]\n\texcludesFile = ~/.gitignore\n", Some("/home/a/.gitignore"));
        check("[CORE] excludesfile=/x # mine", Some("/x"));
        check("[core]\nexcludesFile = \"/a b;c\" ; mine\n", Some("/a b;c"));
        check("[core]\nexcludesFile = \"C:\\\\x\\\"\"\n", Some("C:\\x\""));
        check("[core]\nexcludesFile = /a\n[user]\nname = b\n[core]\nexcludesFile = /c\n", Some("/c"));
        check("[core]\nexcludesFile =\n", None);
        check("[user]\nexcludesFile = /a\n[core \"x\"]\nexcludesFile = /a\n", None);
        check("[core\nexcludesFile = /a\n[", None);
    }

    #[test]
    fn the_users_files_are_asked_in_gits_order() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| home.path().join(path);
        let found = |more: &[(&str, PathBuf)]| {
            let variables = [("HOME", home.path().to_owned())].into_iter().chain(more.iter().cloned()).collect::<Vec<_>>();
            excludes_file_in(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert_eq!(found(&[]), Some(at(".config/git/ignore")));
        assert_eq!(found(&[("XDG_CONFIG_HOME", at("xdg"))]), Some(at("xdg/git/ignore")));
        fs::create_dir_all(at(".config/git")).expect("a folder");
        fs::write(at(".config/git/config"), "[core]\nexcludesFile = /of-config\n").expect("a file");
        assert_eq!(found(&[]), Some("/of-config".into()));
        fs::write(at(".gitconfig"), "[core]\nexcludesFile = /of-home\n").expect("a file");
        assert_eq!(found(&[]), Some("/of-home".into()));
        fs::write(at("other"), "[core]\nexcludesFile = /of-other\n").expect("a file");
        assert_eq!(found(&[("GIT_CONFIG_GLOBAL", at("other"))]), Some("/of-other".into()));
        assert_eq!(excludes_file_in(|_| None), None);
    }
}
