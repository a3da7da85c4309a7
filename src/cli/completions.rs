//! `everlit completions`: the completions of a shell.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::args::Args;

/// Writes the completions of `shell`.
///
/// # Errors
/// When `out` cannot be written: a closed pipe, for one.
pub(super) fn write(shell: Shell, out: &mut impl Write) -> io::Result<()> {
    // The generator panics where its output cannot be written; memory always can.
    let mut text = Vec::new();
    generate(shell, &mut Args::command(), "everlit", &mut text);
    out.write_all(&text)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            write(*shell, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert!(["dev", "init", "completions", "strict-port"].iter().all(|word| text.contains(word)), "{shell}");
        }
    }

    #[test]
    fn a_closed_pipe_is_an_error() {
        let mut nowhere: &mut [u8] = &mut [];
        assert!(write(Shell::Bash, &mut nowhere).is_err());
    }
}
