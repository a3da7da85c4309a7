//! Entity tags and the conditions a client puts on a request: RFC 9110 §8.8 and §13.
//!
//! [`Validators`] belong to one representation. A tag never stays the same when the bytes change, and a date is only told once
//! its second is over, so that an edit within the same second is seen.

use std::{
    fs::Metadata,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use xxhash_rust::xxh3::xxh3_128;

/// How long a change may hide behind the clock tick of the one before it. Kernels before Linux 6.13 stamp files every 1 to 4 ms,
/// some network file systems every 10.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// HTTP dates count seconds; one more for a clock that is set back a little.
const DATE_TICK: Duration = Duration::from_secs(2);

/// What tells one state of a representation from the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Validators {
    /// Strong, quotes included.
    pub(super) tag: Option<String>,
    /// When it changed last, as far as a date can tell.
    pub(super) modified: Option<SystemTime>,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Do it.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: the client thinks of another state.
    Failed,
}

impl Validators {
    /// Of a representation that was made in memory.
    pub(super) fn of_bytes(media_type: &str, body: &[u8]) -> Self {
        Self { tag: Some(format!("\"{:032x}\"", xxh3_128(body) ^ xxh3_128(media_type.as_bytes()))), modified: None }
    }

    /// Of a file whose content is at hand: that alone names its state, and a touch changes nothing.
    pub(super) fn of_content(metadata: &Metadata, now: SystemTime, content: &[u8]) -> Self {
        Self { tag: Some(format!("\"{:032x}\"", xxh3_128(content))), modified: told_date(metadata, now) }
    }

    /// Of a file that is too long to be read for this. A file so young that its times may not tell two states apart has no tag.
    pub(super) fn of_file(metadata: &Metadata, now: SystemTime) -> Self {
        let tag = (age(metadata, now) >= CLOCK_TICK).then(|| format!("\"{}\"", stamp(metadata)));
        Self { tag, modified: told_date(metadata, now) }
    }

    /// The same with the time of the last change, once that can be told.
    pub(super) fn changed_at(self, modified: Option<SystemTime>, now: SystemTime) -> Self {
        let is_over = |modified: &SystemTime| now.duration_since(*modified).is_ok_and(|age| age >= DATE_TICK);
        Self { modified: modified.filter(is_over), ..self }
    }

    /// Of something whose state is only known by when it changed last.
    pub(super) fn of_change(modified: Option<SystemTime>) -> Self {
        Self { tag: None, modified }
    }

    /// Judges `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since` of a `GET` or `HEAD` in the order of
    /// RFC 9110 §13.2.2.
    pub(super) fn judge(&self, request: &HeaderMap) -> Verdict {
        match request.contains_key(header::IF_MATCH) {
            true if !self.is_matched(request, &header::IF_MATCH, Comparison::Strong) => return Verdict::Failed,
            false if self.is_newer_than(request, &header::IF_UNMODIFIED_SINCE) == Some(true) => return Verdict::Failed,
            _ => (),
        }
        let known = if request.contains_key(header::IF_NONE_MATCH) {
            self.is_matched(request, &header::IF_NONE_MATCH, Comparison::Weak)
        } else {
            self.is_newer_than(request, &header::IF_MODIFIED_SINCE) == Some(false)
        };
        if known { Verdict::NotModified } else { Verdict::Proceed }
    }

    /// Whether a `Range` may be answered: RFC 9110 §13.1.5.
    pub(super) fn allows_range(&self, request: &HeaderMap) -> bool {
        let Some(condition) = request.get(header::IF_RANGE) else { return true };
        let tag = self.tag.as_ref().is_some_and(|tag| condition.as_bytes() == tag.as_bytes());
        tag || (date(condition).is_some() && date(condition) == self.modified.map(whole_seconds))
    }

