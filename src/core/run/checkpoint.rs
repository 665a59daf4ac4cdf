//! Checkpoints of a run, from which its next attempt resumes.
//!
//! A checkpoint is a folder that appears whole or not at all. It contains the tensors, and a
//! manifest with the digests of the tensors and of the manifest itself. A truncated or altered
//! checkpoint is skipped, and the one before it is used.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::directory::{CheckpointDir, CheckpointsDir};
use super::{CurvePoint, RunId, canonical_json, if_exists, read_digest, write_json};

/// Number of checkpoints that are kept.
const KEPT_CHECKPOINTS: usize = 2;

/// Progress of a run, stored with the tensors: parameters, the optimizer's state, and `readings`
/// `[step, 3]`, each step's loss, gradient norm and update norm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunProgress {
    /// Steps done, from which the order of the data and the schedule continue.
    pub step: u64,
    /// The curve so far.
    pub curve: Vec<CurvePoint>,
    /// Seconds spent so far.
    pub seconds: TimeSpent,
    /// The part of the progress that another run made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<TakenTrunk>,
}

/// Time that a run spent, by activity, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSpent {
    /// In training steps.
    pub train: f64,
    /// In evaluations.
    pub eval: f64,
    /// In writing checkpoints.
    pub checkpoint: f64,
}

/// Steps that a run took over from a run with a smaller budget. That run executed them, and both
/// runs count their FLOPs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenTrunk {
    /// Number of steps.
    pub steps: u64,
    /// Seconds that these steps took in the run that executed them.
    pub train_seconds: f64,
}

/// Content of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    run: RunId,
    /// BLAKE3 of the tensor file.
    tensors: String,
    progress: RunProgress,
    /// BLAKE3 of the canonical JSON of the rest.
    digest: String,
}

impl Manifest {
    fn new(run: &RunId, tensors: String, progress: &RunProgress) -> io::Result<Self> {
        let mut manifest = Self {
            run: run.clone(),
            tensors,
            progress: progress.clone(),
            digest: String::new(),
        };
        manifest.digest = manifest.own_digest()?;
        Ok(manifest)
    }

    fn own_digest(&self) -> io::Result<String> {
        let unsigned = canonical_json(&Self {
            digest: String::new(),
            ..self.clone()
        })?;
        Ok(blake3::hash(&unsigned).to_hex().to_string())
    }
}

/// Reason that a folder is not a valid checkpoint of a run.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// Files that cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Manifest that cannot be parsed.
    #[error("its manifest is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// Manifest that does not match its own digest, or the step of its folder.
    #[error("its manifest does not match its digest or its step")]
    Altered,
    /// Tensors that do not match the digest in the manifest.
    #[error("its tensors do not match the digest in the manifest")]
    Tensors,
    /// Checkpoint of another run.
    #[error("it belongs to run {0}")]
    OtherRun(RunId),
}

/// Writes a checkpoint of a run, or of a trunk by its identity, and removes older ones than the
/// last two. `write_tensors` writes the tensor file at the path that it is given.
///
/// # Errors
/// Any failure to write, sync or rename. Earlier checkpoints remain.
pub fn write_checkpoint(
    dir: &CheckpointsDir,
    run: &RunId,
    progress: &RunProgress,
    write_tensors: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let (checkpoint, temporary) = (dir.checkpoint(progress.step), dir.incomplete());
    if checkpoint.root().is_dir() {
        // The existing checkpoint of this step has the same content.
        return Ok(());
    }
    remove(temporary.root())?;
    fs::create_dir_all(temporary.root())?;
    write_tensors(&temporary.tensors())?;
    fs::File::open(temporary.tensors())?.sync_all()?;
    let manifest = Manifest::new(run, read_digest(&temporary.tensors())?, progress)?;
    write_json(&temporary.manifest(), &manifest)?;
    fs::rename(temporary.root(), checkpoint.root())?;
    fs::File::open(dir.root())?.sync_all()?;
    remove_older(dir)
}

fn remove_older(dir: &CheckpointsDir) -> io::Result<()> {
    checkpoint_steps(dir)
        .into_iter()
        .rev()
        .skip(KEPT_CHECKPOINTS)
        .try_for_each(|step| remove(dir.checkpoint(step).root()))
}

/// Result of a search for a run's checkpoints.
#[derive(Debug, Default)]
pub struct FoundCheckpoints {
    /// The latest valid checkpoint.
    pub latest: Option<(CheckpointDir, RunProgress)>,
    /// Later, invalid checkpoints: the step and the reason of each.
    pub skipped: Vec<(u64, InvalidCheckpoint)>,
}

/// Finds the latest valid checkpoint of a run.
pub fn latest_checkpoint(dir: &CheckpointsDir, run: &RunId) -> FoundCheckpoints {
    let mut found = FoundCheckpoints::default();
    for step in checkpoint_steps(dir).into_iter().rev() {
        let checkpoint = dir.checkpoint(step);
        match read(&checkpoint, run, step) {
            Ok(progress) => {
                found.latest = Some((checkpoint, progress));
                break;
            }
            Err(reason) => found.skipped.push((step, reason)),
        }
    }
    found
}

/// Files of a checkpoint, for a copy to another machine.
#[derive(Debug)]
pub struct CheckpointFiles {
    /// Steps done.
    pub step: u64,
    /// Folder of the checkpoint.
    pub dir: CheckpointDir,
    /// BLAKE3 of the manifest file.
    pub manifest: String,
    /// BLAKE3 of the tensor file.
    pub tensors: String,
}

