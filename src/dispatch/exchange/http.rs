//! HTTP client for other machines, with rustls and ring.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};

use super::BackendError;
use crate::protocol::tls_provider;

/// Timeout for connecting.
const CONNECT: Duration = Duration::from_secs(10);

/// Builder of an HTTP client. The client uses no proxy and follows no redirect, because requests
/// may contain secrets. `whole` limits the time from a request to the end of its response.
pub(crate) fn client(whole: Duration) -> ClientBuilder {
    tls_provider();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(whole)
}

/// Reads the text of a response, at most `most` bytes.
///
/// # Errors
/// [`BackendError`], if the text is longer or the connection breaks.
pub(crate) async fn text(mut response: Response, most: usize) -> Result<String, BackendError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > most {
            let words = format!("the response is longer than {most} bytes");
            return Err(BackendError::Malformed(words));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Converts the error of a request that got no response.
pub(crate) fn unreachable(error: reqwest::Error) -> BackendError {
    BackendError::Unreachable(message(&error))
}

/// Message of an error: its last cause. Earlier causes repeat the address.
pub(crate) fn message(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    last_cause(error)
}

/// Message of the last cause of an error.
pub(super) fn last_cause(mut error: &dyn Error) -> String {
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
