//! Makes text of a phone, or of what listens on the adb server's port, fit for a message.

use super::limits::SHOWN;

/// The text without anything that could act on a terminal or reorder a line, cut to [`SHOWN`] characters.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.trim().chars().take(SHOWN).map(|c| if is_active(c) { '\u{fffd}' } else { c }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters, and the invisible ones that join, mark or change the direction of text (Unicode TR 36 §2.10).
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(shown(text), expected, "{text:?}");
    }

    #[test]
    fn text_cannot_act() {
        check("Pixel 8", "Pixel 8");
        check(" Fünf 手机 ", "Fünf 手机");
        check("\x1b[2Jgone\nready", "\u{fffd}[2Jgone\u{fffd}ready");
        check("safe\u{202e}gpj", "safe\u{fffd}gpj");
        check(&"x".repeat(SHOWN), &"x".repeat(SHOWN));
        check(&"é".repeat(SHOWN + 1), &format!("{}…", "é".repeat(SHOWN)));
    }
}
