//! What all runs of a sweep share, checked; and a run's spec from it.

use super::check::Check;
use super::rules::{BatchRule, LearningRateRule, RATES, Scale};
use super::train::{AdafactorEntry, AdamwEntry, LearningRateEntry, MuonEntry, OptimizerEntry};
use super::{At, Corpora, Count, Number, SweepError, SweepFile};
use isoflop_core::arch::{Architecture, Contradiction, Counting, ModelConfig, Shape};
use isoflop_core::run::{
    Adafactor, Adamw, Budget, Evaluation, Muon, Optimizer, Precision, RunSpec, SPEC_VERSION,
    Schedule,
};

/// The training settings, checked, but for the rules that need the sizes.
pub(super) struct Settings<'a> {
    corpora: &'a Corpora,
    sequence_length: u32,
    batch: BatchRule,
    micro_batch: Option<At<Count>>,
    schedule: Schedule,
    optimizer: Optimizer,
    clip_norm: f64,
    evaluation: Evaluation,
    precision: Precision,
}

/// A model with the names it has in the sweep.
pub(super) struct Named<'a> {
    pub(super) arm: &'a str,
    pub(super) size: String,
    pub(super) model: ModelConfig,
}

/// What a budget comes to for one model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spending {
    pub(super) budget: Budget,
    batch_sequences: u32,
    micro_batch_sequences: Option<u32>,
    steps: u64,
    scale: Scale,
}

impl<'a> Settings<'a> {
    pub(super) fn checked(
        file: &SweepFile,
        check: &Check<'_>,
        corpora: &'a Corpora,
    ) -> Result<Self, SweepError> {
        let train = &file.train;
        let sequence_length =
            check.count("`sequence_length`", &train.sequence_length, 2..=1 << 20)?;
        let batch = BatchRule::checked(&train.batch_tokens, sequence_length, check)?;
        let micro_batch = train.micro_batch_sequences;
        if let Some(sequences) = &micro_batch {
            check.count("`micro_batch_sequences`", sequences, 1..=1 << 20)?;
        }
        check.schedule(&train.schedule)?;
        check.execution(file)?;
        let tokens = check.count(
            "`tokens`",
            &file.evaluation.tokens,
            sequence_length..=1 << 40,
        )?;
        if corpora.validation_tokens < tokens + 1 {
            let found = corpora.validation_tokens;
            let message = format!(
                "each evaluation scores {tokens} held-out tokens, the validation text has {found}"
            );
            let hint = "lower `evaluation: tokens`, or hold out more text";
            return Err(check.at(&file.evaluation.tokens, message, hint));
        }
        let points = check.count("`points`", &file.evaluation.points, 1..=10_000)?;
        Ok(Self {
            corpora,
            sequence_length: sequence_length as u32,
            batch,
            micro_batch,
            schedule: train.schedule.value,
            optimizer: optimizer(&train.optimizer.0, check)?,
            clip_norm: check.within("`clip_norm`", &train.clip_norm, f64::MIN_POSITIVE..=1e6)?,
            evaluation: Evaluation {
                tokens,
                points: points as u32,
            },
            precision: train.precision,
        })
    }

    /// What sizes are counted for.
    pub(super) fn counting(&self, baseline: Architecture) -> Counting {
        let vocabulary = self.corpora.spec.vocabulary();
        Counting {
            architecture: baseline,
            vocabulary,
            sequence_length: self.sequence_length,
        }
    }

    pub(super) fn model(
        &self,
        arm: Architecture,
        size: &Shape,
    ) -> Result<ModelConfig, Contradiction> {
        ModelConfig::new(
            arm,
            size,
            self.corpora.spec.vocabulary(),
            self.sequence_length,
        )
    }

    /// Optimizer steps that spend the budget, to the nearest one.
    pub(super) fn spending(
        &self,
        check: &Check<'_>,
        Named { arm, size, model }: &Named<'_>,
        budget: Budget,
        at: &At<Number>,
    ) -> Result<Spending, SweepError> {
        let (per_token, params) = (model.flops_per_token().0 as f64, model.params());
        let tokens = match budget {
            Budget::Flops(flops) => flops / per_token,
            Budget::Tokens(tokens) => tokens,
            Budget::TokensPerParam(ratio) => ratio * params.total().0 as f64,
        };
        let scale = Scale {
            params: params.without_embedding().0 as f64,
            tokens,
            flops: tokens * per_token,
        };
        let batch_sequences = self.batch.sequences(scale, self.sequence_length);
        let micro_batch_sequences = self.micro_batch(check, batch_sequences)?;
        let batch = f64::from(self.sequence_length) * f64::from(batch_sequences);
        if tokens < batch {
            let need = match budget {
                Budget::Flops(_) => format!("{:.2e} FLOPs", per_token * batch),
                Budget::Tokens(_) | Budget::TokensPerParam(_) => format!("{batch} tokens"),
            };
            let message = format!(
                "the budget of {budget} is too small: one batch of `{size}` for `{arm}` needs {need}"
            );
            return Err(check.at(
                at,
                message,
                "raise the budget, remove this size, or lower `batch_tokens`",
            ));
        }
        let steps = (tokens / batch).round();
        let length = u64::from(self.sequence_length);
        let available = self.corpora.train_tokens.saturating_sub(1) / length * length;
        if steps * batch > available as f64 {
            let (needed, found) = (
                isoflop_core::units::si(steps * batch),
                isoflop_core::units::si(available as f64),
            );
            let message = format!(
                "`{size}` for `{arm}` at {budget} needs {needed} training tokens, the corpus has {found}, and no run may repeat its data"
            );
            return Err(check.at(
                at,
                message,
                "lower the budget, remove this size, or use more text",
            ));
        }
        Ok(Spending {
            budget,
            batch_sequences,
            micro_batch_sequences,
            steps: steps as u64,
            scale,
        })
    }

