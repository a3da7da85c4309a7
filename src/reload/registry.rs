//! The pages that are open, in the order in which they came.
//!
//! There is one for each socket whose page has named itself, so there are no more of them than sockets. What is known of a page is what it said
//! itself and how fast it answers; nothing is asked of it to list it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::telemetry::OpenPage;

/// The pages by their numbers.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    last: u64,
    open: BTreeMap<u64, OpenPage>,
}

impl Registry {
    /// Enters a page; answers its number.
    pub(super) fn enter(&self, page: OpenPage) -> u64 {
        let mut pages = self.lock();
        pages.last += 1;
        let number = pages.last;
        pages.open.insert(number, page);
        number
    }

    /// Changes what is known of a page.
    pub(super) fn change(&self, number: u64, change: impl FnOnce(&mut OpenPage)) {
        self.lock().open.get_mut(&number).map(change);
    }

    /// A page is closed.
    pub(super) fn leave(&self, number: u64) {
        self.lock().open.remove(&number);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// All of them, the one that was opened first at the front.
    pub(super) fn pages(&self) -> Vec<OpenPage> {
        self.lock().open.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Generation;

    fn page(path: &str) -> OpenPage {
        OpenPage { path: path.into(), ..OpenPage::default() }
    }

    #[test]
    fn pages_are_listed_as_they_came_until_they_go() {
        let registry = Registry::default();
        let paths = || registry.pages().into_iter().map(|page| page.path).collect::<Vec<_>>();
        let [first, second, third] = ["/z", "/y", "/x"].map(|path| registry.enter(page(path)));
        assert_eq!(paths(), ["/z", "/y", "/x"]);
        registry.leave(second);
        registry.change(third, |page| page.path = "/w".into());
        registry.change(second, |page| page.generation = Generation(9));
        assert_eq!((paths(), registry.count()), (vec!["/z".to_owned(), "/w".to_owned()], 2));
        registry.leave(first);
        registry.enter(page("/v"));
        assert_eq!(paths(), ["/w", "/v"], "numbers are not used again");
    }
}
