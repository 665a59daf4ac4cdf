//! Routes for files that workers fetch and deliver.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tower_http::services::ServeFile;
use tracing::debug;

use super::authentication::AuthenticatedWorker;
use super::lease_service::LeaseService;
use super::request_error::RequestError;
use crate::exchange::CheckpointArrival;
use crate::protocol::{CheckpointAddress, CheckpointFile, Digest, SAME_ISOFLOP};

/// Longest time without a byte of a file that a worker delivers.
const SILENCE: Duration = Duration::from_secs(30);

/// Maximum bytes of a manifest, which contains a run's whole curve.
const MOST_MANIFEST: u64 = 64 << 20;

/// Sends the blob with a digest, or the requested `Range` of it.
pub(super) async fn send(
    State(desk): State<Arc<LeaseService>>,
    Path(word): Path<String>,
    request: Request,
) -> Result<Response, RequestError> {
    let digest = Digest::try_from(word.clone());
    let Some(path) = digest.ok().and_then(|digest| desk.blob(&digest)) else {
        debug!(word, "no such blob");
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    // A checkpoint may have been removed meanwhile. That is a 404 too, and the run starts from step
    // 0.
    let response = ServeFile::new(path).try_call(request).await?;
    let status = response.status().as_u16();
    let bytes = response.headers().get(header::CONTENT_LENGTH);
    debug!(digest = word, status, ?bytes, "file sent");
    Ok(response.into_response())
}

/// Receives a file of a checkpoint. The manifest comes after the tensors, and completes it.
pub(super) async fn receive(
    State(desk): State<Arc<LeaseService>>,
    Extension(caller): Extension<AuthenticatedWorker>,
    address: Result<Path<CheckpointAddress>, PathRejection>,
    request: Request,
) -> Result<StatusCode, RequestError> {
    let bad = |error: &dyn ToString| {
        RequestError::new(StatusCode::BAD_REQUEST, error.to_string(), SAME_ISOFLOP)
    };
    let Path(address) = address.map_err(|e| bad(&e))?;
    let held = address.held().map_err(|e| bad(&e))?;
    let Some(attempt) = desk.attempt(&caller.worker, &held) else {
        let error = format!("this worker does not hold the lease of {held}");
        let hint = "drop the attempt: another attempt has the run, or it was cancelled";
        return Err(RequestError::new(StatusCode::GONE, error, hint));
    };
    let CheckpointAddress {
        place, step, file, ..
    } = address;
    let arrival = CheckpointArrival::of(&attempt, place)?;
    let bytes = take(&arrival, file, request.into_body()).await?;
    debug!(%held, %place, step, %file, bytes, "file received");
    if file == CheckpointFile::Manifest {
        let accepted = tokio::task::spawn_blocking(move || arrival.accept(step)).await;
        accepted.map_err(io::Error::from)?.map_err(|e| bad(&e))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Writes a file of a checkpoint. Returns its bytes.
async fn take(
    arrival: &CheckpointArrival,
    file: CheckpointFile,
    body: Body,
) -> Result<u64, RequestError> {
    let (path, most) = match file {
        CheckpointFile::Tensors => (arrival.arriving.tensors(), arrival.most_tensors),
        CheckpointFile::Manifest => (arrival.arriving.manifest(), MOST_MANIFEST),
    };
    tokio::fs::create_dir_all(arrival.arriving.root()).await?;
    let mut to = File::create(&path).await?;
    let bytes = write(body, &mut to, most).await?;
    to.flush().await?;
    Ok(bytes)
}

/// Writes a body as it arrives, with a limit on its size and a timeout between two parts. Returns
/// its bytes.
async fn write(mut body: Body, to: &mut File, most: u64) -> Result<u64, RequestError> {
    let again = "send it again";
    let mut length = 0;
    loop {
        let Ok(frame) = timeout(SILENCE, body.frame()).await else {
            let error = "timed out while waiting for the next part of the file";
            return Err(RequestError::new(StatusCode::REQUEST_TIMEOUT, error, again));
        };
        let Some(frame) = frame else {
            return Ok(length);
        };
        let frame = frame.map_err(|e| RequestError::new(StatusCode::BAD_REQUEST, e, again))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > most {
            let error = format!("the file is larger than {most} bytes");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(RequestError::new(status, error, SAME_ISOFLOP));
        }
        to.write_all(&data).await?;
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::put;
    use tower_service::Service;

    use super::*;

    /// Addresses become parts of paths, so malformed ones are rejected.
    #[tokio::test]
    async fn addresses_are_of_their_form_or_none() {
        let named = async |Path(address): Path<CheckpointAddress>| match address.held() {
            Ok(_) => StatusCode::OK,
            Err(_) => StatusCode::BAD_REQUEST,
        };
        let route = "/{run}/{attempt}/{fence}/{place}/{step}/{file}";
        let mut routes = Router::new().route(route, put(named));
        let mut status = async |words: [&str; 6]| {
            let path = format!("/{}", words.map(|word| word.replace('/', "%2f")).join("/"));
            let request = Request::put(path).body(Body::empty()).unwrap();
            routes.call(request).await.unwrap().status()
        };
        let good = ["0123456789abcdef", "1", "7f-1", "trunk", "1", "manifest"];
        assert_eq!(status(good).await, StatusCode::OK);
        for (at, word) in [
            (0, "../../../etc/pass"),
            (0, "0123456789ABCDEF"),
            (0, "0123456789abcde"),
            (1, "-1"),
            (1, "1/.."),
            (2, ".."),
            (2, "7f/7f"),
            (3, ".."),
            (4, "../1"),
            (5, "launch"),
        ] {
            let mut words = good;
            words[at] = word;
            assert_eq!(status(words).await, StatusCode::BAD_REQUEST, "{words:?}");
        }
    }
}