    /// Sequences in one pass; nothing where it holds the whole batch.
    fn micro_batch(&self, check: &Check<'_>, batch: u32) -> Result<Option<u32>, SweepError> {
        let Some(sequences) = self
            .micro_batch
            .as_ref()
            .filter(|count| count.value.0 < u64::from(batch))
        else {
            return Ok(None);
        };
        let micro = sequences.value.0 as u32;
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
        Err(check.at(
            sequences,
            message,
            format!("use {fitting}, or another divisor of every batch"),
        ))
    }

    /// The peak learning rate by the rule, times the axis's factor.
    pub(super) fn learning_rate(
        check: &Check<'_>,
        rule: &LearningRateRule,
        Named { arm, size, model }: &Named<'_>,
        spending: Spending,
        factor: f64,
        at: &At<LearningRateEntry>,
    ) -> Result<f64, SweepError> {
        let rate = rule.at(&model.shape, spending.scale) * factor;
        if RATES.contains(&rate) {
            return Ok(rate);
        }
        let message = format!(
            "the learning rate of `{size}` for `{arm}` comes to {rate}, allowed is above 0, up to 10"
        );
        Err(check.at(at, message, "change the rule or the factors of `lr`"))
    }

    pub(super) fn spec(
        &self,
        model: &ModelConfig,
        spending: Spending,
        learning_rate: f64,
        seed: u64,
    ) -> RunSpec {
        let Spending {
            budget,
            batch_sequences,
            micro_batch_sequences,
            steps,
            ..
        } = spending;
        RunSpec {
            version: SPEC_VERSION,
            architecture: model.architecture,
            shape: model.shape,
            data: self.corpora.spec.clone(),
            budget,
            sequence_length: self.sequence_length,
            batch_sequences,
            micro_batch_sequences,
            steps,
            optimizer: self.optimizer,
            learning_rate,
            schedule: self.schedule,
            clip_norm: self.clip_norm,
            precision: self.precision,
            // More points than steps would all fall on the same steps.
            evaluation: Evaluation {
                points: self
                    .evaluation
                    .points
                    .min(u32::try_from(steps).unwrap_or(u32::MAX)),
                ..self.evaluation
            },
            seed,
        }
    }
}

fn optimizer(entry: &OptimizerEntry, check: &Check<'_>) -> Result<Optimizer, SweepError> {
    Ok(match entry {
        OptimizerEntry::Adamw(settings) => Optimizer::Adamw(adamw(settings, check)?),
        OptimizerEntry::Adafactor(settings) => Optimizer::Adafactor(adafactor(settings, check)?),
        OptimizerEntry::Muon(settings) => Optimizer::Muon(muon(settings, check)?),
    })
}

fn adamw(entry: &AdamwEntry, check: &Check<'_>) -> Result<Adamw, SweepError> {
    let AdamwEntry {
        beta1,
        beta2,
        eps,
        weight_decay,
        decay_embeddings,
    } = entry;
    Ok(Adamw {
        beta1: check.within("`beta1`", beta1, 0.0..=0.999_999)?,
        beta2: check.within("`beta2`", beta2, 0.0..=0.999_999)?,
        eps: check.within("`eps`", eps, f64::MIN_POSITIVE..=1.0)?,
        weight_decay: check.within("`weight_decay`", weight_decay, 0.0..=10.0)?,
        decay_embeddings: *decay_embeddings,
    })
}

fn adafactor(entry: &AdafactorEntry, check: &Check<'_>) -> Result<Adafactor, SweepError> {
    let AdafactorEntry {
        decay_power,
        eps_gradient,
        eps_parameter,
        clip_threshold,
        factor_from,
    } = entry;
    Ok(Adafactor {
        decay_power: check.within("`decay_power`", decay_power, 0.1..=1.0)?,
        eps_gradient: check.within("`eps_gradient`", eps_gradient, f64::MIN_POSITIVE..=1e-3)?,
        eps_parameter: check.within("`eps_parameter`", eps_parameter, f64::MIN_POSITIVE..=1.0)?,
        clip_threshold: check.within(
            "`clip_threshold`",
            clip_threshold,
            f64::MIN_POSITIVE..=1e6,
        )?,
        factor_from: check.count("`factor_from`", factor_from, 2..=1 << 20)? as u32,
    })
}

fn muon(entry: &MuonEntry, check: &Check<'_>) -> Result<Muon, SweepError> {
    Ok(Muon {
        momentum: check.within("`momentum`", &entry.momentum, 0.0..=0.999_999)?,
        iterations: check.count("`iterations`", &entry.iterations, 1..=20)? as u32,
        adamw: adamw(&entry.adamw, check)?,
    })
}
