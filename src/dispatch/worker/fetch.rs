//! Fetching of a run's files, by digest. A broken transfer continues from its last byte. A file is
//! used only if its digest matches.

use std::io;
use std::path::Path;

use tokio::fs;
use tracing::debug;

use super::folder::{KeptAttempt, WorkerFolder};
use crate::exchange::{AttemptExchange, ExchangeError};
use crate::protocol::{AssignedCheckpoint, CheckpointKind, Digest};
use isoflop_core::run::{RunDir, read_digest};

/// Error of fetching a run's files.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// A file cannot be fetched, or cannot be written.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The content does not match the digest.
    #[error("digest mismatch: the file that the coordinator sent for {0} has another digest")]
    Digest(Digest),
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        Self::Exchange(error.into())
    }
}

/// Fetches the files of an attempt. A missing checkpoint only means that its steps are repeated.
pub(super) async fn fetch(
    exchange: &impl AttemptExchange,
    folder: &WorkerFolder,
    kept: &KeptAttempt,
) -> Result<(), FetchError> {
    for digest in [&kept.offer.train, &kept.offer.validation] {
        file(exchange, digest, &folder.tokens(digest)).await?;
    }
    if let Some(offered) = &kept.offer.checkpoint {
        checkpoint(exchange, &kept.run, CheckpointKind::Run, offered).await?;
    }
    if let Some(offered) = &kept.offer.trunk {
        let before = RunDir::at(trunk_source(kept));
        checkpoint(exchange, &before, CheckpointKind::Trunk, offered).await?;
    }
    Ok(())
}

/// Folder of the trunk that an attempt continues from. It must not be the folder to which the
/// attempt writes its own trunk.
pub(super) fn trunk_source(kept: &KeptAttempt) -> std::path::PathBuf {
    kept.run.root().join("before")
}

async fn checkpoint(
    exchange: &impl AttemptExchange,
    run: &RunDir,
    place: CheckpointKind,
    offered: &AssignedCheckpoint,
) -> Result<(), FetchError> {
    let dir = place.of(run).checkpoint(offered.step);
    fs::create_dir_all(dir.root()).await?;
    for (digest, path) in [
        (&offered.tensors, dir.tensors()),
        (&offered.manifest, dir.manifest()),
    ] {
        match file(exchange, digest, &path).await {
            Err(FetchError::Exchange(ExchangeError::Missing)) => {
                debug!(%place, step = offered.step, "checkpoint is missing: repeating its steps");
                return Ok(fs::remove_dir_all(dir.root()).await?);
            }
            fetched => fetched?,
        }
    }
    Ok(())
}

async fn file(
    exchange: &impl AttemptExchange,
    digest: &Digest,
    to: &Path,
) -> Result<(), FetchError> {
    if to.exists() && is_right(to, digest).await? {
        debug!(%digest, "file exists already");
        return Ok(());
    }
    let part = to.with_extension("part");
    exchange.get(digest, &part).await?;
    if is_right(&part, digest).await? {
        return Ok(fs::rename(&part, to).await?);
    }
    // The file is complete but wrong. Remove it, so that the next fetch starts from the beginning.
    fs::remove_file(&part).await?;
    Err(FetchError::Digest(digest.clone()))
}

async fn is_right(path: &Path, digest: &Digest) -> io::Result<bool> {
    let path = path.to_owned();
    let found = tokio::task::spawn_blocking(move || read_digest(&path)).await??;
    Ok(found == digest.as_str())
}
