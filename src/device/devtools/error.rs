use std::time::Duration;

use tokio_tungstenite::tungstenite;

use crate::device::adb;

/// Why a browser of a phone did not do something.
#[derive(Debug, thiserror::Error)]
pub(in crate::device) enum Error {
    #[error(transparent)]
    Adb(#[from] adb::Error),
    /// Its words, fit to be shown.
    #[error("its browser refused: {0}")]
    Refused(String),
    #[error("its browser ended the connection")]
    Ended,
    #[error("what its browser answered cannot be understood")]
    Malformed,
    #[error("its browser did not answer within {} s: unlock the phone, and look at the page on it", .0.as_secs())]
    Late(Duration),
}

impl From<hyper::Error> for Error {
    fn from(_: hyper::Error) -> Self {
        Self::Ended
    }
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(answer) => Self::Refused(answer.status().to_string()),
            tungstenite::Error::Capacity(_) | tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => Self::Malformed,
            _ => Self::Ended,
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(_: serde_json::Error) -> Self {
        Self::Malformed
    }
}
