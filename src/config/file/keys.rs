//! The keys of `everlit.toml`, and the one that was meant when a key is not among them.

/// A table's name and its keys; the first one is the top level.
pub(super) const TABLES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "port",
            "strict_port",
            "host",
            "hosts",
            "lan",
            "tls",
            "tls_cert",
            "tls_key",
            "open",
            "editor",
            "log",
            "upstream",
            "read_only",
            "ephemeral",
            "delay",
            "jitter",
            "fail",
            "site",
            "version",
            "app",
            "proxy",
            "cors",
            "live",
            "traffic",
            "device",
            "watch",
            "fault",
            "limits",
        ],
    ),
    ("site", &["public", "templates", "data", "fallback", "except"]),
    ("version", &["number", "deprecated", "sunset"]),
    (
        "app",
        &[
            "program",
            "build",
            "step",
            "run",
            "artifact",
            "keep",
            "ready",
            "ready_line",
            "ready_timeout",
            "probation",
            "port",
            "watch",
            "env",
            "env_files",
            "pty",
            "listen_fds",
            "http2",
        ],
    ),
    ("app.step", &["name", "command", "watch", "outputs", "after", "dir"]),
    (
        "proxy",
        &[
            "path",
            "to",
            "strip_prefix",
            "rewrite",
            "headers",
            "ws",
            "ws_origins",
            "timeout",
            "host",
            "verify",
            "http2",
            "site_first",
        ],
    ),
    ("cors", &["origins", "methods", "headers", "expose", "credentials", "max_age"]),
    ("live", &["console", "inject", "inject_except", "mirror", "morph", "timing", "workspace"]),
    ("traffic", &["capture", "except"]),
    ("device", &["adb", "ports", "devtools"]),
    ("watch", &["poll", "ignore"]),
    (
        "limits",
        &["uri", "header_bytes", "headers", "body", "body_timeout", "wait", "answer", "connections", "sockets", "waiting"],
    ),
    ("fault", &["path", "methods", "delay", "jitter", "fail", "status"]),
];

/// How many typing errors a key may have to be recognised: more, and short keys look like everything.
const TYPING_ERRORS: usize = 2;

/// Whether `table` may hold `key`.
pub(super) fn is_known(table: &str, key: &str) -> bool {
    keys_of(table).contains(&key)
}

/// The message for a key that `table` does not have.
pub(super) fn unknown(table: &str, key: &str) -> String {
    match elsewhere(key).or_else(|| nearest(table, key)) {
        Some(meant) => format!("unknown key `{key}`; did you mean {meant}?"),
        None => format!("unknown key `{key}`; known here are {}", listed(keys_of(table))),
    }
}

fn keys_of(table: &str) -> &'static [&'static str] {
    TABLES.iter().find(|(name, _)| *name == table).map_or(&[], |(_, keys)| keys)
}

/// The key of the same table that differs least. Of a short key no half may be wrong.
fn nearest(table: &str, key: &str) -> Option<String> {
    let key = key.to_lowercase().replace('-', "_");
    let distance = |known: &&str| strsim::damerau_levenshtein(known, &key);
    let best = keys_of(table).iter().copied().min_by_key(distance)?;
    (distance(&best) <= TYPING_ERRORS.min(best.len() / 2)).then(|| format!("`{best}`"))
}

/// The table that does have the key.
fn elsewhere(key: &str) -> Option<String> {
    let (table, _) = TABLES.iter().find(|(_, keys)| keys.contains(&key))?;
    Some(if table.is_empty() { format!("the top-level `{key}`") } else { format!("`{key}` in `[{table}]`") })
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named() {
        let check = |table, key, expected: &str| assert_eq!(unknown(table, key), expected);
        check("", "prot", "unknown key `prot`; did you mean `port`?");
        check("", "strict-port", "unknown key `strict-port`; did you mean `strict_port`?");
        check("", "faults", "unknown key `faults`; did you mean `fault`?");
        check("", "run", "unknown key `run`; did you mean `run` in `[app]`?");
        check("app", "host", "unknown key `host`; did you mean the top-level `host`?");
        check(
            "live",
            "colour",
            "unknown key `colour`; known here are `console`, `inject`, `inject_except`, `mirror`, `morph`, `timing`, `workspace`",
        );
    }
}
