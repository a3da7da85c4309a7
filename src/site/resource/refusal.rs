//! Why a request to a resource is not done, and the answer that says so.

use std::{io, sync::Arc};

use http::{HeaderValue, StatusCode, header};

use super::patch::PatchError;
use crate::{negotiate::Problem, report::Report};

/// The media types a body may have, as `Accept-Patch` and `Accept-Post` list them.
pub(crate) const BODY_TYPES: &str = "application/json";
pub(crate) const PATCH_TYPES: &str = "application/merge-patch+json, application/json, application/json-patch+json";

/// Everything that stands between a request to a resource and its success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no such item")]
    Missing,
    #[error("there is already an item with the id {0}")]
    Duplicate(String),
    #[error("an id does not change; make a new item instead")]
    IdChanged,
    #[error("an id is a number or a text that is not empty")]
    BadId,
    #[error("the item is not in the state that the request names")]
    Precondition,
    #[error("{message}")]
    BadJson { message: String, line: usize, column: usize },
    #[error("the body is not an object")]
    NoObject,
    #[error("the parameter {name} is not {expected}")]
    BadQuery { name: String, expected: &'static str },
    #[error("the body does not have a type this resource takes; send one of {accepted}")]
    BodyType { accepted: &'static str },
    #[error("the body is longer than {limit} bytes")]
    BodyTooLong { limit: usize },
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken,
    #[error(transparent)]
    Patch(#[from] PatchError),
    #[error("the item is nested deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("the collection would be longer than {limit} bytes")]
    Full { limit: u64 },
    #[error("the data file cannot be read as it is; it was left alone")]
    Unreadable(Arc<Report>),
    #[error("the data file could not be written: {0}")]
    Disk(io::Error),
}

impl Refusal {
    /// The answer.
    pub(crate) fn problem(&self) -> Problem {
        let problem = Problem::new(self.status(), self.to_string());
        match self {
            Self::BadJson { line, column, .. } => problem.with("line", *line).with("column", *column),
            Self::BodyType { accepted } => problem.header(header_of(accepted), HeaderValue::from_static(accepted)),
            Self::Unreadable(report) => problem.report(report),
            _ => problem,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Duplicate(_) | Self::IdChanged => StatusCode::CONFLICT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::BadId | Self::BadJson { .. } | Self::NoObject | Self::BadQuery { .. } | Self::BodyBroken => {
                StatusCode::BAD_REQUEST
            }
            Self::BodyType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Patch(error) => error.status(),
            Self::TooDeep { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Unreadable(_) | Self::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn header_of(accepted: &str) -> http::HeaderName {
    if accepted == PATCH_TYPES { header::HeaderName::from_static("accept-patch") } else { header::ACCEPT }
}
