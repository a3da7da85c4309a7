//! Writes that share one commit.
//!
//! Who finds the queue empty goes to the disk, and takes everybody along who came until it was free. Each decides on the draft the
//! ones before it left; then the file is written once, shown, and only now all of them are answered. When somebody edited the file
//! meanwhile, all decide again, on the edited one.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    Disk, Resource,
    durable::{self, ReplaceError},
    refusal::Refusal,
    snapshot::Snapshot,
};
use crate::{config::Writes, site::guard::OpenError};

/// How often a commit begins again because the file is being edited under it.
const ATTEMPTS: usize = 8;

/// Writes that may wait for the disk, which takes them all at once: more than a load test has connections.
const MOST_WAITING: usize = 1024;

/// The writes that wait.
#[derive(Default)]
pub(super) struct Queue(Mutex<Vec<Box<dyn Waiting>>>);

impl Queue {
    /// Adds one; whether it is the first and has to go to the disk.
    fn push(&self, waiting: Box<dyn Waiting>) -> Result<bool, Refusal> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= MOST_WAITING {
            return Err(Refusal::Busy);
        }
        queue.push(waiting);
        Ok(queue.len() == 1)
    }

    fn take(&self) -> Vec<Box<dyn Waiting>> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A write that waits, whatever it answers.
trait Waiting: Send {
    /// Changes the draft, or leaves it as it is and says so.
    fn decide(&mut self, draft: &mut Snapshot) -> Decided;

    /// It cannot be decided.
    fn give_up(&mut self);

    /// Answers, now that the draft is on the disk, or is not.
    fn answer(self: Box<Self>, committed: &Result<(), Refusal>);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Decided {
    Changed,
    Refused,
}

struct Write<D, T, F, A> {
    decide: D,
    outcome: Result<T, Refusal>,
    finish: F,
    answer: oneshot::Sender<A>,
}

impl<D, T, F, A> Waiting for Write<D, T, F, A>
where
    D: FnMut(&mut Snapshot) -> Result<T, Refusal> + Send,
    T: Send,
    F: FnOnce(Result<T, Refusal>) -> A + Send,
    A: Send,
{
    fn decide(&mut self, draft: &mut Snapshot) -> Decided {
        self.outcome = (self.decide)(draft);
        if self.outcome.is_ok() { Decided::Changed } else { Decided::Refused }
    }

    fn give_up(&mut self) {
        self.outcome = Err(Refusal::Interrupted);
    }

    fn answer(self: Box<Self>, committed: &Result<(), Refusal>) {
        // Also a refusal was decided on a draft that came to nothing.
        let answer = (self.finish)(committed.clone().and(self.outcome));
        // Nobody may be waiting any more.
        drop(self.answer.send(answer));
    }
}

impl Resource {
    /// Lets `decide` change a draft of the newest snapshot, puts that on the disk, and only then shows it and lets `finish` make the
    /// answer. `decide` must leave the draft as it was when it refuses, and may be asked again. Once the write waits, it is done and
    /// finished even if nobody waits for the answer any more; there is none when it was broken off by a mistake of ours.
    pub(in crate::site) async fn change<T, A>(
        self: &Arc<Self>,
        decide: impl FnMut(&mut Snapshot) -> Result<T, Refusal> + Send + 'static,
        finish: impl FnOnce(Result<T, Refusal>) -> A + Send + 'static,
    ) -> Result<A, Refusal>
    where
        T: Send + 'static,
        A: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let write = Write { decide, outcome: Err(Refusal::Interrupted), finish, answer };
        if self.queue.push(Box::new(write))? {
            let resource = Arc::clone(self);
            // It answers by itself, also when the one who asked first is gone by then.
            drop(spawn_blocking(move || resource.commit()));
        }
        answered.await.map_err(|_| Refusal::Interrupted)
    }

