//! Error responses to workers.

use std::io;

use axum::extract::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tracing::debug;

use crate::protocol::RequestRefusal;

/// Error response: an HTTP status and a refusal.
pub(super) struct RequestError(StatusCode, RequestRefusal);

impl RequestError {
    pub(super) fn new(status: StatusCode, error: impl ToString, hint: &str) -> Self {
        Self(status, RequestRefusal::new(error, hint))
    }
}

/// Converts an I/O error of the coordinator's machine. The worker retries.
impl From<io::Error> for RequestError {
    fn from(error: io::Error) -> Self {
        let hint = "see the messages of isoflop on the coordinator's machine";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let Self(status, refusal) = self;
        let error = &refusal.error;
        debug!(status = status.as_u16(), error, "request refused");
        (status, Json(refusal)).into_response()
    }
}
