//! The threads that answer connections.
//!
//! A lane drives the connections it was given to their end, and shares them with nobody. The threads of a common pool would wake each
//! other to share what there is to do, which takes longer than to answer a request, and would pass what they know of it from one
//! processor to the other.
//!
//! Lanes open on threads of their own: the first connections of a start do not wait for them, the caller's runtime answers those.
//!
//! Whatever a connection begins runs in its lane as well, unless it is told where to run. Work that takes long, or waits for a disk,
//! goes to threads of its own (`spawn_blocking`), as everywhere.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The most there are: one for each processor, up to as many as a browser and its server can keep busy.
const MOST: usize = 8;

/// Threads for what takes long, in each lane.
const BLOCKING: usize = 64;

/// How long what cannot be cancelled, such as a read of a hanging disk, may hold a lane up.
const END_LIMIT: Duration = Duration::from_millis(200);

/// All lanes. They end when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Lanes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lanes: Vec<Arc<Lane>>,
    _end: DropGuard,
}

/// One thread.
#[derive(Debug, Default)]
struct Lane {
    /// Set once the thread can take connections.
    runtime: OnceLock<Handle>,
    connections: AtomicUsize,
}

/// A connection's share of a lane, for as long as it lives.
#[derive(Debug)]
pub(super) struct Share {
    lane: Arc<Lane>,
    runtime: Handle,
}

impl Lanes {
    /// Starts so many threads, one for each processor as a rule.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn open(count: usize) -> io::Result<Self> {
        let end = CancellationToken::new();
        let lanes: Vec<Arc<Lane>> = (0..count.min(MOST)).map(|_| Arc::default()).collect();
        let (waiting, ends) = (lanes.clone(), end.clone());
        start(waiting.into_iter().enumerate(), ends)?;
        Ok(Self(Arc::new(Inner { lanes, _end: end.drop_guard() })))
    }

    /// A share of the lane with the fewest connections, once there is one.
    pub(super) fn enter(&self) -> Option<Share> {
        let open = self.0.lanes.iter().filter_map(|lane| Some((lane, lane.runtime.get()?)));
        let (lane, runtime) = open.min_by_key(|(lane, _)| lane.connections.load(Ordering::Relaxed))?;
        lane.connections.fetch_add(1, Ordering::Relaxed);
        Some(Share { lane: Arc::clone(lane), runtime: runtime.clone() })
    }
}

/// Starts the first of these threads, which starts the others: whoever opens lanes is at the start of a server, and waits for one.
fn start(mut lanes: impl Iterator<Item = (usize, Arc<Lane>)> + Send + 'static, end: CancellationToken) -> io::Result<()> {
    let Some((number, lane)) = lanes.next() else { return Ok(()) };
    let drive = move || {
        let warn = |error| tracing::warn!(%error, "connections are answered by fewer threads");
        start(lanes, end.clone()).unwrap_or_else(warn);
        lane.drive(&end).unwrap_or_else(warn);
    };
    thread::Builder::new().name(format!("lane-{number}")).spawn(drive)?;
    Ok(())
}

impl Lane {
    fn drive(&self, end: &CancellationToken) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING).build()?;
        let _ = self.runtime.set(runtime.handle().clone());
        runtime.block_on(end.cancelled());
        runtime.shutdown_timeout(END_LIMIT);
        Ok(())
    }
}

impl Share {
    /// Where the connection's task runs.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.lane.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three lanes that are open.
    fn opened() -> Lanes {
        let lanes = Lanes::open(3).unwrap();
        while lanes.0.lanes.iter().any(|lane| lane.runtime.get().is_none()) {
            thread::yield_now();
        }
        lanes
    }

    #[tokio::test]
    async fn connections_are_shared_out_and_stay_in_their_lane() {
        let lanes = opened();
        let shares: Vec<Share> = (0..6).map(|_| lanes.enter().unwrap()).collect();
        assert!(lanes.0.lanes.iter().all(|lane| lane.connections.load(Ordering::Relaxed) == 2));
        let name = |share: &Share| share.runtime().spawn(async { thread::current().name().map(str::to_owned) });
        assert_eq!(name(&shares[0]).await.unwrap(), Some("lane-0".to_owned()));
        drop(shares);
        assert!(lanes.0.lanes.iter().all(|lane| lane.connections.load(Ordering::Relaxed) == 0));
    }

    #[tokio::test]
    async fn lanes_end_with_their_last_handle() {
        let lanes = opened();
        let runtime = lanes.enter().unwrap().runtime().clone();
        let other = lanes.clone();
        drop(lanes);
        runtime.spawn(async {}).await.unwrap();
        let waiting = runtime.spawn(std::future::pending::<()>());
        drop(other);
        assert!(waiting.await.unwrap_err().is_cancelled());
    }

    #[test]
    fn without_lanes_there_is_no_share() {
        assert!(Lanes::open(0).unwrap().enter().is_none());
    }
}
