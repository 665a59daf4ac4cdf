//! An entry of `architectures`: a preset's name, or a preset with changes.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::Number;
use super::shorthand::Shorthand;
use crate::arch::{
    Activation, Architecture, Biases, FeedForwardWidth, Head, Initialisation, LogitScale, Norm, NormPlacement,
    Positions, Preset, QkvConvolution, QkvProjections, ScoreScale,
};

/// One arm.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmEntry {
    /// Its name in tables: the preset's if none is given.
    pub name: String,
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
    #[serde(default)]
    name: Option<String>,
    /// What normalises the residual stream.
    #[serde(default)]
    norm: Option<Norm>,
    /// Added to the variance, or to the mean square.
    #[serde(default)]
    norm_eps: Option<Number>,
    /// Where the norms stand.
    #[serde(default)]
    norm_placement: Option<NormPlacement>,
    /// How the model knows positions.
    #[serde(default)]
    positions: Option<Shorthand<Positions>>,
    /// Feed-forward activation.
    #[serde(default)]
    activation: Option<Activation>,
    /// Whether the activation gates a second dense layer.
    #[serde(default)]
    gated: Option<bool>,
    /// Width of the feed-forward layer, from the size's.
    #[serde(default)]
    d_ff: Option<FeedForwardWidth>,
    /// What is projected to Q, K and V.
    #[serde(default)]
    qkv_projections: Option<Shorthand<QkvProjections>>,
    /// Convolution of each of Q, K and V.
    #[serde(default)]
    qkv_convolution: Option<Shorthand<QkvConvolution>>,
    /// RMSNorm of each head's query and key.
    #[serde(default)]
    qk_norm: Option<bool>,
    /// Where biases are added.
    #[serde(default)]
    biases: Option<Biases>,
    /// Whether the output head is the embedding.
    #[serde(default)]
    head: Option<Head>,
    /// Channels of a head, in place of the size's.
    #[serde(default)]
    #[schemars(range(min = 1, max = 4096))]
    d_head: Option<u32>,
    /// Where the scores' factor d_head^-0.5 is.
    #[serde(default)]
    score_scale: Option<ScoreScale>,
    /// Bound of the scores, by tanh.
    #[serde(default)]
    attention_softcap: Option<Number>,
    /// A factor on the last hidden state.
    #[serde(default)]
    logit_scale: Option<LogitScale>,
    /// Bound of the logits, by tanh.
    #[serde(default)]
    logit_softcap: Option<Number>,
    /// Weight of the log of the softmax's denominator, squared, in the training loss.
    #[serde(default)]
    z_loss: Option<Number>,
    /// How weights start.
    #[serde(default)]
    initialisation: Option<Shorthand<Initialisation>>,
}

impl Changes {
    fn architecture(&self) -> Architecture {
        let preset = self.preset.0.architecture;
        let number = |change: &Option<Number>, or: f64| change.map_or(or, |Number(value)| value);
        Architecture {
            norm: self.norm.unwrap_or(preset.norm),
            norm_eps: number(&self.norm_eps, preset.norm_eps),
            norm_placement: self.norm_placement.unwrap_or(preset.norm_placement),
            positions: chosen(self.positions, preset.positions),
            activation: self.activation.unwrap_or(preset.activation),
            gated: self.gated.unwrap_or(preset.gated),
            d_ff: self.d_ff.unwrap_or(preset.d_ff),
            qkv_projections: chosen(self.qkv_projections, preset.qkv_projections),
            qkv_convolution: chosen(self.qkv_convolution, preset.qkv_convolution),
            qk_norm: self.qk_norm.unwrap_or(preset.qk_norm),
            biases: self.biases.unwrap_or(preset.biases),
            head: self.head.unwrap_or(preset.head),
            d_head: self.d_head.or(preset.d_head),
            score_scale: self.score_scale.unwrap_or(preset.score_scale),
            attention_softcap: self.attention_softcap.map(|Number(cap)| cap).or(preset.attention_softcap),
            logit_scale: self.logit_scale.unwrap_or(preset.logit_scale),
            logit_softcap: self.logit_softcap.map(|Number(cap)| cap).or(preset.logit_softcap),
            z_loss: number(&self.z_loss, preset.z_loss),
            initialisation: chosen(self.initialisation, preset.initialisation),
        }
    }
}

