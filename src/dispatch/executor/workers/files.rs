//! Files that workers fetch and bring.

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

use super::desk::Desk;
use super::door::Caller;
use super::failure::Failure;
use crate::exchange::Arrival;
use crate::protocol::{CheckpointAddress, CheckpointFile, Digest, SAME_ISOFLOP};

/// Longest time without a byte of a file that a worker brings.
const SILENCE: Duration = Duration::from_secs(30);

/// Most bytes of a manifest: it holds a run's whole curve.
const MOST_MANIFEST: u64 = 64 << 20;

/// The bytes of a digest, or the `Range` of them that is asked for.
pub(super) async fn send(
    State(desk): State<Arc<Desk>>,
    Path(word): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let digest = Digest::try_from(word.clone());
    let Some(path) = digest.ok().and_then(|digest| desk.blob(&digest)) else {
        debug!(word, "no such file is offered");
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    // A checkpoint may be gone by now: that is a 404 as well, and the run begins at its beginning.
    let response = ServeFile::new(path).try_call(request).await?;
    let status = response.status().as_u16();
    let bytes = response.headers().get(header::CONTENT_LENGTH);
    debug!(digest = word, status, ?bytes, "a file is sent");
    Ok(response.into_response())
}

/// A part of a checkpoint: tensors first; with the manifest it is whole.
pub(super) async fn receive(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    address: Result<Path<CheckpointAddress>, PathRejection>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let bad = |error: &dyn ToString| {
        Failure::new(StatusCode::BAD_REQUEST, error.to_string(), SAME_ISOFLOP)
    };
    let Path(address) = address.map_err(|e| bad(&e))?;
    let held = address.held().map_err(|e| bad(&e))?;
    let Some(attempt) = desk.attempt(&caller.worker, &held) else {
        let error = format!("{held} is not held by this worker");
        let hint = "forget it: another attempt has the run, or nobody wants it";
        return Err(Failure::new(StatusCode::GONE, error, hint));
    };
    let CheckpointAddress {
        place, step, file, ..
    } = address;
    let arrival = Arrival::of(&attempt, place)?;
    let bytes = take(&arrival, file, request.into_body()).await?;
    debug!(%held, %place, step, %file, bytes, "a file has come");
    if file == CheckpointFile::Manifest {
        let accepted = tokio::task::spawn_blocking(move || arrival.accept(step)).await;
        accepted.map_err(io::Error::from)?.map_err(|e| bad(&e))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Writes a file of a checkpoint where it arrives; returns how many bytes it has.
async fn take(arrival: &Arrival, file: CheckpointFile, body: Body) -> Result<u64, Failure> {
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

/// Writes a body as it arrives, bounded in size and in silence; returns how many bytes it has.
async fn write(mut body: Body, to: &mut File, most: u64) -> Result<u64, Failure> {
    let again = "send it again";
    let mut length = 0;
    loop {
        let Ok(frame) = timeout(SILENCE, body.frame()).await else {
            let error = "nothing arrived for too long";
            return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, error, again));
        };
        let Some(frame) = frame else {
            return Ok(length);
        };
        let frame = frame.map_err(|e| Failure::new(StatusCode::BAD_REQUEST, e, again))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > most {
            let error = format!("it is larger than the {most} bytes that it may have");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Failure::new(status, error, SAME_ISOFLOP));
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

    /// They become parts of paths: what is not exactly of its form is none.
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
