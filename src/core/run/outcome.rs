//! Outcomes of runs. A run without a valid outcome has no result.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metrics::Scores;

use super::{AttemptDir, Device, RunDir, RunId, RunSpec, TakenTrunk, TimeSpent, if_exists};

/// Outcome that the trainer writes at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The run.
    pub run: RunId,
    /// Attempt that delivered it.
    pub attempt: u32,
    /// Fencing token of that attempt.
    pub fence: String,
    /// BLAKE3 of `metrics.jsonl`.
    pub metrics_digest: String,
    /// End of the run.
    pub ending: RunEnding,
    /// Steps done.
    pub steps: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// FLOPs of all steps, including those of a trunk that was taken over: the C that the loss
    /// belongs to.
    pub flops: f64,
    /// Sequences in a pass, if an earlier attempt ran out of memory with those of the spec. The
    /// last bits then differ from those of the spec's passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_for_memory: Option<u32>,
    /// Steps taken over from a run with a smaller budget; absent if the run executed every step
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<TakenTrunk>,
    /// Step of the checkpoint from which this attempt resumed; absent if it started from the
    /// beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from_step: Option<u64>,
    /// Seconds from start to end of the attempt.
    pub wall_seconds: f64,
    /// Seconds from the start of the attempt to its first step.
    pub startup_seconds: f64,
    /// Time that the run itself spent, over all its attempts.
    pub seconds: TimeSpent,
    /// Steps whose training loss was far above that of the steps before.
    pub loss_spikes: u64,
    /// Rate of matrix products in the run's number format, measured on its device at its start,
    /// FLOP/s.
    pub matrix_flops_per_second: f64,
    /// Peak memory of the process, without pages of files, bytes.
    pub peak_memory_bytes: u64,
    /// Device that the run trained on.
    pub device: Device,
    /// CPU threads.
    pub threads: u32,
    /// Software and hardware that made it.
    pub provenance: Provenance,
}

/// End of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RunEnding {
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
    /// The loss became non-finite, or exploded. A diverged run has no final loss.
    Diverged {
        /// Step at which the divergence was detected.
        step: u64,
        /// Loss at that step, if it was finite, nats/token.
        loss: Option<f64>,
    },
}

/// Software and hardware that made an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of isoflop.
    pub isoflop: String,
    /// Git revision of the checkout that isoflop was built from, with `+changes` if it was not
    /// clean; `unknown` outside a checkout.
    pub git: String,
    /// Version of libtorch.
    pub libtorch: String,
    /// Host name.
    pub host: String,
    /// Model of the processor or accelerator.
    pub hardware: String,
    /// Start of the attempt, seconds since 1970 (UTC).
    pub started_at: u64,
}

/// Reason that a file is not a valid outcome of a run.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOutcome {
    /// File that does not exist.
    #[error("the outcome is missing")]
    Missing,
    /// File that cannot be read.
    #[error("cannot read the outcome: {0}")]
    Unreadable(#[from] std::io::Error),
    /// File that is not the JSON of an outcome.
    #[error("the outcome is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// Outcome of another run.
    #[error("the outcome belongs to run {0}")]
    OtherRun(RunId),
    /// Outcome of an attempt that no longer holds the run's lease.
    #[error("the outcome belongs to an attempt that no longer holds the run's lease")]
    StaleAttempt,
    /// Loss or score that is not finite.
    #[error("the outcome contains a loss that is not finite")]
    NotFinite,
    /// Finished run with fewer steps than its spec requests.
    #[error("the outcome reports a finished run after {done} of {asked} steps")]
    Incomplete {
        /// Steps done.
        done: u64,
        /// Steps in the spec.
        asked: u64,
    },
    /// Metrics file that does not match the outcome's digest.
    #[error("`{0}` does not match the outcome's digest")]
    MetricsChanged(String),
}

impl Outcome {
    /// The final validation loss, nats/token; `None` if the run diverged.
    pub fn loss(&self) -> Option<f64> {
        match self.ending {
            RunEnding::Finished { scores, .. } => Some(scores.loss_val),
            RunEnding::Diverged { .. } => None,
        }
    }

    /// Reads and checks the committed outcome of a run.
    ///
    /// # Errors
    /// [`InvalidOutcome`] if the run is not done.
    pub fn read_committed(
        run: &RunDir,
        id: &RunId,
        spec: &RunSpec,
    ) -> Result<Self, InvalidOutcome> {
        let outcome = Self::read(&run.outcome())?;
        outcome.check(id, spec, &run.attempt(outcome.attempt))?;
        Ok(outcome)
    }

    /// Reads and checks the outcome that an attempt delivered. `fence` is the token of the run's
    /// current lease.
    ///
    /// # Errors
    /// [`InvalidOutcome`] if the outcome must not be committed.
    pub fn read_delivered(
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
        let bytes = if_exists(fs::read(path))?.ok_or(InvalidOutcome::Missing)?;
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
        if let RunEnding::Finished {
            scores, loss_train, ..
        } = self.ending
        {
            if !scores.values().chain([loss_train]).all(f64::is_finite) {
                return Err(InvalidOutcome::NotFinite);
            }
            if self.steps != spec.steps {
                return Err(InvalidOutcome::Incomplete {
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

    /// Every later version reads finished runs, and writes the same bytes that the digests were
    /// computed from.
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

    /// Scores are flattened into the ending. Unknown fields must still be rejected.
    #[test]
    fn unknown_fields_are_refused() {
        let ending = r#"{"finished":{"loss_val":2.5,"bits_per_byte":1.5,"loss_train":2.4,"eval_tokens":64}}"#;
        let read: RunEnding = serde_json::from_str(ending).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), ending);
        for (known, other) in [
            ("loss_train", "loss_trian"),
            ("bits_per_byte", "bits"),
            ("{\"loss_val", "{\"no_such_score\":0.5,\"loss_val"),
        ] {
            let changed = ending.replacen(known, other, 1);
            assert_ne!(changed, ending);
            serde_json::from_str::<RunEnding>(&changed).unwrap_err();
        }
    }
}
