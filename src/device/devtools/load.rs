//! How long a page took to be there, by the browser's own clock.

use serde_json::Value;

/// The times of one load.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Load {
    began: Option<Began>,
    loaded_ms: Option<f64>,
    painted_ms: Option<f64>,
}

/// When a page was asked for, by both of the browser's clocks, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Began {
    /// The one of the network's events.
    steady: f64,
    /// That of the wall, which paints are told by.
    wall: f64,
}

impl Load {
    /// A page was asked for (`Network.requestWillBeSent`).
    pub(super) fn began(&mut self, params: &Value) {
        let began = || Some(Began { steady: params["timestamp"].as_f64()?, wall: params["wallTime"].as_f64()? });
        *self = Self { began: began(), ..Self::default() };
    }

    /// It is there with all that belongs to it (`Page.loadEventFired`).
    pub(super) fn loaded(&mut self, params: &Value) {
        self.loaded_ms = self.began.and_then(|began| since(began.steady, &params["timestamp"]));
    }

    /// The largest thing in view was painted, so far (`PerformanceTimeline.timelineEventAdded`).
    pub(super) fn painted(&mut self, event: &Value) {
        let details = &event["lcpDetails"];
        // Of a picture of another server the browser keeps the time of the paint to itself.
        let time =
            [&details["renderTime"], &details["loadTime"]].into_iter().find(|time| time.as_f64().is_some_and(|time| time > 0.0));
        if let (Some(began), Some(time)) = (self.began, time) {
            self.painted_ms = since(began.wall, time).or(self.painted_ms);
        }
    }

    /// Takes what is to be said of it, which is so once.
    pub(super) fn take(&mut self) -> Option<String> {
        let loaded = self.loaded_ms.take()?;
        let painted = self.painted_ms.take().map(|painted| format!(", its largest part painted after {painted:.0} ms"));
        Some(format!("loaded in {loaded:.0} ms{}", painted.unwrap_or_default()))
    }
}

/// Milliseconds between; `None` where a clock was set meanwhile, or says nothing.
fn since(began: f64, time: &Value) -> Option<f64> {
    let passed = (time.as_f64()? - began) * 1000.0;
    (passed.is_finite() && passed >= 0.0).then_some(passed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn begun() -> Load {
        let mut load = Load::default();
        load.began(&json!({ "timestamp": 100.0, "wallTime": 5000.0 }));
        load
    }

    #[test]
    fn a_load_is_said_once_with_its_last_paint() {
        let mut load = begun();
        let painted = |render: f64, load: f64| json!({ "lcpDetails": { "renderTime": render, "loadTime": load } });
        load.painted(&painted(5000.25, 0.0));
        load.painted(&painted(0.0, 5000.5));
        assert_eq!(load.take(), None, "it is not there yet");
        load.loaded(&json!({ "timestamp": 100.75 }));
        assert_eq!(load.take().unwrap(), "loaded in 750 ms, its largest part painted after 500 ms");
        assert_eq!(load.take(), None);
    }

    #[test]
    fn what_a_browser_keeps_to_itself_is_left_out() {
        let mut load = begun();
        load.painted(&json!({ "lcpDetails": {} }));
        load.painted(&json!({ "lcpDetails": { "renderTime": 4000.0 } }));
        load.loaded(&json!({ "timestamp": 100.0 }));
        assert_eq!(load.take().unwrap(), "loaded in 0 ms");
        let mut unbegun = Load::default();
        unbegun.loaded(&json!({ "timestamp": 100.0 }));
        assert_eq!(unbegun.take(), None);
    }
}
