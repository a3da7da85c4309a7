//! Which template answers which path.
//!
//! `posts/index.html` is `/posts`, `about.html` is `/about`. A name in brackets stands for any one segment
//! (`users/[id]/posts.html`), one with dots for all the segments that are left, at least one (`docs/[...path].html`). Templates
//! that differ only in language or extension (`index.de.html`, `index.csv`) are representations of one page. A leading `_` or
//! dot keeps a file or folder out, and `404` and `500` at the top are no addresses but what is shown in the place of one.
//!
//! The table is made of names alone; the guard decides at each request whether the file may be opened.

use std::{collections::BTreeMap, fs, path::Path};

use http::StatusCode;

use super::{deny, language, media};
use crate::negotiate::Representation;

/// How many templates a project may have; beyond that the walk stops.
const MAX_TEMPLATES: usize = 10_000;

/// How deep their folders may nest.
const MAX_DEPTH: usize = 32;

/// The statuses that have pages of their own, and the templates that make them.
const ERROR_PAGES: [(StatusCode, &str); 2] =
    [(StatusCode::NOT_FOUND, "404.html"), (StatusCode::INTERNAL_SERVER_ERROR, "500.html")];

/// One template that is a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its path below the templates folder, with `/`.
    pub(super) template: String,
    /// `type/subtype` of what it makes.
    pub(super) essence: &'static str,
    /// The language its name says, in canonical case: `pt-BR`.
    pub(super) language: Option<String>,
}

/// What answers a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matched {
    /// The representations, at least one; those of no language first.
    pub(super) pages: Vec<Page>,
    /// What the parameters of the path stand for, in their order.
    pub(super) params: Vec<(String, String)>,
}

/// All pages of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Routes {
    root: Node,
    errors: Vec<StatusCode>,
}

/// Everything below one beginning of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    pages: Vec<Page>,
    literals: BTreeMap<String, Node>,
    /// By name: differently named parameters are different pages.
    parameters: BTreeMap<String, Node>,
    rests: BTreeMap<String, Node>,
}

/// One segment of the address of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    /// `[id]`.
    Parameter(&'a str),
    /// `[...path]`.
    Rest(&'a str),
}

impl Page {
    /// What it makes.
    pub(super) fn representation(&self) -> Representation {
        self.named(self.essence)
    }

    /// All that a client can ask for to get it: what it makes, and the same by another name.
    pub(super) fn representations(&self) -> impl Iterator<Item = Representation> {
        let other = media::other_name(self.essence).map(|other| self.named(other));
        std::iter::once(self.representation()).chain(other)
    }

    fn named(&self, essence: &str) -> Representation {
        let made = Representation::new(essence);
        self.language.as_deref().map_or(made.clone(), |language| made.of_language(language))
    }
}

impl Routes {
    /// Walks the templates folder.
    pub(super) fn scan(root: &Path) -> Self {
        let mut names = Vec::new();
        walk(root, "", MAX_DEPTH, &mut names);
        let mut pages: Vec<Page> = names.iter().filter_map(|name| page(name)).collect();
        pages.sort_by(|one, two| (one.language.is_some(), &one.template).cmp(&(two.language.is_some(), &two.template)));
        let mut routes = Self::default();
        pages.into_iter().for_each(|page| routes.add(page));
        let found = |(status, template): (StatusCode, &str)| names.iter().any(|name| name == template).then_some(status);
        routes.errors = ERROR_PAGES.into_iter().filter_map(found).collect();
        routes
    }

    fn add(&mut self, page: Page) {
        let Some(pieces) = pieces(&page.template) else { return };
        let node = pieces.iter().fold(&mut self.root, |node, piece| node.child(*piece));
        node.pages.push(page);
    }

    /// What answers the path of these segments. At each of them a literal name wins over a parameter and a parameter over a rest;
    /// of two parameters, the one whose name comes first. A choice that leads nowhere further down is taken back.
    pub(super) fn find(&self, segments: &[String]) -> Option<Matched> {
        let pages = self.root.find(segments)?.pages.clone();
        let params = parameters(&pages.first()?.template, segments);
        Some(Matched { pages, params })
    }

    /// The template that is shown in the place of an answer with this status.
    pub(super) fn error_page(&self, status: StatusCode) -> Option<&'static str> {
        let (_, template) = ERROR_PAGES.into_iter().find(|(page, _)| *page == status)?;
        self.errors.contains(&status).then_some(template)
    }
}

impl Matched {
    /// Whether the templates name every segment of the path.
    pub(super) fn is_literal(&self) -> bool {
        self.params.is_empty()
    }

    /// Whether the templates show one item of a collection: they stand in its folder and leave nothing but the id open.
    pub(super) fn shows_item_of(&self, collection: &str) -> bool {
        let folder = self.pages.first().and_then(|page| page.template.split_once('/'));
        self.params.len() == 1 && folder.is_some_and(|(folder, _)| folder == collection)
    }
}

