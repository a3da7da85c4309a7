//! How a command ended, in words.

use std::fmt;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Its keeper was gone before it could tell, and it was ended for that.
    Unknown,
}

impl Exit {
    /// Whether it ended with code 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match signal_name(signal) {
                Some((name, meaning)) => write!(f, "was ended by {name} ({meaning})"),
                None => write!(f, "was ended by signal {signal}"),
            },
            Self::Unknown => f.write_str("was ended, for its keeper process had been killed"),
        }
    }
}

/// The signals that end programs in practice, with what they mean to the person who wrote the program.
fn signal_name(signal: i32) -> Option<(&'static str, &'static str)> {
    Some(match signal {
        1 => ("SIGHUP", "terminal closed"),
        2 => ("SIGINT", "interrupted"),
        3 => ("SIGQUIT", "quit"),
        4 => ("SIGILL", "illegal instruction"),
        6 => ("SIGABRT", "aborted"),
        7 => ("SIGBUS", "bad memory access"),
        8 => ("SIGFPE", "arithmetic error"),
        9 => ("SIGKILL", "killed from outside, often for lack of memory"),
        11 => ("SIGSEGV", "invalid memory access"),
        13 => ("SIGPIPE", "wrote to a closed pipe"),
        15 => ("SIGTERM", "asked to end"),
        24 => ("SIGXCPU", "processor time limit"),
        31 => ("SIGSYS", "forbidden system call"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_happened() {
        assert_eq!(Exit::Code(1).to_string(), "exited with code 1");
        assert_eq!(Exit::Signal(11).to_string(), "was ended by SIGSEGV (invalid memory access)");
        assert_eq!(Exit::Unknown.to_string(), "was ended, for its keeper process had been killed");
        assert_eq!(Exit::Signal(40).to_string(), "was ended by signal 40");
    }
}
