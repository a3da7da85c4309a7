//! `everlit init`: writes the starter project, or the data files that an API's description becomes.
//!
//! Nothing that exists is overwritten: all targets are looked at before the first is written, and each is opened as a new file.
//! A project that cannot be written whole is taken back.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::init_api::{self, Api, ApiError};
use crate::assets;

/// The starter's folder below `templates/`.
const STARTER: &str = "starter";

/// The files of the starter that a project from an API has as well.
const WITHOUT_PAGES: [&str; 2] = [".gitignore", "everlit.toml"];

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    /// A file of the starter is there already. Nothing was written.
    #[error("{} exists already; nothing was written", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or its folder could not be written. What had been written was removed.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The description cannot be used. Nothing was written.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// A file to write.
type Target = (PathBuf, Cow<'static, [u8]>);

/// Writes the starter project into `dir`, which is made when it is not there, and returns the files, sorted.
///
/// # Errors
/// When one of its files exists, or cannot be written.
pub(super) fn init(dir: &Path) -> Result<Vec<PathBuf>, InitError> {
    write(targets(dir))
}

/// Writes the project that the description in `source` becomes into `dir`, and returns the files, sorted, with what they came
/// from.
///
/// # Errors
/// When the description cannot be used, when one of its files exists, or cannot be written.
pub(super) fn init_api(source: &Path, dir: &Path) -> Result<(Vec<PathBuf>, Api), InitError> {
    let api = init_api::read(source)?;
    let mut targets = targets(dir);
    targets.retain(|(path, _)| WITHOUT_PAGES.iter().any(|name| *path == dir.join(name)));
    targets.extend(api.files.iter().map(|(name, text)| (dir.join(name), Cow::Owned(text.clone().into_bytes()))));
    targets.sort();
    Ok((write(targets)?, api))
}

fn write(mut targets: Vec<Target>) -> Result<Vec<PathBuf>, InitError> {
    // Every new repository has one, and any will do.
    targets.retain(|(path, _)| !(path.ends_with(".gitignore") && exists(path)));
    if let Some((path, _)) = targets.iter().find(|(path, _)| exists(path)) {
        return Err(InitError::Exists { path: path.clone() });
    }
    write_all(&targets)?;
    Ok(targets.into_iter().map(|(path, _)| path).collect())
}

fn targets(dir: &Path) -> Vec<Target> {
    let files = assets::templates_below(STARTER).into_iter();
    let mut targets: Vec<Target> = files.map(|(name, content)| (dir.join(name), content)).collect();
    targets.sort();
    targets
}

/// Also of a link that leads nowhere.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn write_all(targets: &[Target]) -> Result<(), InitError> {
    for (count, (path, content)) in targets.iter().enumerate() {
        if let Err(source) = write_new(path, content) {
            take_back(targets.iter().take(count));
            return Err(InitError::Write { path: path.clone(), source });
        }
    }
    Ok(())
}

/// Writes a file that must not exist; one that was begun is removed.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(content).inspect_err(|_| take_back_one(path))
}

fn take_back<'t>(written: impl Iterator<Item = &'t Target>) {
    written.for_each(|(path, _)| take_back_one(path));
}

