//! URL paths that the configuration names by globs.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// The paths that one of some globs matches. A glob that is none matches nothing.
#[derive(Clone, Debug, Default)]
pub struct UrlPaths(GlobSet);

impl UrlPaths {
    /// Whether a path is one of them.
    #[must_use]
    pub fn contain(&self, path: &str) -> bool {
        !self.0.is_empty() && self.0.is_match(path)
    }
}

impl<'g> FromIterator<&'g str> for UrlPaths {
    fn from_iter<I: IntoIterator<Item = &'g str>>(globs: I) -> Self {
        let mut set = GlobSetBuilder::new();
        for glob in globs.into_iter().filter_map(|glob| Glob::new(glob).ok()) {
            set.add(glob);
        }
        Self(set.build().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_globs_is_enough() {
        let paths: UrlPaths = ["/admin/**", "/*.txt", "["].into_iter().collect();
        let found = ["/admin/a/b", "/a.txt", "/", "/admin", "["].map(|path| paths.contain(path));
        assert_eq!(found, [true, true, false, false, false]);
        assert!(!UrlPaths::default().contain("/"));
    }
}
