//! Templates: loaded through the guard, compiled once, rendered within bounds.
//!
//! A name in `{% include %}`, `{% extends %}` or `{% import %}` is a path below the templates folder and nothing else; what the
//! guard does not open does not exist. [`Templates::refresh`] compiles them anew; while one cannot be compiled, all stay as they
//! were: the last good ones.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value};

use super::{
    failure, filters,
    guard::{Guard, OpenError},
};
use crate::negotiate::escape;
use crate::report::{Diagnostic, Kind, Report};

/// How many instructions one page may take: a table of 100,000 rows needs about half of it, an endless loop ends within a second.
const FUEL: u64 = 10_000_000;

/// How deep blocks, loops and macros may nest; an include counts as ten. A cycle ends here.
const MAX_RECURSION: usize = 300;

/// The longest template.
const MAX_TEMPLATE_BYTES: u64 = 4 * 1024 * 1024;

/// The longest page.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;

/// Templates that are checked after a change; more are compiled when they are first rendered.
const MOST_NAMES: usize = 2000;

/// Whether new templates are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    No,
}

/// The templates of a project.
pub(super) struct Templates {
    guard: Arc<Guard>,
    compiled: RwLock<Arc<Environment<'static>>>,
    /// Why the newest ones are not used.
    failure: Mutex<Option<Report>>,
}

impl Templates {
    /// Templates that `guard` opens.
    pub(super) fn new(guard: Guard) -> Self {
        let guard = Arc::new(guard);
        let compiled = RwLock::new(Arc::new(environment(&guard)));
        Self { guard, compiled, failure: Mutex::new(None) }
    }

    pub(super) fn root(&self) -> &Path {
        self.guard.root()
    }

    /// Compiles all templates anew and answers whether they are used from now on; renderings under way finish with the old ones.
    pub(super) fn refresh(&self) -> Taken {
        let fresh = environment(&self.guard);
        let broken = names(self.guard.root()).into_iter().find_map(|name| {
            let error = fresh.get_template(&name).err().filter(|error| error.kind() == ErrorKind::SyntaxError)?;
            Some(self.report(&name, &error))
        });
        let taken = if broken.is_none() { Taken::Yes } else { Taken::No };
        if taken == Taken::Yes {
            *self.compiled.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = broken;
        taken
    }

    /// Why the newest templates are not used.
    pub(super) fn failure(&self) -> Option<Report> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Renders a page. Blocks for as long as [`FUEL`] lasts.
    pub(super) fn render(&self, name: &str, context: Value) -> Result<Vec<u8>, Box<Report>> {
        let environment = Arc::clone(&self.compiled.read().unwrap_or_else(PoisonError::into_inner));
        let mut page = Bounded(Vec::new());
        let result =
            environment.get_template(name).and_then(|template| template.render_captured_to(context, &mut page).map(drop));
        result.map(|()| page.0).map_err(|error| Box::new(self.report(name, &error)))
    }

    fn report(&self, name: &str, error: &Error) -> Report {
        let chain: Vec<&Error> = std::iter::successors(Some(error), cause).collect();
        // The innermost error is where the mistake is; the ones around it say who included it.
        let diagnostics: Vec<Diagnostic> = chain.iter().rev().map(|error| self.diagnostic(error)).collect();
        let place = chain.iter().rev().find_map(|error| Some((error.name()?, error.line()?)));
        let excerpt = place.and_then(|(name, line)| Some(failure::excerpt(&self.source(name)?, line)));
        let title = format!("{} cannot be rendered", self.shown_path(name).display());
        failure::report(Kind::Template, title, diagnostics, excerpt.unwrap_or_default())
    }

    fn diagnostic(&self, error: &Error) -> Diagnostic {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Diagnostic {
            file: error.name().map(|name| self.shown_path(name)),
            line: error.line().and_then(|line| u32::try_from(line).ok()),
            message,
            ..Diagnostic::default()
        }
    }

    fn source(&self, name: &str) -> Option<String> {
        self.guard.read(&name.split('/').collect::<Vec<_>>(), MAX_TEMPLATE_BYTES).ok()
    }

    fn shown_path(&self, name: &str) -> PathBuf {
        failure::shown_path(self.guard.root(), Path::new(name))
    }
}

/// The names of the templates, as includes would write them; at most [`MOST_NAMES`].
fn names(root: &Path) -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten().take(MOST_NAMES.saturating_sub(names.len())) {
            let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}{name}")) else { continue };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(format!("{name}/")),
                Ok(_) => names.push(name),
                Err(_) => (),
            }
        }
    }
    names.sort();
    names
}

