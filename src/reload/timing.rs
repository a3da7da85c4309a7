//! When what led to a change happened, for pages that show it beside what they do themselves.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use serde::Serialize;

/// The way of a change to the pages, on the clock of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The end of the save.
    pub saved: Instant,
    /// From when to when it was built; `None` where nothing was.
    pub build: Option<Range<Instant>>,
    /// Since when the program answers that was built; `None` where that is no other one.
    pub swapped: Option<Instant>,
}

/// A [`Timing`] as pages get it: they have another clock, so that it counts from the message.
#[derive(Clone, Debug, Serialize)]
pub struct WireTiming {
    saved_ms_ago: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap_ms: Option<f64>,
}

impl From<&Timing> for WireTiming {
    fn from(timing: &Timing) -> Self {
        let Timing { saved, build, swapped } = timing;
        let swap = build.as_ref().zip(*swapped).map(|(build, swapped)| swapped.saturating_duration_since(build.end));
        Self {
            saved_ms_ago: ms(saved.elapsed()),
            build_ms: build.as_ref().map(|build| ms(build.end.saturating_duration_since(build.start))),
            swap_ms: swap.map(ms),
        }
    }
}

/// With as many digits as make sense.
fn ms(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_the_message() {
        let (ago, ms) = (Instant::now().checked_sub(Duration::from_secs(2)).unwrap(), Duration::from_millis);
        let wire = |build, swapped| serde_json::to_value(WireTiming::from(&Timing { saved: ago, build, swapped })).unwrap();
        let site = wire(None, None);
        assert!(site["saved_ms_ago"].as_f64().unwrap() >= 2000.0 && site.as_object().unwrap().len() == 1, "{site}");
        let app = wire(Some(ago + ms(1)..ago + ms(413)), Some(ago + ms(600)));
        assert_eq!((app["build_ms"].as_f64(), app["swap_ms"].as_f64()), (Some(412.0), Some(187.0)));
        let beside = wire(Some(ago..ago + ms(5)), None);
        assert_eq!((beside["build_ms"].as_f64(), beside.get("swap_ms")), (Some(5.0), None));
        assert_eq!(super::ms(Duration::from_nanos(1_234_567)).to_string(), "1.235");
    }
}
