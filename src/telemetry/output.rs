//! What one program or build prints, on its way to the console.

use std::time::Instant;

use tokio::time::sleep_until;

use super::{Notice, Notices, Source, flood::Flood};

/// The lines of one run. What was held back for there being too many is told when the value is dropped, at the latest.
#[derive(Debug)]
pub struct Output {
    source: Source,
    notices: Notices,
    flood: Flood<(String, bool)>,
}

impl Output {
    /// The output of a run that begins.
    #[must_use]
    pub fn new(source: Source, notices: Notices) -> Self {
        Self { source, notices, flood: Flood::default() }
    }

    /// Hands a line over, now or, in a flood of them, [when it is due](Self::due) or never.
    pub fn say(&mut self, line: String, stderr: bool) {
        if let Some((line, stderr)) = self.flood.pass((line, stderr), Instant::now()) {
            self.notices.send(Notice::AppOutput { source: self.source, line, stderr });
        }
    }

    /// Waits until something that is held back has to be [released](Self::release). Cancel-safe.
    pub async fn due(&self) {
        match self.flood.due() {
            Some(moment) => sleep_until(moment.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Says how much was left out, and hands over the last lines.
    pub fn release(&mut self) {
        let held = self.flood.release(Instant::now());
        if held.left_out > 0 {
            self.notices.send(Notice::LeftOut { source: self.source, lines: held.left_out });
        }
        for (line, stderr) in held.last {
            self.notices.send(Notice::AppOutput { source: self.source, line, stderr });
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.release();
    }
}
