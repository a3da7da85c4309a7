//! The sockets on which the browsers of a phone offer DevTools.
//!
//! Pure. They are found as Chromium's own `chrome://inspect` does it: among the names of all sockets. Chrome's is `chrome_devtools_remote`, that
//! of an app with a page in it `webview_devtools_remote_PID`, and other browsers put their own word in front.

/// Prints those of them that the phone has, and not much more.
pub(super) const LIST: &str = "shell:grep -a _devtools_remote /proc/net/unix";

/// How many browsers of a phone are asked.
const BROWSERS: usize = 8;

/// How long a name may be: the kernel takes no longer one.
const NAME: usize = 107;

/// What the kernel says of a socket that waits for connections.
const LISTENS: &str = "00010000";

/// Their names, Chrome's first.
pub(super) fn parse(list: &str) -> Vec<String> {
    let mut names: Vec<_> = list.lines().filter_map(name).map(str::to_owned).collect();
    names.sort_by_key(|name| (!name.starts_with("chrome_"), name.clone()));
    names.dedup();
    names.truncate(BROWSERS);
    names
}

/// A line is `ADDRESS: COUNT PROTOCOL FLAGS TYPE STATE INODE PATH`, where `@` begins an abstract name.
fn name(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let flags = words.nth(3)?;
    let name = words.nth(3)?.strip_prefix('@')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_one = flags == LISTENS && name.contains("_devtools_remote") && name.len() <= NAME && name.bytes().all(is_plain);
    (is_one && words.next().is_none()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, expected: &[&str]) {
        assert_eq!(parse(list), expected, "{list:?}");
    }

    #[test]
    fn browsers_are_found_by_the_names_of_their_sockets() {
        let line = |flags: &str, name: &str| format!("0000000000000000: 00000002 00000000 {flags} 0001 01 12345 {name}\n");
        let listens = |name: &str| line(LISTENS, name);
        check("", &[]);
        check("grep: /proc/net/unix: Permission denied\n", &[]);
        check(
            &[listens("@webview_devtools_remote_4711"), listens("@Terrace_devtools_remote"), listens("@chrome_devtools_remote")]
                .concat(),
            &["chrome_devtools_remote", "Terrace_devtools_remote", "webview_devtools_remote_4711"],
        );
        check(&listens("@chrome_devtools_remote").repeat(2), &["chrome_devtools_remote"]);
        check(&line("00000000", "@chrome_devtools_remote"), &[]);
        for name in [
            "chrome_devtools_remote",
            "@chrome",
            "@a;reboot_devtools_remote",
            "@chrome_devtools_remote x",
            "@\u{1b}_devtools_remote",
        ] {
            check(&listens(name), &[]);
        }
        check(&listens(&format!("@{}_devtools_remote", "x".repeat(NAME))), &[]);
        let many: String = (0..100).map(|pid| listens(&format!("@webview_devtools_remote_{pid}"))).collect();
        assert_eq!(parse(&many).len(), BROWSERS);
    }
}
