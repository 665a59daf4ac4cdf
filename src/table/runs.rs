//! `runs.parquet`: a row a run.

use isoflop_core::arch::Causal;
use isoflop_core::metrics::Scores;
use isoflop_core::run::{Budget, Ending, Outcome};
use isoflop_core::units::Tokens;
use isoflop_sweep::PlannedRun;

use super::RunStatus;
use super::row::row;

row! {
    /// A run: a row of `runs.parquet`.
    pub struct RunRow(run: &PlannedRun, outcome: Option<&Outcome>) {
        /// Identity: a hash of all that decides the result.
        run_id: String = run.id.to_string();
        /// Name of the architecture in the sweep.
        arm: String = run.arm.clone();
        /// Its choices as JSON, all of them.
        // Choices are words and finite numbers: they have a JSON.
        architecture: String = serde_json::to_string(&run.spec.architecture).unwrap_or_default();
        /// Name of the shape.
        size: String = run.size.clone();
        /// Width of the residual stream.
        d_model: u32 ["channels"] = run.spec.shape.d_model;
        /// Number of blocks.
        layers: u32 = run.spec.shape.layers;
        /// Number of attention heads.
        heads: u32 = run.spec.shape.heads;
        /// Width of a head.
        d_head: u32 ["channels"] = run.spec.shape.d_head;
        /// Width of the feed-forward layer, as this architecture has it.
        d_ff: u32 ["channels"] = run.spec.shape.d_ff;
        /// All parameters, a tied embedding once.
        params_total: u64 ["parameters"] = run.spec.params_total().0;
        /// All but the vocabulary's matrices and learned positions.
        params_without_embedding: u64 ["parameters"] = run.spec.params_without_embedding().0;
        /// Kind of the budget: `flops`, `tokens` or `tokens_per_param`.
        budget_kind: &'static str = run.spec.budget.kind();
        /// Budget asked for.
        budget: Budget ["as its kind"] = run.spec.budget;
        /// Exact training FLOPs: attention in full, backward twice the forward.
        flops_per_token: u64 ["FLOPs/token"] = run.spec.flops_per_token().0;
        /// The same with attention over the pairs that the causal mask leaves.
        flops_per_token_causal_half: u64 ["FLOPs/token"] = run.spec.model().flops().training(Causal::Half).0;
        /// `flops_per_token` x `tokens`: the compute that the loss belongs to.
        flops: f64 ["FLOPs"] = outcome.map_or(run.spec.flops().0, |o| o.flops);
        /// The rule of thumb, 6 x `params_total` x `tokens`.
        flops_6nd: f64 ["FLOPs"] = 6.0 * run.spec.params_total().0 as f64 * tokens(run, outcome) as f64;
        /// Tokens trained on; of a run without outcome, those to train on.
        tokens: u64 ["tokens"] = tokens(run, outcome);
        /// Optimizer steps.
        steps: u64 ["steps"] = outcome.map_or(run.spec.steps, |o| o.steps);
        /// Tokens in a step.
        batch_tokens: u64 ["tokens/step"] = run.spec.batch_tokens().0;
        /// Tokens in a sequence.
        sequence_length: u32 ["tokens"] = run.spec.sequence_length;
        /// Peak learning rate.
        learning_rate: f64 = run.spec.learning_rate;
        /// Factor on the rule's learning rate, where the sweep has an axis of them; else 1.
        lr_factor: f64 = run.lr_factor.unwrap_or(1.0);
        /// Seed of the initial weights and of the order of the data.
        seed: u64 = run.spec.seed;
        /// `finished`, `diverged` (no final loss) or `missing` (no valid outcome).
        status: RunStatus = RunStatus::of(outcome);
        ..scores: Option<Scores> = finished(outcome).map(|(scores, ..)| scores);
        /// Mean training loss between the last evaluation within the run and its end.
        loss_train: Option<f64> ["nats/token"] = finished(outcome).map(|(_, loss_train, _)| loss_train);
        /// Held-out tokens that `loss_val` is a mean over.
        eval_tokens: Option<u64> ["tokens"] = finished(outcome).map(|(.., tokens)| tokens);
        /// What this run spent itself: `flops` without a trunk's. Summed over runs it is the sweep's cost, shared steps
        /// counted once.
        flops_spent: Option<f64> ["FLOPs"] = outcome.map(|o| flops_spent(run, o));
        /// Steps taken over from the run with the next smaller budget; absent where the run made every step itself.
        trunk_steps: Option<u64> ["steps"] = outcome.and_then(|o| Some(o.trunk?.steps));
        /// Sequences in a pass, where an attempt before this one found no memory for the spec's passes: the last bits are
        /// then other than the spec's; absent elsewhere.
        split_for_memory: Option<u32> ["sequences"] = outcome.and_then(|o| o.split_for_memory);
        /// Time from start to end of the attempt.
        wall_seconds: Option<f64> ["s"] = outcome.map(|o| o.wall_seconds);
        /// Time before its first step, of these.
        startup_seconds: Option<f64> ["s"] = outcome.map(|o| o.startup_seconds);
        /// Time in its own training steps alone, over all attempts that it rests on.
        train_seconds: Option<f64> ["s"] = outcome.map(|o| o.seconds.train);
        /// Time in evaluations.
        eval_seconds: Option<f64> ["s"] = outcome.map(|o| o.seconds.eval);
        /// Time in writing checkpoints and trunks.
        checkpoint_seconds: Option<f64> ["s"] = outcome.map(|o| o.seconds.checkpoint);
        /// Tokens of its own steps / `train_seconds`.
        tokens_per_second: Option<f64> ["tokens/s"] = outcome.map(|o| tokens_spent(run, o) as f64 / o.seconds.train);
        /// `flops_spent` / `train_seconds`.
        flop_per_second: Option<f64> ["FLOP/s"] = outcome.map(|o| flop_per_second(run, o));
        /// Rate of large matrix products in the run's number format, measured on its device and threads at its start.
        matrix_flop_per_second: Option<f64> ["FLOP/s"] = outcome.map(|o| o.matrix_flops_per_second);
        /// Model FLOPs utilisation (arXiv:2204.02311, appendix B): `flop_per_second` / `matrix_flop_per_second`.
        mfu: Option<f64> = outcome.map(|o| flop_per_second(run, o) / o.matrix_flops_per_second);
        /// Steps whose training loss lies more than 5 standard deviations above the mean of the 64 steps before.
        loss_spikes: Option<u64> ["steps"] = outcome.map(|o| o.loss_spikes);
        /// Most memory the process held of its own, without the pages of files (libtorch's libraries, the tokens), which the
        /// system shares and can drop.
        peak_memory_bytes: Option<u64> ["bytes"] = outcome.map(|o| o.peak_memory_bytes);
        /// `cpu`, or `cuda:` and the device's number.
        device: Option<String> = outcome.map(|o| o.device.to_string());
        /// CPU threads.
        threads: Option<u32> = outcome.map(|o| o.threads);
        /// The attempt that brought the outcome, from 1.
        attempt: Option<u32> = outcome.map(|o| o.attempt);
        /// Step at which that attempt took up a checkpoint; absent where it began at the beginning.
        resumed_from_step: Option<u64> ["steps"] = outcome.and_then(|o| o.resumed_from_step);
        /// Processor or accelerator.
        hardware: Option<String> = outcome.map(|o| o.provenance.hardware.clone());
        /// Host name.
        host: Option<String> = outcome.map(|o| o.provenance.host.clone());
        /// Revision of the checkout that the trainer was built from; `+changes` where it was not clean.
        git_revision: Option<String> = outcome.map(|o| o.provenance.git.clone());
        /// Version of isoflop.
        isoflop_version: Option<String> = outcome.map(|o| o.provenance.isoflop.clone());
        /// Version of libtorch.
        libtorch_version: Option<String> = outcome.map(|o| o.provenance.libtorch.clone());
        /// Start of the attempt, since 1970, UTC.
        started_at: Option<u64> ["s"] = outcome.map(|o| o.provenance.started_at);
    }
}

