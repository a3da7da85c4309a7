//! Exceptions of the JVM, and Maven's and Kotlin's words of a mistake. javac itself writes GNU's shape.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::pattern,
};
use crate::report::Severity;

/// Packages of the platform and of what projects are built upon.
const FOREIGN: [&str; 9] =
    ["java.", "javax.", "jdk.", "sun.", "jakarta.", "kotlin.", "kotlinx.", "org.springframework.", "org.apache."];

static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^(?:Exception in thread "[^"]*" |Caused by: )?(?<words>(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error)(?:: .*)?)$"#)
});

static FRAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s+at (?:[\w.-]+/)?(?:[\w.-]+@[\w.-]+/)?(?<class>[\w$.]+)\.[\w$<>]+\((?<file>\w+\.(?:java|kt|scala|groovy)):(?<line>\d+)\)$",
    )
});

static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\[(?<severity>ERROR|WARNING)\] (?<file>/\S+):\[(?<line>\d+)(?:,(?<column>\d+))?\] (?<message>.+)$")
});

static KOTLIN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?<severity>[ew]): (?:file://)?(?<file>/\S+?):(?<line>\d+):(?<column>\d+):? (?<message>.+)$"));

pub(super) fn message(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let line = lines.first()?;
    let found = MESSAGE.captures(line).or_else(|| KOTLIN.captures(line))?;
    let place = Place::new(&found["file"], &found["line"], found.name("column").map(|column| column.as_str()));
    let severity = if matches!(&found["severity"], "WARNING" | "w") { Severity::Warning } else { Severity::Error };
    Some(Block { findings: vec![Finding::new(severity, place, &found["message"])], lines: 1 })
}

pub(super) fn trace(lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let mut findings = Vec::new();
    let mut taken = 0;
    while let Some((finding, length)) = exception(&lines[taken..], ground) {
        findings.push(finding);
        taken += length;
    }
    (taken > 0).then_some(Block { findings, lines: taken })
}

fn exception(lines: &[&str], ground: Ground<'_>) -> Option<(Finding, usize)> {
    let title = TITLE.captures(lines.first()?)?;
    let frames =
        lines[1..].iter().take_while(|line| line.trim_start().starts_with("at ") || line.trim_start().starts_with("... "));
    let taken = frames.clone().count() + 1;
    let places = frames.filter_map(|line| FRAME.captures(line)).filter_map(|frame| {
        let class = &frame["class"];
        let folder = class.rsplit_once('.').map(|(package, _)| package.replace('.', "/") + "/").unwrap_or_default();
        let is_own = !FOREIGN.iter().any(|foreign| class.starts_with(foreign));
        is_own.then(|| Place::new(&format!("{folder}{}", &frame["file"]), &frame["line"], None))
    });
    let places: Vec<_> = places.collect();
    (taken > 1).then(|| (Finding::error(ground.own_first(&places), &title["words"]), taken))
}
