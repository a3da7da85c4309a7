//! Which template answers which path.
//!
//! `posts/index.html` is `/posts`, `posts/[id].html` any one segment below it, `tpl.html` is `/tpl`. Templates that differ only in
//! their extension are representations of one page. A leading `_` or dot keeps a file or folder out.
//!
//! The table is made of names alone; the guard decides at each request whether the file may be opened.

use std::{collections::BTreeMap, fs, path::Path};

use super::{deny, media};

/// How many templates a project may have; beyond that the walk stops.
const MAX_TEMPLATES: usize = 10_000;

/// How deep their folders may nest.
const MAX_DEPTH: usize = 32;

/// One template that is a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its path below the templates folder, with `/`.
    pub(super) template: String,
    /// `type/subtype` of what it makes.
    pub(super) essence: &'static str,
}

/// All pages by path: segments joined by `/`, empty for the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Routes {
    pages: BTreeMap<String, Vec<Page>>,
    /// Pages of one item, by the path of their collection.
    items: BTreeMap<String, Vec<Page>>,
}

impl Routes {
    /// Walks the templates folder.
    pub(super) fn scan(root: &Path) -> Self {
        let mut names = Vec::new();
        walk(root, "", MAX_DEPTH, &mut names);
        names.sort();
        let mut routes = Self::default();
        names.iter().for_each(|name| routes.add(name));
        routes
    }

    fn add(&mut self, template: &str) {
        let (folder, file) = template.rsplit_once('/').unwrap_or(("", template));
        let Some((stem, extension)) = file.rsplit_once('.') else { return };
        let Some(essence) = media::essence(extension).filter(|essence| media::is_text(essence)) else { return };
        let page = Page { template: template.to_owned(), essence };
        let (table, path) = match stem {
            "index" => (&mut self.pages, folder.to_owned()),
            stem if stem.starts_with('[') && stem.ends_with(']') => (&mut self.items, folder.to_owned()),
            stem if folder.is_empty() => (&mut self.pages, stem.to_owned()),
            stem => (&mut self.pages, format!("{folder}/{stem}")),
        };
        table.entry(path).or_default().push(page);
    }

    /// The representations of the page at this path.
    pub(super) fn page(&self, segments: &[String]) -> &[Page] {
        self.pages.get(&segments.join("/")).map_or(&[], Vec::as_slice)
    }

    /// The representations of an item of the collection at this path.
    pub(super) fn item(&self, collection: &[String]) -> &[Page] {
        self.items.get(&collection.join("/")).map_or(&[], Vec::as_slice)
    }
}

fn walk(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('_') || deny::is_denied(&name) || names.len() >= MAX_TEMPLATES {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => walk(&entry.path(), &format!("{prefix}{name}/"), depth - 1, names),
            Ok(kind) if !kind.is_dir() => names.push(format!("{prefix}{name}")),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn templates_are_routes() {
        let folder = Folder::new(&[
            ("index.html", ""),
            ("_layout.html", ""),
            ("_parts/x.html", ""),
            (".hidden.html", ""),
            ("about.html", ""),
            ("about.txt", ""),
            ("posts/index.html", ""),
            ("posts/index.csv", ""),
            ("posts/[id].html", ""),
            ("posts/new.html", ""),
            ("logo.png", ""),
            ("README", ""),
            ("a/b/c.html", ""),
        ]);
        let routes = Routes::scan(&folder.path(""));
        check(routes.page(&path("")), "index.html text/html");
        check(routes.page(&path("about")), "about.html text/html, about.txt text/plain");
        check(routes.page(&path("posts")), "posts/index.csv text/csv, posts/index.html text/html");
        check(routes.item(&path("posts")), "posts/[id].html text/html");
        check(routes.page(&path("posts/new")), "posts/new.html text/html");
        check(routes.page(&path("a/b/c")), "a/b/c.html text/html");
        for missing in ["_layout", "_parts/x", "logo", "README", "posts/index", "posts/[id]", ".hidden", "about.html"] {
            check(routes.page(&path(missing)), "");
        }
        check(routes.item(&path("")), "");
    }

    fn check(pages: &[Page], expected: &str) {
        let found: Vec<String> = pages.iter().map(|page| format!("{} {}", page.template, page.essence)).collect();
        assert_eq!(found.join(", "), expected);
    }

    fn path(text: &str) -> Vec<String> {
        text.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    }
}
