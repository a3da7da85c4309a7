//! Connections that wait for the next request: of those made by the same thread the last one first, for the others to grow old.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::line::Line;

/// Shorter than the shortest keep-alive that common programs have (gunicorn: 2 s), so that it is we who close an idle connection
/// and a POST never crosses the program's close.
const IDLE_LIMIT: Duration = Duration::from_millis(1500);

/// Connections that wait at most: as many requests as several browsers have under way together. Each costs a descriptor here and
/// at the program, which has often no more than 1024 of them.
const IDLE_CONNECTIONS: usize = 256;

/// The connections of one program that nobody uses.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
    sweeper: TaskTracker,
}

#[derive(Default)]
struct Idle {
    /// The oldest first.
    lines: Vec<(Instant, Box<Line>)>,
    is_swept: bool,
}

impl Pool {
    /// A connection that the program has not closed, as far as is known.
    pub(super) async fn take(&self) -> Option<Box<Line>> {
        while let Some(mut line) = self.pop() {
            let line = poll_fn(|cx| {
                line.drive(cx);
                Poll::Ready(line.is_idle())
            })
            .await
            .then_some(line);
            if line.is_some() {
                return line;
            }
        }
        None
    }

    /// Keeps a connection for a while.
    pub(super) fn put(self: &Arc<Self>, line: Box<Line>) {
        let must_sweep = self.with(|idle| {
            if idle.lines.len() < IDLE_CONNECTIONS {
                idle.lines.push((Instant::now(), line));
            }
            !mem::replace(&mut idle.is_swept, true)
        });
        if must_sweep {
            self.sweeper.spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn pop(&self) -> Option<Box<Line>> {
        let (since, line) = self.with(|idle| {
            let at_home = idle.lines.iter().rposition(|(_, line)| line.is_at_home());
            let place = at_home.or(idle.lines.len().checked_sub(1))?;
            Some(idle.lines.remove(place))
        })?;
        // One that is too old is closed here, all older ones by the sweeper.
        (since.elapsed() < IDLE_LIMIT).then_some(line)
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Idle) -> T) -> T {
        use_it(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Closes what nobody used for too long, until nothing is left.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(IDLE_LIMIT).await;
        let Some(pool) = pool.upgrade() else { return };
        let (old, is_over) = pool.with(|idle| {
            let fresh = idle.lines.partition_point(|(since, _)| since.elapsed() >= IDLE_LIMIT);
            let old: Vec<_> = idle.lines.drain(..fresh).collect();
            idle.is_swept = !idle.lines.is_empty();
            (old, idle.lines.is_empty())
        });
        drop(old);
        if is_over {
            return;
        }
    }
}
