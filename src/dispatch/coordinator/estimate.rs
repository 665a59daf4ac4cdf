//! How long a run will take on this machine. Estimates, and called so wherever they are shown.

use super::trunks::Branch;
use isoflop_core::run::{CalibrationResult, RunSpec};

/// Seconds for one step beyond its FLOPs, where nothing was measured: dispatching small kernels.
const STEP_SECONDS: f64 = 0.003;
/// FLOP/s of one CPU thread, where nothing was measured.
const FLOP_PER_SECOND: f64 = 3e10;
/// Seconds to start a trainer.
const START_SECONDS: f64 = 0.5;

/// Expected seconds of a run that goes on from `branch`, or begins at its beginning, from a calibration on this machine.
pub fn calibrated_seconds(
    spec: &RunSpec,
    branch: Option<Branch>,
    measured: &CalibrationResult,
) -> f64 {
    let own = own_part(spec, branch);
    let evaluated =
        evaluations(spec) * own * spec.evaluation.tokens as f64 * measured.eval_token_seconds;
    START_SECONDS + own * spec.steps as f64 * measured.step_seconds + evaluated
}

/// The same from the FLOPs alone: enough to order runs and to weigh progress.
pub fn guessed_seconds(spec: &RunSpec, branch: Option<Branch>) -> f64 {
    let flops = spec.flops_per_token();
    let step = STEP_SECONDS + (flops * spec.batch_tokens()).0 / FLOP_PER_SECOND;
    let evaluation = spec.evaluation.tokens as f64 * flops.0 as f64 / 3.0 / FLOP_PER_SECOND;
    let own = own_part(spec, branch);
    START_SECONDS + own * (spec.steps as f64 * step + evaluations(spec) * evaluation)
}

/// The part of a run that is trained by the run itself.
fn own_part(spec: &RunSpec, branch: Option<Branch>) -> f64 {
    1.0 - branch.map_or(0, |branch| branch.steps) as f64 / spec.steps as f64
}

fn evaluations(spec: &RunSpec) -> f64 {
    f64::from(spec.evaluation.points) + 1.0
}

/// Room for what is small: events, logs, outcomes, the store.
const SMALL_FILES: u64 = 100_000_000;
/// Checkpoints of a run that are on the disk at once: two that are kept, the one in the making, and its trunk's end.
const CHECKPOINTS: u64 = 4;
/// Parameters and two moments, float32.
const CHECKPOINT_BYTES_PER_PARAM: u64 = 12;

/// Bytes of disk that the dearest `side_by_side` of the runs may need while they run, an estimate.
pub fn disk_reserve<'a>(specs: impl Iterator<Item = &'a RunSpec>, side_by_side: usize) -> u64 {
    let mut bytes: Vec<u64> = specs
        .map(|spec| CHECKPOINTS * CHECKPOINT_BYTES_PER_PARAM * spec.params_total().0)
        .collect();
    bytes.sort_unstable_by_key(|bytes| std::cmp::Reverse(*bytes));
    SMALL_FILES + bytes.into_iter().take(side_by_side).sum::<u64>()
}
