//! Who answers what the site does not have: our own program, a server that already runs, or nobody.

use std::{sync::Arc, time::Duration};

use http::Uri;
use tokio::task::JoinSet;

use crate::{
    app::{App, Event, Start, Way},
    build::Product,
    config::{Config, HostHeader, TimeLimits},
    generation::{Counter, Generation},
    process::Keeper,
    proxy::{self, Backend, HostPolicy, Slot, State, Target, Upstream},
    report::Report,
    telemetry::Notices,
};

/// Who stands behind the site.
pub(super) struct Backing {
    behind: Behind,
    /// Programs that a new configuration replaced.
    leaving: JoinSet<()>,
}

enum Behind {
    Nobody,
    App(Box<App>),
    /// A server that already runs. Its slot is kept, for a slot that is gone means that we are stopping.
    Server {
        backend: Arc<Backend>,
        _slot: Slot,
    },
}

impl Backing {
    pub(super) fn new(config: &Config, keeper: &Keeper, generations: &Counter, notices: &Notices) -> (Self, Option<Upstream>) {
        let (behind, upstream) = behind(config, keeper, generations, notices);
        (Self { behind, leaving: JoinSet::new() }, upstream)
    }

    /// Puts what a new configuration says in place of what was there.
    pub(super) fn replace(
        &mut self,
        config: &Config,
        keeper: &Keeper,
        generations: &Counter,
        notices: &Notices,
    ) -> Option<Upstream> {
        let (behind, upstream) = behind(config, keeper, generations, notices);
        if let Behind::App(app) = std::mem::replace(&mut self.behind, behind) {
            self.leaving.spawn(app.leave());
        }
        upstream
    }

    /// Starts what was built.
    pub(super) fn begin(&mut self, config: &Config, product: Product) {
        if let (Behind::App(app), Some(config)) = (&mut self.behind, &config.app) {
            let Product { executable, artifact, need, cause, provenance } = product;
            app.begin(Start { config: config.clone(), executable, artifact, cause, provenance }, need);
        }
    }

    /// Goes to another generation because a person asks for it.
    pub(super) fn switch(&mut self, way: Way) -> Result<(), &'static str> {
        match &mut self.behind {
            Behind::App(app) => app.switch(way),
            Behind::Server { .. } | Behind::Nobody => Err("there is no program that could be rolled back"),
        }
    }

    pub(super) fn wait_for_build(&mut self) {
        if let Behind::App(app) = &mut self.behind {
            app.wait_for_build();
        }
    }

    pub(super) fn refuse(&mut self, report: &Arc<Report>) {
        if let Behind::App(app) = &mut self.behind {
            app.refuse(report);
        }
    }

    /// Whether a program or server answers.
    pub(super) fn is_serving(&self) -> bool {
        match &self.behind {
            Behind::App(app) => app.is_serving(),
            Behind::Server { .. } => true,
            Behind::Nobody => false,
        }
    }

    /// Whether a program is being handed over to.
    pub(super) fn is_starting(&self) -> bool {
        matches!(&self.behind, Behind::App(app) if app.is_starting())
    }

    pub(super) fn renumber(&mut self, generation: Generation) {
        match &mut self.behind {
            Behind::App(app) => app.renumber(generation),
            Behind::Server { backend, .. } => backend.renumber(generation),
            Behind::Nobody => (),
        }
    }

    /// What becomes of the program next; for ever pending without one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            match &mut self.behind {
                Behind::App(app) => tokio::select! {
                    event = app.next() => return event,
                    Some(_) = self.leaving.join_next() => (),
                },
                _ => std::future::pending().await,
            }
        }
    }

    pub(super) async fn stop(mut self) {
        if let Behind::App(app) = self.behind {
            app.stop().await;
        }
        while self.leaving.join_next().await.is_some() {}
    }
}

/// A server that already runs, of which no more is known than where.
fn target(base: &Uri, answer: Duration) -> Target {
    let host = match HostHeader::default_for(base) {
        HostHeader::Keep => HostPolicy::Keep,
        HostHeader::Rewrite => HostPolicy::Rewrite,
    };
    Target { host, answer, ..Target::from(base.clone()) }
}

fn behind(config: &Config, keeper: &Keeper, generations: &Counter, notices: &Notices) -> (Behind, Option<Upstream>) {
    let TimeLimits { wait, answer } = config.limits.time;
    let (slot, upstream) = proxy::slot(wait, config.limits.at_once.waiting);
    if let Some(base) = &config.upstream {
        let backend = Backend::new(target(base, answer), Generation::default());
        slot.replace(State::Serving(Arc::clone(&backend)));
        return (Behind::Server { backend, _slot: slot }, Some(upstream));
    }
    if config.program().is_some() {
        let app = App::new(keeper, &config.root, slot, generations.clone(), notices.clone());
        return (Behind::App(Box::new(app)), Some(upstream));
    }
    (Behind::Nobody, None)
}
