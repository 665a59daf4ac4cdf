//! Rows of `runs.parquet`, one for each run.

use isoflop_core::arch::CausalCounting;
use isoflop_core::metrics::Scores;
use isoflop_core::run::{Budget, Outcome, RunEnding};
use isoflop_core::units::Tokens;
use isoflop_sweep::PlannedRun;

use super::RunStatus;
use super::row::row;

row! {
    /// A row of `runs.parquet`: one run.
    pub struct RunRow(run: &PlannedRun, outcome: Option<&Outcome>) {
        /// Identity of the run: the hash of everything that decides its result.
        run_id: String = run.id.to_string();
        /// Name of the architecture in the sweep.
        arm: String = run.arm.clone();
        /// All choices of the architecture, as JSON.
        // Choices are names and finite numbers, so they always serialize.
        architecture: String = serde_json::to_string(&run.spec.architecture).unwrap_or_default();
        /// Name of the size.
        size: String = run.size.clone();
        /// Width of the residual stream.
        d_model: u32 ["channels"] = run.spec.shape.d_model;
        /// Number of layers.
        layers: u32 = run.spec.shape.layers;
        /// Number of attention heads.
        heads: u32 = run.spec.shape.heads;
        /// Width of a head.
        d_head: u32 ["channels"] = run.spec.shape.d_head;
        /// Width of the feed-forward layer in this architecture.
        d_ff: u32 ["channels"] = run.spec.shape.d_ff;
        /// Number of parameters, a tied embedding counted once.
        params_total: u64 ["parameters"] = run.spec.params_total().0;
        /// Number of parameters without the vocabulary's matrices and learned positions.
        params_without_embedding: u64 ["parameters"] = run.spec.params_without_embedding().0;
        /// Kind of the budget: `flops`, `tokens` or `tokens_per_param`.
        budget_kind: &'static str = run.spec.budget.kind();
        /// Budget of the run, in the unit of `budget_kind`.
        budget: Budget ["see `budget_kind`"] = run.spec.budget;
        /// Exact training FLOPs per token: attention between all pairs, backward pass twice the
        /// forward pass.
        flops_per_token: u64 ["FLOPs/token"] = run.spec.flops_per_token().0;
        /// Exact training FLOPs per token with attention only between the pairs that the causal
        /// mask allows.
        flops_per_token_causal_half: u64 ["FLOPs/token"] = run.spec.model().flops().training(CausalCounting::Half).0;
        /// Training FLOPs that led to the loss: `flops_per_token` x `tokens`.
        flops: f64 ["FLOPs"] = outcome.map_or(run.spec.flops().0, |o| o.flops);
        /// Training FLOPs by the rule of thumb 6 x `params_total` x `tokens`.
        flops_6nd: f64 ["FLOPs"] = 6.0 * run.spec.params_total().0 as f64 * tokens(run, outcome) as f64;
        /// Training tokens, or the planned number if the run has no outcome.
        tokens: u64 ["tokens"] = tokens(run, outcome);
        /// Optimizer steps.
        steps: u64 ["steps"] = outcome.map_or(run.spec.steps, |o| o.steps);
        /// Tokens per step.
        batch_tokens: u64 ["tokens/step"] = run.spec.batch_tokens().0;
        /// Tokens per sequence.
        sequence_length: u32 ["tokens"] = run.spec.sequence_length;
        /// Peak learning rate.
        learning_rate: f64 = run.spec.learning_rate;
        /// Learning-rate factor, or 1 if the sweep has no factors.
        lr_factor: f64 = run.lr_factor.unwrap_or(1.0);
        /// Seed of the initial weights and of the order of the data.
        seed: u64 = run.spec.seed;
        /// State of the run: `finished`, `diverged` (no final loss) or `missing` (no valid
        /// outcome).
        status: RunStatus = RunStatus::from_outcome(outcome);
        ..scores: Option<Scores> = finished_scores(outcome).map(|(scores, ..)| scores);
        /// Mean training loss of the steps between the last evaluation before the end and the end.
        loss_train: Option<f64> ["nats/token"] = finished_scores(outcome).map(|(_, loss_train, _)| loss_train);
        /// Number of held-out tokens in the mean `loss_val`.
        eval_tokens: Option<u64> ["tokens"] = finished_scores(outcome).map(|(.., tokens)| tokens);
        /// FLOPs that the run spent itself: `flops` without those of a trunk. The sum over all runs
        /// is the cost of the sweep, with shared steps counted once.
        flops_spent: Option<f64> ["FLOPs"] = outcome.map(|o| flops_spent(run, o));
        /// Steps of the trunk from which the run continued, made by the run of the next smaller
        /// budget; absent if the run made every step itself.
        trunk_steps: Option<u64> ["steps"] = outcome.and_then(|o| Some(o.trunk?.steps));
        /// Sequences per pass after an earlier attempt ran out of memory, absent otherwise. With
        /// it, the last bits of the losses differ from those of the spec's passes.
        split_for_memory: Option<u32> ["sequences"] = outcome.and_then(|o| o.split_for_memory);
        /// Time from the start to the end of the attempt.
        wall_seconds: Option<f64> ["s"] = outcome.map(|o| o.wall_seconds);
        /// Time before the attempt's first step, part of `wall_seconds`.
        startup_seconds: Option<f64> ["s"] = outcome.map(|o| o.startup_seconds);
        /// Time in the run's own training steps only, summed over the attempts that led to the
        /// outcome.
        train_seconds: Option<f64> ["s"] = outcome.map(|o| o.seconds.train);
        /// Time in evaluations.
        eval_seconds: Option<f64> ["s"] = outcome.map(|o| o.seconds.eval);
        /// Time to write checkpoints and trunks.
        checkpoint_seconds: Option<f64> ["s"] = outcome.map(|o| o.seconds.checkpoint);
        /// Training speed: tokens of the run's own steps / `train_seconds`.
        tokens_per_second: Option<f64> ["tokens/s"] = outcome.map(|o| tokens_spent(run, o) as f64 / o.seconds.train);
        /// Training speed: `flops_spent` / `train_seconds`.
        flop_per_second: Option<f64> ["FLOP/s"] = outcome.map(|o| flop_per_second(run, o));
        /// Speed of large matrix products in the run's number format, measured on its device and
        /// threads at the start of the attempt.
        matrix_flop_per_second: Option<f64> ["FLOP/s"] = outcome.map(|o| o.matrix_flops_per_second);
        /// Model FLOPs utilisation (arXiv:2204.02311, appendix B): `flop_per_second` /
        /// `matrix_flop_per_second`.
        mfu: Option<f64> = outcome.map(|o| flop_per_second(run, o) / o.matrix_flops_per_second);
        /// Steps whose training loss is more than 5 standard deviations above the mean of the 64
        /// steps before.
        loss_spikes: Option<u64> ["steps"] = outcome.map(|o| o.loss_spikes);
        /// Peak memory of the process, without pages of files (libtorch's libraries, the tokens),
        /// which the system shares and can drop.
        peak_memory_bytes: Option<u64> ["bytes"] = outcome.map(|o| o.peak_memory_bytes);
        /// Device: `cpu`, or `cuda:` and the number of the GPU.
        device: Option<String> = outcome.map(|o| o.device.to_string());
        /// Number of CPU threads.
        threads: Option<u32> = outcome.map(|o| o.threads);
        /// Number of the attempt that delivered the outcome, from 1.
        attempt: Option<u32> = outcome.map(|o| o.attempt);
        /// Step of the checkpoint from which that attempt resumed; absent if it started at step 0.
        resumed_from_step: Option<u64> ["steps"] = outcome.and_then(|o| o.resumed_from_step);
        /// Model of the CPU or GPU.
        hardware: Option<String> = outcome.map(|o| o.provenance.hardware.clone());
        /// Host name.
        host: Option<String> = outcome.map(|o| o.provenance.host.clone());
        /// Git revision that the trainer was built from, with `+changes` if the checkout had
        /// uncommitted changes.
        git_revision: Option<String> = outcome.map(|o| o.provenance.git.clone());
        /// Version of isoflop.
        isoflop_version: Option<String> = outcome.map(|o| o.provenance.isoflop.clone());
        /// Version of libtorch.
        libtorch_version: Option<String> = outcome.map(|o| o.provenance.libtorch.clone());
        /// Start of the attempt, counted from 1970-01-01 UTC.
        started_at: Option<u64> ["s"] = outcome.map(|o| o.provenance.started_at);
    }
}

