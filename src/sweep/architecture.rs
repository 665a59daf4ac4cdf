//! An entry of `architectures`: a preset's name, or a preset with changes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::arch::{Activation, Architecture, Preset, QkvConvolution};

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
    preset: Preset,
    /// Name of the arm in tables.
    #[serde(default)]
    name: Option<String>,
    /// Feed-forward activation.
    #[serde(default)]
    activation: Option<Activation>,
    /// Convolution after the Q, K, V projections.
    #[serde(default)]
    qkv_convolution: Option<QkvConvolution>,
}

impl ArmEntry {
    fn from_changes<E: de::Error>(changes: Changes) -> Result<Self, E> {
        let mut architecture = changes.preset.architecture();
        architecture.activation = changes.activation.unwrap_or(architecture.activation);
        architecture.qkv_convolution = changes.qkv_convolution.unwrap_or(architecture.qkv_convolution);
        if let QkvConvolution::Depthwise { width } = architecture.qkv_convolution
            && !(2..=7).contains(&width)
        {
            return Err(E::custom(format!("`width` is {width}, allowed are 2 to 7")));
        }
        let name = match changes.name {
            Some(name) => name,
            None if architecture == changes.preset.architecture() => changes.preset.name().to_owned(),
            None => return Err(E::custom(format!("a changed `{}` needs a `name` of its own", changes.preset))),
        };
        Ok(Self { name, architecture })
    }
}

struct ArmVisitor;

impl<'de> Visitor<'de> for ArmVisitor {
    type Value = ArmEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a preset, or a mapping with `preset` and changes")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ArmEntry, E> {
        const NAMES: &[&str] = &["transformer", "primer_ez"];
        let preset = Preset::from_name(name).ok_or_else(|| E::unknown_variant(name, NAMES))?;
        Ok(ArmEntry { name: name.to_owned(), architecture: preset.architecture() })
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
        let (preset, changes) = (generator.subschema_for::<Preset>(), generator.subschema_for::<Changes>());
        json_schema!({ "anyOf": [preset, changes] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_named_in_the_error() {
        let message = ArmVisitor.visit_str::<serde::de::value::Error>("x").unwrap_err().to_string();
        assert!(Preset::ALL.iter().all(|preset| message.contains(preset.name())), "{message}");
    }
}
