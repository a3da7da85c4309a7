//! The last lines that a program wrote: they say more of why there is no answer than the lack of one does.

use std::{fmt, sync::Arc};

use super::ProxyError;

/// Tells the last lines of one program.
#[derive(Clone)]
pub(super) struct Words(Arc<dyn Fn() -> String + Send + Sync>);

impl Words {
    pub(super) fn new(last_words: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(last_words))
    }

    /// The error with the last lines, where it is the program's and it wrote any.
    pub(super) fn explain(&self, error: ProxyError) -> ProxyError {
        if !error.is_the_programs() {
            return error;
        }
        match (self.0)() {
            output if output.trim().is_empty() => error,
            output => ProxyError::Spoken { error: Box::new(error), output },
        }
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}
