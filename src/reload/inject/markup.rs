//! Where the tokenizer of the HTML standard (§13.2.5) is inside of tags and comments. Pure.

/// Where in the attributes of a tag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attribute {
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// Where in a comment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comment {
    /// Behind `<!--`: here `>` and `->` end it.
    Start,
    StartDash,
    Inside,
    /// Behind `-`.
    Dash,
    /// Behind `--`.
    End,
    /// Behind `--!`.
    EndBang,
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

impl Attribute {
    /// Passes some of `rest`, which is not empty: how many bytes, and where that leads. `None` is the end of the tag.
    pub(super) fn pass(self, rest: &[u8]) -> (usize, Option<Self>) {
        if let Self::Quoted(quote) = self {
            return match memchr::memchr(quote, rest) {
                Some(end) => (end + 1, Some(Self::BeforeName)),
                None => (rest.len(), Some(self)),
            };
        }
        (1, self.next(rest[0]))
    }

    fn next(self, byte: u8) -> Option<Self> {
        let is_space = is_space(byte);
        match (self, byte) {
            (_, b'>') => None,
            (Self::BeforeValue, b'"' | b'\'') => Some(Self::Quoted(byte)),
            (Self::BeforeValue, _) if is_space => Some(Self::BeforeValue),
            (Self::BeforeValue, _) => Some(Self::Unquoted),
            (Self::Unquoted, _) if is_space => Some(Self::BeforeName),
            (Self::Unquoted, _) => Some(Self::Unquoted),
            (_, b'/') => Some(Self::BeforeName),
            (Self::Name | Self::AfterName, b'=') => Some(Self::BeforeValue),
            (Self::Name | Self::AfterName, _) if is_space => Some(Self::AfterName),
            (Self::BeforeName, _) if is_space => Some(Self::BeforeName),
            _ => Some(Self::Name),
        }
    }
}

impl Comment {
    /// Passes some of `rest`, which is not empty: how many bytes, and where that leads. `None` is the end of the comment.
    pub(super) fn pass(self, rest: &[u8]) -> (usize, Option<Self>) {
        if let Self::Inside = self {
            return match memchr::memchr(b'-', rest) {
                Some(dash) => (dash + 1, Some(Self::Dash)),
                None => (rest.len(), Some(self)),
            };
        }
        (1, self.next(rest[0]))
    }

    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Start | Self::StartDash | Self::End | Self::EndBang, b'>') => None,
            (Self::Start, b'-') => Some(Self::StartDash),
            (Self::StartDash | Self::Dash | Self::End, b'-') => Some(Self::End),
            (Self::EndBang, b'-') => Some(Self::Dash),
            (Self::End, b'!') => Some(Self::EndBang),
            _ => Some(Self::Inside),
        }
    }
}
