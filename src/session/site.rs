//! What becomes of changed files that the site serves itself: it reads them anew, and pages hear which they are.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use tokio::{sync::mpsc, task::JoinSet};

use super::{NAMED, Session, failures::News, paths};
use crate::{
    build::{Cause, Plan},
    config::SiteConfig,
    generation::Generation,
    reload::{Only, Update},
    report::Report,
    site::{Site, Told, Written},
    telemetry::{Change, Notice, Notices},
};

impl Session {
    /// Lets the site read its files anew. Data that says what is served already (we wrote it, most likely) leaves the plan, and
    /// so do templates that cannot be used: the last good ones stay. What leaves the plan caused nothing.
    pub(super) fn refresh_site(&mut self, plan: &mut Plan, cause: &mut Cause) {
        let Some(site) = &self.rooms.site else { return };
        let touched: Vec<_> = plan.data.iter().chain(&plan.pages).cloned().collect();
        if !site.reads_any(&touched) {
            return;
        }
        // It reads files, and may wait for a write that is under way.
        let refreshed = tokio::task::block_in_place(|| site.refresh(&touched));
        let changed: HashSet<_> = refreshed.changed.into_iter().collect();
        plan.data.retain(|path| changed.contains(path));
        plan.pages.retain(|path| changed.contains(path));
        let left: HashSet<_> = touched.into_iter().filter(|path| !changed.contains(path)).collect();
        let edited = std::mem::take(&mut cause.files);
        cause.files = edited.iter().filter(|path| !left.contains(*path)).cloned().collect();
        match self.failures.set_site(refreshed.failures) {
            News::Failed(report) => self.show_failure(report, &edited),
            News::Mended => self.show_standing(&edited),
            News::None => (),
        }
    }

    /// Reads the site's data on a thread that may block; what cannot be used comes back as an event.
    pub(super) fn load_site(&mut self) {
        // Nobody wants to hear any more what a site says that is replaced.
        self.loading = JoinSet::new();
        match self.rooms.site.clone() {
            Some(site) => drop(self.loading.spawn_blocking(move || site.load())),
            None => self.site_loaded(Vec::new()),
        }
    }

    pub(super) fn site_loaded(&mut self, reports: Vec<Report>) {
        match self.failures.set_site(reports) {
            News::Failed(report) => self.show_failure(report, &[]),
            News::Mended => self.show_standing(&[]),
            News::None => (),
        }
    }

    /// No build: the new files are served already.
    pub(super) fn site_changed(&mut self, plan: &Plan, cause: &Cause) {
        if plan.is_empty() {
            return;
        }
        let generation = self.generations.next();
        if plan.styles.len() + plan.assets.len() + plan.files.len() > NAMED {
            return self.reload_all(generation, cause, None);
        }
        let update = self.update(plan, generation, cause);
        self.history.record(&update);
        self.adopt_generation(generation);
        let change = match update.only() {
            Some(Only::Styles) => Change::Styles,
            Some(Only::Assets) => Change::Assets,
            None => Change::Reload,
        };
        let pages = self.hub.update(update);
        self.told(change, generation, pages, cause);
    }

    pub(super) fn update(&self, plan: &Plan, generation: Generation, cause: &Cause) -> Update {
        let urls = |files: &[PathBuf]| paths::urls(&self.config, files);
        let files = [&plan.styles, &plan.assets, &plan.files].into_iter().flatten();
        let held = |file: &PathBuf| {
            let hash = self.history.hash(file, generation);
            urls(std::slice::from_ref(file)).into_iter().map(move |url| (url, hash.clone()))
        };
        let answers = paths::answers(&plan.data);
        // An answer is made of many files: another one each time.
        let made = answers.iter().map(|path| (path.clone(), format!("generation {generation}")));
        let hashes = files.flat_map(held).chain(made).collect();
        Update {
            generation,
            cause: cause.files.clone(),
            styles: urls(&plan.styles),
            assets: urls(&plan.assets),
            modules: urls(&plan.files),
            answers,
            hashes,
            pages: !(plan.pages.is_empty() && plan.data.is_empty()),
            // What a program serves may have any address: where none of those is found, only a reload is sure to show it.
            guessed: self.config.program().is_some() || self.config.upstream.is_some(),
            timing: self.timing(cause, None),
        }
    }
}

pub(super) fn open_site(config: &SiteConfig, writer: &mpsc::Sender<Written>, notices: &Notices) -> Site {
    let (writer, notices) = (writer.clone(), notices.clone());
    Site::new(config, move |told| match told {
        // Who subscribed reads the resource anew anyway: one message of a burst is as good as all.
        Told::Wrote(written) => drop(writer.try_send(written)),
        // One page has a mistake; what is served is as fresh as before.
        Told::Failed(report) => notices.send(Notice::PageFailed { report: Arc::from(report) }),
    })
}
