//! What stands between the newest save and its being served; several things may at once.

use std::{path::Path, sync::Arc, time::Duration};

use crate::{
    config::ConfigError,
    report::{Diagnostic, Kind, Report, Severity},
};

/// Reports of ours are numbered from here, so that they differ from those of builds and starts.
const FIRST_ID: u64 = 1 << 32;

/// The failures that are not mended yet, each until its own kind of success.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) config: Option<Arc<Report>>,
    pub(super) build: Option<Arc<Report>>,
    /// A start or a crash.
    pub(super) app: Option<Arc<Report>>,
    /// An earlier program answers.
    rollback: Option<Arc<Report>>,
    /// Data and templates.
    site: Option<Arc<Report>>,
    /// A failure that was mended by a build whose program does not answer yet: until then what is served is stale.
    mending: Option<Arc<Report>>,
    made: u64,
}

/// What a look at the site changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    None,
    Failed(Arc<Report>),
    Mended,
}

impl Failures {
    /// The one to show: the one that has to be mended first.
    pub(super) fn standing(&self) -> Option<Arc<Report>> {
        [&self.config, &self.build, &self.app, &self.rollback, &self.site, &self.mending].into_iter().flatten().next().cloned()
    }

    /// A build succeeded.
    pub(super) fn built(&mut self) {
        self.mending = self.build.take().or(self.app.take()).or(self.mending.take());
    }

    /// The newest program answers.
    pub(super) fn started(&mut self) {
        self.rollback = None;
        self.restarted();
    }

    /// A program that had ended answers again: whatever is wrong with what is served besides is as before.
    pub(super) fn restarted(&mut self) {
        self.app = None;
        self.mending = None;
    }

    /// An earlier program answers.
    pub(super) fn rolled_back(&mut self, report: &Arc<Report>) {
        self.rollback = Some(report.clone());
        self.restarted();
    }

    /// A program did not become ready.
    pub(super) fn start_failed(&mut self, report: &Arc<Report>) {
        self.app = Some(report.clone());
        self.mending = None;
    }

    /// There is no program any more, or another one.
    pub(super) fn forget_program(&mut self) {
        (self.build, self.app, self.rollback, self.mending) = (None, None, None, None);
    }

    /// Takes over what the site cannot use now.
    pub(super) fn set_site(&mut self, reports: Vec<Report>) -> News {
        let before = self.site.take();
        self.site = reports.into_iter().next().map(|report| Arc::new(Report { id: self.next_id(), ..report }));
        match (before, &self.site) {
            (Some(before), Some(now)) if is_same(&before, now) => News::None,
            (_, Some(now)) => News::Failed(now.clone()),
            (Some(_), None) => News::Mended,
            (None, None) => News::None,
        }
    }

    /// The report of a configuration that cannot be used.
    pub(super) fn config_report(&mut self, error: &ConfigError) -> Arc<Report> {
        let place = match error {
            ConfigError::File(error) => Some(Diagnostic {
                severity: Severity::Error,
                file: Some(error.file.clone()),
                line: Some(error.line),
                column: Some(error.column),
                message: error.message.clone(),
                ..Diagnostic::default()
            }),
            _ => None,
        };
        let file = error.file().map_or_else(|| "everlit.toml".into(), Path::to_string_lossy);
        Arc::new(Report {
            id: self.next_id(),
            kind: Kind::Config,
            title: format!("{file} cannot be used"),
            command: String::new(),
            diagnostics: place.into_iter().collect(),
            output: error.to_string(),
            took: Duration::ZERO,
            help: "the last good configuration stays in force until it is mended".into(),
        })
    }

    fn next_id(&mut self) -> u64 {
        self.made += 1;
        FIRST_ID + self.made
    }
}

/// Whether two reports say the same, whatever their numbers.
fn is_same(one: &Report, two: &Report) -> bool {
    (&one.title, &one.diagnostics, &one.output) == (&two.title, &two.diagnostics, &two.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(title: &str) -> Report {
        let (kind, title, took) = (Kind::Build, title.to_owned(), Duration::ZERO);
        let (command, output, help) = Default::default();
        Report { id: 1, kind, title, command, diagnostics: Vec::new(), output, took, help }
    }

    fn standing(failures: &Failures) -> Option<String> {
        failures.standing().map(|report| report.title.clone())
    }

    #[test]
    fn a_mended_build_is_stale_until_its_program_answers() {
        let mut failures = Failures { build: Some(report("build").into()), ..Failures::default() };
        failures.built();
        assert_eq!(standing(&failures).as_deref(), Some("build"));
        failures.start_failed(&report("start").into());
        assert_eq!(standing(&failures).as_deref(), Some("start"));
        failures.started();
        assert_eq!(standing(&failures), None);
    }

    #[test]
    fn a_rollback_stands_until_the_newest_program_answers() {
        let mut failures = Failures::default();
        failures.rolled_back(&report("rollback").into());
        failures.app = Some(report("crash").into());
        failures.restarted();
        assert_eq!(standing(&failures).as_deref(), Some("rollback"));
        failures.built();
        assert_eq!(standing(&failures).as_deref(), Some("rollback"));
        failures.started();
        assert_eq!(standing(&failures), None);
    }

    #[test]
    fn a_restart_mends_no_build() {
        let mut failures =
            Failures { build: Some(report("build").into()), app: Some(report("crash").into()), ..Failures::default() };
        failures.started();
        assert_eq!(standing(&failures).as_deref(), Some("build"));
    }

    #[test]
    fn the_site_is_told_once() {
        let mut failures = Failures::default();
        assert_eq!(failures.set_site(Vec::new()), News::None);
        assert!(matches!(failures.set_site(vec![report("data")]), News::Failed(_)));
        assert_eq!(failures.set_site(vec![report("data")]), News::None);
        assert_eq!(failures.set_site(Vec::new()), News::Mended);
    }
}
