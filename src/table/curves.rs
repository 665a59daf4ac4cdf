//! Rows of `curves.parquet`, one for each evaluation.

use isoflop_core::metrics::Scores;
use isoflop_core::run::{Budget, CurvePoint};
use isoflop_sweep::PlannedRun;

use super::row::row;

row! {
    /// A row of `curves.parquet`: one point of a run's curve.
    pub struct CurveRow(run: &PlannedRun, point: &CurvePoint) {
        /// Identity of the run, as in `runs.parquet`.
        run_id: String = run.id.to_string();
        /// Name of the architecture in the sweep, as in `runs.parquet`.
        arm: String = run.arm.clone();
        /// Name of the size, as in `runs.parquet`.
        size: String = run.size.clone();
        /// Budget of the run, as in `runs.parquet`.
        budget: Budget ["see `budget_kind`"] = run.spec.budget;
        /// Seed of the run, as in `runs.parquet`.
        seed: u64 = run.spec.seed;
        /// Steps done so far.
        step: u64 ["steps"] = point.step;
        /// Training tokens so far.
        tokens: u64 ["tokens"] = point.tokens;
        /// Training FLOPs so far, including those of a trunk.
        flops: f64 ["FLOPs"] = point.flops;
        /// Mean training loss since the previous point.
        loss_train: Option<f64> ["nats/token"] = point.loss_train;
        ..scores: Scores = point.scores;
        /// Learning rate of the last step.
        learning_rate: f64 = point.learning_rate;
        /// Mean global gradient norm since the previous point, before clipping.
        grad_norm: Option<f64> = point.grad_norm;
        /// Mean norm of the parameters' change per step since the previous point.
        update_norm: Option<f64> = point.update_norm;
        /// Time in training steps so far, including those of a trunk.
        train_seconds: f64 ["s"] = point.train_seconds;
    }
}
