//! Makes sure that nothing of an earlier run on the project is in the way of this one.

use std::path::Path;

use crate::process::{Cgroup, Orphan, end_orphans};

/// Orphans that are named; the rest is counted.
const NAMED: usize = 3;

/// What a look for earlier runs came to.
#[derive(Debug, Default)]
pub(super) struct Swept {
    ended: Vec<Orphan>,
    /// The group that all we start is in from here on.
    pub(super) cgroup: Option<Cgroup>,
}

impl Swept {
    /// Ends what earlier runs left; answers when it is gone.
    pub(super) fn of(root: &Path) -> Self {
        Self { ended: end_orphans(root), cgroup: Cgroup::enter(root) }
    }

    /// What was ended, if anything was.
    pub(super) fn words(&self) -> Option<String> {
        let named: Vec<_> = self.ended.iter().take(NAMED).map(|orphan| format!("{} ({})", orphan.pid, orphan.command)).collect();
        let named = named.join(", ");
        Some(match self.ended.len() {
            0 => return None,
            1 => format!("ended process {named}, which an earlier run on this project had left behind"),
            count if count > NAMED => {
                format!(
                    "ended {count} processes that an earlier run on this project had left behind: {named} and {} more",
                    count - NAMED
                )
            }
            _ => format!("ended processes that an earlier run on this project had left behind: {named}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_ended() {
        let words = |count: u32| {
            let ended = (1..=count).map(|pid| Orphan { pid, command: "x".into() }).collect();
            Swept { ended, cgroup: None }.words()
        };
        assert_eq!(words(0), None);
        assert_eq!(words(1).unwrap(), "ended process 1 (x), which an earlier run on this project had left behind");
        assert!(words(5).unwrap().ends_with(": 1 (x), 2 (x), 3 (x) and 2 more"));
    }
}
