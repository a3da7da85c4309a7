//! A template's value as text of bounded length.
//!
//! A list may hold another one twice, and that one the next: sixty lines of a template make a value that no memory holds as text.
//! Whoever makes text of a value asks here first.

use std::fmt::{self, Write};

use minijinja::Value;

/// The text of a value, nothing where there is none; `None` if it has more than `room` bytes.
pub(super) fn of(value: &Value, room: usize) -> Option<String> {
    let mut bounded = Bounded { text: String::new(), room };
    if !value.is_none() {
        write!(bounded, "{value}").ok()?;
    }
    Some(bounded.text)
}

/// A text that does not grow beyond its room.
struct Bounded {
    text: String,
    room: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.room = self.room.checked_sub(piece.len()).ok_or(fmt::Error)?;
        self.text.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_bound() {
        let doubled = (0..60).fold(Value::from(1), |value, _| Value::from(vec![value.clone(), value]));
        check(&Value::from("äb"), 3, Some("äb"));
        check(&Value::from("äb"), 2, None);
        check(&Value::from(vec![1, 2]), 6, Some("[1, 2]"));
        check(&Value::from(()), 0, Some(""));
        check(&Value::UNDEFINED, 0, Some(""));
        check(&doubled, 100_000, None);
    }

    fn check(value: &Value, room: usize, expected: Option<&str>) {
        assert_eq!(of(value, room).as_deref(), expected, "{room}");
    }
}