    fn commit(&self) {
        let mut disk = self.lock_disk();
        let mut writes = self.queue.take();
        match self.commit_all(&mut disk, &mut writes) {
            // One of them may be too long for the file; the others are not.
            Err(Refusal::Full { .. }) if writes.len() > 1 => {
                for mut write in writes {
                    let committed = self.commit_all(&mut disk, std::slice::from_mut(&mut write));
                    answer(write, &committed);
                }
            }
            committed => {
                drop(disk);
                writes.into_iter().for_each(|write| answer(write, &committed));
            }
        }
    }

    fn commit_all(&self, disk: &mut Disk, writes: &mut [Box<dyn Waiting>]) -> Result<(), Refusal> {
        let mut broken = vec![false; writes.len()];
        for _ in 0..ATTEMPTS {
            self.catch_up(disk)?;
            let base = self.snapshot_to_change()?;
            let Some(draft) = decide(&base, writes, &mut broken) else { return Ok(()) };
            match self.put(disk, draft) {
                Err(Refusal::Edited) => (),
                done => return done,
            }
        }
        Err(Refusal::Edited)
    }

    /// Reads what an editor wrote since.
    fn catch_up(&self, disk: &mut Disk) -> Result<(), Refusal> {
        let is_read = disk.seen.is_some();
        if self.writes == Writes::Memory && is_read {
            return Ok(());
        }
        let opened = self.open().map_err(Refusal::from)?;
        disk.is_untold |= self.look(disk, &opened) && is_read;
        Ok(())
    }

    /// The newest snapshot. A file that cannot be read now is not written over.
    fn snapshot_to_change(&self) -> Result<Arc<Snapshot>, Refusal> {
        let shown = self.shown();
        match (shown.snapshot, shown.failure) {
            (_, Some(report)) => Err(Refusal::Broken(report)),
            (Some(snapshot), None) => Ok(snapshot),
            (None, None) => Err(Refusal::Missing),
        }
    }

    /// Puts a draft on the disk and shows it.
    fn put(&self, disk: &mut Disk, draft: Snapshot) -> Result<(), Refusal> {
        if draft.length() > self.limit() {
            return Err(Refusal::Full { limit: self.limit() });
        }
        if self.writes == Writes::Durable {
            let known = disk.seen.as_ref().ok_or(Refusal::Edited)?;
            // Opened once more: the name may lead elsewhere by now.
            let path = self.open().map_err(Refusal::from)?.path;
            match durable::replace(&path, known, draft.pieces()) {
                Ok(seen) => disk.seen = Some(seen),
                Err(error) => {
                    // Whatever is there now is read before the next write.
                    disk.seen = disk.seen.take().filter(|_| !matches!(error, ReplaceError::Unsure(_)));
                    return Err(error.into());
                }
            }
        }
        self.show(Arc::new(draft));
        Ok(())
    }
}

/// What all writes make of a snapshot; `None` if none of them changes it. One that panics is left out, as if it had not come.
fn decide(base: &Snapshot, writes: &mut [Box<dyn Waiting>], broken: &mut [bool]) -> Option<Snapshot> {
    'again: loop {
        let (mut draft, mut is_changed) = (base.clone(), false);
        for (write, is_broken) in writes.iter_mut().zip(&mut *broken).filter(|(_, is_broken)| !**is_broken) {
            match catch_unwind(AssertUnwindSafe(|| write.decide(&mut draft))) {
                Ok(decided) => is_changed |= decided == Decided::Changed,
                Err(_) => {
                    write.give_up();
                    *is_broken = true;
                    continue 'again;
                }
            }
        }
        return is_changed.then_some(draft);
    }
}

/// A mistake of ours in one answer takes no other one with it.
fn answer(write: Box<dyn Waiting>, committed: &Result<(), Refusal>) {
    if catch_unwind(AssertUnwindSafe(|| write.answer(committed))).is_err() {
        tracing::error!("an answer to a write was broken off");
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Exhausted(_) => Self::Exhausted,
            _ => Self::Missing,
        }
    }
}

impl From<ReplaceError> for Refusal {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Edited => Self::Edited,
            ReplaceError::Io(error) => Self::Disk(error.into()),
            ReplaceError::Unsure(_) => Self::Interrupted,
        }
    }
}
