//! Files that workers fetch and bring.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tower_http::services::ServeFile;

use super::door::Caller;
use super::server::{Failure, Shared};
use crate::exchange::Arrival;
use crate::protocol::{CheckpointFile, Digest, Held, Place};

/// Longest time without a byte of a file that a worker brings.
const SILENCE: Duration = Duration::from_secs(30);

/// Most bytes of a manifest: it holds a run's whole curve.
const MOST_MANIFEST: u64 = 64 << 20;

/// The bytes of a digest, or the `Range` of them that is asked for.
pub(super) async fn send(
    State(shared): State<Shared>,
    Path(digest): Path<String>,
    request: Request,
) -> Response {
    let path = Digest::try_from(digest)
        .ok()
        .and_then(|digest| shared.desk.blob(&digest));
    let Some(path) = path else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A checkpoint may be gone by now: that is a 404 as well, and the run begins at its beginning.
    match ServeFile::new(path).try_call(request).await {
        Ok(response) => response.into_response(),
        Err(error) => Failure::here(error).into_response(),
    }
}

/// A part of a checkpoint: tensors first; with the manifest it is whole.
pub(super) async fn receive(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Path((run, attempt, fence, place, step, file)): Path<(
        String,
        String,
        String,
        String,
        String,
        String,
    )>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let bad = |error: &dyn ToString| {
        Failure::new(
            StatusCode::BAD_REQUEST,
            error.to_string(),
            "install the same isoflop",
        )
    };
    let held = Held::parse(&run, &attempt, &fence).map_err(|e| bad(&e))?;
    let place: Place = place.parse().map_err(|e| bad(&e))?;
    let step: u64 = step.parse().map_err(|e| bad(&e))?;
    let file: CheckpointFile = file.parse().map_err(|e| bad(&e))?;
    let Some(attempt) = shared.desk.attempt(&caller.worker, &held) else {
        let hint = "forget it: another attempt has the run, or nobody wants it";
        return Err(Failure::new(
            StatusCode::GONE,
            format!("{held} is not held by this worker"),
            hint,
        ));
    };
    let arrival = Arrival::of(&attempt, &held, place).map_err(Failure::here)?;
    take(&arrival, file, request.into_body()).await?;
    if file == CheckpointFile::Manifest {
        let accepted = tokio::task::spawn_blocking(move || arrival.accept(step));
        accepted
            .await
            .map_err(Failure::here)?
            .map_err(|e| bad(&e))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn take(arrival: &Arrival, file: CheckpointFile, body: Body) -> Result<(), Failure> {
    let (path, most) = match file {
        CheckpointFile::Tensors => (arrival.arriving.tensors(), arrival.most_tensors),
        CheckpointFile::Manifest => (arrival.arriving.manifest(), MOST_MANIFEST),
    };
    tokio::fs::create_dir_all(arrival.arriving.root())
        .await
        .map_err(Failure::here)?;
    let mut to = File::create(&path).await.map_err(Failure::here)?;
    write(body, &mut to, most).await?;
    to.flush().await.map_err(Failure::here)
}

/// Writes a body as it arrives, bounded in size and in silence.
async fn write(mut body: Body, to: &mut File, most: u64) -> Result<(), Failure> {
    let mut length = 0;
    loop {
        let Ok(frame) = timeout(SILENCE, body.frame()).await else {
            return Err(Failure::new(
                StatusCode::REQUEST_TIMEOUT,
                "nothing arrived for too long",
                "send it again",
            ));
        };
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|e| Failure::new(StatusCode::BAD_REQUEST, e, "send it again"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > most {
            let error = format!("it is larger than the {most} bytes that it may have");
            return Err(Failure::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                error,
                "install the same isoflop",
            ));
        }
        to.write_all(&data).await.map_err(Failure::here)?;
    }
}