/// Finds the files of a run's latest valid checkpoint.
pub fn checkpoint_files(dir: &CheckpointsDir, run: &RunId) -> Option<CheckpointFiles> {
    let (dir, progress) = latest_checkpoint(dir, run).latest?;
    let bytes = fs::read(dir.manifest()).ok()?;
    let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
    Some(CheckpointFiles {
        step: progress.step,
        dir,
        manifest: blake3::hash(&bytes).to_hex().to_string(),
        tensors: manifest.tensors,
    })
}

/// Accepts a checkpoint that has arrived from another machine, if it is valid and of this run and
/// step.
///
/// # Errors
/// [`InvalidCheckpoint`] if it is not. Earlier checkpoints remain.
pub fn accept_checkpoint(
    dir: &CheckpointsDir,
    arrived: &CheckpointDir,
    run: &RunId,
    step: u64,
) -> Result<(), InvalidCheckpoint> {
    read(arrived, run, step)?;
    let checkpoint = dir.checkpoint(step);
    if !checkpoint.root().is_dir() {
        fs::File::open(arrived.tensors())?.sync_all()?;
        fs::rename(arrived.root(), checkpoint.root())?;
        fs::File::open(dir.root())?.sync_all()?;
    }
    Ok(remove_older(dir)?)
}

/// Removes a folder of checkpoints that are no longer needed.
///
/// # Errors
/// If the folder cannot be removed.
pub fn remove_checkpoints(dir: &CheckpointsDir) -> io::Result<()> {
    remove(dir.root())
}

/// Steps with a checkpoint, valid or invalid, in ascending order.
pub fn checkpoint_steps(dir: &CheckpointsDir) -> Vec<u64> {
    let entries = fs::read_dir(dir.root()).into_iter().flatten().flatten();
    let mut steps: Vec<u64> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    steps.sort_unstable();
    steps
}

fn read(
    checkpoint: &CheckpointDir,
    run: &RunId,
    step: u64,
) -> Result<RunProgress, InvalidCheckpoint> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(checkpoint.manifest())?)?;
    if manifest.own_digest()? != manifest.digest || manifest.progress.step != step {
        return Err(InvalidCheckpoint::Altered);
    }
    if manifest.run != *run {
        return Err(InvalidCheckpoint::OtherRun(manifest.run));
    }
    if read_digest(&checkpoint.tensors())? != manifest.tensors {
        return Err(InvalidCheckpoint::Tensors);
    }
    Ok(manifest.progress)
}

/// Removes a folder if it exists.
fn remove(folder: &Path) -> io::Result<()> {
    if_exists(fs::remove_dir_all(folder)).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::RunDir;

    fn run_id() -> RunId {
        serde_json::from_str("\"00112233445566aa\"").unwrap()
    }

    fn checkpoints(folder: &Path) -> CheckpointsDir {
        RunDir::at(folder.to_owned()).checkpoints()
    }

    fn progress(step: u64) -> RunProgress {
        RunProgress {
            step,
            seconds: TimeSpent {
                train: 0.1 + 0.2,
                eval: 1.0 / 3.0,
                checkpoint: 1e-3,
            },
            ..RunProgress::default()
        }
    }

    fn write(dir: &CheckpointsDir, step: u64) {
        let tensors = |path: &Path| fs::write(path, [step as u8; 100]);
        write_checkpoint(dir, &run_id(), &progress(step), tensors).unwrap();
    }

    #[test]
    fn the_last_two_are_kept_and_the_latest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let dir = checkpoints(folder.path());
        assert!(latest_checkpoint(&dir, &run_id()).latest.is_none());
        [3, 7, 11].into_iter().for_each(|step| write(&dir, step));
        assert_eq!(checkpoint_steps(&dir), [7, 11]);
        assert_eq!(
            latest_checkpoint(&dir, &run_id()).latest.unwrap().1,
            progress(11)
        );
        let other: RunId = serde_json::from_str("\"ffffffffffffffff\"").unwrap();
        assert!(latest_checkpoint(&dir, &other).latest.is_none());
        remove_checkpoints(&dir).unwrap();
        remove_checkpoints(&dir).unwrap();
        assert!(latest_checkpoint(&dir, &run_id()).latest.is_none());
    }

    /// A failure to write the tensors leaves the previous checkpoint, and a second try succeeds.
    #[test]
    fn a_checkpoint_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let dir = checkpoints(folder.path());
        write(&dir, 3);
        let fails = |path: &Path| {
            fs::write(path, "half")?;
            Err(io::Error::other("the disk is full"))
        };
        assert!(write_checkpoint(&dir, &run_id(), &progress(5), fails).is_err());
        assert_eq!(latest_checkpoint(&dir, &run_id()).latest.unwrap().1.step, 3);
        write(&dir, 5);
        assert_eq!(latest_checkpoint(&dir, &run_id()).latest.unwrap().1.step, 5);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A changed byte or a truncation of either file is detected, and the previous checkpoint
        /// is used.
        #[test]
        fn damage_is_noticed(of_tensors in any::<bool>(), place in any::<prop::sample::Index>(), flip in 1u8..=255, cut in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let dir = checkpoints(folder.path());
            [3, 7].into_iter().for_each(|step| write(&dir, step));
            let checkpoint = dir.checkpoint(7);
            let path = if of_tensors { checkpoint.tensors() } else { checkpoint.manifest() };
            let mut bytes = fs::read(&path).unwrap();
            let at = place.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            fs::write(&path, &bytes).unwrap();
            let FoundCheckpoints { latest, skipped } = latest_checkpoint(&dir, &run_id());
            let found = latest.unwrap().1;
            // A change of whitespace in the manifest does not change its content.
            prop_assert!(found == progress(3) && skipped.len() == 1 || found == progress(7) && !of_tensors);
        }
    }
}
