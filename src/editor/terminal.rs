//! A terminal for an editor that needs one: a window of the multiplexer that Everlit runs in, or of a terminal emulator.

use std::ffi::{OsStr, OsString};

use super::surroundings::Surroundings;

/// Multiplexers: the variable that is set inside, and the words before the command. All take the command as separate words and
/// hand them on without a shell. Where it is to run is not said: tmux would expand `#(…)` in a folder's name.
const MULTIPLEXERS: &[(&str, &[&str])] = &[
    ("TMUX", &["tmux", "new-window"]),
    ("ZELLIJ", &["zellij", "run", "--"]),
    ("STY", &["screen"]),
    ("WEZTERM_PANE", &["wezterm", "cli", "spawn", "--"]),
];

/// Terminal emulators, those that a person chose first; the command follows as separate words.
const EMULATORS: &[&[&str]] = &[
    &["ghostty", "-e"],
    &["kitty"],
    &["wezterm", "start", "--"],
    &["alacritty", "-e"],
    &["foot"],
    &["x-terminal-emulator", "-e"],
    &["gnome-terminal", "--"],
    &["kgx", "--"],
    &["konsole", "-e"],
    &["xfce4-terminal", "-x"],
    &["xterm", "-e"],
];

/// The command in a window of its own; `None` when none can be opened.
pub(super) fn window(argv: &[OsString], surroundings: &Surroundings) -> Option<Vec<OsString>> {
    let inside =
        MULTIPLEXERS.iter().filter(|(variable, _)| surroundings.multiplexers.contains(variable)).map(|(_, words)| *words);
    let beside = EMULATORS.iter().copied().filter(|_| surroundings.display);
    inside.chain(beside).find_map(|words| {
        let (program, words) = words.split_first()?;
        let program = surroundings.find(OsStr::new(program))?.into_os_string();
        Some([program].into_iter().chain(words.iter().map(OsString::from)).chain(argv.iter().cloned()).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_window_is_opened_where_the_person_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tmux", "xterm", "screen"] {
            fs::write(folder.path().join(name), "").unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let check = |variables: &[&str], expected: Option<&str>| {
            let get = |name: &str| match name {
                "PATH" => Some(folder.path().into()),
                name => variables.contains(&name).then(|| "x".into()),
            };
            let found = window(&["vim".into(), "a b; c".into()], &Surroundings::from_env(get));
            let words = found.map(|words| {
                words
                    .iter()
                    .map(|word| word.to_str().unwrap().rsplit('/').next().unwrap().to_owned())
                    .collect::<Vec<_>>()
                    .join("|")
            });
            assert_eq!(words.as_deref(), expected, "{variables:?}");
        };
        check(&["TMUX", "DISPLAY"], Some("tmux|new-window|vim|a b; c"));
        check(&["STY"], Some("screen|vim|a b; c"));
        check(&["WAYLAND_DISPLAY"], Some("xterm|-e|vim|a b; c"));
        check(&["ZELLIJ"], None);
        if !cfg!(target_os = "macos") {
            check(&[], None);
        }
    }
}
