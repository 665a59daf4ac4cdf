//! Assignments of attempts to workers and jobs, and the files that these may fetch.

use std::io;
use std::path::{Path, PathBuf};

use super::dropped;
use crate::protocol::{AssignedCheckpoint, Assignment, AttemptKey, CheckpointKind, Digest};
use isoflop_core::run::{
    AttemptDir, CheckpointFiles, Device, Launch, RunDir, RunId, checkpoint_files,
};

/// Files that a worker may fetch, by digest.
pub(crate) type Blobs = Vec<(Digest, PathBuf)>;

/// Reads the attempt key from an attempt's launch file.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn attempt_key(attempt: &AttemptDir) -> io::Result<AttemptKey> {
    Ok(AttemptKey::from(&launch(attempt)?))
}

/// Reads the launch file of an attempt.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn launch(attempt: &AttemptDir) -> io::Result<Launch> {
    Ok(serde_json::from_slice(&std::fs::read(attempt.launch())?)?)
}

/// Makes the assignment of an attempt from its launch file, with heartbeats every `beat_seconds`.
/// With `deliver_checkpoints`, checkpoints are delivered as they are written.
///
/// # Errors
/// When the launch file cannot be read.
pub(crate) fn make_assignment(
    attempt: &AttemptDir,
    beat_seconds: f64,
    deliver_checkpoints: bool,
) -> io::Result<(Assignment, Blobs)> {
    let launch = launch(attempt)?;
    let named = |digest: &str| Digest::try_from(digest.to_owned()).map_err(io::Error::other);
    let train = named(&launch.spec.data.train_digest)?;
    let validation = named(&launch.spec.data.validation_digest)?;
    let mut blobs = vec![
        (train.clone(), launch.train.clone()),
        (validation.clone(), launch.validation.clone()),
    ];
    let mut latest = |folder: &Path, place: CheckpointKind| {
        let owner = place.owner(&launch.run, &launch.spec)?;
        checkpoint(folder, place, &owner, &mut blobs)
    };
    let checkpoint = latest(&launch.run_folder, CheckpointKind::Run);
    let trunk = launch.take_trunk.as_ref();
    let trunk = trunk.and_then(|folder| latest(folder, CheckpointKind::Trunk));
    let offer = Assignment {
        held: AttemptKey::from(&launch),
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

/// Finds the latest complete checkpoint. Without one the run starts from step 0, which costs only
/// time.
fn checkpoint(
    folder: &Path,
    place: CheckpointKind,
    id: &RunId,
    blobs: &mut Blobs,
) -> Option<AssignedCheckpoint> {
    let dir = place.of(&RunDir::at(folder.to_owned()));
    let CheckpointFiles {
        step,
        dir,
        manifest,
        tensors,
    } = checkpoint_files(&dir, id)?;
    let named = |digest| dropped(Digest::try_from(digest), "invalid digest of a checkpoint");
    let (manifest, tensors) = (named(manifest)?, named(tensors)?);
    blobs.extend([
        (manifest.clone(), dir.manifest()),
        (tensors.clone(), dir.tensors()),
    ]);
    Some(AssignedCheckpoint {
        step,
        manifest,
        tensors,
    })
}
