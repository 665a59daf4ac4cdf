//! How a run ended. A run without a valid outcome is not a result.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metrics::Scores;

use super::{AttemptDir, Device, RunDir, RunId, RunSpec, Spent, TakenTrunk, if_there};

/// What the trainer leaves at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The run.
    pub run: RunId,
    /// The attempt that brought it.
    pub attempt: u32,
    /// That attempt's fencing token.
    pub fence: String,
    /// BLAKE3 of `metrics.jsonl`.
    pub metrics_digest: String,
    /// How it ended.
    pub ending: Ending,
    /// Steps done.
    pub steps: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// FLOPs of all steps, those of a trunk that was taken over included: the C that the loss belongs to.
    pub flops: f64,
    /// Sequences in a pass, where an attempt before this one found no memory for those of the spec: the last bits are others'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_for_memory: Option<u32>,
    /// What was taken over from a run with a smaller budget; absent where the run did every step itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<TakenTrunk>,
    /// The step at which this attempt took up a checkpoint; absent where it began at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from_step: Option<u64>,
    /// Seconds from start to end of the attempt.
    pub wall_seconds: f64,
    /// Seconds from the start of the attempt to its first step.
    pub startup_seconds: f64,
    /// Where the run's own time went, in all its attempts.
    pub seconds: Spent,
    /// Steps whose training loss stood out of those before them.
    pub loss_spikes: u64,
    /// Rate of matrix products in the run's number format, measured on its device at its start, FLOP/s.
    pub matrix_flops_per_second: f64,
    /// Most memory the process held of its own, pages of files not counted, bytes.
    pub peak_memory_bytes: u64,
    /// Where it ran.
    pub device: Device,
    /// CPU threads.
    pub threads: u32,
    /// What made it.
    pub provenance: Provenance,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    /// All steps were done.
    Finished {
        /// Scores on held-out text after the last step.
        #[serde(flatten)]
        scores: Scores,
        /// Training loss over the last part of the curve, nats/token.
        loss_train: f64,
        /// Held-out tokens that the loss is a mean over.
        eval_tokens: u64,
    },
    /// The loss stopped being a number, or exploded: a result of its own kind, never a loss.
    Diverged {
        /// Step at which it was seen.
        step: u64,
        /// Loss there if it was finite, nats/token.
        loss: Option<f64>,
    },
}

/// What made an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of isoflop.
    pub isoflop: String,
    /// Git revision of the checkout it was built from, with `+changes` where it was not clean; `unknown` outside one.
    pub git: String,
    /// Version of libtorch.
    pub libtorch: String,
    /// Host name.
    pub host: String,
    /// Processor, or accelerator, model.
    pub hardware: String,
    /// When the attempt began, seconds since 1970 (UTC).
    pub started_at: u64,
}

/// Why a file is no outcome of a run.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOutcome {
    /// There is none.
    #[error("there is no outcome")]
    Missing,
    /// It cannot be read.
    #[error("the outcome cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is not JSON of an outcome.
    #[error("the outcome is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// It belongs to another run.
    #[error("the outcome is of run {0}")]
    OtherRun(RunId),
    /// It was brought by an attempt that does not hold the run.
    #[error("the outcome is of an attempt that no longer holds the run")]
    StaleAttempt,
    /// A result that is not a number.
    #[error("the outcome holds a loss that is not finite")]
    NotFinite,
    /// Fewer steps than the spec asks for.
    #[error("the outcome says finished after {done} of {asked} steps")]
    Short {
        /// Steps done.
        done: u64,
        /// Steps asked for.
        asked: u64,
    },
    /// The metrics are not those it was written for.
    #[error("`{0}` does not match the outcome's digest")]
    MetricsChanged(String),
}

impl Outcome {
    /// The final validation loss, nats/token, of a run that did all its steps.
    pub fn loss(&self) -> Option<f64> {
        match self.ending {
            Ending::Finished { scores, .. } => Some(scores.loss_val),
            Ending::Diverged { .. } => None,
        }
    }

