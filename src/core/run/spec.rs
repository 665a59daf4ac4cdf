//! A resolved run and its identity.

use std::fmt;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::{Budget, LearningRateSchedule, Optimizer, Precision, canonical_json};
use crate::arch::{Architecture, ModelConfig, Shape, TRANSFORMER};
use crate::units::{Flops, FlopsPerToken, ParamCount, Tokens};

/// Version of the spec's meaning, part of every identity. Raise it when a change of training makes
/// equal specs give other results.
///
/// 2: the feed-forward and the relative bias start as in the released code of arXiv:2109.08668.
/// 3: fused kernels on the processor change the last bits; optimizers and schedules to choose from.
pub const SPEC_VERSION: u32 = 3;

/// Everything that decides a run's result. Paths, devices, slots and names are not part of it: a
/// change of them does not make another run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// [`SPEC_VERSION`].
    pub version: u32,
    /// The architecture's choices. Only those that differ from the Transformer's are serialized,
    /// and two that always were. A choice that is added to isoflop later then leaves the identities
    /// of finished runs unchanged.
    #[serde(serialize_with = "changed_choices")]
    pub architecture: Architecture,
    /// The model's shape, with the architecture's own widths in it.
    pub shape: Shape,
    /// The corpora, by digest.
    pub data: DataSpec,
    /// The requested budget. The outcome has the FLOPs and tokens that were reached.
    pub budget: Budget,
    /// Tokens in one training sequence.
    pub sequence_length: u32,
    /// Sequences in one optimizer step.
    pub batch_sequences: u32,
    /// Sequences in one pass, a divisor of the batch. Gradients are summed over the passes of a
    /// step, which changes their last bits. Absent if a step is one pass, so that the identities of
    /// such runs do not depend on this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch_sequences: Option<u32>,
    /// Optimizer steps.
    pub steps: u64,
    /// Optimizer.
    pub optimizer: Optimizer,
    /// Peak learning rate, after any rule for the size.
    pub learning_rate: f64,
    /// Schedule of the learning rate.
    pub schedule: LearningRateSchedule,
    /// Global norm to which gradients are clipped.
    pub clip_norm: f64,
    /// Number format.
    pub precision: Precision,
    /// Settings of validation.
    pub evaluation: EvaluationSpec,
    /// Seed of the initial weights and of the order of the data.
    pub seed: u64,
}

impl RunSpec {
    /// The run's identity: the first 16 hexadecimal digits of the BLAKE3 of the spec's canonical
    /// JSON.
    ///
    /// # Panics
    /// Never: a spec contains only finite numbers and string keys.
    pub fn id(&self) -> RunId {
        let canonical = canonical_json(self).expect("a spec is representable as JSON");
        RunId(blake3::hash(&canonical).to_hex()[..16].to_owned())
    }

    /// The model, to count or to build.
    pub fn model(&self) -> ModelConfig {
        ModelConfig {
            architecture: self.architecture.clone(),
            shape: self.shape,
            vocabulary: self.data.vocabulary(),
            sequence_length: self.sequence_length,
        }
    }

    /// Training FLOPs for one token, attention counted in full.
    pub fn flops_per_token(&self) -> FlopsPerToken {
        self.model().flops_per_token()
    }

    /// Sequences in one pass through the model.
    pub fn pass_sequences(&self) -> u32 {
        self.micro_batch_sequences.unwrap_or(self.batch_sequences)
    }

    /// Tokens in one optimizer step.
    pub fn batch_tokens(&self) -> Tokens {
        Tokens(u64::from(self.sequence_length) * u64::from(self.batch_sequences))
    }

    /// Tokens that the whole run trains on.
    pub fn tokens(&self) -> Tokens {
        Tokens(self.steps * self.batch_tokens().0)
    }

    /// FLOPs of the whole run: exact FLOPs per token times tokens.
    pub fn flops(&self) -> Flops {
        self.flops_per_token() * self.tokens()
    }

    /// `params_total`.
    pub fn params_total(&self) -> ParamCount {
        self.model().params().total()
    }

    /// `params_without_embedding`.
    pub fn params_without_embedding(&self) -> ParamCount {
        self.model().params().without_embedding()
    }
}

fn changed_choices<S: Serializer>(
    architecture: &Architecture,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    const ALWAYS: [&str; 2] = ["activation", "qkv_convolution"];
    let mut choices = serializer.serialize_map(None)?;
    macro_rules! write_changed {
        ($($choice:ident)*) => {
            // An exhaustive pattern: a new choice does not compile until it is listed below.
            let Architecture { $($choice),* } = architecture;
            $(if *$choice != TRANSFORMER.$choice || ALWAYS.contains(&stringify!($choice)) {
                choices.serialize_entry(stringify!($choice), $choice)?;
            })*
        };
    }
    write_changed! {
        norm norm_eps norm_placement positions activation gated d_ff qkv_projections qkv_convolution qk_norm biases head
        d_head score_scale attention_softcap logit_scale logit_softcap z_loss initialisation
    }
    choices.end()
}

