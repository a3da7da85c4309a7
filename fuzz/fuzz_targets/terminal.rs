//! Any text on its way to a terminal: no control but tabs and whole colours comes through, nothing else is lost, and twice is as once.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/plain.rs"]
mod plain;

fuzz_target!(|text: &str| {
    let coloured = plain::coloured(text);
    assert_eq!(coloured, naive(text, true), "{text:?}");
    assert_eq!(plain::coloured(&coloured), coloured, "twice: {text:?}");
    let plain = plain::plain(text);
    assert_eq!(plain, naive(text, false), "{text:?}");
    assert!(!plain.chars().any(char::is_control), "{plain:?}");
});

/// Where a terminal is while it reads.
enum State {
    Text,
    Escape,
    /// What stands in it so far, when it may be shown.
    Sequence(Option<String>),
    /// Whether the character before was an escape.
    Words(bool),
}

/// What a terminal would show, character by character; of a line that is drawn over, what is drawn last.
fn naive(text: &str, in_colour: bool) -> String {
    if !text.contains('\r') {
        return shown(text, in_colour);
    }
    // A line end ends nothing but the line: what began before it goes on.
    let last = |line: &str| {
        let mut states: Vec<&str> = line.split('\r').collect();
        if states.len() == 1 {
            return line.to_owned();
        }
        // Tabs draw nothing.
        states.retain(|state| shown(state, false).len() > shown(state, true).matches('\t').count());
        states.last().map(|state| (*state).to_owned()).unwrap_or_default()
    };
    shown(&text.split('\n').map(last).collect::<String>(), in_colour)
}

fn shown(text: &str, in_colour: bool) -> String {
    let mut shown = String::new();
    let mut state = State::Text;
    for c in text.chars() {
        state = match state {
            State::Text => plain_text(c, in_colour, &mut shown),
            State::Escape => match c {
                '[' => State::Sequence(in_colour.then(|| "\u{1b}[".to_owned())),
                ']' | 'P' | 'X' | '^' | '_' => State::Words(false),
                _ => State::Text,
            },
            State::Sequence(so_far) => match c {
                '0'..='9' | ';' | ':' => State::Sequence(so_far.map(|so_far| format!("{so_far}{c}"))),
                ' '..='?' => State::Sequence(None),
                'm' => {
                    shown.extend(so_far.map(|so_far| format!("{so_far}m")));
                    State::Text
                }
                '@'..='~' => State::Text,
                _ => plain_text(c, in_colour, &mut shown),
            },
            State::Words(after_escape) => match c {
                '\u{7}' | '\u{9c}' => State::Text,
                '\\' if after_escape => State::Text,
                c => State::Words(c == '\u{1b}'),
            },
        };
    }
    shown
}

fn plain_text(c: char, in_colour: bool, shown: &mut String) -> State {
    match c {
        '\u{1b}' => return State::Escape,
        '\u{9b}' => return State::Sequence(None),
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => return State::Words(false),
        '\t' => shown.push(if in_colour { '\t' } else { ' ' }),
        c if c.is_control() => (),
        c => shown.push(c),
    }
    State::Text
}
