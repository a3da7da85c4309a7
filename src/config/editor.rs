//! The command that opens a file in an editor, as it was given.

use std::str::FromStr;

use super::value::Invalid;

/// A program with its arguments; `{file}`, `{line}` and `{column}` in them are replaced. No shell ever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorCommand(pub Vec<String>);

impl EditorCommand {
    /// A command of these words.
    pub(super) fn new(words: Vec<String>) -> Result<Self, Invalid> {
        let is_command =
            words.first().is_some_and(|program| !program.trim().is_empty()) && !words.iter().any(|word| word.contains('\0'));
        if is_command { Ok(Self(words)) } else { Err(Invalid::must("be the command of an editor, like `code`")) }
    }
}

impl FromStr for EditorCommand {
    type Err = Invalid;

    /// Splits a text as a shell would, and understands nothing else of its language.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let words = shlex::split(text).ok_or_else(|| Invalid::must("have an end to each quote"))?;
        Self::new(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_no_more() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let words = text.parse::<EditorCommand>().ok().map(|EditorCommand(words)| words);
            assert_eq!(words, expected.map(|words| words.iter().map(|&word| word.to_owned()).collect()), "{text}");
        };
        check("code", Some(&["code"]));
        check("'/opt/My Editor/bin/edit' --line {line} $HOME", Some(&["/opt/My Editor/bin/edit", "--line", "{line}", "$HOME"]));
        check("a;b|c", Some(&["a;b|c"]));
        for bad in ["", "  ", "'", "''", "a\0b"] {
            check(bad, None);
        }
    }
}
