//! Batch, steps and learning rate of a model at a budget, with checks of each.

use super::arms::SweepArm;
use super::error::ValueError;
use super::rules::{RATES, RuleScale};
use super::{CheckedSweep, Corpora, LocatedValue};
use isoflop_core::arch::ModelConfig;
use isoflop_core::run::Budget;
use isoflop_core::units::si;

/// A model and a budget, with their names in the sweep.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpendingPoint<'a> {
    pub(super) arm: &'a SweepArm,
    pub(super) size: &'a str,
    pub(super) model: &'a ModelConfig,
    pub(super) budget: &'a LocatedValue<Budget>,
}

impl SpendingPoint<'_> {
    fn flops_per_token(&self) -> f64 {
        self.model.flops_per_token().0 as f64
    }

    fn scale(&self) -> RuleScale {
        let (per_token, params) = (self.flops_per_token(), self.model.params());
        let tokens = match self.budget.value {
            Budget::Flops(flops) => flops / per_token,
            Budget::Tokens(tokens) => tokens,
            Budget::TokensPerParam(ratio) => ratio * params.total().0 as f64,
        };
        RuleScale {
            params: params.without_embedding().0 as f64,
            tokens,
            flops: tokens * per_token,
        }
    }
}

/// Batch and steps of a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunSpending {
    pub(super) batch_sequences: u32,
    /// Sequences in one pass; `None` if one pass takes the whole batch.
    pub(super) micro_batch_sequences: Option<u32>,
    pub(super) steps: u64,
    scale: RuleScale,
}

impl CheckedSweep<'_> {
    /// Computes batch and steps of a point, with the number of steps that comes nearest to the
    /// budget.
    pub(super) fn spending(
        &self,
        point: &SpendingPoint<'_>,
        corpora: &Corpora,
    ) -> Result<RunSpending, ValueError> {
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
            return Err(point.budget.error(message, hint));
        }
        let steps = (scale.tokens / batch).round();
        let length = u64::from(length);
        let available = (corpora.train_tokens.saturating_sub(1) / length * length) as f64;
        if steps * batch > available {
            let (needed, found) = (si(steps * batch), si(available));
            let message = format!(
                "`{size}` for `{arm}` at {budget} needs {needed} training tokens, but the corpus has {found}, and no run repeats its data"
            );
            let hint = "lower the budget, remove this size, or use more text";
            return Err(point.budget.error(message, hint));
        }
        Ok(RunSpending {
            batch_sequences,
            micro_batch_sequences,
            steps: steps as u64,
            scale,
        })
    }

    fn micro_batch(&self, batch: u32) -> Result<Option<u32>, ValueError> {
        let smaller = |sequences: &&LocatedValue<u32>| sequences.value < batch;
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
            "`micro_batch_sequences` {micro} does not divide the batch of {batch} sequences"
        );
        let hint = format!("use {fitting}, or another divisor of every batch");
        Err(sequences.error(message, hint))
    }

    /// Computes the peak learning rate by the rule, times a learning-rate factor.
    pub(super) fn learning_rate(
        &self,
        point: &SpendingPoint<'_>,
        spending: RunSpending,
        factor: f64,
    ) -> Result<f64, ValueError> {
        let rule = &self.recipe.learning_rate;
        let rate = rule.value.at(&point.model.shape, spending.scale) * factor;
        if RATES.contains(&rate) {
            return Ok(rate);
        }
        let (size, arm) = (point.size, &point.arm.name);
        let message = format!(
            "the learning rate of `{size}` for `{arm}` is out of range: expected above 0, up to 10, found {rate}"
        );
        let hint = "change the rule or the factors in `lr`";
        Err(rule.error(message, hint))
    }
}
