//! Requests that cannot be answered.

use std::io;

use axum::extract::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tracing::debug;

use crate::protocol::Refusal;

/// A request that cannot be answered.
pub(super) struct Failure(StatusCode, Refusal);

impl Failure {
    pub(super) fn new(status: StatusCode, error: impl ToString, hint: &str) -> Self {
        Self(status, Refusal::new(error, hint))
    }
}

/// What the coordinator's own machine does not let it do: the worker tries again.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let hint = "see what isoflop says at the coordinator";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(status, refusal) = self;
        let error = &refusal.error;
        debug!(status = status.as_u16(), error, "a call is refused");
        (status, Json(refusal)).into_response()
    }
}
