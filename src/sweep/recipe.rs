//! How all runs of a sweep train, checked.

use super::error::Fault;
use super::rules::{BatchRule, LearningRateRule};
use super::{At, Count, SweepFile, TrainEntry};
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
    ) -> Result<Self, Fault> {
        let train = &file.train;
        check_schedule(&train.schedule)?;
        let micro_batch = |sequences: &At<Count>| {
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

pub(super) fn sequence_length(train: &TrainEntry) -> Result<u32, Fault> {
    let length = train
        .sequence_length
        .within("`sequence_length`", 2..=1 << 20)?;
    Ok(length as u32)
}

fn evaluation(file: &SweepFile, sequence_length: u32) -> Result<At<Evaluation>, Fault> {
    let entry = &file.evaluation;
    let tokens = entry
        .tokens
        .within("`tokens`", sequence_length.into()..=1 << 40)?;
    let points = entry.points.within("`points`", 1..=10_000)? as u32;
    Ok(entry.tokens.with(Evaluation { tokens, points }))
}

fn check_schedule(schedule: &At<Schedule>) -> Result<(), Fault> {
    let fractions: &[(&str, f64)] = match &schedule.value {
        Schedule::Cosine { warmup, floor } | Schedule::Linear { warmup, floor } => {
            &[("warmup", *warmup), ("floor", *floor)]
        }
        Schedule::Wsd { decay, floor, .. } => &[("decay", *decay), ("floor", *floor)],
        Schedule::Rsqrt {
            constant_steps: 0, ..
        } => {
            let message = "`constant_steps` is 0, allowed is 1 and more";
            let hint = "give the steps before the fall, for example 10000";
            return Err(schedule.fault(message, hint));
        }
        Schedule::Rsqrt { .. } => &[],
    };
    match fractions
        .iter()
        .find(|(_, value)| !(0.0..=1.0).contains(value))
    {
        Some((name, value)) => Err(schedule.fault(
            format!("`{name}` is {value}, allowed is 0 to 1"),
            "give it as a fraction of the run",
        )),
        None => Ok(()),
    }
}
