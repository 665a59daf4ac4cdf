//! How all runs of a sweep train, checked.

use super::check::Check;
use super::rules::{BatchRule, LearningRateRule};
use super::{At, SweepError, SweepFile, TrainEntry};
use isoflop_core::arch::Shape;
use isoflop_core::run::{Evaluation, Optimizer, Precision, Schedule};

/// The training settings that a sweep's runs share, and the rules for those that depend on a run's size and budget.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) sequence_length: u32,
    pub(super) batch: BatchRule,
    /// Sequences in one pass, where a batch holds more.
    pub(super) micro_batch: Option<At<u32>>,
    pub(super) learning_rate: At<LearningRateRule>,
    pub(super) schedule: Schedule,
    pub(super) optimizer: Optimizer,
    pub(super) clip_norm: f64,
    pub(super) precision: Precision,
    pub(super) evaluation: At<Evaluation>,
}

impl Recipe {
    /// Checks `train` and `evaluation`; a table of learning rates must name every one of `sizes`.
    pub(super) fn checked(
        file: &SweepFile,
        sequence_length: u32,
        sizes: &[Shape],
        check: &Check<'_>,
    ) -> Result<Self, SweepError> {
        let train = &file.train;
        check.schedule(&train.schedule)?;
        let micro_batch = |sequences: &At<_>| {
            let count = check.count("`micro_batch_sequences`", sequences, 1..=1 << 20)?;
            Ok(sequences.with(count as u32))
        };
        let rate = &train.learning_rate;
        Ok(Self {
            sequence_length,
            batch: BatchRule::checked(&train.batch_tokens, sequence_length.into(), check)?,
            micro_batch: train
                .micro_batch_sequences
                .as_ref()
                .map(micro_batch)
                .transpose()?,
            learning_rate: rate.with(LearningRateRule::checked(rate, sizes, check)?),
            schedule: train.schedule.value,
            optimizer: train.optimizer.0.checked(check)?,
            clip_norm: check.within("`clip_norm`", &train.clip_norm, f64::MIN_POSITIVE..=1e6)?,
            precision: train.precision,
            evaluation: evaluation(file, sequence_length, check)?,
        })
    }
}

pub(super) fn sequence_length(train: &TrainEntry, check: &Check<'_>) -> Result<u32, SweepError> {
    let length = check.count("`sequence_length`", &train.sequence_length, 2..=1 << 20)?;
    Ok(length as u32)
}

fn evaluation(
    file: &SweepFile,
    sequence_length: u32,
    check: &Check<'_>,
) -> Result<At<Evaluation>, SweepError> {
    let entry = &file.evaluation;
    let tokens = check.count("`tokens`", &entry.tokens, sequence_length.into()..=1 << 40)?;
    let points = check.count("`points`", &entry.points, 1..=10_000)? as u32;
    Ok(entry.tokens.with(Evaluation { tokens, points }))
}