fn environment(guard: &Arc<Guard>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_auto_escape_callback(auto_escape);
    environment.set_formatter(escape::formatter);
    let guard = Arc::clone(guard);
    environment.set_loader(move |name| load(&guard, name));
    filters::add(&mut environment);
    environment
}

fn load(guard: &Guard, name: &str) -> Result<Option<String>, Error> {
    match guard.read(&name.split('/').collect::<Vec<_>>(), MAX_TEMPLATE_BYTES) {
        Ok(source) => Ok(Some(source)),
        Err(OpenError::Missing) => Ok(None),
        Err(error) => Err(Error::new(ErrorKind::InvalidOperation, error.to_string())),
    }
}

/// By extension of the template that is rendered.
fn auto_escape(name: &str) -> AutoEscape {
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("html" | "htm" | "xhtml" | "xml" | "svg" | "rss" | "atom") => AutoEscape::Html,
        Some("json" | "js" | "mjs" | "webmanifest") => AutoEscape::Json,
        _ => AutoEscape::None,
    }
}

/// The error that an include or import brought along.
fn cause<'a>(error: &&'a Error) -> Option<&'a Error> {
    std::error::Error::source(*error)?.downcast_ref()
}

/// A page that ends at [`MAX_PAGE_BYTES`].
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PAGE_BYTES {
            return Err(io::Error::other(format!("the page is longer than {MAX_PAGE_BYTES} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn renders_and_escapes_by_extension() {
        check("{{ x }}", "&lt;b&gt;");
        check("{% include 'sub/part.txt' %}", "<b>");
        check("{% extends '_layout.html' %}{% block a %}1{% endblock %}", "[1]");
        check(
            "{% include '../secret.txt' ignore missing %}|{% include '/etc/passwd' ignore missing %}|{% include 'sub//part.txt' ignore missing %}|",
            "|||",
        );
        check("{% include '.env' ignore missing %}{% include 'sub' ignore missing %}", "");
    }

    #[test]
    fn mistakes_say_where_they_are() {
        check("a\n{{ x | nothing }}", "templates/page.html:2 unknown filter: filter nothing is unknown");
        check("{% if %}", "templates/page.html:1 syntax error");
        check("{% include 'broken.html' %}", "templates/broken.html:2 ");
        check("{% include '../secret.txt' %}", "templates/page.html:1 template not found");
        check("{% include 'binary.html' %}", "");
    }

    #[test]
    fn everything_ends() {
        check("{% include 'page.html' %}", "");
        check(
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "templates/page.html:1 engine ran out of fuel",
        );
        check("{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}", "");
        check("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "");
    }

    #[test]
    fn the_last_good_ones_stay() {
        let folder = Folder::new(&[("templates/page.html", "old")]);
        let templates = Templates::new(Guard::new(&folder.path("templates"), &[]));
        let render = || String::from_utf8(templates.render("page.html", ().into()).unwrap()).unwrap();
        assert_eq!(render(), "old");
        folder.write("templates/page.html", "new");
        assert_eq!(render(), "old");
        assert_eq!(templates.refresh(), Taken::Yes);
        assert_eq!(render(), "new");
        folder.write("templates/page.html", "newest {{ 1 }");
        assert_eq!(templates.refresh(), Taken::No);
        assert_eq!(render(), "new");
        assert_eq!(templates.failure().unwrap().diagnostics[0].place(), "templates/page.html:1");
        folder.write("templates/page.html", "newest");
        assert_eq!((templates.refresh(), templates.failure()), (Taken::Yes, None));
        assert_eq!(render(), "newest");
    }

    /// `expected` is the page, or begins with the first diagnostic; an empty one of a page that must fail says nothing about it.
    fn check(page: &str, expected: &str) {
        let folder = folder(page);
        let templates = Templates::new(Guard::new(&folder.path("templates"), &[]));
        match templates.render("page.html", context! { x => "<b>" }) {
            Ok(page) => assert_eq!(String::from_utf8_lossy(&page), expected),
            Err(report) => {
                let first = &report.diagnostics[0];
                let found = format!("{} {}", first.place(), first.message);
                assert!(found.starts_with(expected), "{found}");
                assert!(report.title.starts_with("templates/page.html"));
                assert!(expected.is_empty() || report.output.contains("> "), "{}", report.output);
            }
        }
    }

    fn folder(page: &str) -> Folder {
        let folder = Folder::new(&[
            ("templates/sub/part.txt", "{{ x }}"),
            ("templates/_layout.html", "[{% block a %}{% endblock %}]"),
            ("templates/broken.html", "1\n{{ 1 + }}\n"),
            ("templates/.env", "S"),
            ("secret.txt", "S"),
        ]);
        folder.write("templates/page.html", page);
        std::fs::write(folder.path("templates/binary.html"), b"\xff").unwrap();
        folder
    }
}
