//! Why a request to a resource is not done, and the answer that says so.

use std::{io, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{document::Inexpressible, lens::Mismatch, patch::PatchError, schema::Violation, selection::QueryError};
use crate::{negotiate::Problem, report::Report};

/// The media types a body may have, as `Accept-Patch` (RFC 5789), `Accept-Post` and `Accept` list them.
pub(crate) const BODY_TYPES: &str = "application/json";
pub(crate) const PATCH_TYPES: &str = "application/merge-patch+json, application/json, application/json-patch+json";

/// When a write may be tried again that failed for want of something that comes back.
const RETRY_SECONDS: u64 = 1;

/// Everything that stands between a request to a resource and its success.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no such item")]
    Missing,
    #[error("there is already an item with the id {0}")]
    Duplicate(String),
    #[error("an id does not change; make a new item instead")]
    IdChanged,
    #[error("an id is a number or a short text that can stand in an address: not empty, without slashes")]
    BadId,
    #[error("the item is not in the state that the request names")]
    Precondition,
    #[error("{message}")]
    BadJson { message: String, line: usize, column: usize },
    #[error("the body is not an object")]
    NoObject,
    #[error("the array has an entry that is no object, at place {0}")]
    NoObjects(usize),
    #[error("the array has no entry; send at least one item")]
    NoItems,
    #[error("the array has more than {limit} entries")]
    TooMany { limit: usize },
    #[error("the body has more than {limit} values: numbers, texts, arrays and objects")]
    TooManyValues { limit: usize },
    #[error(transparent)]
    BadQuery(Box<QueryError>),
    #[error("the body does not have a type this resource takes; send {accepted}")]
    BodyType { accepted: &'static str, header: &'static str },
    #[error("the body is longer than {limit} bytes; `[limits] body` in everlit.toml allows more")]
    BodyTooLong { limit: usize },
    #[error("the body did not arrive in time; `[limits] body_timeout` in everlit.toml gives it more")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken,
    #[error(transparent)]
    Patch(#[from] PatchError),
    #[error("the item is nested deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("the item cannot be stored as it is")]
    Invalid(Vec<Fault>),
    #[error("the file's format cannot express the item: {0}")]
    Inexpressible(Inexpressible),
    #[error("the collection would be longer than {limit} bytes")]
    Full { limit: u64 },
    #[error("the data file cannot be read as it is")]
    Unreadable(Arc<Report>),
    #[error("the data file is being edited and cannot be read as it is; it was left alone, mend it and send the request again")]
    Broken(Arc<Report>),
    #[error("the data file is being edited by somebody else; send the request again")]
    Edited,
    #[error("too many writes wait for the disk; send the request again")]
    Busy,
    #[error("the system cannot open more files now; send the request again")]
    Exhausted,
    #[error("the write was interrupted; whether it was done, a read tells")]
    Interrupted,
    #[error("the data file could not be written and is as it was: {0}")]
    Disk(Arc<io::Error>),
    #[error("an Idempotency-Key is a text of 1 to {limit} visible characters")]
    BadKey { limit: usize },
    #[error("a request with this Idempotency-Key is being answered; wait for its answer")]
    KeyInFlight,
    #[error("this Idempotency-Key was used for another request; use a new one")]
    KeyReused,
}

/// What is wrong with one member of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// JSON pointer (RFC 6901) into the body.
    pub(crate) pointer: String,
    /// One sentence.
    pub(crate) detail: String,
}

impl Fault {
    fn value(&self) -> Value {
        json!({ "pointer": self.pointer, "detail": self.detail })
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::BadQuery(Box::new(error))
    }
}

impl From<Mismatch> for Fault {
    fn from(Mismatch { pointer, detail }: Mismatch) -> Self {
        Self { pointer, detail }
    }
}

impl From<Violation> for Fault {
    fn from(Violation { pointer, detail }: Violation) -> Self {
        Self { pointer, detail }
    }
}

impl Refusal {
    /// The answer.
    pub(crate) fn problem(&self) -> Problem {
        let problem = self.plain_problem();
        let may_be_repeated =
            self.status() == StatusCode::SERVICE_UNAVAILABLE || matches!(self, Self::Edited | Self::KeyInFlight);
        if may_be_repeated { problem.header(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS)) } else { problem }
    }

    fn plain_problem(&self) -> Problem {
        let problem = Problem::new(self.status(), self.to_string());
        match self {
            Self::BadJson { line, column, .. } => problem.with("line", *line).with("column", *column),
            Self::BodyType { accepted, header } => {
                problem.header(HeaderName::from_static(header), HeaderValue::from_static(accepted))
            }
            Self::Unreadable(report) | Self::Broken(report) => problem.report(report),
            Self::Invalid(faults) => problem.with("errors", faults.iter().map(Fault::value).collect::<Vec<_>>()),
            Self::Inexpressible(Inexpressible { pointer, detail }) => {
                problem.with("errors", vec![json!({ "pointer": pointer, "detail": detail })])
            }
            _ => problem,
        }
    }

    /// The same for an entry of an array.
    pub(crate) fn at_entry(self, place: usize) -> Self {
        match self {
            Self::Invalid(faults) => {
                let fault = |fault: Fault| Fault { pointer: format!("/{place}{}", fault.pointer), ..fault };
                Self::Invalid(faults.into_iter().map(fault).collect())
            }
            other => other,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Duplicate(_) | Self::IdChanged | Self::Broken(_) | Self::Edited | Self::KeyInFlight => StatusCode::CONFLICT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::BadId
            | Self::BadJson { .. }
            | Self::NoObject
            | Self::NoObjects(_)
            | Self::NoItems
            | Self::BadQuery(_)
            | Self::BodyBroken
            | Self::BadKey { .. } => StatusCode::BAD_REQUEST,
            Self::BodyType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLong { .. } | Self::TooMany { .. } | Self::TooManyValues { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Patch(error) => error.status(),
            Self::TooDeep { .. } | Self::Invalid(_) | Self::Inexpressible(_) | Self::KeyReused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Busy | Self::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
            Self::Disk(error) => status_of_disk(error),
            Self::Unreadable(_) | Self::Interrupted => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Room may be made, and rights may be given, without anything being wrong with us.
fn status_of_disk(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StatusCode::SERVICE_UNAVAILABLE,
        // ENOMEM, ENFILE, EMFILE
        _ if matches!(error.raw_os_error(), Some(12 | 23 | 24)) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
