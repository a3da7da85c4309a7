//! What a build and the program it makes are told about where they come from.

use std::{path::Path, sync::Arc, time::Duration};

use jiff::{Timestamp, Unit};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use uuid::Uuid;

use super::git;
use crate::generation::Generation;

/// How long a command waits for git: what a save can do without. Past it the likely answer is given; a build waits for no better
/// one.
const GIT_LIMIT: Duration = Duration::from_millis(2);

/// How long a program waits when no answer is likely: at the first start, and after a commit or a checkout.
const UNKNOWN_LIMIT: Duration = Duration::from_millis(100);

/// Where a build comes from. Clones are of the same build.
#[derive(Clone, Debug)]
pub struct Provenance {
    id: Uuid,
    time: Timestamp,
    /// The commit, where there is one.
    commit: Option<Arc<str>>,
    /// What git says of the work tree, once it has.
    dirty: watch::Receiver<Option<bool>>,
    /// What it will most likely say.
    likely: Option<bool>,
}

impl Provenance {
    /// The variables that tell a build; the names are an interface. The generation is the next one: it is the one that is made,
    /// unless something else, such as a stylesheet, is served before.
    pub(super) async fn of_build(&self, next: Generation) -> Vec<(String, String)> {
        let limit = if self.likely.is_some() { Duration::ZERO } else { GIT_LIMIT };
        self.variables(next, self.is_dirty(limit).await)
    }

    /// The same for the program that was built.
    pub(crate) async fn of_program(&self, next: Generation) -> Vec<(String, String)> {
        let limit = if self.likely.is_some() { GIT_LIMIT } else { UNKNOWN_LIMIT };
        self.variables(next, self.is_dirty(limit).await)
    }

    fn variables(&self, next: Generation, dirty: Option<bool>) -> Vec<(String, String)> {
        let told = [
            ("EVERLIT", Some("1".to_owned())),
            ("EVERLIT_GENERATION", Some(next.to_string())),
            ("EVERLIT_BUILD_ID", Some(self.id.to_string())),
            ("EVERLIT_BUILD_TIME", Some(self.time.to_string())),
            ("GIT_COMMIT", self.commit.as_deref().map(str::to_owned)),
            ("GIT_DIRTY", dirty.map(|dirty| u8::from(dirty).to_string())),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    async fn is_dirty(&self, limit: Duration) -> Option<bool> {
        let mut dirty = self.dirty.clone();
        let said = timeout(limit, dirty.wait_for(Option::is_some)).await;
        said.ok().and_then(Result::ok).and_then(|dirty| *dirty).or(self.likely)
    }
}

/// Makes the provenance of builds, and asks git behind them.
#[derive(Debug, Default)]
pub(super) struct Origin {
    latest: Option<Provenance>,
    looks: JoinSet<()>,
}

impl Origin {
    /// The provenance of a build that begins now; `is_saved` when a save caused it.
    pub(super) fn trace(&mut self, root: &Path, is_saved: bool) -> Provenance {
        let commit = git::commit(root).map(Arc::from);
        let (said, dirty) = watch::channel(None);
        // Nobody needs to know any more what an earlier look would have found.
        self.looks = JoinSet::new();
        let likely = self.likely(commit.as_ref(), is_saved);
        if commit.is_some() {
            let root = root.to_owned();
            self.looks.spawn(async move {
                let _ = said.send(git::is_dirty(&root).await);
            });
        }
        let now = Timestamp::now();
        let time = now.round(Unit::Millisecond).unwrap_or(now);
        let made = Provenance { id: Uuid::now_v7(), time, commit, dirty, likely };
        self.latest = Some(made.clone());
        made
    }

    /// A save adds something to what was committed; without one all is as it was found before.
    fn likely(&self, commit: Option<&Arc<str>>, is_saved: bool) -> Option<bool> {
        let before = self.latest.as_ref().filter(|before| commit.is_some() && before.commit.as_ref() == commit)?;
        if is_saved { Some(true) } else { before.dirty.borrow().or(before.likely) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_git_it_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let variables = Origin::default().trace(folder.path(), true).of_program(Generation(3)).await;
        let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["EVERLIT", "EVERLIT_GENERATION", "EVERLIT_BUILD_ID", "EVERLIT_BUILD_TIME"]);
        assert_eq!(variables[1].1, "3");
        assert!(variables[3].1.parse::<Timestamp>().is_ok(), "{variables:?}");
    }

    #[test]
    fn a_save_makes_a_clean_tree_dirty() {
        let (said, dirty) = watch::channel(Some(false));
        let commit: Arc<str> = "c".into();
        let (id, time) = (Uuid::nil(), Timestamp::UNIX_EPOCH);
        let before = Provenance { id, time, commit: Some(commit.clone()), dirty, likely: None };
        let origin = Origin { latest: Some(before), looks: JoinSet::new() };
        assert_eq!(origin.likely(Some(&commit), true), Some(true));
        assert_eq!(origin.likely(Some(&commit), false), Some(false));
        assert_eq!(origin.likely(Some(&"d".into()), true), None, "another commit");
        assert_eq!(origin.likely(None, true), None);
        drop(said);
    }
}
