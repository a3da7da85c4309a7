//! What git says of the project: the commit it stands at, read from its files, and whether there is more than that commit has.
//!
//! A repository in a format that is not read here has no commit; nothing fails because of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// How long git may look at the work tree; where it takes longer nobody is told, rather than git keeping a disk busy.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// Names that lead to other names before one leads to a commit; git itself stops at five.
const LINKS: usize = 5;

/// Whether the work tree differs from its commit; `None` when git does not say.
pub(super) async fn is_dirty(root: &Path) -> Option<bool> {
    let mut git = Command::new("git");
    // Nothing is written, so that nobody waits for our lock, nor takes it for work that is under way.
    git.args(["--no-optional-locks", "status", "--porcelain"]).current_dir(root);
    git.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(LOOK_LIMIT, git.output()).await.ok()?.ok()?;
    output.status.success().then_some(!output.stdout.is_empty())
}

/// The commit that the folder stands at.
pub(super) fn commit(root: &Path) -> Option<String> {
    let folder = root.ancestors().find_map(git_folder)?;
    // A linked work tree has a HEAD of its own, and its branches where the first one has them.
    let shared = fs::read_to_string(folder.join("commondir")).map_or_else(|_| folder.clone(), |dir| folder.join(dir.trim_end()));
    let mut text = fs::read_to_string(folder.join("HEAD")).ok()?;
    for _ in 0..LINKS {
        let Some(name) = text.strip_prefix("ref:") else { break };
        let name = name.trim();
        text = [&folder, &shared].iter().find_map(|folder| loose(folder, name)).or_else(|| packed(&shared, name))?;
    }
    let commit = text.trim();
    let is_commit = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit.to_owned())
}

/// `.git`, or the folder that a file of this name leads to.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(git).ok()?;
    Some(folder.join(text.strip_prefix("gitdir:")?.trim()))
}

/// Names stand in files of their own, within `refs/`.
fn loose(folder: &Path, name: &str) -> Option<String> {
    let is_inside = name.starts_with("refs/") && !name.split('/').any(|part| part == "..");
    is_inside.then(|| fs::read_to_string(folder.join(name)).ok()).flatten()
}

/// `COMMIT NAME`, a line for each that has no file of its own.
fn packed(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join("packed-refs")).ok()?;
    text.lines().find_map(|line| line.split_once(' ').filter(|(_, named)| *named == name).map(|(commit, _)| commit.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, args: &[&str]) -> String {
        let identity = ["-c", "user.name=n", "-c", "user.email=e@example.test", "-c", "init.defaultBranch=main"];
        let output = std::process::Command::new("git").args(identity).args(args).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn says_what_git_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = &folder.path().join("project");
        fs::create_dir(root).unwrap();
        assert_eq!(commit(root), None);
        git(root, &["init"]);
        assert_eq!(commit(root), None, "before the first commit");
        fs::write(root.join("a"), "1").unwrap();
        git(root, &["add", "a"]);
        git(root, &["commit", "-m", "one"]);
        let first = git(root, &["rev-parse", "HEAD"]);
        assert_eq!((commit(root), is_dirty(root).await), (Some(first.clone()), Some(false)));
        fs::create_dir(root.join("below")).unwrap();
        assert_eq!(commit(&root.join("below")), Some(first.clone()), "from a folder of the work tree");
        fs::write(root.join("b"), "1").unwrap();
        assert_eq!(is_dirty(root).await, Some(true));
        git(root, &["pack-refs", "--all"]);
        assert_eq!(commit(root), Some(first.clone()), "a branch without a file");
        git(root, &["worktree", "add", "../other"]);
        let other = &folder.path().join("other");
        git(other, &["commit", "--allow-empty", "-m", "two"]);
        assert_eq!(commit(other), Some(git(other, &["rev-parse", "HEAD"])), "a linked work tree");
        git(root, &["checkout", "--detach"]);
        assert_eq!(commit(root), Some(first));
    }
}
