//! Ctrl-C, SIGTERM, SIGQUIT and a closed terminal stop the session; the second one stops everything at once.

use std::process;

use tokio_util::sync::CancellationToken;

use crate::process::EndSignals;

/// Cancels `stop` at the first signal and ends the process at the second. The keepers end the programs either way.
pub(super) async fn watch(mut signals: EndSignals, stop: CancellationToken) {
    signals.next().await;
    stop.cancel();
    signals.next().await;
    super::keys::restore_terminal();
    process::exit(0);
}
