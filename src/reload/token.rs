//! A secret of this run.

use std::fmt;

/// Bytes from the system's random source: 192 bits.
const BYTES: usize = 24;

/// An unguessable word, new each run: 48 hexadecimal digits. It is not shown by `Debug`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Whether `text` is this token; takes the same time wherever the first difference is.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), text.as_bytes());
        let difference = ours.iter().zip(theirs).fold(0, |sum, (one, two)| sum | (one ^ two));
        ours.len() == theirs.len() && difference == 0
    }

    /// The word itself, for the one place where it must be told.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_itself_only() {
        let (one, two) = (Token::new().unwrap(), Token::new().unwrap());
        assert!(one.matches(one.reveal()));
        assert!(!one.matches(two.reveal()));
        assert!(!one.matches(&one.reveal()[1..]));
        assert!(!one.matches(&format!("{}0", one.reveal())));
        assert!(!one.matches(""));
        assert_eq!(format!("{one:?}"), "Token");
    }

    /// Two differences are no fewer than one.
    #[test]
    fn differences_do_not_cancel() {
        let token = Token("00".repeat(BYTES));
        let other = format!("11{}", "0".repeat(token.reveal().len() - 2));
        assert!(!token.matches(&other));
    }
}
