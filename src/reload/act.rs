//! What a person did in one page, as it stands on the socket, for the other pages of the project to do the same.
//!
//! It is read into these types and written anew from them: nothing else that a page sends reaches another. What is too long, or no address
//! of this server, is no act.

use serde::{Deserialize, Serialize};

/// Longest text of a field, in bytes. The client script sends no longer frames.
const TEXT: usize = 48 * 1024;

/// Longest address, in bytes.
const ADDRESS: usize = 2048;

/// Shadow roots an element may lie in, and one more.
const STEPS: usize = 16;

/// Longest selector, in bytes.
const SELECTOR: usize = 4096;

/// Options of a list that may be chosen.
const OPTIONS: usize = 1000;

/// An act.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Act {
    /// Scrolled to these parts of the whole, from 0 to 1.
    Scroll { element: Option<Where>, x: f64, y: f64 },
    /// Clicked.
    Click { element: Where },
    /// Filled in a field; `done` when it was left.
    Input {
        element: Where,
        done: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checked: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        options: Option<Vec<u32>>,
    },
    /// Sent a form.
    Submit { element: Where },
    /// Went to another address of this server: a path, with what follows it.
    Visit { address: String },
}

/// Where an element is: a selector for each shadow root, and what it has to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    steps: Vec<String>,
    is: String,
}

impl Act {
    /// Whether it may be repeated as it is.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Scroll { element, x, y } => {
                let is_part = |part: &f64| (0.0..=1.0).contains(part);
                element.as_ref().is_none_or(Where::is_sound) && is_part(x) && is_part(y)
            }
            Self::Click { element } | Self::Submit { element } => element.is_sound(),
            Self::Input { element, value, checked, options, .. } => {
                let kinds = usize::from(value.is_some()) + usize::from(checked.is_some()) + usize::from(options.is_some());
                let is_short = value.as_ref().is_none_or(|value| value.len() <= TEXT);
                let are_few = options.as_ref().is_none_or(|options| options.len() <= OPTIONS);
                element.is_sound() && kinds == 1 && is_short && are_few
            }
            Self::Visit { address } => is_own(address),
        }
    }

    /// Whether pages that show something else do it too.
    pub(super) fn is_for_all(&self) -> bool {
        matches!(self, Self::Visit { .. })
    }
}

impl Where {
    fn is_sound(&self) -> bool {
        let Self { steps, is } = self;
        (1..=STEPS).contains(&steps.len()) && steps.iter().chain([is]).all(|step| step.len() <= SELECTOR)
    }
}

/// A path of this server. Browsers read `//` and `/\` as the beginning of another host, and leave out tabs and line breaks before they look.
fn is_own(address: &str) -> bool {
    let mut bytes = address.bytes();
    let starts = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    starts && address.len() <= ADDRESS && !address.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        let act: Option<Act> = serde_json::from_str(text).ok();
        assert_eq!(act.is_some_and(|act| act.is_sound()), expected, "{}", &text[..text.len().min(200)]);
    }

    fn click(step: &str) -> String {
        format!(r#"{{"kind":"click","element":{{"steps":["{step}"],"is":"a"}}}}"#)
    }

    #[test]
    fn what_a_person_does_is_an_act() {
        check(r#"{"kind":"scroll","element":null,"x":0,"y":1}"#, true);
        check(&click("#a > b:nth-of-type(2)"), true);
        let field = r##""element":{"steps":["#a"],"is":"input text name"},"done":true"##;
        for value in [r#""value":"x""#, r#""checked":true"#, r#""options":[0,2]"#] {
            check(&format!(r#"{{"kind":"input",{field},{value}}}"#), true);
        }
        check(r##"{"kind":"submit","element":{"steps":["#a"],"is":"form"}}"##, true);
        check(r#"{"kind":"visit","address":"/a?b#c"}"#, true);
    }

    #[test]
    fn nothing_else_is() {
        check(r#"{"kind":"run","element":null}"#, false);
        check(r#"{"kind":"scroll","element":null,"x":0,"y":1.1}"#, false);
        check(r#"{"kind":"scroll","element":null,"x":-1,"y":0}"#, false);
        check(r#"{"kind":"scroll","element":null,"x":null,"y":0}"#, false);
        check(r#"{"kind":"click","element":null}"#, false);
        check(r#"{"kind":"click","element":{"steps":[],"is":"a"}}"#, false);
        check(r#"{"kind":"click","element":{"steps":["a"],"is":"a"},"html":"<b>"}"#, false);
        check(&click(&"a".repeat(SELECTOR + 1)), false);
        let many = vec![r#""a""#; STEPS + 1].join(",");
        check(&format!(r#"{{"kind":"click","element":{{"steps":[{many}],"is":"a"}}}}"#), false);
        let field = r#""element":{"steps":["a"],"is":"input"},"done":true"#;
        check(&format!(r#"{{"kind":"input",{field}}}"#), false);
        check(&format!(r#"{{"kind":"input",{field},"value":"x","checked":true}}"#), false);
        check(&format!(r#"{{"kind":"input",{field},"value":"{}"}}"#, "a".repeat(TEXT + 1)), false);
        check(&format!(r#"{{"kind":"input",{field},"options":[{}0]}}"#, "0,".repeat(OPTIONS)), false);
    }

    #[test]
    fn only_addresses_of_this_server_are_visited() {
        for address in
            ["", "a", "//evil.example", "/\\\\evil.example", "/\\t/evil.example", "http://evil.example/", "javascript:alert(1)"]
        {
            check(&format!(r#"{{"kind":"visit","address":"{address}"}}"#), false);
        }
        check(&format!(r#"{{"kind":"visit","address":"/{}"}}"#, "a".repeat(ADDRESS)), false);
    }
}
