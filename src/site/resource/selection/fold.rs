//! Text without regard to case, so that `STRASSE` finds `straße`.

use std::borrow::Cow;

/// Upper case and back, character by character: close to Unicode's full case folding, without its tables.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    }
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds() {
        for (text, expected) in
            [("", ""), ("aB1", "ab1"), ("ab", "ab"), ("ÄPFEL", "äpfel"), ("Straße", "strasse"), ("ΣΑΣ", "σασ"), ("σας", "σασ")]
        {
            assert_eq!(fold(text), expected, "{text}");
        }
    }
}
