//! Whether the kernel ended a program for lack of memory. It says so nowhere where the parent of a process could hear it; but it
//! counts.

use std::fs;

/// The kernel's counters.
const COUNTERS: &str = "/proc/vmstat";

/// How many processes the kernel has ended for lack of memory, on the whole machine or in a control group; `None` where it does
/// not say.
pub(super) fn kills() -> Option<u64> {
    kills_in(&fs::read_to_string(COUNTERS).ok()?)
}

fn kills_in(counters: &str) -> Option<u64> {
    counters.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts() {
        assert_eq!(kills_in("nr_free_pages 1\noom_kill 7\n"), Some(7));
        assert_eq!(kills_in("oom_kill_disable 1\n"), None);
        assert!(kills().is_some());
    }
}
