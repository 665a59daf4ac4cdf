//! The `train` entry as it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{
    self, Deserializer, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer,
};

use super::shorthand::Shorthand;
use super::{At, Count, Number};
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
    #[serde(default = "default_optimizer")]
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

impl<'de> Deserialize<'de> for BatchEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BatchVisitor)
    }
}

impl JsonSchema for BatchEntry {
    fn schema_name() -> Cow<'static, str> {
        "BatchTokens".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (tokens, rule) = (
            generator.subschema_for::<Count>(),
            generator.subschema_for::<BatchRuleEntry>(),
        );
        json_schema!({ "anyOf": [tokens, rule] })
    }
}

/// Optimizer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerEntry {
    /// AdamW.
    Adamw(AdamwEntry),
    /// Adafactor as arXiv:2109.08668 used it: without momentum, updates scaled by the parameter.
    Adafactor(AdafactorEntry),
    /// Muon for the hidden matrices, AdamW for embeddings, head, norms, biases and taps.
    Muon(MuonEntry),
}

/// AdamW's settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamwEntry {
    /// Decay of the first moment; 0.9 if absent.
    #[serde(default = "default_beta1")]
    pub beta1: At<Number>,
    /// Decay of the second moment; 0.95 if absent.
    #[serde(default = "default_beta2")]
    pub beta2: At<Number>,
    /// Added to the root of the second moment; 1e-8 if absent.
    #[serde(default = "default_eps")]
    pub eps: At<Number>,
    /// Decoupled weight decay of matrices; 0.1 if absent.
    #[serde(default = "default_weight_decay")]
    pub weight_decay: At<Number>,
    /// Whether embeddings and an output head decay too; true if absent.
    #[serde(default = "yes")]
    pub decay_embeddings: bool,
}

/// Adafactor's settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdafactorEntry {
    /// The second moment's decay is 1 - t^-decay_power; 0.8 if absent.
    #[serde(default = "default_decay_power")]
    pub decay_power: At<Number>,
    /// Added to the squared gradient; 1e-30 if absent.
    #[serde(default = "default_eps_gradient")]
    pub eps_gradient: At<Number>,
    /// Least root mean square of a parameter that scales its update; 1e-3 if absent.
    #[serde(default = "default_eps_parameter")]
    pub eps_parameter: At<Number>,
    /// Root mean square that an update is cut down to before it is scaled; 1 if absent.
    #[serde(default = "default_clip_threshold")]
    pub clip_threshold: At<Number>,
    /// Least dimension of a matrix whose second moment is kept as means of rows and columns; 128 if absent.
    #[serde(default = "default_factor_from")]
    pub factor_from: At<Count>,
}

/// Muon's settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MuonEntry {
    /// Decay of the momentum; 0.95 if absent.
    #[serde(default = "default_momentum")]
    pub momentum: At<Number>,
    /// Newton-Schulz iterations; 5 if absent.
    #[serde(default = "default_iterations")]
    pub iterations: At<Count>,
    /// AdamW's settings; its `weight_decay` is the matrices' too.
    #[serde(default)]
    pub adamw: AdamwEntry,
}

impl Default for AdamwEntry {
    fn default() -> Self {
        Self {
            beta1: default_beta1(),
            beta2: default_beta2(),
            eps: default_eps(),
            weight_decay: default_weight_decay(),
            decay_embeddings: true,
        }
    }
}

fn default_optimizer() -> Shorthand<OptimizerEntry> {
    Shorthand(OptimizerEntry::Adamw(AdamwEntry::default()))
}

fn default_schedule() -> At<Schedule> {
    At::nowhere(Schedule::Cosine {
        warmup: 0.05,
        floor: 0.1,
    })
}

fn default_precision() -> Precision {
    Precision::Float32
}

const fn yes() -> bool {
    true
}

/// Functions that give a default, for serde.
macro_rules! defaults {
    ($($name:ident = $kind:ident($value:expr);)+) => {
        $(fn $name() -> At<$kind> {
            At::nowhere($kind($value))
        })+
    };
}

defaults! {
    zero = Number(0.0);
    default_clip_norm = Number(1.0);
    default_beta1 = Number(0.9);
    default_beta2 = Number(0.95);
    default_eps = Number(1e-8);
    default_weight_decay = Number(0.1);
    default_decay_power = Number(0.8);
    default_eps_gradient = Number(1e-30);
    default_eps_parameter = Number(1e-3);
    default_clip_threshold = Number(1.0);
    default_factor_from = Count(128);
    default_momentum = Number(0.95);
    default_iterations = Count(5);
}
