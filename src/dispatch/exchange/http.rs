//! What other machines are asked by: HTTP, with rustls and ring.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};

use super::BackendError;
use crate::protocol::tls_provider;

/// Longest time until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);

/// A client to be. It asks the machine of an address and no other, neither a proxy nor whereto it is sent on, for what it says
/// may be a secret. A request may take `whole` until its answer is read.
pub(crate) fn client(whole: Duration) -> ClientBuilder {
    tls_provider();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(whole)
}

/// An answer's text, if it is no longer than so many bytes.
///
/// # Errors
/// [`BackendError`], when it is longer or breaks off.
pub(crate) async fn text(mut response: Response, most: usize) -> Result<String, BackendError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > most {
            let words = format!("the answer is longer than {most} bytes");
            return Err(BackendError::Malformed(words));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A request without an answer.
pub(crate) fn unreachable(error: reqwest::Error) -> BackendError {
    BackendError::Unreachable(words(&error))
}

/// What went wrong: the last cause says it, those before it repeat the address.
pub(crate) fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    last_cause(error)
}

/// What the last cause of an error says.
pub(super) fn last_cause(mut error: &dyn Error) -> String {
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