/// A run's identity: 16 hexadecimal digits, the same for the same spec on any machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The data that a run reads, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Conversion of text to tokens.
    pub tokenizer: Tokenizer,
    /// BLAKE3 of the training tokens.
    pub train_digest: String,
    /// BLAKE3 of the validation tokens.
    pub validation_digest: String,
}

impl DataSpec {
    /// Number of distinct tokens.
    pub fn vocabulary(&self) -> u32 {
        self.tokenizer.vocabulary()
    }
}

/// Conversion of text to tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// One token a byte of UTF-8; the end of a document is byte 0.
    Bytes,
}

impl Tokenizer {
    /// Number of distinct tokens.
    pub fn vocabulary(self) -> u32 {
        match self {
            Self::Bytes => 256,
        }
    }
}

/// Validation on held-out text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSpec {
    /// Held-out tokens that each evaluation scores, in whole sequences.
    pub tokens: u64,
    /// Number of evaluations within a run, evenly spaced, including the final one.
    pub points: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arch::PRESETS;
    use crate::run::canonical::reference_json;
    use crate::run::{Adamw, example_spec};

    /// Pinned: if identities change, isoflop does not find users' finished runs. Raise SPEC_VERSION
    /// in that case.
    #[test]
    fn identity_is_stable() {
        insta::assert_snapshot!(example_spec().id(), @"f0f1ca1146316027");
    }

    #[test]
    fn identity_follows_content_and_survives_a_round_trip() {
        let spec = example_spec();
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(
            serde_json::from_str::<RunSpec>(&text).unwrap().id(),
            spec.id()
        );
        assert_ne!(
            RunSpec {
                seed: 2,
                ..spec.clone()
            }
            .id(),
            spec.id()
        );
        assert_ne!(
            RunSpec {
                learning_rate: 3.000_000_1e-3,
                ..spec.clone()
            }
            .id(),
            spec.id()
        );
    }

    /// Splitting a step changes its last bits, and so the identity. The identity of an unsplit step
    /// stays the same.
    #[test]
    fn a_micro_batch_is_part_of_the_identity_where_there_is_one() {
        let (whole, split) = (
            example_spec(),
            RunSpec {
                micro_batch_sequences: Some(2),
                ..example_spec()
            },
        );
        assert_ne!(split.id(), whole.id());
        assert!(!serde_json::to_string(&whole).unwrap().contains("micro"));
        let read: RunSpec = serde_json::from_str(&serde_json::to_string(&split).unwrap()).unwrap();
        assert_eq!((read.pass_sequences(), whole.pass_sequences()), (2, 8));
        assert_eq!(read.id(), split.id());
    }

    /// The canonical form contains only the changes, and deserializes to the whole architecture.
    #[test]
    fn identities_name_what_differs_from_the_transformer() {
        let choices =
            |spec: &RunSpec| serde_json::to_value(spec).unwrap()["architecture"].to_string();
        insta::assert_snapshot!(choices(&example_spec()), @r#"{"activation":"squared_relu","qkv_convolution":{"depthwise":{"width":3}}}"#);
        let mut ids: Vec<RunId> = Vec::new();
        for preset in PRESETS {
            let spec = RunSpec {
                architecture: preset.architecture.clone(),
                ..example_spec()
            };
            let read: RunSpec =
                serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
            assert_eq!(read, spec, "{}", preset.name);
            assert!(!ids.contains(&spec.id()), "{}", preset.name);
            ids.push(spec.id());
        }
    }

    proptest! {
        /// Any number survives a round trip: the trainer computes the identity that the coordinator
        /// computed.
        #[test]
        fn identity_survives_files(learning_rate in 1e-6..10.0f64, eps in 1e-12..1.0f64, budget in 1e6..1e30f64) {
            let optimizer = Optimizer::Adamw(Adamw { eps, ..Adamw::DEFAULT });
            let spec = RunSpec { learning_rate, optimizer, budget: Budget::Flops(budget), ..example_spec() };
            let read: RunSpec = serde_json::from_str(&serde_json::to_string_pretty(&spec).unwrap()).unwrap();
            prop_assert_eq!(read.id(), spec.id());
        }

        /// Identities equal those of the reference implementation, which uses JSON values.
        #[test]
        fn identities_are_as_they_were(preset in 0..PRESETS.len(), norm_eps in 1e-9..1.0f64, cap in proptest::option::of(1.0..100.0f64), seed: u64) {
            let architecture = Architecture { norm_eps, attention_softcap: cap, ..PRESETS[preset].architecture };
            let spec = RunSpec { architecture: architecture.clone(), seed, ..example_spec() };
            let mut value = serde_json::to_value(&spec).unwrap();
            let (mut choices, baseline) = (serde_json::to_value(architecture).unwrap(), serde_json::to_value(TRANSFORMER).unwrap());
            let kept = |key: &str| ["activation", "qkv_convolution"].contains(&key);
            choices.as_object_mut().unwrap().retain(|key, value| kept(key) || baseline[key] != *value);
            value["architecture"] = choices;
            let digest = blake3::hash(reference_json(&value).as_bytes()).to_hex();
            prop_assert_eq!(spec.id().0, digest[..16].to_owned());
        }
    }
}