fn chosen<T>(change: Option<Shorthand<T>>, preset: T) -> T {
    change.map_or(preset, |Shorthand(value)| value)
}

impl ArmEntry {
    fn from_changes<E: de::Error>(changes: Changes) -> Result<Self, E> {
        let (preset, architecture) = (changes.preset.0, changes.architecture());
        let name = match changes.name {
            Some(name) => name,
            None if architecture == preset.architecture => preset.name.to_owned(),
            None => return Err(E::custom(format!("a changed `{}` needs a `name` of its own", preset.name))),
        };
        Ok(Self { name, architecture })
    }
}

/// The name of a preset.
#[derive(Clone, Copy, Debug)]
struct PresetName(&'static Preset);

impl PresetName {
    fn named<E: de::Error>(name: &str) -> Result<Self, E> {
        // serde's own error wants names that live for ever; theirs do.
        static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| Preset::names().collect());
        Preset::named(name).map(Self).ok_or_else(|| E::unknown_variant(name, NAMES.as_slice()))
    }
}

impl<'de> Deserialize<'de> for PresetName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?)
    }
}

impl JsonSchema for PresetName {
    fn schema_name() -> Cow<'static, str> {
        "Preset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": Preset::names().collect::<Vec<_>>() })
    }
}

struct ArmVisitor;

impl<'de> Visitor<'de> for ArmVisitor {
    type Value = ArmEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a preset, or a mapping with `preset` and changes")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ArmEntry, E> {
        let PresetName(preset) = PresetName::named(name)?;
        Ok(ArmEntry { name: name.to_owned(), architecture: preset.architecture })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ArmEntry, A::Error> {
        ArmEntry::from_changes(Changes::deserialize(MapAccessDeserializer::new(map))?)
    }
}

impl<'de> Deserialize<'de> for ArmEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArmVisitor)
    }
}

impl JsonSchema for ArmEntry {
    fn schema_name() -> Cow<'static, str> {
        "Architecture".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (preset, changes) = (generator.subschema_for::<PresetName>(), generator.subschema_for::<Changes>());
        json_schema!({ "anyOf": [preset, changes] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_named_in_the_error() {
        let message = ArmVisitor.visit_str::<serde::de::value::Error>("x").unwrap_err().to_string();
        assert!(Preset::names().all(|name| message.contains(name)), "{message}");
    }

    /// Every choice can be written, and is what it says.
    #[test]
    fn every_choice_is_a_key() {
        let arm = |changes: &str| -> Architecture {
            let text = format!("{{preset: transformer, name: x, {changes}}}");
            serde_yaml::from_str::<ArmEntry>(&text).unwrap_or_else(|e| panic!("{changes}: {e}")).architecture
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
            let (written, plain) =
                (serde_json::to_value(arm(changes)).unwrap(), serde_json::to_value(arm("")).unwrap());
            let differs = |(key, value): (&String, &serde_json::Value)| {
                (plain[key] != *value).then(|| (key.clone(), value.clone()))
            };
            let differing: Vec<_> = written.as_object().unwrap().iter().filter_map(differs).collect();
            assert_eq!(differing.len(), 1, "{changes}");
            changed.extend(differing);
        }
        assert_eq!(changed.len(), serde_json::to_value(arm("")).unwrap().as_object().unwrap().len());
        insta::assert_snapshot!(serde_json::to_string_pretty(&changed).unwrap());
        assert_eq!(arm("qkv_convolution: depthwise"), arm("qkv_convolution: {depthwise: {width: 3}}"));
        assert_eq!(arm("positions: {rotary: {base: 1e4}}"), arm("positions: rotary"));
    }
}
