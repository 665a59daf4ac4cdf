//! Checkpoints of a run: where an attempt that was stopped goes on.
//!
//! A checkpoint is a folder that appears whole or not at all: tensors, and a manifest that names their digest
//! and its own. One that is truncated or altered is passed over, and the one before is used.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::directory::{CheckpointDir, CheckpointsDir};
use super::{CurvePoint, RunId, canonical_json, if_there, read_digest, write_json};

/// How many are kept.
const KEPT: usize = 2;

/// How far a run is, beside the tensors: parameters, the optimizer's state, and `readings` `[step, 3]`, each
/// step's loss, gradient norm and update norm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps done: where the data's order and the schedule go on.
    pub step: u64,
    /// The curve so far.
    pub curve: Vec<CurvePoint>,
    /// Seconds spent so far.
    pub seconds: Spent,
    /// What of it another run did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<TakenTrunk>,
}

/// Where a run's time went, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// In training steps.
    pub train: f64,
    /// In evaluations.
    pub eval: f64,
    /// In writing checkpoints.
    pub checkpoint: f64,
}

/// What a run took over from one with a smaller budget: done by that run, and part of its cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenTrunk {
    /// Steps.
    pub steps: u64,
    /// Seconds that these steps took where they were made.
    pub train_seconds: f64,
}

/// What stands in `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    run: RunId,
    /// BLAKE3 of the tensor file.
    tensors: String,
    progress: Progress,
    /// BLAKE3 of the canonical JSON of the rest.
    digest: String,
}

impl Manifest {
    fn new(run: &RunId, tensors: String, progress: &Progress) -> io::Result<Self> {
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

/// Why a folder is no checkpoint of a run.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Its manifest is no manifest.
    #[error("its manifest is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// The manifest is not what was written.
    #[error("its manifest was altered")]
    Altered,
    /// The tensors are not what was written.
    #[error("its tensors are not those that the manifest names")]
    Tensors,
    /// It is another run's.
    #[error("it is of run {0}")]
    OtherRun(RunId),
}

/// Writes a checkpoint of a run, or of a trunk by its identity, and removes those before the last two. `write_tensors` makes the tensor file at the path it is given.
///
/// # Errors
/// Any failure to write, sync or rename; earlier checkpoints then still stand.
pub fn write_checkpoint(
    dir: &CheckpointsDir,
    run: &RunId,
    progress: &Progress,
    write_tensors: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let (checkpoint, temporary) = (dir.after(progress.step), dir.in_the_making());
    if checkpoint.root().is_dir() {
        // The same step again: what stands there is the same.
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
        .skip(KEPT)
        .try_for_each(|step| remove(dir.after(step).root()))
}

/// What stands of a run's checkpoints.
#[derive(Debug, Default)]
pub struct FoundCheckpoints {
    /// The latest that is valid.
    pub latest: Option<(CheckpointDir, Progress)>,
    /// Later ones, by their steps, with what is wrong with them.
    pub passed_over: Vec<(u64, InvalidCheckpoint)>,
}

/// Looks for the latest valid checkpoint of a run.
pub fn latest_checkpoint(dir: &CheckpointsDir, run: &RunId) -> FoundCheckpoints {
    let mut found = FoundCheckpoints::default();
    for step in checkpoint_steps(dir).into_iter().rev() {
        let checkpoint = dir.after(step);
        match read(&checkpoint, run, step) {
            Ok(progress) => {
                found.latest = Some((checkpoint, progress));
                break;
            }
            Err(reason) => found.passed_over.push((step, reason)),
        }
    }
    found
}

/// A checkpoint's files, for who copies it to another machine.
#[derive(Debug)]
pub struct CheckpointFiles {
    /// Steps done.
    pub step: u64,
    /// Where it lies.
    pub dir: CheckpointDir,
    /// BLAKE3 of the manifest file.
    pub manifest: String,
    /// BLAKE3 of the tensor file.
    pub tensors: String,
}

/// The files of a run's latest valid checkpoint.
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

/// Makes a checkpoint of what has arrived from another machine, if it is one of this run after this step.
///
/// # Errors
/// [`InvalidCheckpoint`]; earlier checkpoints then still stand.
pub fn accept_checkpoint(
    dir: &CheckpointsDir,
    arrived: &CheckpointDir,
    run: &RunId,
    step: u64,
) -> Result<(), InvalidCheckpoint> {
    read(arrived, run, step)?;
    let checkpoint = dir.after(step);
    if !checkpoint.root().is_dir() {
        fs::File::open(arrived.tensors())?.sync_all()?;
        fs::rename(arrived.root(), checkpoint.root())?;
        fs::File::open(dir.root())?.sync_all()?;
    }
    Ok(remove_older(dir)?)
}

/// Removes a folder of checkpoints that are of no more use.
///
/// # Errors
/// When the folder cannot be removed.
pub fn remove_checkpoints(dir: &CheckpointsDir) -> io::Result<()> {
    remove(dir.root())
}

/// Steps of which a checkpoint stands, whether valid or not, least first.
pub fn checkpoint_steps(dir: &CheckpointsDir) -> Vec<u64> {
    let entries = fs::read_dir(dir.root()).into_iter().flatten().flatten();
    let mut steps: Vec<u64> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    steps.sort_unstable();
    steps
}

fn read(checkpoint: &CheckpointDir, run: &RunId, step: u64) -> Result<Progress, InvalidCheckpoint> {
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

/// Removes a folder; one that is not there is removed.
fn remove(folder: &Path) -> io::Result<()> {
    if_there(fs::remove_dir_all(folder)).map(drop)
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

    fn progress(step: u64) -> Progress {
        Progress {
            step,
            seconds: Spent {
                train: 0.1 + 0.2,
                eval: 1.0 / 3.0,
                checkpoint: 1e-3,
            },
            ..Progress::default()
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

    /// A failure to write the tensors leaves what stood before, and the next attempt writes again.
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

        /// Any byte of either file changed, or cut off from anywhere, is noticed, and the checkpoint before is used.
        #[test]
        fn damage_is_noticed(of_tensors in any::<bool>(), place in any::<prop::sample::Index>(), flip in 1u8..=255, cut in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let dir = checkpoints(folder.path());
            [3, 7].into_iter().for_each(|step| write(&dir, step));
            let checkpoint = dir.after(7);
            let path = if of_tensors { checkpoint.tensors() } else { checkpoint.manifest() };
            let mut bytes = fs::read(&path).unwrap();
            let at = place.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            fs::write(&path, &bytes).unwrap();
            let FoundCheckpoints { latest, passed_over } = latest_checkpoint(&dir, &run_id());
            let found = latest.unwrap().1;
            // White space of the manifest means nothing: a change there leaves it what it was.
            prop_assert!(found == progress(3) && passed_over.len() == 1 || found == progress(7) && !of_tensors);
        }
    }
}
