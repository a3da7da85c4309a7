//! Under which URL path a public file is served. Pure.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::config::Config;

/// What a path segment may not hold as it is (RFC 3986 §3.3), and what browsers escape in one (URL standard, path set).
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}').add(b'%').add(b'^');

/// The URL paths under which project-relative files may be served: below the public folder, and beside a program, which may
/// serve its folders under any prefix, each shorter and shorter path to the file.
pub(super) fn urls(config: &Config, files: &[PathBuf]) -> Vec<String> {
    let public = config.site.as_ref().and_then(|site| site.public.as_deref());
    let own = |file: &PathBuf| Some(url(config.root.join(file).strip_prefix(public?).ok()?));
    let any = |file: &PathBuf| config.program().map(|_| suffixes(file)).unwrap_or_default();
    let mut urls: Vec<_> = files.iter().flat_map(|file| own(file).into_iter().chain(any(file))).collect();
    urls.sort();
    urls.dedup();
    urls
}

/// The URL paths at and beneath which scripts get what is made of these data files: an item may embed those of any other file.
pub(super) fn answers(data: &[PathBuf]) -> Vec<String> {
    let name = |file: &PathBuf| Some(file.file_name()?.as_bytes().split(|&byte| byte == b'.').next()?.to_owned());
    let names: BTreeSet<Vec<u8>> = data.iter().filter_map(name).filter(|name| !name.is_empty()).collect();
    let own = names.iter().map(|name| url(Path::new(OsStr::from_bytes(name))));
    (!names.is_empty()).then(|| "/api".to_owned()).into_iter().chain(own).collect()
}

/// `static/css/a.css` → `/static/css/a.css`, `/css/a.css`, `/a.css`.
fn suffixes(file: &Path) -> Vec<String> {
    let mut parts = file.components();
    let mut urls = vec![url(file)];
    while parts.next().is_some() && parts.as_path() != Path::new("") {
        urls.push(url(parts.as_path()));
    }
    urls
}

fn url(file: &Path) -> String {
    let segment = |part: std::path::Component<'_>| format!("/{}", percent_encode(part.as_os_str().as_bytes(), ESCAPED));
    file.components().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let check = |file: &str, expected: &str| assert_eq!(url(Path::new(file)), expected);
        check("css/a.css", "/css/a.css");
        check("a b.css", "/a%20b.css");
        check("100%.css", "/100%25.css");
    }

    #[test]
    fn data_is_served_through_the_api() {
        let check = |files: &[&str], expected: &[&str]| {
            assert_eq!(answers(&files.iter().map(PathBuf::from).collect::<Vec<_>>()), expected, "{files:?}");
        };
        check(&["data/posts.json", "data/posts.v1.toml", "data/a b.csv"], &["/api", "/a%20b", "/posts"]);
        check(&[], &[]);
    }

    #[test]
    fn a_program_may_serve_it_anywhere() {
        assert_eq!(suffixes(Path::new("static/css/a.css")), ["/static/css/a.css", "/css/a.css", "/a.css"]);
        assert_eq!(suffixes(Path::new("a.css")), ["/a.css"]);
    }
}