    /// Writes them into the headers of an answer.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        if let Some(tag) = self.tag.as_ref().and_then(|tag| HeaderValue::from_str(tag).ok()) {
            headers.insert(header::ETAG, tag);
        }
        if let Some(date) = self.modified.and_then(|time| HeaderValue::from_str(&httpdate::fmt_http_date(time)).ok()) {
            headers.insert(header::LAST_MODIFIED, date);
        }
    }

    fn is_matched(&self, request: &HeaderMap, name: &HeaderName, comparison: Comparison) -> bool {
        matches_any(request, name, comparison, self.tag.as_slice())
    }

    /// Whether it changed after the date in the header; `None` when either date is unknown.
    pub(super) fn is_newer_than(&self, request: &HeaderMap, name: &HeaderName) -> Option<bool> {
        let date = date(request.get(name)?)?;
        Some(whole_seconds(self.modified?) > date)
    }
}

/// How two tags are compared: RFC 9110 §8.8.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Weak tags match nothing.
    Strong,
    /// A `W/` in front means nothing.
    Weak,
}

/// Whether a list of tags in a header names one of `tags`, or everything.
pub(super) fn matches_any(request: &HeaderMap, name: &HeaderName, comparison: Comparison, tags: &[String]) -> bool {
    let lines = request.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(listed).any(|tag| match comparison {
        _ if tag == "*" => true,
        Comparison::Strong => tags.iter().any(|known| known == tag),
        Comparison::Weak => tags.iter().any(|known| known == tag.strip_prefix("W/").unwrap_or(tag)),
    })
}

/// The entries of a list of tags; a comma may stand inside the quotes.
fn listed(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// When the file changed last, once that can be told.
pub(super) fn told_date(metadata: &Metadata, now: SystemTime) -> Option<SystemTime> {
    metadata.modified().ok().filter(|_| age(metadata, now) >= DATE_TICK)
}

/// How long ago the file changed in any way. A time in the future counts as now: it may be stamped again.
pub(super) fn age(metadata: &Metadata, now: SystemTime) -> Duration {
    now.duration_since(changed(metadata)).unwrap_or_default()
}

/// The later of the times at which content and inode changed; a writer can set back only the first.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt;
    let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or_default());
    let nanoseconds = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).unwrap_or_default());
    let inode = SystemTime::UNIX_EPOCH + seconds + nanoseconds;
    metadata.modified().map_or(inode, |content| content.max(inode))
}

