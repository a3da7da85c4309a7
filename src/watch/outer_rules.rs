//! The ignore rules of folders above the project, up to the repository's own, and git's excludes: those of the repository and the
//! user's own (`core.excludesFile`, `~/.config/git/ignore`).
//!
//! The project is what the user asked for: a rule that leaves it out, or whatever is in it, says that the repository does not
//! keep it and not that it has no saves. Such a rule is dropped (`*`, `playground/`, `playground/**`). The others, such as
//! `dist/` and `*.log`, hold in the project as they do around it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{git_config, repository::Repository, rules::RULE_FILES};

/// A name nobody gives: a rule that leaves it out leaves out everything. With and without an ending, for `*.*`.
const ANY_NAMES: &[&str] = &["everlit-any-name", "everlit-any-name.everlit-any-ending"];

/// The rules above a project.
pub(super) struct OuterRules {
    /// Of each folder with rules, the nearest first.
    folders: Vec<Gitignore>,
    /// Git's excludes weigh least.
    excludes: Gitignore,
}

impl OuterRules {
    /// Reads them. A project that is a repository of its own, or in none, has none above it.
    pub(super) fn above(project: &Path) -> Self {
        Self::with_excludes_of_user(project, git_config::excludes_file())
    }

    fn with_excludes_of_user(project: &Path, of_user: Option<PathBuf>) -> Self {
        let repository = Repository::around(project);
        let top = repository.as_ref().map_or(project, |repository| &repository.top);
        let folders = project.ancestors().take_while(|&folder| folder != top && repository.is_some());
        let folders = folders
            .filter_map(Path::parent)
            .map(|folder| rules_of(RULE_FILES.iter().map(|name| folder.join(name)), folder, project));
        // The last rule that matches wins, so what is named first weighs least.
        let excludes = of_user.into_iter().chain(repository.as_ref().map(Repository::exclude));
        Self { folders: folders.filter(|rules| !rules.is_empty()).collect(), excludes: rules_of(excludes, top, project) }
    }

    /// Whether an absolute path below the project is left out; its folder is not.
    pub(super) fn leave_out(&self, path: &Path, is_dir: bool) -> bool {
        let rules = self.folders.iter().chain([&self.excludes]);
        let first = rules.map(|rules| rules.matched(path, is_dir)).find(|found| !found.is_none());
        first.is_some_and(|found| found.is_ignore())
    }
}

fn rules_of(files: impl Iterator<Item = PathBuf>, folder: &Path, project: &Path) -> Gitignore {
    let mut rules = GitignoreBuilder::new(folder);
    for line in files.flat_map(|file| lines(&file)) {
        if !hides(&line, folder, project) {
            // A line that is no glob is no rule, here as in git.
            let _ = rules.add_line(None, &line);
        }
    }
    rules.build().unwrap_or_else(|_| Gitignore::empty())
}

fn lines(file: &PathBuf) -> Vec<String> {
    let text = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').lines().map(str::to_owned).collect()
}

/// Whether a rule leaves out the project, a folder it lies in, or whatever is in it.
fn hides(line: &str, folder: &Path, project: &Path) -> bool {
    let mut rule = GitignoreBuilder::new(folder);
    let Ok(rule) = rule.add_line(None, line).and_then(|rule| rule.build()) else { return false };
    let way = project.ancestors().take_while(|&on_the_way| on_the_way != folder);
    way.into_iter().any(|on_the_way| rule.matched(on_the_way, true).is_ignore())
        || ANY_NAMES
            .iter()
            .map(|name| project.join(name))
            .any(|any| [false, true].into_iter().any(|is_dir| rule.matched(&any, is_dir).is_ignore()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with these rules at its top, and a project `apps/shop` in it: whether the path below the project is left out.
    fn check(rules: &str, path: &str, expected: bool) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = folder.path().join("apps/shop");
        fs::create_dir_all(&project).expect("a folder");
        fs::create_dir(folder.path().join(".git")).expect("a folder");
        fs::write(folder.path().join(".gitignore"), rules).expect("rules");
        let (path, is_dir) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        let left_out = OuterRules::above(&project).leave_out(&project.join(path), is_dir);
        assert_eq!(left_out, expected, "{rules:?} and {path}");
    }

    #[test]
    fn rules_against_the_project_are_dropped() {
        let against =
            ["apps/", "apps/shop", "shop/", "/apps/**", "apps/*", "apps/shop/*", "apps/shop/**", "*", "**", "*.*", "*/"];
        for rule in against {
            check(rule, "index.html", false);
            check(rule, "templates/", false);
            check(&format!("*.log\n{rule}\ndist/\n"), "app.log", true);
            check(&format!("*.log\n{rule}\ndist/\n"), "dist/", true);
        }
    }

    #[test]
    fn rules_for_what_is_in_it_hold() {
        check("*.log", "app.log", true);
        check("dist/", "dist/", true);
        check("dist/", "dist", false);
        check("apps/shop/out", "out", true);
        check("*.log\n!app.log", "app.log", false);
        check("/out", "out", false);
    }

    #[test]
    fn the_nearest_folder_wins_and_the_repository_is_the_end() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = folder.path().join("repository/apps/shop");
        fs::create_dir_all(&project).expect("a folder");
        fs::create_dir_all(folder.path().join("repository/.git/info")).expect("a folder");
        fs::write(folder.path().join(".gitignore"), "*.css").expect("rules");
        fs::write(folder.path().join("repository/.gitignore"), "*.log\n*.out").expect("rules");
        fs::write(folder.path().join("repository/.git/info/exclude"), "*.mine").expect("rules");
        fs::write(folder.path().join("repository/apps/.gitignore"), "!kept.log").expect("rules");
        let rules = OuterRules::above(&project);
        for (name, expected) in [("a.css", false), ("a.out", true), ("a.log", true), ("kept.log", false), ("a.mine", true)] {
            assert_eq!(rules.leave_out(&project.join(name), false), expected, "{name}");
        }
        assert!(OuterRules::above(&folder.path().join("repository")).folders.is_empty(), "a repository of its own");
    }

    #[test]
    fn gits_excludes_hold_and_weigh_least() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = folder.path().join("project");
        fs::create_dir_all(project.join(".git/info")).expect("a folder");
        fs::write(folder.path().join("of-user"), "*.mine\n*.both\n").expect("rules");
        fs::write(project.join(".git/info/exclude"), "*.its\n!*.both\n").expect("rules");
        let rules = OuterRules::with_excludes_of_user(&project, Some(folder.path().join("of-user")));
        for (name, expected) in [("a.mine", true), ("a/a.its", true), ("a.both", false), ("a.css", false)] {
            assert_eq!(rules.leave_out(&project.join(name), false), expected, "{name}");
        }
    }
}
