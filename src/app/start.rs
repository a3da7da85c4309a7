//! What is started, and how.

use std::path::PathBuf;

use crate::{
    build::{Artifact, Cause, Provenance},
    config::{AppConfig, Run},
};

/// What to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// How.
    pub config: AppConfig,
    /// The executable the build named.
    pub executable: Option<PathBuf>,
    /// The copy of what was built, which is run in its place.
    pub artifact: Option<Artifact>,
    /// Why.
    pub cause: Cause,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Start {
    /// Whether both run the same bytes in the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let artifacts = (&self.artifact, &other.artifact);
        matches!(artifacts, (Some(one), Some(two)) if one.is_same(two)) && self.config == other.config
    }

    /// How the copy is run.
    pub(super) fn config_of_copy(&self) -> AppConfig {
        let config = self.config.clone();
        match &self.artifact {
            Some(artifact) => AppConfig { run: artifact.run(&config.run, &config.dir), ..config },
            None => config,
        }
    }

    /// The command it runs, in words.
    pub(super) fn command(&self) -> String {
        match (&self.config.run, &self.executable) {
            (Run::Command(command), _) => command.to_string(),
            (Run::BuiltExecutable, Some(path)) => path.display().to_string(),
            (Run::BuiltExecutable, None) => String::new(),
        }
    }
}