    /// Reads and checks the committed outcome of a run.
    ///
    /// # Errors
    /// [`InvalidOutcome`]: the run is not done.
    pub fn committed(run: &RunDir, id: &RunId, spec: &RunSpec) -> Result<Self, InvalidOutcome> {
        let outcome = Self::read(&run.outcome())?;
        outcome.check(id, spec, &run.attempt(outcome.attempt))?;
        Ok(outcome)
    }

    /// Reads and checks what an attempt brought; `fence` is the token of the attempt that holds the run.
    ///
    /// # Errors
    /// [`InvalidOutcome`]: nothing may be committed.
    pub fn delivered(
        attempt: &AttemptDir,
        fence: &str,
        id: &RunId,
        spec: &RunSpec,
    ) -> Result<Self, InvalidOutcome> {
        let outcome = Self::read(&attempt.outcome())?;
        if outcome.fence != fence {
            return Err(InvalidOutcome::StaleAttempt);
        }
        outcome.check(id, spec, attempt)?;
        Ok(outcome)
    }

    fn read(path: &Path) -> Result<Self, InvalidOutcome> {
        let bytes = if_there(fs::read(path))?.ok_or(InvalidOutcome::Missing)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    fn check(
        &self,
        id: &RunId,
        spec: &RunSpec,
        attempt: &AttemptDir,
    ) -> Result<(), InvalidOutcome> {
        if self.run != *id {
            return Err(InvalidOutcome::OtherRun(self.run.clone()));
        }
        if let Ending::Finished {
            scores, loss_train, ..
        } = self.ending
        {
            if !scores.values().chain([loss_train]).all(f64::is_finite) {
                return Err(InvalidOutcome::NotFinite);
            }
            if self.steps != spec.steps {
                return Err(InvalidOutcome::Short {
                    done: self.steps,
                    asked: spec.steps,
                });
            }
        }
        let metrics = fs::read(attempt.metrics())?;
        if blake3::hash(&metrics).to_hex().as_str() != self.metrics_digest {
            return Err(InvalidOutcome::MetricsChanged(
                attempt.metrics().display().to_string(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::run::{SweepDir, read_events};

    /// Folders of the committed study's runs.
    fn runs() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let runs = SweepDir::new(&root.join("results"), "example").runs();
        let folders = fs::read_dir(runs).unwrap();
        folders.map(|entry| entry.unwrap().path()).collect()
    }

    /// Finished runs are read by every later version, and digests are of the bytes that this one writes.
    #[test]
    fn committed_files_are_written_as_they_were_read() {
        assert!(runs().len() > 100);
        for folder in runs() {
            let folder = RunDir::at(folder);
            let written = fs::read_to_string(folder.outcome()).unwrap();
            let outcome: Outcome = serde_json::from_str(&written).unwrap();
            let again = serde_json::to_string_pretty(&outcome).unwrap();
            assert_eq!(again + "\n", written);
            let metrics = folder.attempt(outcome.attempt).metrics();
            let lines = read_events(&metrics).unwrap().into_iter();
            let again: String = lines
                .map(|event| serde_json::to_string(&event).unwrap() + "\n")
                .collect();
            assert_eq!(again, fs::read_to_string(metrics).unwrap());
        }
    }

    /// The scores lie flat in the ending: a field that nobody knows must be refused all the same.
    #[test]
    fn unknown_fields_are_refused() {
        let ending = r#"{"finished":{"loss_val":2.5,"bits_per_byte":1.5,"loss_train":2.4,"eval_tokens":64}}"#;
        let read: Ending = serde_json::from_str(ending).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), ending);
        for (known, other) in [
            ("loss_train", "loss_trian"),
            ("bits_per_byte", "bits"),
            ("{\"loss_val", "{\"no_such_score\":0.5,\"loss_val"),
        ] {
            let changed = ending.replacen(known, other, 1);
            assert_ne!(changed, ending);
            serde_json::from_str::<Ending>(&changed).unwrap_err();
        }
    }
}
