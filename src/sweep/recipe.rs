//! Training settings of all runs of a sweep, checked.

use super::error::ValueError;
use super::rules::{BatchRule, LearningRateRule};
use super::{LocatedValue, SweepFile, TrainEntry, WholeNumber};
use isoflop_core::arch::Shape;
use isoflop_core::run::{EvaluationSpec, LearningRateSchedule, Optimizer, Precision};

/// Training settings that the runs of a sweep share, and rules for those that depend on a run's
/// size and budget.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) sequence_length: u32,
    pub(super) batch: BatchRule,
    /// Sequences in one pass, if a batch has more.
    pub(super) micro_batch: Option<LocatedValue<u32>>,
    pub(super) learning_rate: LocatedValue<LearningRateRule>,
    pub(super) schedule: LearningRateSchedule,
    pub(super) optimizer: Optimizer,
    pub(super) clip_norm: f64,
    pub(super) precision: Precision,
    pub(super) evaluation: LocatedValue<EvaluationSpec>,
}

impl Recipe {
    /// Checks `train` and `evaluation`. A table of learning rates must name each of `sizes`.
    pub(super) fn checked(
        file: &SweepFile,
        sequence_length: u32,
        sizes: &[Shape],
    ) -> Result<Self, ValueError> {
        let train = &file.train;
        check_schedule(&train.schedule)?;
        let micro_batch = |sequences: &LocatedValue<WholeNumber>| {
            let count = sequences.within("`micro_batch_sequences`", 1..=1 << 20);
            count.map(|count| sequences.with(count as u32))
        };
        let rate = &train.learning_rate;
        Ok(Self {
            sequence_length,
            batch: BatchRule::checked(&train.batch_tokens, sequence_length.into())?,
            micro_batch: train
                .micro_batch_sequences
                .as_ref()
                .map(micro_batch)
                .transpose()?,
            learning_rate: rate.with(LearningRateRule::checked(rate, sizes)?),
            schedule: train.schedule.value,
            optimizer: train.optimizer.0.checked()?,
            clip_norm: train
                .clip_norm
                .within("`clip_norm`", f64::MIN_POSITIVE..=1e6)?,
            precision: train.precision,
            evaluation: evaluation(file, sequence_length)?,
        })
    }
}

pub(super) fn sequence_length(train: &TrainEntry) -> Result<u32, ValueError> {
    let length = train
        .sequence_length
        .within("`sequence_length`", 2..=1 << 20)?;
    Ok(length as u32)
}

fn evaluation(
    file: &SweepFile,
    sequence_length: u32,
) -> Result<LocatedValue<EvaluationSpec>, ValueError> {
    let entry = &file.evaluation;
    let tokens = entry
        .tokens
        .within("`tokens`", sequence_length.into()..=1 << 40)?;
    let points = entry.points.within("`points`", 1..=10_000)? as u32;
    Ok(entry.tokens.with(EvaluationSpec { tokens, points }))
}

fn check_schedule(schedule: &LocatedValue<LearningRateSchedule>) -> Result<(), ValueError> {
    let fractions: &[(&str, f64)] = match &schedule.value {
        LearningRateSchedule::Cosine { warmup, floor }
        | LearningRateSchedule::Linear { warmup, floor } => {
            &[("warmup", *warmup), ("floor", *floor)]
        }
        LearningRateSchedule::Wsd { decay, floor, .. } => &[("decay", *decay), ("floor", *floor)],
        LearningRateSchedule::Rsqrt {
            constant_steps: 0, ..
        } => {
            let message = "`constant_steps` is out of range: expected at least 1, found 0";
            let hint = "give the number of steps before the rate falls, for example 10000";
            return Err(schedule.error(message, hint));
        }
        LearningRateSchedule::Rsqrt { .. } => &[],
    };
    match fractions
        .iter()
        .find(|(_, value)| !(0.0..=1.0).contains(value))
    {
        Some((name, value)) => Err(schedule.error(
            format!("`{name}` is out of range: expected 0 to 1, found {value}"),
            "give a fraction, for example 0.1",
        )),
        None => Ok(()),
    }
}
