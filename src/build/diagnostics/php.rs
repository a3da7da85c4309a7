//! PHP: `PHP Fatal error:  message in /x/a.php on line 3`.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::pattern,
};
use crate::report::Severity;

static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:PHP )?(?<severity>Fatal error|Parse error|Warning|Notice|Deprecated): +(?<message>.+?) in (?<file>/.+?)(?: on line |:)(?<line>\d+)$",
    )
});

pub(super) fn read(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let found = MESSAGE.captures(lines.first()?)?;
    let severity = if found["severity"].ends_with("error") { Severity::Error } else { Severity::Warning };
    let message = found["message"].trim_start_matches("Uncaught ");
    let place = Place::new(&found["file"], &found["line"], None);
    let rest = lines[1..].iter().take_while(|line| line.starts_with(['#', ' ']) || **line == "Stack trace:");
    Some(Block { findings: vec![Finding::new(severity, place, message)], lines: 1 + rest.count() })
}