impl Matched {
    /// Whether the templates show those of a collection that belong to one item of another: `users/[id]/posts.html`.
    pub(super) fn shows_below(&self, above: &str, collection: &str) -> bool {
        let pieces = self.pages.first().and_then(|page| pieces(&page.template)).unwrap_or_default();
        matches!(pieces.as_slice(), [Piece::Literal(first), Piece::Parameter(_) | Piece::Literal(_), Piece::Literal(last)]
            if *first == above && *last == collection)
    }
}

impl Node {
    fn child(&mut self, piece: Piece<'_>) -> &mut Self {
        let (children, name) = match piece {
            Piece::Literal(name) => (&mut self.literals, name),
            Piece::Parameter(name) => (&mut self.parameters, name),
            Piece::Rest(name) => (&mut self.rests, name),
        };
        children.entry(name.to_owned()).or_default()
    }

    /// The node with pages that these segments lead to. A node is one beginning of a path in one reading, so none is looked at
    /// twice, and what is longer than the longest address ends there.
    fn find(&self, segments: &[String]) -> Option<&Self> {
        let Some((first, below)) = segments.split_first() else { return Some(self).filter(|node| !node.pages.is_empty()) };
        let literal = self.literals.get(first).and_then(|node| node.find(below));
        let parameter = || self.parameters.values().find_map(|node| node.find(below));
        literal.or_else(parameter).or_else(|| self.rests.values().next())
    }
}

/// What the parameters in the name of a template stand for at the address of these segments; a rest is joined by `/`.
pub(super) fn parameters(template: &str, segments: &[String]) -> Vec<(String, String)> {
    let pieces = pieces(template).unwrap_or_default();
    let value = |(place, piece): (usize, &Piece<'_>)| match piece {
        Piece::Literal(_) => None,
        Piece::Parameter(name) => Some(((*name).to_owned(), segments.get(place)?.clone())),
        Piece::Rest(name) => Some(((*name).to_owned(), segments.get(place..)?.join("/"))),
    };
    pieces.iter().enumerate().filter_map(value).collect()
}

/// The page that a template is.
fn page(template: &str) -> Option<Page> {
    let (name, extension) = template.rsplit_once('.')?;
    let essence = media::essence(extension).filter(|essence| media::is_text(essence))?;
    Some(Page { template: template.to_owned(), essence, language: split_language(name).1 })
}

/// The address of a template; `None` where it has none.
fn pieces(template: &str) -> Option<Vec<Piece<'_>>> {
    let (name, _) = template.rsplit_once('.')?;
    let (name, _) = split_language(name);
    if ERROR_PAGES.iter().any(|(status, _)| name == status.as_str()) {
        return None;
    }
    let address = if name == "index" { "" } else { name.strip_suffix("/index").unwrap_or(name) };
    let pieces: Vec<Piece<'_>> = address.split('/').filter(|_| !address.is_empty()).map(piece).collect::<Option<_>>()?;
    // Nothing can follow what takes everything.
    let is_open = pieces.iter().rev().skip(1).any(|piece| matches!(piece, Piece::Rest(_)));
    (!is_open).then_some(pieces)
}

fn piece(name: &str) -> Option<Piece<'_>> {
    let Some(inner) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) else { return Some(Piece::Literal(name)) };
    let piece = inner.strip_prefix("...").map_or(Piece::Parameter(inner), Piece::Rest);
    let (Piece::Literal(name) | Piece::Parameter(name) | Piece::Rest(name)) = piece;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    is_name.then_some(piece)
}

