//! Places at which a test has this program fail, to see what becomes of the rest. Builds for use have none.

/// Names the place that fails, once: `EVERLIT_FAILPOINT=PLACE` or `PLACE:WORDS`, which go into the panic.
#[cfg(debug_assertions)]
const ASKED: &str = "EVERLIT_FAILPOINT";

/// Fails if that is asked of this place.
///
/// # Panics
/// If so.
#[cfg(debug_assertions)]
pub(crate) fn pass(place: &str) {
    use std::{
        env,
        sync::atomic::{AtomicBool, Ordering},
    };

    static HAS_FAILED: AtomicBool = AtomicBool::new(false);
    let Ok(asked) = env::var(ASKED) else { return };
    let (wanted, words) = asked.split_once(':').unwrap_or((&asked, ""));
    if wanted == place && !HAS_FAILED.swap(true, Ordering::Relaxed) {
        panic!("{place} fails because a test asked for it: {words}");
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) const fn pass(_place: &str) {}
