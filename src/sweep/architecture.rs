//! An entry of `architectures`: a preset's name, or a preset with changes.

use std::convert::identity;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, json_schema};
use serde::de::{
    self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer,
};

use super::given::given;
use super::shorthand::Shorthand;
use super::{Count, Number};
use isoflop_core::arch::{
    Activation, Architecture, Biases, FeedForwardWidth, Head, Initialisation, LogitScale, Norm,
    NormPlacement, Positions, Preset, QkvConvolution, QkvProjections, ScoreScale,
};

/// One arm.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmEntry {
    /// Its name in tables: the one given, or the preset's where nothing is changed.
    pub name: Option<String>,
    /// The preset's name, as it is written.
    pub preset: String,
    /// Its choices.
    pub architecture: Architecture,
}

/// Declares the choices that may be changed: each as it is written, and how it is read.
macro_rules! changes {
    ($($(#[doc = $meaning:literal])+ $choice:ident: $written:ty, $read:expr;)+) => {
        /// A preset with changes.
        #[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Changes {
            /// Where to start from.
            preset: PresetName,
            /// Name of the arm in tables.
            #[serde(default, deserialize_with = "given")]
            name: Option<String>,
            $($(#[doc = $meaning])+ #[serde(default, deserialize_with = "given")] $choice: Option<$written>,)+
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
    /// What normalises the residual stream.
    norm: Norm, identity;
    /// Added to the variance, or to the mean square.
    norm_eps: Number, |Number(value)| value;
    /// Where the norms stand.
    norm_placement: NormPlacement, identity;
    /// How the model knows positions.
    positions: Shorthand<Positions>, |Shorthand(value)| value;
    /// Feed-forward activation.
    activation: Activation, identity;
    /// Whether the activation gates a second dense layer.
    gated: bool, identity;
    /// Width of the feed-forward layer, from the size's.
    d_ff: Shorthand<FeedForwardWidth>, |Shorthand(value)| value;
    /// What is projected to Q, K and V.
    qkv_projections: Shorthand<QkvProjections>, |Shorthand(value)| value;
    /// Convolution of each of Q, K and V.
    qkv_convolution: Shorthand<QkvConvolution>, |Shorthand(value)| value;
    /// RMSNorm of each head's query and key.
    qk_norm: bool, identity;
    /// Where biases are added.
    biases: Biases, identity;
    /// Whether the output head is the embedding.
    head: Head, identity;
    /// Channels of a head, in place of the size's.
    d_head: Count, |Count(count)| Some(u32::try_from(count).unwrap_or(u32::MAX));
    /// Where the scores' factor d_head^-0.5 is.
    score_scale: ScoreScale, identity;
    /// Bound of the scores, by tanh.
    attention_softcap: Number, |Number(cap)| Some(cap);
    /// A factor on the last hidden state.
    logit_scale: LogitScale, identity;
    /// Bound of the logits, by tanh.
    logit_softcap: Number, |Number(cap)| Some(cap);
    /// Weight of the log of the softmax's denominator, squared, in the training loss.
    z_loss: Number, |Number(value)| value;
    /// How weights start.
    initialisation: Shorthand<Initialisation>, |Shorthand(value)| value;
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

/// The name of a preset, as it is written: its own, or another of its names.
#[derive(Clone, Debug)]
struct PresetName {
    written: String,
    preset: &'static Preset,
}

impl PresetName {
    fn named<E: de::Error>(name: &str) -> Result<Self, E> {
        // serde's own error wants names that live for ever; theirs do.
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

    /// Every choice can be written, and is what it says.
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
