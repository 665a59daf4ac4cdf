//! An entry of `sizes`: a rung's name, a shape, or a target parameter count.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::Count;
use crate::arch::{Shape, named_rungs, rung};

/// One size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SizeEntry {
    /// A shape, named or spelled out.
    Shape(Shape),
    /// The shape with `params_total` nearest to this, for the baseline.
    Params(u64),
}

/// A shape spelled out, or `params` alone.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// Target for `params_total`; the nearest shape is taken, and the miss reported.
    #[serde(default)]
    params: Option<Count>,
    /// Width of the residual stream.
    #[serde(default)]
    d_model: Option<Count>,
    /// Blocks.
    #[serde(default)]
    layers: Option<Count>,
    /// Attention heads; d_model / d_head if absent.
    #[serde(default)]
    heads: Option<Count>,
    /// Channels of a head; 64 from d_model 256 on, 16 below (or their nearest divisor of d_model), if absent.
    #[serde(default)]
    d_head: Option<Count>,
    /// Width of the feed-forward layer; 4·d_model if absent.
    #[serde(default)]
    d_ff: Option<Count>,
}

impl SizeEntry {
    fn from_fields<E: de::Error>(fields: &Fields) -> Result<Self, E> {
        let small = |count: Option<Count>| count.map(|Count(value)| u32::try_from(value).unwrap_or(u32::MAX));
        let [d_model, layers, heads, d_head, d_ff] =
            [fields.d_model, fields.layers, fields.heads, fields.d_head, fields.d_ff].map(small);
        match (fields.params, d_model, layers) {
            (Some(Count(params)), None, None) if heads.or(d_head).or(d_ff).is_none() => Ok(Self::Params(params)),
            (Some(_), ..) => Err(E::custom("`params` stands alone: a shape is derived from it")),
            (None, Some(d_model), Some(layers)) => {
                Shape::new(d_model, layers, heads, d_head, d_ff).map(Self::Shape).map_err(E::custom)
            }
            (None, ..) => Err(E::custom("a size needs `d_model` and `layers`, or `params`")),
        }
    }
}

struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = SizeEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a rung, a mapping with `d_model` and `layers`, or a mapping with `params`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<SizeEntry, E> {
        rung(name).map(SizeEntry::Shape).ok_or_else(|| {
            // serde's own error wants names that live for ever; theirs do.
            static RUNGS: LazyLock<Vec<&'static str>> = LazyLock::new(|| named_rungs().collect());
            E::unknown_variant(name, RUNGS.as_slice())
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SizeEntry, A::Error> {
        SizeEntry::from_fields(&Fields::deserialize(MapAccessDeserializer::new(map))?)
    }
}

impl<'de> Deserialize<'de> for SizeEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

impl JsonSchema for SizeEntry {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<Fields>();
        let names: Vec<&str> = named_rungs().collect();
        json_schema!({ "anyOf": [{ "enum": names }, fields] })
    }
}
