//! What a budget comes to for a model: batch, steps and learning rate. Refused is what one of them cannot be.

use super::arms::Arm;
use super::error::Fault;
use super::rules::{RATES, Scale};
use super::{At, Corpora, Sweep};
use isoflop_core::arch::ModelConfig;
use isoflop_core::run::Budget;
use isoflop_core::units::si;

/// A model and a budget, with their names in the sweep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    pub(super) arm: &'a Arm,
    pub(super) size: &'a str,
    pub(super) model: &'a ModelConfig,
    pub(super) budget: &'a At<Budget>,
}

impl Point<'_> {
    fn flops_per_token(&self) -> f64 {
        self.model.flops_per_token().0 as f64
    }

    fn scale(&self) -> Scale {
        let (per_token, params) = (self.flops_per_token(), self.model.params());
        let tokens = match self.budget.value {
            Budget::Flops(flops) => flops / per_token,
            Budget::Tokens(tokens) => tokens,
            Budget::TokensPerParam(ratio) => ratio * params.total().0 as f64,
        };
        Scale {
            params: params.without_embedding().0 as f64,
            tokens,
            flops: tokens * per_token,
        }
    }
}

/// What the budget of a point comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spending {
    pub(super) batch_sequences: u32,
    /// Nothing where a pass holds the whole batch.
    pub(super) micro_batch_sequences: Option<u32>,
    pub(super) steps: u64,
    scale: Scale,
}

impl Sweep<'_> {
    /// Optimizer steps that spend the budget, to the nearest one.
    pub(super) fn spending(&self, point: &Point<'_>, corpora: &Corpora) -> Result<Spending, Fault> {
        let scale = point.scale();
        let length = self.recipe.sequence_length;
        let batch_sequences = self.recipe.batch.sequences(scale, length);
        let micro_batch_sequences = self.micro_batch(batch_sequences)?;
        let batch = f64::from(length) * f64::from(batch_sequences);
        let (arm, size, budget) = (&point.arm.name, point.size, point.budget.value);
        if scale.tokens < batch {
            let need = match budget {
                Budget::Flops(_) => format!("{:.2e} FLOPs", point.flops_per_token() * batch),
                Budget::Tokens(_) | Budget::TokensPerParam(_) => format!("{batch} tokens"),
            };
            let message = format!(
                "the budget of {budget} is too small: one batch of `{size}` for `{arm}` needs {need}"
            );
            let hint = "raise the budget, remove this size, or lower `batch_tokens`";
            return Err(point.budget.fault(message, hint));
        }
        let steps = (scale.tokens / batch).round();
        let length = u64::from(length);
        let available = (corpora.train_tokens.saturating_sub(1) / length * length) as f64;
        if steps * batch > available {
            let (needed, found) = (si(steps * batch), si(available));
            let message = format!(
                "`{size}` for `{arm}` at {budget} needs {needed} training tokens, the corpus has {found}, and no run may repeat its data"
            );
            let hint = "lower the budget, remove this size, or use more text";
            return Err(point.budget.fault(message, hint));
        }
        Ok(Spending {
            batch_sequences,
            micro_batch_sequences,
            steps: steps as u64,
            scale,
        })
    }

    fn micro_batch(&self, batch: u32) -> Result<Option<u32>, Fault> {
        let smaller = |sequences: &&At<u32>| sequences.value < batch;
        let Some(sequences) = self.recipe.micro_batch.as_ref().filter(smaller) else {
            return Ok(None);
        };
        let micro = sequences.value;
        if batch.is_multiple_of(micro) {
            return Ok(Some(micro));
        }
        let fitting = (1..=micro)
            .rev()
            .find(|divisor| batch.is_multiple_of(*divisor))
            .unwrap_or(1);
        let message = format!(
            "`micro_batch_sequences` is {micro}, which does not divide a batch of {batch} sequences"
        );
        let hint = format!("use {fitting}, or another divisor of every batch");
        Err(sequences.fault(message, hint))
    }

    /// The peak learning rate by the rule, times a factor of the axis.
    pub(super) fn learning_rate(
        &self,
        point: &Point<'_>,
        spending: Spending,
        factor: f64,
    ) -> Result<f64, Fault> {
        let rule = &self.recipe.learning_rate;
        let rate = rule.value.at(&point.model.shape, spending.scale) * factor;
        if RATES.contains(&rate) {
            return Ok(rate);
        }
        let (size, arm) = (point.size, &point.arm.name);
        let message = format!(
            "the learning rate of `{size}` for `{arm}` comes to {rate}, allowed is above 0, up to 10"
        );
        let hint = "change the rule or the factors of `lr`";
        Err(rule.fault(message, hint))
    }
}
