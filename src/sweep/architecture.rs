//! An entry of `architectures`: a preset's name, or a preset with changes.

use std::convert::identity;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, json_schema};
use serde::de::{
    self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer,
};

use super::not_empty::not_empty;
use super::shorthand::ChoiceShorthand;
use super::{FiniteNumber, WholeNumber};
use isoflop_core::arch::{
    Activation, Architecture, BiasPlacement, FeedForwardWidth, Initialisation, LogitScale, Norm,
    NormPlacement, OutputHead, Positions, Preset, QkvConvolution, QkvProjections, ScoreScale,
};

/// One arm.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmEntry {
    /// Name in tables: the given name, or the preset's if no choice is changed.
    pub name: Option<String>,
    /// Name of the preset, as written.
    pub preset: String,
    /// Choices.
    pub architecture: Architecture,
}

/// Declares the choices that can be changed: the type that is read, and its conversion.
macro_rules! changes {
    ($($(#[doc = $meaning:literal])+ $choice:ident: $written:ty, $read:expr;)+) => {
        /// A preset with changes.
        #[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Changes {
            /// Preset that is changed.
            preset: PresetName,
            /// Name of the arm in tables; required if a choice is changed.
            #[serde(default, deserialize_with = "not_empty")]
            name: Option<String>,
            $($(#[doc = $meaning])+ #[serde(default, deserialize_with = "not_empty")] $choice: Option<$written>,)+
        }

        impl Changes {
            fn architecture(&self) -> Architecture {
                let preset = &self.preset.preset.architecture;
                Architecture { $($choice: self.$choice.map_or(preset.$choice, $read)),+ }
            }
        }
    };
}

changes! {
    /// Normalisation of the residual stream.
    norm: Norm, identity;
    /// ε, added to the variance or to the mean square.
    norm_eps: FiniteNumber, |FiniteNumber(value)| value;
    /// Position of the norms in a block.
    norm_placement: NormPlacement, identity;
    /// Encoding of positions.
    positions: ChoiceShorthand<Positions>, |ChoiceShorthand(value)| value;
    /// Feed-forward activation.
    activation: Activation, identity;
    /// True if the activation gates a second dense layer: act(x·W_g) ∘ (x·W_in).
    gated: bool, identity;
    /// Width of the feed-forward layer, relative to the size's.
    d_ff: ChoiceShorthand<FeedForwardWidth>, |ChoiceShorthand(value)| value;
    /// Projections to Q, K and V.
    qkv_projections: ChoiceShorthand<QkvProjections>, |ChoiceShorthand(value)| value;
    /// Convolutions of Q, K and V.
    qkv_convolution: ChoiceShorthand<QkvConvolution>, |ChoiceShorthand(value)| value;
    /// RMSNorm of each head's query and key, with a learned scale.
    qk_norm: bool, identity;
    /// Placement of biases.
    biases: BiasPlacement, identity;
    /// Output head: the embedding, or a separate matrix.
    head: OutputHead, identity;
    /// Channels of a head, if the architecture sets them instead of the size.
    d_head: WholeNumber, |WholeNumber(count)| Some(u32::try_from(count).unwrap_or(u32::MAX));
    /// Location of the attention scores' factor d_head^-0.5.
    score_scale: ScoreScale, identity;
    /// Soft cap of the attention scores: cap·tanh(scores / cap), before the mask.
    attention_softcap: FiniteNumber, |FiniteNumber(cap)| Some(cap);
    /// Factor on the last hidden state, before the head.
    logit_scale: LogitScale, identity;
    /// Soft cap of the logits: cap·tanh(logits / cap).
    logit_softcap: FiniteNumber, |FiniteNumber(cap)| Some(cap);
    /// Weight of the mean of log²(Σ exp(logits)) in the training loss, never in validation.
    z_loss: FiniteNumber, |FiniteNumber(value)| value;
    /// Initial weights.
    initialisation: ChoiceShorthand<Initialisation>, |ChoiceShorthand(value)| value;
}

impl From<Changes> for ArmEntry {
    fn from(changes: Changes) -> Self {
        let PresetName { written, preset } = &changes.preset;
        let architecture = changes.architecture();
        let own = (architecture == preset.architecture).then(|| written.clone());
        Self {
            name: changes.name.clone().or(own),
            preset: written.clone(),
            architecture,
        }
    }
}

/// The name of a preset, as written: its name or an alias.
#[derive(Clone, Debug)]
struct PresetName {
    written: String,
    preset: &'static Preset,
}

impl PresetName {
    fn named<E: de::Error>(name: &str) -> Result<Self, E> {
        // serde's error needs names with a static lifetime.
        static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| Preset::names().collect());
        let preset =
            Preset::named(name).ok_or_else(|| E::unknown_variant(name, NAMES.as_slice()))?;
        Ok(Self {
            written: name.to_owned(),
            preset,
        })
    }
}

impl<'de> Deserialize<'de> for PresetName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?)
    }
}