/// The error that led here is the one to tell; a second one would hide it.
fn take_back_one(path: &Path) {
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layer, fixture::TestFolder, load};

    const FILES: [&str; 10] = [
        ".gitignore",
        "data/posts.json",
        "data/posts.v1.toml",
        "everlit.toml",
        "static/logo.svg",
        "static/site.css",
        "templates/_layout.html",
        "templates/index.html",
        "templates/posts/[id].html",
        "templates/posts/index.html",
    ];

    #[test]
    fn the_starter_is_written_whole_and_can_be_served() {
        let folder = TestFolder::new("-- kept.txt --\nmine");
        let dir = folder.path().join("new/blog");
        let written = init(&dir).unwrap();
        assert_eq!(written, FILES.map(|name| dir.join(name)));
        assert!(written.iter().all(|path| path.metadata().unwrap().len() > 0));
        let site = load(&dir, Layer::default(), Layer::default()).unwrap().site.unwrap();
        assert_eq!((site.public, site.data), (Some(dir.join("static")), Some(dir.join("data"))));
    }

    #[test]
    fn nothing_that_exists_is_overwritten() {
        for taken in FILES.into_iter().filter(|name| *name != ".gitignore") {
            let folder = TestFolder::new(&format!("-- {taken} --\nmine"));
            let error = init(folder.path()).unwrap_err();
            let path = folder.path().join(taken);
            assert_eq!(error.to_string(), format!("{} exists already; nothing was written", path.display()));
            assert_eq!(fs::read_to_string(path).unwrap(), "mine");
            assert_eq!(files_below(folder.path()), 1, "{taken}");
        }
    }

    #[test]
    fn a_repository_keeps_its_ignore_file() {
        let folder = TestFolder::new("-- .gitignore --\nmine");
        assert_eq!(init(folder.path()).unwrap().len(), FILES.len() - 1);
        assert_eq!(fs::read_to_string(folder.path().join(".gitignore")).unwrap(), "mine");
    }

    #[test]
    fn a_project_that_cannot_be_written_whole_is_taken_back() {
        let folder = TestFolder::new("-- static --\na file where a folder should be");
        let error = init(folder.path()).unwrap_err();
        assert!(matches!(&error, InitError::Write { path, .. } if path.ends_with("static/logo.svg")), "{error}");
        assert_eq!(files_below(folder.path()), 1);
    }

    #[test]
    fn an_api_becomes_data_without_pages() {
        let folder = TestFolder::new("-- db.json --\n{\"posts\":[{\"id\":1,\"title\":\"A\"}],\"profile\":{}}");
        let dir = folder.path().join("new");
        let (written, api) = init_api(&folder.path().join("db.json"), &dir).unwrap();
        let files = [".gitignore", "data/posts.json", "data/profile.json", "everlit.toml"];
        assert_eq!(written, files.map(|name| dir.join(name)));
        assert_eq!(api.resources, ["posts", "profile"]);
        let posts = fs::read_to_string(dir.join("data/posts.json")).unwrap();
        assert_eq!(posts, "[\n  {\n    \"id\": 1,\n    \"title\": \"A\"\n  }\n]\n");
        assert_eq!(load(&dir, Layer::default(), Layer::default()).unwrap().site.unwrap().data, Some(dir.join("data")));
    }

    #[test]
    fn an_api_that_cannot_be_used_writes_nothing() {
        check("{\n  \"posts\": x}", "db.json:2:12: expected value");
        check("{\"version\":1}", "db.json: there is no resource in it; `version` is left out: it is a number");
        check("openapi: 3.1.0", "db.json: it is YAML");
        check("{\"posts\":[]}", "data/posts.json exists already; nothing was written");

        fn check(text: &str, expected: &str) {
            let folder = TestFolder::new(&format!("-- data/posts.json --\nmine\n-- db.json --\n{text}"));
            let error = init_api(&folder.path().join("db.json"), folder.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(files_below(folder.path()), 2);
        }

        let folder = TestFolder::new("-- data/ --");
        let error = init_api(&folder.path().join("none.json"), folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot read ") && error.contains("none.json"), "{error}");
    }

    fn files_below(dir: &Path) -> usize {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
    }

    #[test]
    fn its_templates_and_data_can_be_read() {
        let mut templates = minijinja::Environment::new();
        for (name, content) in assets::templates_below(STARTER) {
            let text = String::from_utf8(content.into_owned()).unwrap();
            match Path::new(&name).extension().and_then(|extension| extension.to_str()) {
                Some("html") => templates.add_template_owned(name.replace("templates/", ""), text).unwrap(),
                Some("json") => drop(serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap()),
                Some("toml") => drop(text.parse::<toml::Table>().unwrap()),
                _ => (),
            }
        }
        let posts = posts();
        let title = posts[0]["title"].as_str().unwrap();
        let context = serde_json::json!({ "items": posts, "item": posts[0], "request": { "path": "/posts" } });
        let context = minijinja::Value::from(minijinja::value::Serde(context));
        for name in ["index.html", "posts/index.html", "posts/[id].html"] {
            let page = templates.get_template(name).unwrap().render(context.clone()).unwrap();
            assert!(page.trim_end().ends_with("</html>"), "{page}");
            assert_eq!(page.contains(title), name.starts_with("posts/"), "{page}");
        }
    }

    fn posts() -> Vec<serde_json::Value> {
        let starter = assets::templates_below(STARTER);
        let (_, content) = starter.iter().find(|(name, _)| name == "data/posts.json").unwrap();
        serde_json::from_slice(content).unwrap()
    }
}
