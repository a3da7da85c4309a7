//! `file(line,column): severity code: message`: tsc, dotnet and MSBuild.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::{pattern, severity},
};

static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?<file>[^#():][^:]*?\.[A-Za-z]\w{0,7})\((?<line>\d+)(?:,(?<column>\d+))?(?:,\d+,\d+)?\)\s?: (?:(?<severity>error|warning) )?(?<message>\S.*)$",
    )
});

/// tsc for people: `a.ts:3:5 - error TS2304: …`.
static PRETTY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?<file>\S+\.\w+):(?<line>\d+):(?<column>\d+) - (?<severity>error|warning) (?<message>\S.*)$"));

/// The project that MSBuild names at the end of each line.
static PROJECT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s\[[^\]]+proj(?:::[^\]]*)?\]$"));

pub(super) fn read(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let line = lines.first()?;
    let found = MESSAGE.captures(line).or_else(|| PRETTY.captures(line))?;
    let place = Place::new(&found["file"], &found["line"], found.name("column").map(|column| column.as_str()));
    let message = PROJECT.replace(&found["message"], "");
    let mut finding = Finding::new(severity(found.name("severity").map(|word| word.as_str())), place, &message);
    // The chain of reasons: `  Type 'string' is not …`, indented and without the lines of the source.
    let reasons =
        lines[1..].iter().take_while(|line| line.starts_with("  ") && line.trim_start().starts_with(char::is_alphabetic));
    let mut taken = 1;
    for reason in reasons {
        finding.message.push_str(&format!("\n{reason}"));
        taken += 1;
    }
    Some(Block { findings: vec![finding], lines: taken })
}
