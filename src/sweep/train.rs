//! The `train` entry as it is written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::shorthand::Shorthand;
use super::{At, Count, Number, OptimizerEntry};
use isoflop_core::run::{Precision, Schedule};

/// How every run is trained.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainEntry {
    /// Tokens in a sequence.
    pub sequence_length: At<Count>,
    /// Tokens in an optimizer step: a multiple of `sequence_length`, or a rule.
    pub batch_tokens: At<BatchEntry>,
    /// Sequences in one pass, where memory is short: a step's gradients are averaged over as many passes as it takes. The
    /// whole batch if absent.
    #[serde(default)]
    pub micro_batch_sequences: Option<At<Count>>,
    /// Peak learning rate.
    pub learning_rate: At<LearningRateEntry>,
    /// Its course.
    #[serde(default = "default_schedule")]
    pub schedule: At<Schedule>,
    /// Optimizer.
    #[serde(default)]
    pub(super) optimizer: Shorthand<OptimizerEntry>,
    /// Gradients are scaled down to this global norm.
    #[serde(default = "default_clip_norm")]
    pub clip_norm: At<Number>,
    /// Number format.
    #[serde(default = "default_precision")]
    pub precision: Precision,
}

/// One of: the same for all sizes, or a rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LearningRateEntry {
    /// The same for all sizes.
    Fixed(At<Number>),
    /// One for each size, by the size's name.
    Table(BTreeMap<String, At<Number>>),
    /// base·sqrt(at / d_model).
    InverseSqrtWidth {
        /// The learning rate at width `at`.
        base: At<Number>,
        /// The width that `base` belongs to.
        at: At<Number>,
    },
    /// coefficient·N^params·D^tokens·C^flops.
    PowerLaw(PowerLawEntry),
    /// 1.79·N^-0.713·D^0.307 (arXiv:2503.04715, table 1).
    StepLaw,
    /// 0.3118·C^-0.125 (arXiv:2401.02954, eq. 1).
    Deepseek,
    /// 0.01, the peak of arXiv:2109.08668, which goes with `optimizer: adafactor` and
    /// `schedule: { rsqrt: { constant_steps: 10000 } }`.
    Primer,
}

/// A power law in the model and the budget: N = `params_without_embedding`, D = training tokens, C = training FLOPs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerLawEntry {
    /// The factor before the powers.
    pub coefficient: At<Number>,
    /// Exponent of N; 0 if absent.
    #[serde(default = "zero")]
    pub params: At<Number>,
    /// Exponent of D; 0 if absent.
    #[serde(default = "zero")]
    pub tokens: At<Number>,
    /// Exponent of C; 0 if absent.
    #[serde(default = "zero")]
    pub flops: At<Number>,
}

/// Tokens in a step: a number, or a rule that is rounded to whole sequences.
#[derive(Clone, Debug)]
pub enum BatchEntry {
    /// The same for all runs.
    Tokens(Count),
    /// By the size of model and budget.
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
        Count::deserialize(value.into_deserializer()).map(BatchEntry::Tokens)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<BatchEntry, E> {
        Count::deserialize(value.into_deserializer()).map(BatchEntry::Tokens)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<BatchEntry, E> {
        Count::deserialize(value.into_deserializer()).map(BatchEntry::Tokens)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BatchEntry, E> {
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            BatchRuleEntry::deserialize(text.into_deserializer()).map(BatchEntry::Rule)
        } else {
            Count::deserialize(text.into_deserializer()).map(BatchEntry::Tokens)
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BatchEntry, A::Error> {
        BatchRuleEntry::deserialize(MapAccessDeserializer::new(map)).map(BatchEntry::Rule)
    }
}

written!(BatchEntry, BatchVisitor, "BatchTokens", |generator| {
    let tokens = generator.subschema_for::<Count>();
    let rule = generator.subschema_for::<BatchRuleEntry>();
    json_schema!({ "anyOf": [tokens, rule] })
});

fn default_schedule() -> At<Schedule> {
    At::nowhere(Schedule::Cosine {
        warmup: 0.05,
        floor: 0.1,
    })
}

fn default_precision() -> Precision {
    Precision::Float32
}

fn default_clip_norm() -> At<Number> {
    At::nowhere(Number(1.0))
}

fn zero() -> At<Number> {
    At::nowhere(Number(0.0))
}
