//! The `train` entry, as written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::shorthand::ChoiceShorthand;
use super::{FiniteNumber, LocatedValue, OptimizerEntry, WholeNumber};
use isoflop_core::run::{LearningRateSchedule, Precision};

/// Training settings of all runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainEntry {
    /// Tokens in a sequence.
    pub sequence_length: LocatedValue<WholeNumber>,
    /// Tokens in an optimizer step: a multiple of `sequence_length`, or a rule.
    pub batch_tokens: LocatedValue<BatchEntry>,
    /// Sequences in one pass, to save memory: each step averages the gradients of its passes; the
    /// whole batch if absent.
    #[serde(default)]
    pub micro_batch_sequences: Option<LocatedValue<WholeNumber>>,
    /// Peak learning rate.
    pub learning_rate: LocatedValue<LearningRateEntry>,
    /// Learning rate by step.
    #[serde(default = "default_schedule")]
    pub schedule: LocatedValue<LearningRateSchedule>,
    /// Rule that turns gradients into updates.
    #[serde(default)]
    pub(super) optimizer: ChoiceShorthand<OptimizerEntry>,
    /// Largest global norm of a gradient. Larger gradients are scaled down to it.
    #[serde(default = "default_clip_norm")]
    pub clip_norm: LocatedValue<FiniteNumber>,
    /// Number format of matrix products.
    #[serde(default = "default_precision")]
    pub precision: Precision,
}

/// One of: the same for all sizes, or a rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LearningRateEntry {
    /// The same for all sizes.
    Fixed(LocatedValue<FiniteNumber>),
    /// One for each size, by the size's name.
    Table(BTreeMap<String, LocatedValue<FiniteNumber>>),
    /// base·sqrt(at / d_model).
    InverseSqrtWidth {
        /// Learning rate at width `at`.
        base: LocatedValue<FiniteNumber>,
        /// Width at which the learning rate is `base`.
        at: LocatedValue<FiniteNumber>,
    },
    /// coefficient·N^params·D^tokens·C^flops.
    PowerLaw(PowerLawEntry),
    /// 1.79·N^-0.713·D^0.307 (arXiv:2503.04715, table 1).
    StepLaw,
    /// 0.3118·C^-0.125 (arXiv:2401.02954, eq. 1).
    Deepseek,
    /// 0.01, the peak of arXiv:2109.08668. Use it with `optimizer: adafactor` and
    /// `schedule: { rsqrt: { constant_steps: 10000 } }`.
    Primer,
}

/// A power law in the model and the budget: N = `params_without_embedding`, D = training tokens, C
/// = training FLOPs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerLawEntry {
    /// Factor before the powers.
    pub coefficient: LocatedValue<FiniteNumber>,
    /// Exponent of N; 0 if absent.
    #[serde(default = "zero")]
    pub params: LocatedValue<FiniteNumber>,
    /// Exponent of D; 0 if absent.
    #[serde(default = "zero")]
    pub tokens: LocatedValue<FiniteNumber>,
    /// Exponent of C; 0 if absent.
    #[serde(default = "zero")]
    pub flops: LocatedValue<FiniteNumber>,
}

/// Tokens in a step: a number, or a rule whose result is rounded to whole sequences.
#[derive(Clone, Debug)]
pub enum BatchEntry {
    /// The same for all runs.
    Tokens(WholeNumber),
    /// A rule in the model and the budget.
    Rule(BatchRuleEntry),
}

/// A rule for `batch_tokens`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchRuleEntry {
    /// coefficient·N^params·D^tokens·C^flops.
    PowerLaw(PowerLawEntry),
    /// 0.58·D^0.571 (arXiv:2503.04715, table 1).
    StepLaw,
    /// 0.292·C^0.3271 (arXiv:2401.02954, eq. 1).
    Deepseek,
}

struct BatchVisitor;

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = BatchEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of tokens, `step_law`, `deepseek`, or `power_law: { ... }`")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<BatchEntry, E> {
        WholeNumber::deserialize(value.into_deserializer()).map(BatchEntry::Tokens)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<BatchEntry, E> {
        WholeNumber::deserialize(value.into_deserializer()).map(BatchEntry::Tokens)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<BatchEntry, E> {
        WholeNumber::deserialize(value.into_deserializer()).map(BatchEntry::Tokens)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BatchEntry, E> {
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            BatchRuleEntry::deserialize(text.into_deserializer()).map(BatchEntry::Rule)
        } else {
            WholeNumber::deserialize(text.into_deserializer()).map(BatchEntry::Tokens)
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BatchEntry, A::Error> {
        BatchRuleEntry::deserialize(MapAccessDeserializer::new(map)).map(BatchEntry::Rule)
    }
}

written!(BatchEntry, BatchVisitor, "BatchTokens", |generator| {
    let tokens = generator.subschema_for::<WholeNumber>();
    let rule = generator.subschema_for::<BatchRuleEntry>();
    json_schema!({ "anyOf": [tokens, rule] })
});

fn default_schedule() -> LocatedValue<LearningRateSchedule> {
    LocatedValue::without_location(LearningRateSchedule::Cosine {
        warmup: 0.05,
        floor: 0.1,
    })
}

fn default_precision() -> Precision {
    Precision::Float32
}

fn default_clip_norm() -> LocatedValue<FiniteNumber> {
    LocatedValue::without_location(FiniteNumber(1.0))
}

fn zero() -> LocatedValue<FiniteNumber> {
    LocatedValue::without_location(FiniteNumber(0.0))
}
