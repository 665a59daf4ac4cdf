//! What a worker is told of an attempt, and the files that it may fetch for it.

use std::io;
use std::path::{Path, PathBuf};

use super::dropped;
use crate::protocol::{Digest, Held, Offer, OfferedCheckpoint, Place};
use isoflop_core::run::{
    AttemptDir, CheckpointFiles, Device, Launch, RunDir, RunId, checkpoint_files,
};

/// Files that a worker may ask for, by digest.
pub(crate) type Blobs = Vec<(Digest, PathBuf)>;

/// The attempt that a launch file describes.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn held(attempt: &AttemptDir) -> io::Result<Held> {
    Ok(Held::from(&launch(attempt)?))
}

/// The launch file of an attempt.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn launch(attempt: &AttemptDir) -> io::Result<Launch> {
    Ok(serde_json::from_slice(&std::fs::read(attempt.launch())?)?)
}

/// What a worker is told, by the launch file: to say a word every so many seconds, and whether to deliver checkpoints as they are
/// written.
///
/// # Errors
/// When the launch file cannot be read.
pub(crate) fn offer(
    attempt: &AttemptDir,
    beat_seconds: f64,
    deliver_checkpoints: bool,
) -> io::Result<(Offer, Blobs)> {
    let launch = launch(attempt)?;
    let named = |digest: &str| Digest::try_from(digest.to_owned()).map_err(io::Error::other);
    let train = named(&launch.spec.data.train_digest)?;
    let validation = named(&launch.spec.data.validation_digest)?;
    let mut blobs = vec![
        (train.clone(), launch.train.clone()),
        (validation.clone(), launch.validation.clone()),
    ];
    let mut latest = |folder: &Path, place: Place| {
        let owner = place.owner(&launch.run, &launch.spec)?;
        checkpoint(folder, place, &owner, &mut blobs)
    };
    let checkpoint = latest(&launch.run_folder, Place::Run);
    let trunk = launch.take_trunk.as_ref();
    let trunk = trunk.and_then(|folder| latest(folder, Place::Trunk));
    let offer = Offer {
        held: Held::from(&launch),
        gpu: matches!(launch.device, Device::Cuda(_)),
        threads: launch.threads,
        checkpoint_seconds: launch.checkpoint_seconds,
        deliver_checkpoints,
        keep_trunk: launch.keep_trunk,
        memory_bytes_estimate: launch.memory_bytes_estimate,
        split_for_memory: launch.split_for_memory,
        spec: launch.spec,
        train,
        validation,
        checkpoint,
        trunk,
        beat_seconds,
    };
    Ok((offer, blobs))
}

/// The latest checkpoint that is whole; without one, the run begins at its beginning, which costs time alone.
fn checkpoint(
    folder: &Path,
    place: Place,
    id: &RunId,
    blobs: &mut Blobs,
) -> Option<OfferedCheckpoint> {
    let dir = place.of(&RunDir::at(folder.to_owned()));
    let CheckpointFiles {
        step,
        dir,
        manifest,
        tensors,
    } = checkpoint_files(&dir, id)?;
    let named = |digest| dropped(Digest::try_from(digest), "a checkpoint names no digest");
    let (manifest, tensors) = (named(manifest)?, named(tensors)?);
    blobs.extend([
        (manifest.clone(), dir.manifest()),
        (tensors.clone(), dir.tensors()),
    ]);
    Some(OfferedCheckpoint {
        step,
        manifest,
        tensors,
    })
}
