//! Which bytes a page writes our ASCII with. Pure.
//!
//! In nearly every encoding of the web ASCII is written as itself. UTF-16 takes two bytes for each letter; it is told by the byte
//! order mark, which counts more than what the response says (HTML §13.2.3.2), or by that. What a `<meta>` says cannot be UTF-16.

use std::borrow::Cow;

use bytes::Bytes;

/// How ASCII is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// As itself.
    Ascii,
    Utf16Le,
    Utf16Be,
}

/// What the first bytes of a page tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It has a mark of this length.
    Is(usize, Charset),
    /// It has none.
    Absent,
    /// There are too few bytes.
    Unknown,
}

const MARKS: [(&[u8], Charset); 3] =
    [(&[0xef, 0xbb, 0xbf], Charset::Ascii), (&[0xff, 0xfe], Charset::Utf16Le), (&[0xfe, 0xff], Charset::Utf16Be)];

/// Looks for a byte order mark.
pub(super) fn mark(start: &[u8]) -> Mark {
    match MARKS.iter().find(|(mark, _)| start.starts_with(mark)) {
        Some((mark, charset)) => Mark::Is(mark.len(), *charset),
        None if MARKS.iter().any(|(mark, _)| mark.starts_with(start)) => Mark::Unknown,
        None => Mark::Absent,
    }
}

/// Labels of the Encoding standard (§4.2) that mean UTF-16.
const LITTLE: [&str; 7] = ["utf-16", "utf-16le", "unicode", "csunicode", "ucs-2", "iso-10646-ucs-2", "unicodefeff"];
const BIG: [&str; 2] = ["utf-16be", "unicodefffe"];

/// Labels of an encoding that switches between sets of letters, so that a `<` may be half of another letter, and of those that
/// browsers refuse to decode at all.
const OTHERS: [&str; 8] =
    ["iso-2022-jp", "csiso2022jp", "iso-2022-kr", "csiso2022kr", "iso-2022-cn", "iso-2022-cn-ext", "hz-gb-2312", "replacement"];

impl Charset {
    /// By the label a response gives; `None` where our ASCII would mean something else. What browsers do not know counts for
    /// nothing.
    pub(super) fn of(label: &str) -> Option<Self> {
        let is_in = |labels: &[&str]| labels.iter().any(|one| one.eq_ignore_ascii_case(label));
        match () {
            () if is_in(&LITTLE) => Some(Self::Utf16Le),
            () if is_in(&BIG) => Some(Self::Utf16Be),
            () if is_in(&OTHERS) => None,
            () => Some(Self::Ascii),
        }
    }

    /// The bytes of each letter of ours.
    pub(super) fn width(self) -> usize {
        if self == Self::Ascii { 1 } else { 2 }
    }

    /// A text of ours as the page writes it.
    pub(super) fn encode(self, ascii: Bytes) -> Bytes {
        match self {
            Self::Ascii => ascii,
            Self::Utf16Le => ascii.iter().flat_map(|&byte| [byte, 0]).collect(),
            Self::Utf16Be => ascii.iter().flat_map(|&byte| [0, byte]).collect(),
        }
    }

    /// A piece of the page with one byte for each letter or half of one; what is not ASCII becomes something that is none either.
    pub(super) fn narrow(self, piece: &[u8]) -> Cow<'_, [u8]> {
        const OTHER: u8 = 0xff;
        let units = piece.chunks_exact(2);
        let ascii = |low: u8, high: u8| if high == 0 && low.is_ascii() { low } else { OTHER };
        match self {
            Self::Ascii => Cow::Borrowed(piece),
            Self::Utf16Le => units.map(|unit| ascii(unit[0], unit[1])).collect(),
            Self::Utf16Be => units.map(|unit| ascii(unit[1], unit[0])).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        for (start, expected) in [
            (&b""[..], Mark::Unknown),
            (b"<", Mark::Absent),
            (&[0xef], Mark::Unknown),
            (&[0xef, 0xbb], Mark::Unknown),
            (&[0xef, 0xbb, 0xbf, b'<'], Mark::Is(3, Charset::Ascii)),
            (&[0xef, 0xbb, b'<'], Mark::Absent),
            (&[0xff, 0xfe], Mark::Is(2, Charset::Utf16Le)),
            (&[0xfe, 0xff, 0, b'<'], Mark::Is(2, Charset::Utf16Be)),
            (&[0xff, b'<'], Mark::Absent),
        ] {
            assert_eq!(mark(start), expected, "{start:?}");
        }
    }

    #[test]
    fn labels() {
        for (label, expected) in [
            ("utf-8", Some(Charset::Ascii)),
            ("Shift_JIS", Some(Charset::Ascii)),
            ("unicode-1-1-utf-8", Some(Charset::Ascii)),
            ("utf-7", Some(Charset::Ascii)),
            ("UTF-16", Some(Charset::Utf16Le)),
            ("utf-16be", Some(Charset::Utf16Be)),
            ("ISO-2022-JP", None),
            ("hz-gb-2312", None),
        ] {
            assert_eq!(Charset::of(label), expected, "{label}");
        }
    }

    #[test]
    fn two_bytes_for_a_letter() {
        let ascii = Bytes::from_static(b"<a>");
        for (charset, encoded) in [(Charset::Utf16Le, b"<\0a\0>\0"), (Charset::Utf16Be, b"\0<\0a\0>")] {
            assert_eq!(charset.encode(ascii.clone()), encoded[..]);
            assert_eq!(*charset.narrow(encoded), *b"<a>");
            assert_eq!(*charset.narrow(&encoded[..5]), *b"<a");
        }
        assert_eq!(*Charset::Utf16Le.narrow(&[b'<', 1, 0xe9, 0]), [0xff, 0xff]);
    }
}