/// A name without its extension as what is left of its last dot, and the language right of it.
fn split_language(name: &str) -> (&str, Option<String>) {
    let split = name.rsplit_once('.').and_then(|(name, tag)| Some((name, language::canonical(tag)?)));
    split.map_or((name, None), |(name, language)| (name, Some(language)))
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
    use std::time::{Duration, Instant};

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn templates_are_routes() {
        let routes = routes(&[
            "index.html",
            "_layout.html",
            "_parts/x.html",
            ".hidden.html",
            "about.html",
            "about.txt",
            "about.min.html",
            "posts/index.html",
            "posts/index.csv",
            "posts/[id].html",
            "posts/[id].md",
            "posts/new.html",
            "logo.png",
            "README",
            "a/b/c.html",
            "404.html",
            "404.de.html",
            "a/404.html",
        ]);
        check(&routes, "/", "index.html text/html");
        check(&routes, "/about", "about.html text/html, about.txt text/plain");
        check(&routes, "/about.min", "about.min.html text/html");
        check(&routes, "/posts", "posts/index.csv text/csv, posts/index.html text/html");
        check(&routes, "/posts/7", "posts/[id].html text/html, posts/[id].md text/markdown; id=7");
        check(&routes, "/posts/index", "posts/[id].html text/html, posts/[id].md text/markdown; id=index");
        check(&routes, "/posts/new", "posts/new.html text/html");
        check(&routes, "/a/b/c", "a/b/c.html text/html");
        check(&routes, "/a/404", "a/404.html text/html");
        for missing in
            ["/_layout", "/_parts/x", "/logo", "/README", "/.hidden", "/about.html", "/404", "/404.de", "/posts/1/2", "/a"]
        {
            check(&routes, missing, "");
        }
        assert_eq!(routes.error_page(StatusCode::NOT_FOUND), Some("404.html"));
        assert_eq!(routes.error_page(StatusCode::INTERNAL_SERVER_ERROR), None);
    }

    #[test]
    fn parameters_and_rests() {
        let routes = routes(&[
            "[org]/[repo].html",
            "users/[id].html",
            "users/[id]/posts.html",
            "users/[name]/likes.html",
            "users/me.html",
            "teams/[id]/index.html",
            "teams/[id]/index.csv",
            "docs/[...path].html",
            "docs/[lang]/intro.html",
            "wiki/[...path]/index.html",
            "wiki/index.html",
        ]);
        check(&routes, "/rust/cargo", "[org]/[repo].html text/html; org=rust repo=cargo");
        check(&routes, "/users/1", "users/[id].html text/html; id=1");
        check(&routes, "/users/me", "users/me.html text/html");
        check(&routes, "/users/1/posts", "users/[id]/posts.html text/html; id=1");
        check(&routes, "/users/1/likes", "users/[name]/likes.html text/html; name=1");
        check(&routes, "/users/me/posts", "users/[id]/posts.html text/html; id=me");
        check(&routes, "/teams/x", "teams/[id]/index.csv text/csv, teams/[id]/index.html text/html; id=x");
        check(&routes, "/docs/de/intro", "docs/[lang]/intro.html text/html; lang=de");
        check(&routes, "/docs/de/outro", "docs/[...path].html text/html; path=de/outro");
        check(&routes, "/docs/a", "docs/[...path].html text/html; path=a");
        check(&routes, "/wiki", "wiki/index.html text/html");
        check(&routes, "/wiki/a/b", "wiki/[...path]/index.html text/html; path=a/b");
        for missing in ["/docs", "/users", "/users/1/friends", "/a/b/c"] {
            check(&routes, missing, "");
        }
    }

    #[test]
    fn languages_are_representations() {
        let routes = routes(&["index.de.html", "index.html", "[id].pt-br.html", "[id].md", "docs/[...path].de.html"]);
        check(&routes, "/", "index.html text/html, index.de.html text/html de");
        check(&routes, "/7", "[id].md text/markdown, [id].pt-br.html text/html pt-BR; id=7");
        check(&routes, "/docs/a/b", "docs/[...path].de.html text/html de; path=a/b");
    }

    #[test]
    fn odd_brackets_are_no_routes() {
        let routes = routes(&[
            "[].html",
            "[...].html",
            "[[...path]].html",
            "[a b].html",
            "[...a]/b.html",
            "[...a]/[...b].html",
            "[x.html",
        ]);
        for missing in ["/", "/a", "/a/b", "/[]"] {
            check(&routes, missing, "");
        }
        check(&routes, "/[x", "[x.html text/html");
    }

    #[test]
    fn a_template_shows_a_resource_that_it_names() {
        let routes = routes(&["[section]/7.html", "posts/[id].html", "posts/new.html", "files/[...id].html"]);
        let shows = |path: &str, name| routes.find(&segments(path)).is_some_and(|found| found.shows_item_of(name));
        assert!(shows("/posts/7", "posts"));
        assert!(shows("/files/a", "files"));
        assert!(!shows("/posts/new", "posts"));
        assert!(!shows("/news/7", "news"));
    }

    #[test]
    fn a_hostile_path_takes_no_time() {
        let mut names: Vec<String> = (1..20).map(|depth| format!("{}x.html", "[a]/".repeat(depth))).collect();
        names.extend((1..20).map(|depth| format!("{}y.html", "a/".repeat(depth))));
        names.extend((1..20).map(|depth| format!("{}[b]/{}z.html", "a/".repeat(depth), "[a]/".repeat(20 - depth))));
        let routes = routes(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let began = Instant::now();
        check(&routes, &"/a".repeat(256), "");
        check(&routes, &"/a".repeat(20), "");
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    fn routes(names: &[&str]) -> Routes {
        let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
        Routes::scan(&Folder::new(&files).path(""))
    }

    /// `expected` are templates with type and language, then the parameters.
    fn check(routes: &Routes, path: &str, expected: &str) {
        let found = routes.find(&segments(path)).map_or(String::new(), |Matched { pages, params }| {
            let pages: Vec<String> = pages.iter().map(shown).collect();
            let params: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            [pages.join(", "), params.join(" ")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
        });
        assert_eq!(found, expected, "{path}");
    }

    fn shown(page: &Page) -> String {
        let language = page.language.as_ref().map(|language| format!(" {language}")).unwrap_or_default();
        format!("{} {}{language}", page.template, page.essence)
    }

    fn segments(path: &str) -> Vec<String> {
        path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    }
}
