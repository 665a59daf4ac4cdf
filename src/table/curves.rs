//! `curves.parquet`: a row an evaluation.

use isoflop_core::metrics::Scores;
use isoflop_core::run::{Budget, CurvePoint};
use isoflop_sweep::PlannedRun;

use super::row::row;

row! {
    /// A point of a run's curve: a row of `curves.parquet`.
    pub struct CurveRow(run: &PlannedRun, point: &CurvePoint) {
        /// As in `runs.parquet`.
        run_id: String = run.id.to_string();
        /// As in `runs.parquet`.
        arm: String = run.arm.clone();
        /// As in `runs.parquet`.
        size: String = run.size.clone();
        /// As in `runs.parquet`.
        budget: Budget ["as its kind"] = run.spec.budget;
        /// As in `runs.parquet`.
        seed: u64 = run.spec.seed;
        /// Steps done.
        step: u64 ["steps"] = point.step;
        /// Tokens trained on so far.
        tokens: u64 ["tokens"] = point.tokens;
        /// FLOPs spent so far.
        flops: f64 ["FLOPs"] = point.flops;
        /// Mean training loss since the last point.
        loss_train: Option<f64> ["nats/token"] = point.loss_train;
        ..scores: Scores = point.scores;
        /// Learning rate of the last step.
        learning_rate: f64 = point.learning_rate;
        /// Mean global gradient norm since the last point, before clipping.
        grad_norm: Option<f64> = point.grad_norm;
        /// Mean norm of the parameters' change in a step since the last point.
        update_norm: Option<f64> = point.update_norm;
        /// Time that the steps up to here took, those of a trunk included.
        train_seconds: f64 ["s"] = point.train_seconds;
    }
}
