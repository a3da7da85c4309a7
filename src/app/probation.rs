//! The first seconds of a generation after it took over: one that fails then is rolled back.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep_until};

use super::{
    hand_over::protocol,
    probe::{self, Answer},
};
use crate::{config::AppConfig, proxy::Protocol};

/// The pause between two questions on the ready path.
const PAUSE: Duration = Duration::from_millis(250);

/// So many answers in a row that say it is not ready are no hiccup.
const ANSWERS: u32 = 3;

/// The probation of the generation that answers.
#[derive(Debug)]
pub(super) struct Probation {
    address: SocketAddr,
    protocol: Protocol,
    /// Asked again and again; without one only its end tells.
    ready: Option<String>,
    pub(super) since: Instant,
    until: Instant,
    ask_at: Instant,
    asking: JoinSet<Answer>,
    refusals: u32,
}

/// How a probation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Passed,
    /// It runs, but does not answer as it did.
    Unfit(Answer),
}

impl Probation {
    pub(super) fn begin(address: SocketAddr, config: &AppConfig) -> Self {
        let since = Instant::now();
        let (until, ask_at) = (since + config.probation, since + PAUSE);
        let (protocol, ready) = (protocol(config), config.ready.clone());
        Self { address, protocol, ready, since, until, ask_at, asking: JoinSet::new(), refusals: 0 }
    }

    /// Waits for its end. Cancel-safe.
    pub(super) async fn end(&mut self) -> End {
        loop {
            let is_asked = self.ready.is_some() && self.asking.is_empty();
            tokio::select! {
                () = sleep_until(self.until.into()) => return End::Passed,
                () = sleep_until(self.ask_at.into()), if is_asked => self.ask(),
                Some(answer) = self.asking.join_next() => {
                    if let Some(refusal) = self.judge(answer.unwrap_or(Answer::Mute)) {
                        return End::Unfit(refusal);
                    }
                }
            }
        }
    }

    fn ask(&mut self) {
        let (address, protocol, path) = (self.address, self.protocol, self.ready.clone().unwrap_or_default());
        self.asking.spawn(async move { probe::ask(address, protocol, &path).await });
    }

    fn judge(&mut self, answer: Answer) -> Option<Answer> {
        self.ask_at = Instant::now() + PAUSE;
        self.refusals = if answer.is_ready(self.ready.as_deref()) { 0 } else { self.refusals + 1 };
        (self.refusals >= ANSWERS).then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture::app;

    #[test]
    fn one_refusal_is_a_hiccup() {
        let config = AppConfig { ready: Some("/up".into()), ..app(&[]) };
        let mut probation = Probation::begin(([127, 0, 0, 1], 1).into(), &config);
        let refused = Answer::Status(503);
        assert_eq!(probation.judge(refused), None);
        assert_eq!(probation.judge(refused), None);
        assert_eq!(probation.judge(Answer::Status(200)), None);
        assert_eq!((probation.judge(refused), probation.judge(refused)), (None, None));
        assert_eq!(probation.judge(refused), Some(refused));
    }
}
