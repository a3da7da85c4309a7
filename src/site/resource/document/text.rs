//! Pieces of a text that is in memory once.
//!
//! A data file of 25 MB is read into one allocation; each row is two numbers into it. What a write makes is a small text of its own
//! that stands between such pieces.

use std::{fmt, ops::Deref, sync::Arc};

use crate::site::failure;

/// A piece of a shared text. A clone is the same piece.
#[derive(Clone)]
pub(crate) struct Text {
    whole: Arc<str>,
    // Files are far shorter than 4 GiB, and there is a piece for every row.
    start: u32,
    end: u32,
}

impl Text {
    /// The piece from byte `start` to before byte `end` of this one. Out of bounds is the nearest that is not.
    pub(super) fn piece(&self, start: usize, end: usize) -> Self {
        let end = clamp(end).min(self.end - self.start);
        let start = clamp(start).min(end);
        Self { whole: Arc::clone(&self.whole), start: self.start + start, end: self.start + end }
    }

    /// The piece of this one that `inner`, a slice of it, is.
    pub(super) fn piece_of(&self, inner: &str) -> Self {
        let start = (inner.as_ptr() as usize).saturating_sub(self.as_ptr() as usize);
        self.piece(start, start + inner.len())
    }

    /// Line and column, from 1, of a byte of this piece in the whole text.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        failure::place(&self.whole, self.start as usize + byte)
    }

    /// Both in one, where `next` follows on this one in the same text.
    fn joined(&self, next: &Self) -> Option<Self> {
        let follows = Arc::ptr_eq(&self.whole, &next.whole) && self.end == next.start;
        follows.then(|| Self { whole: Arc::clone(&self.whole), start: self.start, end: next.end })
    }
}

/// What ends the first line of a text, if it has more than one.
pub(super) fn newline(text: &str) -> Option<&'static str> {
    let line = text.find('\n')?;
    Some(if text[..line].ends_with('\r') { "\r\n" } else { "\n" })
}

fn clamp(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

impl<S: Into<Arc<str>>> From<S> for Text {
    fn from(text: S) -> Self {
        let whole: Arc<str> = text.into();
        let end = clamp(whole.len());
        Self { whole, start: 0, end }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from("")
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        // Always on the bounds of characters: every piece is cut where a parser found a token.
        self.whole.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The same text in as few pieces as there are: what nobody changed is one.
pub(super) fn join<'t>(pieces: impl Iterator<Item = &'t Text>) -> impl Iterator<Item = Text> {
    let mut pieces = pieces.filter(|piece| !piece.is_empty());
    let mut waiting = pieces.next().cloned();
    std::iter::from_fn(move || {
        let mut text = waiting.take()?;
        for next in pieces.by_ref() {
            match text.joined(next) {
                Some(longer) => text = longer,
                None => {
                    waiting = Some(next.clone());
                    break;
                }
            }
        }
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_inside() {
        let text = Text::from("0123456789").piece(2, 8);
        for (start, end, expected) in [(0, 6, "234567"), (1, 3, "34"), (4, 99, "67"), (9, 99, ""), (3, 1, "")] {
            assert_eq!(&*text.piece(start, end), expected, "{start} {end}");
        }
        assert_eq!(&*text.piece_of(&text[2..4]), "45");
    }

    #[test]
    fn neighbours_are_joined() {
        let text = Text::from("abcdef");
        let pieces = [text.piece(0, 2), text.piece(2, 3), Text::default(), Text::from("X"), text.piece(3, 4), text.piece(5, 6)];
        let joined: Vec<String> = join(pieces.iter()).map(|piece| piece.to_string()).collect();
        assert_eq!(joined, ["abc", "X", "d", "f"]);
    }
}
