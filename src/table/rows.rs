//! The rows of the two tables. results/README.md explains every column.

use isoflop_core::arch::Shape;
use isoflop_core::run::Spent;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// All steps done, with a final loss.
    Finished,
    /// The loss exploded; there is no final loss.
    Diverged,
    /// No valid outcome yet.
    Missing,
}

impl RunStatus {
    /// The word in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Diverged => "diverged",
            Self::Missing => "missing",
        }
    }
}

/// One run: a row of `runs.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Identity.
    pub run_id: String,
    /// Name of the architecture in the sweep.
    pub arm: String,
    /// Its choices, as JSON.
    pub architecture: String,
    /// Name of the shape.
    pub size: String,
    /// The shape.
    pub shape: Shape,
    /// Parameters, the tied embedding included.
    pub params_total: u64,
    /// Parameters without the embedding.
    pub params_without_embedding: u64,
    /// Budget as asked for: `flops`, `tokens` or `tokens_per_param`.
    pub budget_kind: &'static str,
    /// Its value, in the unit of its kind.
    pub budget: f64,
    /// Exact training FLOPs per token, attention counted in full.
    pub flops_per_token: u64,
    /// The same with attention counted over the pairs that the causal mask leaves.
    pub flops_per_token_causal_half: u64,
    /// Exact training FLOPs spent (of the spec where the run is missing).
    pub flops: f64,
    /// 6·params_total·tokens.
    pub flops_6nd: f64,
    /// Training tokens.
    pub tokens: u64,
    /// Optimizer steps.
    pub steps: u64,
    /// Tokens a step.
    pub batch_tokens: u64,
    /// Tokens a sequence.
    pub sequence_length: u32,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Factor on the rule's learning rate: 1 where the sweep has no axis of them.
    pub lr_factor: f64,
    /// Seed.
    pub seed: u64,
    /// How it stands.
    pub status: RunStatus,
    /// Final validation loss, nats/token.
    pub loss_val: Option<f64>,
    /// The same in bits per byte.
    pub bits_per_byte: Option<f64>,
    /// Training loss over the last part of the curve, nats/token.
    pub loss_train: Option<f64>,
    /// Held-out tokens the loss is a mean over.
    pub eval_tokens: Option<u64>,
    /// Where it ran, and what it took; absent where it is missing.
    pub measured: Option<Measured>,
}

/// What an outcome adds to a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The step at which the attempt took up a checkpoint.
    pub resumed_from_step: Option<u64>,
    /// Sequences in a pass, where an attempt before found no memory for those of the spec.
    pub split_for_memory: Option<u32>,
    /// Steps that were taken over from a run with a smaller budget.
    pub trunk_steps: Option<u64>,
    /// FLOPs that this run spent itself: all but the trunk's.
    pub flops_spent: f64,
    /// Tokens that it trained on itself.
    pub tokens_spent: u64,
    /// Seconds from start to end of the attempt.
    pub wall_seconds: f64,
    /// Seconds before the attempt's first step.
    pub startup_seconds: f64,
    /// Seconds of its own in training steps, evaluations and checkpoints, in all attempts.
    pub seconds: Spent,
    /// Steps whose training loss stood out.
    pub loss_spikes: u64,
    /// Measured rate of matrix products, FLOP/s.
    pub matrix_flops_per_second: f64,
    /// Most memory the process held, bytes.
    pub peak_memory_bytes: u64,
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// CPU threads.
    pub threads: u32,
    /// Attempt that brought the outcome, from 1.
    pub attempt: u32,
    /// Processor or accelerator.
    pub hardware: String,
    /// Host name.
    pub host: String,
    /// Git revision of the program.
    pub git: String,
    /// Version of isoflop.
    pub isoflop: String,
    /// Version of libtorch.
    pub libtorch: String,
    /// When it began, seconds since 1970 UTC.
    pub started_at: u64,
}

impl Measured {
    /// Seconds of training times devices, of which a run has one. One that took over a trunk did not spend the trunk's
    /// seconds itself, and has none to compare.
    pub fn device_seconds(&self) -> Option<f64> {
        Some(self.seconds.train).filter(|seconds| self.trunk_steps.is_none() && *seconds > 0.0)
    }

    /// Training FLOPs for each second of training.
    pub fn flops_per_second(&self) -> f64 {
        self.flops_spent / self.seconds.train
    }

    /// Model FLOPs utilisation (arXiv:2204.02311, appendix B): exact FLOPs against the measured rate of matrix products.
    pub fn mfu(&self) -> f64 {
        self.flops_per_second() / self.matrix_flops_per_second
    }
}

/// One point of one run's curve: a row of `curves.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveRow {
    /// Identity of the run.
    pub run_id: String,
    /// Name of the architecture in the sweep.
    pub arm: String,
    /// Name of the shape.
    pub size: String,
    /// Budget in the unit of its kind.
    pub budget: f64,
    /// Seed.
    pub seed: u64,
    /// The point.
    pub point: isoflop_core::run::CurvePoint,
}