fn tokens(run: &PlannedRun, outcome: Option<&Outcome>) -> u64 {
    outcome.map_or(run.spec.tokens().0, |o| o.tokens)
}

/// Scores, training loss and held-out tokens of a run that did all its steps.
fn finished(outcome: Option<&Outcome>) -> Option<(Scores, f64, u64)> {
    match outcome?.ending {
        Ending::Finished {
            scores,
            loss_train,
            eval_tokens,
        } => Some((scores, loss_train, eval_tokens)),
        Ending::Diverged { .. } => None,
    }
}

/// Tokens of the trunk that was taken over.
fn taken(run: &PlannedRun, outcome: &Outcome) -> Tokens {
    Tokens(outcome.trunk.map_or(0, |trunk| trunk.steps) * run.spec.batch_tokens().0)
}

fn tokens_spent(run: &PlannedRun, outcome: &Outcome) -> u64 {
    outcome.tokens - taken(run, outcome).0
}

fn flops_spent(run: &PlannedRun, outcome: &Outcome) -> f64 {
    outcome.flops - (run.spec.flops_per_token() * taken(run, outcome)).0
}

fn flop_per_second(run: &PlannedRun, outcome: &Outcome) -> f64 {
    flops_spent(run, outcome) / outcome.seconds.train
}

impl RunRow {
    /// Final validation loss, nats/token, of a finished run.
    pub fn loss(&self) -> Option<f64> {
        self.scores.map(|scores| scores.loss_val)
    }

    /// [`DEVICE_SECONDS`](isoflop_core::metrics::DEVICE_SECONDS): a run has one device. One that took over a trunk did not
    /// spend the trunk's seconds itself, and has none to compare.
    pub fn device_seconds(&self) -> Option<f64> {
        self.train_seconds
            .filter(|seconds| self.trunk_steps.is_none() && *seconds > 0.0)
    }

    /// Tokens that the run trained on itself: all but a trunk's.
    pub fn tokens_spent(&self) -> Option<u64> {
        // FLOPs are a whole number of tokens' FLOPs, but for the last bits.
        Some((self.flops_spent? / self.flops_per_token as f64).round() as u64)
    }
}