#[cfg(not(unix))]
fn changed(metadata: &Metadata) -> SystemTime {
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Everything a file system knows about a change.
#[cfg(unix)]
fn stamp(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let times = (metadata.ctime(), metadata.ctime_nsec(), metadata.mtime(), metadata.mtime_nsec());
    let all = format!("{} {} {times:?}", metadata.dev(), metadata.ino());
    format!("{:x}-{:032x}", metadata.len(), xxh3_128(all.as_bytes()))
}

#[cfg(not(unix))]
fn stamp(metadata: &Metadata) -> String {
    let all = format!("{:?} {:?}", metadata.modified().ok(), metadata.created().ok());
    format!("{:x}-{:032x}", metadata.len(), xxh3_128(all.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};

    const TIME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[test]
    fn conditions_follow_the_standard() {
        check(&[], Proceed);
        check(&[("if-none-match", "\"a\"")], NotModified);
        check(&[("if-none-match", "W/\"a\"")], NotModified);
        check(&[("if-none-match", "\"x,\", \"a\"")], NotModified);
        check(&[("if-none-match", "*")], NotModified);
        check(&[("if-none-match", "\"b\""), ("if-modified-since", TIME)], Proceed);
        check(&[("if-modified-since", TIME)], NotModified);
        check(&[("if-modified-since", BEFORE)], Proceed);
        check(&[("if-modified-since", "yesterday")], Proceed);
        check(&[("if-match", "\"a\"")], Proceed);
        check(&[("if-match", "\"b\", \"a\"")], Proceed);
        check(&[("if-match", "*")], Proceed);
        check(&[("if-match", "W/\"a\"")], Failed);
        check(&[("if-match", "\"b\"")], Failed);
        check(&[("if-match", "\"a\""), ("if-none-match", "\"a\"")], NotModified);
        check(&[("if-unmodified-since", BEFORE)], Failed);
        check(&[("if-unmodified-since", TIME)], Proceed);
        check(&[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], Proceed);

        fn check(conditions: &[(&'static str, &'static str)], expected: Verdict) {
            assert_eq!(validators().judge(&headers(conditions)), expected, "{conditions:?}");
        }
    }

    #[test]
    fn tags_compare_as_the_standard_shows() {
        // RFC 9110 §8.8.3.2. The second tag is ours, and ours are strong.
        check(r#"W/"1""#, r#""1""#, [false, true]);
        check(r#""1""#, r#""1""#, [true, true]);
        check(r#"W/"2""#, r#""1""#, [false, false]);
        check(r#""2""#, r#""1""#, [false, false]);
        // §8.8.3: the tags it shows, the empty one among them.
        check(r#""xyzzy""#, r#""xyzzy""#, [true, true]);
        check(r#"W/"xyzzy""#, r#""xyzzy""#, [false, true]);
        check(r#""""#, r#""""#, [true, true]);
        check(r#""""#, r#""xyzzy""#, [false, false]);
        // §8.8.3.3: one tag for each coding of the same content.
        check(r#""123-a""#, r#""123-b""#, [false, false]);
        // §13.1.1 and §13.1.2: lists, and a weak tag in one.
        check(r#""xyzzy", "r2d2xxxx", "c3piozzzz""#, r#""c3piozzzz""#, [true, true]);
        check(r#"W/"xyzzy", W/"r2d2xxxx", W/"c3piozzzz""#, r#""r2d2xxxx""#, [false, true]);
        check("*", r#""xyzzy""#, [true, true]);

        fn check(theirs: &'static str, ours: &str, expected: [bool; 2]) {
            let (request, tags) = (headers(&[("if-match", theirs)]), [ours.to_owned()]);
            let found = [Comparison::Strong, Comparison::Weak].map(|how| matches_any(&request, &header::IF_MATCH, how, &tags));
            assert_eq!(found, expected, "{theirs} and {ours}");
        }
    }

    #[test]
    fn a_range_needs_the_same_state() {
        for (condition, expected) in
            [("\"a\"", true), ("\"b\"", false), ("W/\"a\"", false), (TIME, true), (BEFORE, false), ("x", false)]
        {
            assert_eq!(validators().allows_range(&headers(&[("if-range", condition)])), expected, "{condition}");
        }
        assert!(validators().allows_range(&HeaderMap::new()));
        assert!(!Validators::default().allows_range(&headers(&[("if-range", "x")])));
    }

    #[test]
    fn a_young_file_is_known_by_its_content_alone() {
        let folder = crate::site::folder::Folder::new(&[("a.txt", "A")]);
        let metadata = std::fs::metadata(folder.path("a.txt")).unwrap();
        let (young, old) = (changed(&metadata), changed(&metadata) + DATE_TICK);
        let tag = |now, content: &[u8]| Validators::of_content(&metadata, now, content).tag;
        assert_ne!(tag(young, b"A"), tag(young, b"B"));
        assert_eq!(tag(young, b"A"), tag(old, b"A"));
        assert_eq!(Validators::of_file(&metadata, young), Validators::default());
        assert!(Validators::of_file(&metadata, old).tag.is_some());
        assert!(Validators::of_file(&metadata, old).modified.is_some());
    }

    #[test]
    fn one_type_is_not_the_other() {
        assert_ne!(Validators::of_bytes("text/html", b"x"), Validators::of_bytes("text/plain", b"x"));
    }

    fn validators() -> Validators {
        Validators { tag: Some("\"a\"".to_owned()), modified: httpdate::parse_http_date(TIME).ok() }
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }
}
