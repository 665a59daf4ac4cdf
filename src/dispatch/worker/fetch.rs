//! Files that a run needs, fetched by digest: gone on with where a connection broke, believed only when the digest is right.

use std::io;
use std::path::Path;

use tokio::fs;
use tracing::debug;

use super::folder::{Folder, Kept};
use crate::exchange::{Exchange, ExchangeError};
use crate::protocol::{Digest, OfferedCheckpoint, Place};
use isoflop_core::run::{RunDir, read_digest};

/// Why a run's files are not there.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// They cannot be had, or not be written here.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// What came is not what was asked for.
    #[error("what the coordinator sends for {0} has another digest")]
    Digest(Digest),
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        Self::Exchange(error.into())
    }
}

/// Fetches what an attempt needs. A checkpoint that is gone only means that steps are made anew.
pub(super) async fn fetch(
    exchange: &impl Exchange,
    folder: &Folder,
    kept: &Kept,
) -> Result<(), FetchError> {
    for digest in [&kept.offer.train, &kept.offer.validation] {
        file(exchange, digest, &folder.tokens(digest)).await?;
    }
    if let Some(offered) = &kept.offer.checkpoint {
        checkpoint(exchange, &kept.run, Place::Run, offered).await?;
    }
    if let Some(offered) = &kept.offer.trunk {
        let before = RunDir::at(trunk_source(kept));
        checkpoint(exchange, &before, Place::Trunk, offered).await?;
    }
    Ok(())
}

/// Where the trunk lies that an attempt goes on from: it may not lie where its own is written.
pub(super) fn trunk_source(kept: &Kept) -> std::path::PathBuf {
    kept.run.root().join("before")
}

async fn checkpoint(
    exchange: &impl Exchange,
    run: &RunDir,
    place: Place,
    offered: &OfferedCheckpoint,
) -> Result<(), FetchError> {
    let dir = place.of(run).after(offered.step);
    fs::create_dir_all(dir.root()).await?;
    for (digest, path) in [
        (&offered.tensors, dir.tensors()),
        (&offered.manifest, dir.manifest()),
    ] {
        match file(exchange, digest, &path).await {
            Err(FetchError::Exchange(ExchangeError::Missing)) => {
                debug!(%place, step = offered.step, "a checkpoint is gone: its steps are made anew");
                return Ok(fs::remove_dir_all(dir.root()).await?);
            }
            fetched => fetched?,
        }
    }
    Ok(())
}

async fn file(exchange: &impl Exchange, digest: &Digest, to: &Path) -> Result<(), FetchError> {
    if to.exists() && is_right(to, digest).await? {
        debug!(%digest, "it is here already");
        return Ok(());
    }
    let part = to.with_extension("part");
    exchange.get(digest, &part).await?;
    if is_right(&part, digest).await? {
        return Ok(fs::rename(&part, to).await?);
    }
    // Whole, and wrong: the next attempt at it begins anew.
    fs::remove_file(&part).await?;
    Err(FetchError::Digest(digest.clone()))
}

async fn is_right(path: &Path, digest: &Digest) -> io::Result<bool> {
    let path = path.to_owned();
    let found = tokio::task::spawn_blocking(move || read_digest(&path)).await??;
    Ok(found == digest.as_str())
}