written!(PresetName, "Preset", |_| {
    json_schema!({ "enum": Preset::names().collect::<Vec<_>>() })
});

struct ArmVisitor;

impl<'de> Visitor<'de> for ArmVisitor {
    type Value = ArmEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a preset, or a mapping with `preset` and changes")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ArmEntry, E> {
        let PresetName { written, preset } = PresetName::named(name)?;
        Ok(ArmEntry {
            name: Some(written.clone()),
            preset: written,
            architecture: preset.architecture.clone(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ArmEntry, A::Error> {
        Changes::deserialize(MapAccessDeserializer::new(map)).map(ArmEntry::from)
    }
}

written!(ArmEntry, ArmVisitor, "Architecture", |generator| {
    let preset = generator.subschema_for::<PresetName>();
    let changes = generator.subschema_for::<Changes>();
    json_schema!({ "anyOf": [preset, changes] })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_named_in_the_error() {
        let message = ArmVisitor
            .visit_str::<serde::de::value::Error>("x")
            .unwrap_err()
            .to_string();
        assert!(
            Preset::names().all(|name| message.contains(name)),
            "{message}"
        );
    }

    /// Every choice is a key, and the key changes that choice only.
    #[test]
    fn every_choice_is_a_key() {
        let arm = |changes: &str| -> Architecture {
            let text = format!("{{preset: transformer, name: x, {changes}}}");
            serde_yaml::from_str::<ArmEntry>(&text)
                .unwrap_or_else(|e| panic!("{changes}: {e}"))
                .architecture
        };
        let mut changed = serde_json::Map::new();
        for changes in [
            "norm: rms",
            "norm_eps: 1e-5",
            "norm_placement: pre_post",
            "positions: rotary",
            "activation: swish",
            "gated: true",
            "d_ff: two_thirds",
            "qkv_projections: {grouped_query: {group: 2}}",
            "qkv_convolution: separable",
            "qk_norm: true",
            "biases: all",
            "head: untied",
            "d_head: 8",
            "score_scale: inverse_sqrt",
            "attention_softcap: 50",
            "logit_scale: one",
            "logit_softcap: 30",
            "z_loss: 1e-4",
            "initialisation: normal",
        ] {
            let (written, plain) = (
                serde_json::to_value(arm(changes)).unwrap(),
                serde_json::to_value(arm("")).unwrap(),
            );
            let differs = |(key, value): (&String, &serde_json::Value)| {
                (plain[key] != *value).then(|| (key.clone(), value.clone()))
            };
            let differing: Vec<_> = written
                .as_object()
                .unwrap()
                .iter()
                .filter_map(differs)
                .collect();
            assert_eq!(differing.len(), 1, "{changes}");
            changed.extend(differing);
        }
        assert_eq!(
            changed.len(),
            serde_json::to_value(arm(""))
                .unwrap()
                .as_object()
                .unwrap()
                .len()
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&changed).unwrap());
        assert_eq!(
            arm("qkv_convolution: depthwise"),
            arm("qkv_convolution: {depthwise: {width: 3}}")
        );
        assert_eq!(
            arm("positions: {rotary: {base: 1e4}}"),
            arm("positions: rotary")
        );
    }
}
