//! An entry of `architectures`: a preset's name, or a preset with changes.

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

/// A preset with changes.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Changes {
    /// Where to start from.
    preset: PresetName,
    /// Name of the arm in tables.
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// What normalises the residual stream.
    #[serde(default, deserialize_with = "given")]
    norm: Option<Norm>,
    /// Added to the variance, or to the mean square.
    #[serde(default, deserialize_with = "given")]
    norm_eps: Option<Number>,
    /// Where the norms stand.
    #[serde(default, deserialize_with = "given")]
    norm_placement: Option<NormPlacement>,
    /// How the model knows positions.
    #[serde(default, deserialize_with = "given")]
    positions: Option<Shorthand<Positions>>,
    /// Feed-forward activation.
    #[serde(default, deserialize_with = "given")]
    activation: Option<Activation>,
    /// Whether the activation gates a second dense layer.
    #[serde(default, deserialize_with = "given")]
    gated: Option<bool>,
    /// Width of the feed-forward layer, from the size's.
    #[serde(default, deserialize_with = "given")]
    d_ff: Option<Shorthand<FeedForwardWidth>>,
    /// What is projected to Q, K and V.
    #[serde(default, deserialize_with = "given")]
    qkv_projections: Option<Shorthand<QkvProjections>>,
    /// Convolution of each of Q, K and V.
    #[serde(default, deserialize_with = "given")]
    qkv_convolution: Option<Shorthand<QkvConvolution>>,
    /// RMSNorm of each head's query and key.
    #[serde(default, deserialize_with = "given")]
    qk_norm: Option<bool>,
    /// Where biases are added.
    #[serde(default, deserialize_with = "given")]
    biases: Option<Biases>,
    /// Whether the output head is the embedding.
    #[serde(default, deserialize_with = "given")]
    head: Option<Head>,
    /// Channels of a head, in place of the size's.
    #[serde(default, deserialize_with = "given")]
    d_head: Option<Count>,
    /// Where the scores' factor d_head^-0.5 is.
    #[serde(default, deserialize_with = "given")]
    score_scale: Option<ScoreScale>,
    /// Bound of the scores, by tanh.
    #[serde(default, deserialize_with = "given")]
    attention_softcap: Option<Number>,
    /// A factor on the last hidden state.
    #[serde(default, deserialize_with = "given")]
    logit_scale: Option<LogitScale>,
    /// Bound of the logits, by tanh.
    #[serde(default, deserialize_with = "given")]
    logit_softcap: Option<Number>,
    /// Weight of the log of the softmax's denominator, squared, in the training loss.
    #[serde(default, deserialize_with = "given")]
    z_loss: Option<Number>,
    /// How weights start.
    #[serde(default, deserialize_with = "given")]
    initialisation: Option<Shorthand<Initialisation>>,
}

impl Changes {
    fn architecture(&self) -> Architecture {
        let preset = &self.preset.preset.architecture;
        let number = |change: &Option<Number>, or: f64| change.map_or(or, |Number(value)| value);
        Architecture {
            norm: self.norm.unwrap_or(preset.norm),
            norm_eps: number(&self.norm_eps, preset.norm_eps),
            norm_placement: self.norm_placement.unwrap_or(preset.norm_placement),
            positions: chosen(self.positions, preset.positions),
            activation: self.activation.unwrap_or(preset.activation),
            gated: self.gated.unwrap_or(preset.gated),
            d_ff: chosen(self.d_ff, preset.d_ff),
            qkv_projections: chosen(self.qkv_projections, preset.qkv_projections),
            qkv_convolution: chosen(self.qkv_convolution, preset.qkv_convolution),
            qk_norm: self.qk_norm.unwrap_or(preset.qk_norm),
            biases: self.biases.unwrap_or(preset.biases),
            head: self.head.unwrap_or(preset.head),
            d_head: self
                .d_head
                .map(|Count(d_head)| u32::try_from(d_head).unwrap_or(u32::MAX))
                .or(preset.d_head),
            score_scale: self.score_scale.unwrap_or(preset.score_scale),
            attention_softcap: self
                .attention_softcap
                .map(|Number(cap)| cap)
                .or(preset.attention_softcap),
            logit_scale: self.logit_scale.unwrap_or(preset.logit_scale),
            logit_softcap: self
                .logit_softcap
                .map(|Number(cap)| cap)
                .or(preset.logit_softcap),
            z_loss: number(&self.z_loss, preset.z_loss),
            initialisation: chosen(self.initialisation, preset.initialisation),
        }
    }
}

fn chosen<T>(change: Option<Shorthand<T>>, preset: T) -> T {
    change.map_or(preset, |Shorthand(value)| value)
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
    let (preset, changes) = (
        generator.subschema_for::<PresetName>(),
        generator.subschema_for::<Changes>(),
    );
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
