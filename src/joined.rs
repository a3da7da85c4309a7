//! What tasks come to on whose work others rely.

use std::panic::resume_unwind;

use tokio::task::JoinError;

/// What a task came to; `None` when it was ended from outside.
///
/// # Panics
/// When the task did: whoever goes on without what it was to do waits for ever. The last to hear of it ends the program in order.
pub(crate) fn joined<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn an_end_from_outside_is_none() {
        let mut tasks = JoinSet::new();
        tasks.spawn(std::future::ready(1));
        assert_eq!(tasks.join_next().await.map(joined), Some(Some(1)));
        tasks.spawn(std::future::pending());
        tasks.abort_all();
        assert_eq!(tasks.join_next().await.map(joined), Some(None));
    }

    #[tokio::test]
    #[should_panic(expected = "in the task")]
    async fn a_panic_goes_on() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("in the task") });
        tasks.join_next().await.map(joined::<()>);
    }
}
