//! Estimates of a run's duration on this machine, and of its disk space.

use super::trunks::TrunkBranch;
use isoflop_core::run::{CalibrationResult, RunSpec};

/// Seconds of a step beyond its FLOPs, if not measured: dispatching small kernels.
const STEP_SECONDS: f64 = 0.003;
/// FLOP/s of one CPU thread, if not measured.
const FLOP_PER_SECOND: f64 = 3e10;
/// Seconds to start a trainer.
const START_SECONDS: f64 = 0.5;

/// Estimates the seconds of a run from a calibration on this machine.
///
/// The run continues from `branch`, or starts at step 0.
pub fn calibrated_seconds(
    spec: &RunSpec,
    branch: Option<TrunkBranch>,
    measured: &CalibrationResult,
) -> f64 {
    let own = own_part(spec, branch);
    let evaluated =
        evaluations(spec) * own * spec.evaluation.tokens as f64 * measured.eval_token_seconds;
    START_SECONDS + own * spec.steps as f64 * measured.step_seconds + evaluated
}

/// Estimates the seconds of a run from its FLOPs only.
///
/// Accurate enough to order runs and to weight progress.
pub fn guessed_seconds(spec: &RunSpec, branch: Option<TrunkBranch>) -> f64 {
    let flops = spec.flops_per_token();
    let step = STEP_SECONDS + (flops * spec.batch_tokens()).0 / FLOP_PER_SECOND;
    let evaluation = spec.evaluation.tokens as f64 * flops.0 as f64 / 3.0 / FLOP_PER_SECOND;
    let own = own_part(spec, branch);
    START_SECONDS + own * (spec.steps as f64 * step + evaluations(spec) * evaluation)
}

/// Fraction of a run's steps that the run trains itself.
fn own_part(spec: &RunSpec, branch: Option<TrunkBranch>) -> f64 {
    1.0 - branch.map_or(0, |branch| branch.steps) as f64 / spec.steps as f64
}

fn evaluations(spec: &RunSpec) -> f64 {
    f64::from(spec.evaluation.points) + 1.0
}

/// Disk space of the small files, bytes: events, logs, outcomes, the store.
const SMALL_FILES: u64 = 100_000_000;
/// Checkpoints of a run on the disk at once: two kept, one being written, and the end of its trunk.
const CHECKPOINTS: u64 = 4;
/// Parameters and two moments, float32.
const CHECKPOINT_BYTES_PER_PARAM: u64 = 12;

/// Estimates the disk space that the largest `side_by_side` runs can need at once, bytes.
pub fn disk_reserve<'a>(specs: impl Iterator<Item = &'a RunSpec>, side_by_side: usize) -> u64 {
    let mut bytes: Vec<u64> = specs
        .map(|spec| CHECKPOINTS * CHECKPOINT_BYTES_PER_PARAM * spec.params_total().0)
        .collect();
    bytes.sort_unstable_by_key(|bytes| std::cmp::Reverse(*bytes));
    SMALL_FILES + bytes.into_iter().take(side_by_side).sum::<u64>()
}