fn tokens(run: &PlannedRun, outcome: Option<&Outcome>) -> u64 {
    outcome.map_or(run.spec.tokens().0, |o| o.tokens)
}

/// Returns the scores, training loss and held-out tokens of a finished run.
fn finished_scores(outcome: Option<&Outcome>) -> Option<(Scores, f64, u64)> {
    match outcome?.ending {
        RunEnding::Finished {
            scores,
            loss_train,
            eval_tokens,
        } => Some((scores, loss_train, eval_tokens)),
        RunEnding::Diverged { .. } => None,
    }
}

/// Tokens of the trunk from which the run continued.
fn trunk_tokens(run: &PlannedRun, outcome: &Outcome) -> Tokens {
    Tokens(outcome.trunk.map_or(0, |trunk| trunk.steps) * run.spec.batch_tokens().0)
}

fn tokens_spent(run: &PlannedRun, outcome: &Outcome) -> u64 {
    outcome.tokens - trunk_tokens(run, outcome).0
}

fn flops_spent(run: &PlannedRun, outcome: &Outcome) -> f64 {
    outcome.flops - (run.spec.flops_per_token() * trunk_tokens(run, outcome)).0
}

fn flop_per_second(run: &PlannedRun, outcome: &Outcome) -> f64 {
    flops_spent(run, outcome) / outcome.seconds.train
}

impl RunRow {
    /// Returns the final validation loss of a finished run, nats/token.
    pub fn loss(&self) -> Option<f64> {
        self.scores.map(|scores| scores.loss_val)
    }

    /// Returns [`DEVICE_SECONDS`](isoflop_core::metrics::DEVICE_SECONDS): a run has one device.
    /// `None` for a branch of a trunk, which did not spend the trunk's seconds itself.
    pub fn device_seconds(&self) -> Option<f64> {
        self.train_seconds
            .filter(|seconds| self.trunk_steps.is_none() && *seconds > 0.0)
    }

    /// Returns the tokens that the run trained on itself, without those of a trunk.
    pub fn tokens_spent(&self) -> Option<u64> {
        // `flops_spent` is a multiple of `flops_per_token`, up to rounding.
        Some((self.flops_spent? / self.flops_per_token as f64).round() as u64)
    }
}
