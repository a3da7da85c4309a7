//! Names of files that are never a save: what editors, browsers and Everlit itself put beside the file they write.
//!
//! Only names that no project gives to a file of its own stand here. Others, such as `f.tmp`, are watched: when they are gone
//! again by the end of the save, nobody hears of them.

/// Endings that are telling by themselves.
const ENDINGS: &[&str] = &["~", ".crdownload", ".vsctmp", ".kate-swp"];

/// Endings that are telling behind a leading dot: vim's and nano's swap files, `.subl1a2.tmp`, and what a write through the API
/// is written to first.
const HIDDEN_ENDINGS: &[&str] = &[".swp", ".swo", ".swn", ".swx", ".swpx", ".tmp", ".everlit-unfinished"];

/// Beginnings that are telling by themselves: emacs' locks, NFS's files that are still open, GNOME's, and LibreOffice's locks.
const BEGINNINGS: &[&str] = &[".#", ".nfs0", ".goutputstream-", ".~lock."];

/// Whether a file of this name is never a save.
pub(super) fn is_temporary(name: &str) -> bool {
    ENDINGS.iter().any(|end| name.ends_with(end))
        || BEGINNINGS.iter().any(|begin| name.starts_with(begin))
        || (name.starts_with('.') && HIDDEN_ENDINGS.iter().any(|end| name.ends_with(end)))
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
        || ["___jb_tmp___", "___jb_old___"].iter().any(|part| name.contains(part))
        || ["sed", ".tmp"].iter().any(|begin| name.strip_prefix(begin).is_some_and(is_random))
        || is_vims_probe(name)
        || name == ".DS_Store"
}

/// Whether rsync writes to it before it renames it: `.site.css.a1B2c3`. Such a file is watched, but told only when it stays.
pub(super) fn is_rsyncs(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    parts.is_some_and(|(name, end)| !name.is_empty() && end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// vim asks whether it may write a folder with a file `4913`, or the next free number in steps of 123.
fn is_vims_probe(name: &str) -> bool {
    name.parse::<u32>().is_ok_and(|number| number >= 4913 && (number - 4913).is_multiple_of(123) && number < 10_000)
}

/// Six random characters, as `mkstemp` makes them; a word is not random.
fn is_random(text: &str) -> bool {
    text.len() == 6
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: bool) {
        for name in names {
            assert_eq!(is_temporary(name), expected, "{name}");
        }
    }

    #[test]
    fn what_tools_put_beside_the_file_is_no_save() {
        check(&["4913", "5036", ".site.css.swp", ".site.css.swx", "site.css~"], true);
        check(&[".#site.css", "#site.css#"], true);
        check(&["site.css___jb_tmp___", "site.css___jb_old___"], true);
        check(&["sedA1b2C3", ".tmpa1B2c3", ".subl1a2.tmp", "settings.json.vsctmp", ".site.css.kate-swp"], true);
        check(&[".goutputstream-0FJ3K2", ".~lock.report.ods#", ".nfs000000a1", ".DS_Store", "film.mp4.crdownload"], true);
        check(&[".posts.json.everlit-unfinished"], true);
    }

    #[test]
    fn what_a_project_may_contain_is() {
        check(&["site.css", ".env", "main.go", "4914", "49130", "tmp", "#", "seduction", "sed.conf", "sedate"], false);
        check(&["cache.tmp", "header.part", ".tmpfiles", "swp", "a.swp", "posts.json.everlit-unfinished"], false);
    }
}
