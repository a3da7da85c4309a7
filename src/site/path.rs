//! A request's path, decoded once and taken apart: the only form in which the site looks at it.
//!
//! What comes out of [`SitePath::parse`] cannot climb, is not absolute and means the same on every platform: no `.`, `..` or empty
//! segment, no separator hidden in an escape, no NUL. Whether a name may be served is the business of `deny`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Deeper than any project; a bound for everything that walks the segments.
const MAX_SEGMENTS: usize = 256;

/// What a segment keeps unescaped: RFC 3986 §2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The segments of a path below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SitePath {
    segments: Vec<String>,
    folder: bool,
}

/// Why a path names nothing of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadPath {
    /// An escape that is none, or a NUL.
    Malformed,
    /// No file or route can have this name.
    Nowhere,
}

impl SitePath {
    /// Takes the path of a request target apart, as it came over the wire.
    pub(super) fn parse(raw: &str) -> Result<Self, BadPath> {
        let below = raw.strip_prefix('/').ok_or(BadPath::Nowhere)?;
        let (below, folder) = match below.strip_suffix('/') {
            Some(below) => (below, true),
            None => (below, below.is_empty()),
        };
        if below.is_empty() && raw.len() > 1 {
            return Err(BadPath::Nowhere);
        }
        let pieces = below.split('/').filter(|_| !below.is_empty());
        let segments: Vec<String> = pieces.take(MAX_SEGMENTS + 1).map(decode).collect::<Result<_, _>>()?;
        if segments.len() > MAX_SEGMENTS {
            return Err(BadPath::Nowhere);
        }
        Ok(Self { segments, folder })
    }

    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether the path ends with a slash.
    pub(super) fn is_folder(&self) -> bool {
        self.folder
    }
}

/// Path-absolute with exactly one slash in front, every segment escaped: RFC 3986 §3.3.
pub(super) fn encode<S: AsRef<str>>(segments: &[S]) -> String {
    segments.iter().fold(String::new(), |path, segment| format!("{path}/{}", utf8_percent_encode(segment.as_ref(), ESCAPED)))
}

/// Whether a decoded segment is a name and nothing else.
pub(super) fn is_name(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.contains(['/', '\\', '\0'])
}

fn decode(piece: &str) -> Result<String, BadPath> {
    if !escapes_are_whole(piece) {
        return Err(BadPath::Malformed);
    }
    let text = percent_decode_str(piece).decode_utf8().map_err(|_| BadPath::Nowhere)?;
    match text {
        text if text.contains('\0') => Err(BadPath::Malformed),
        text if is_name(&text) => Ok(text.into_owned()),
        _ => Err(BadPath::Nowhere),
    }
}

fn escapes_are_whole(piece: &str) -> bool {
    let mut parts = piece.split('%');
    parts.next();
    parts.all(|part| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
}

#[cfg(test)]
mod tests {
    use super::{BadPath::*, *};

    #[test]
    fn takes_apart() {
        check("/", Ok((&[], true)));
        check("/a.txt", Ok((&["a.txt"], false)));
        check("/%61.txt", Ok((&["a.txt"], false)));
        check("/a%20b/%C3%A4.txt/", Ok((&["a b", "ä.txt"], true)));
        check("/%252e%252e", Ok((&["%2e%2e"], false)));
        check("/..%ef%bc%8fx", Ok((&["..／x"], false)));
        check("/..;/x", Ok((&["..;", "x"], false)));
        for nowhere in
            ["", "*", "a", "//", "//a", "/a//b", "/a//", "/./a", "/a/..", "/a/.", "/%2e%2e/a", "/%2E", "/a%2fb", "/a%5Cb"]
        {
            check(nowhere, Err(Nowhere));
        }
        for nowhere in ["/a\\b", "/%ff%fe.txt", &"/a".repeat(257), "/a.txt/../../x"] {
            check(nowhere, Err(Nowhere));
        }
        let longest = "/a".repeat(256);
        check(&longest, Ok((&["a"; 256], false)));
        for malformed in ["/a%", "/a%1", "/%u002e", "/%zz", "/a%00", "/%00/../..", "/%%41"] {
            check(malformed, Err(Malformed));
        }

        fn check(raw: &str, expected: Result<(&[&str], bool), BadPath>) {
            let found = SitePath::parse(raw);
            let found =
                found.as_ref().map(|path| (path.segments().iter().map(String::as_str).collect::<Vec<_>>(), path.is_folder()));
            assert_eq!(found.map_err(|bad| *bad), expected.map(|(segments, folder)| (segments.to_vec(), folder)), "{raw:?}");
        }
    }

    #[test]
    fn encodes_what_it_decoded() {
        let path = SitePath::parse("/a%20b/%252e%252e/%5B7%5D").unwrap();
        assert_eq!(encode(path.segments()), "/a%20b/%252e%252e/%5B7%5D");
        assert_eq!(encode::<&str>(&[]), "");
    }
}
