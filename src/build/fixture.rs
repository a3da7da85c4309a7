//! A program with steps, for tests.

use std::time::Duration;

use crate::config::{AppConfig, AppKind, AppPort, ArtifactConfig, CommandLine, Run, StepConfig};

/// Name, what it reads, what it writes, what it waits for.
pub(crate) type Step<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [usize]);

/// A program made from Go files and templates.
pub(crate) fn app(steps: &[Step<'_>]) -> AppConfig {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let step = |&(name, watch, outputs, after): &Step<'_>| StepConfig {
        name: name.into(),
        command: CommandLine::Shell(format!("make {name}")),
        dir: "/p".into(),
        watch: owned(watch),
        outputs: owned(outputs),
        after: after.to_vec(),
    };
    AppConfig {
        is_run: true,
        kind: AppKind::Custom,
        steps: steps.iter().map(step).collect(),
        run: Run::Command(CommandLine::Shell("./x".into())),
        artifact: ArtifactConfig::Found,
        keep: 3,
        dir: "/p".into(),
        env: Vec::new(),
        env_files: Vec::new(),
        pty: false,
        listen_fds: false,
        http2: false,
        ready: None,
        ready_line: None,
        ready_timeout: Duration::from_secs(1),
        probation: Duration::ZERO,
        answer: Duration::from_secs(1),
        port: AppPort::Auto,
        watch: owned(&["*.go", "*.tmpl"]),
        rereads: Vec::new(),
        reloads_itself: false,
    }
}
