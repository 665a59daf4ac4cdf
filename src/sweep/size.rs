//! An entry of `sizes`: a size's name, a shape, a target parameter count, or a ladder of several.

use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, json_schema};
use serde::de::{self, Deserialize, MapAccess, Visitor, value::MapAccessDeserializer};

use super::given::given;
use super::{Count, Number};
use isoflop_core::arch::{ASPECT, Shape, ShapeError, named_rungs};

/// The paper's 27 shapes by one name.
const PAPER_SWEEP: &str = "paper_sweep";

/// One size, or several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SizeEntry {
    /// A shape, named or spelled out.
    Shape(Shape),
    /// The shape with `params_total` nearest to this, for the baseline.
    Params(u64),
    /// Shapes that are evenly spaced.
    Ladder(Ladder),
    /// The 27 shapes of arXiv:2109.08668.
    PaperSweep,
}

/// Shapes that are evenly spaced in the logarithm of `params_total`, and alike in all but size.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// `params_total` of the smallest, for the baseline.
    pub from: Count,
    /// `params_total` of the largest.
    pub to: Count,
    /// How many shapes.
    pub rungs: Count,
    /// Channels of width for each layer that the shapes come near to; 64 if absent.
    #[serde(default = "default_aspect")]
    pub aspect: Number,
}

fn default_aspect() -> Number {
    Number(ASPECT)
}

/// A shape spelled out, `params` alone, or `ladder` alone.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// Target for `params_total`; the nearest shape is taken, and the miss reported.
    #[serde(default, deserialize_with = "given")]
    params: Option<Count>,
    /// Several shapes, evenly spaced.
    #[serde(default, deserialize_with = "given")]
    ladder: Option<Ladder>,
    /// Width of the residual stream.
    #[serde(default, deserialize_with = "given")]
    d_model: Option<Count>,
    /// Blocks.
    #[serde(default, deserialize_with = "given")]
    layers: Option<Count>,
    /// Attention heads; d_model / d_head if absent.
    #[serde(default, deserialize_with = "given")]
    heads: Option<Count>,
    /// Channels of a head; 64 from d_model 256 on, 16 below (or their nearest divisor of d_model), if absent.
    #[serde(default, deserialize_with = "given")]
    d_head: Option<Count>,
    /// Width of the feed-forward layer; 4·d_model if absent.
    #[serde(default, deserialize_with = "given")]
    d_ff: Option<Count>,
}

impl SizeEntry {
    fn from_fields<E: de::Error>(fields: &Fields) -> Result<Self, E> {
        let shape = [
            ("d_model", fields.d_model),
            ("layers", fields.layers),
            ("heads", fields.heads),
            ("d_head", fields.d_head),
            ("d_ff", fields.d_ff),
        ];
        let spelled = shape.iter().any(|(_, count)| count.is_some());
        let [d_model, layers, heads, d_head, d_ff] = dimensions(shape).map_err(E::custom)?;
        match (fields.params, fields.ladder, d_model, layers) {
            (Some(Count(params)), None, ..) if !spelled => Ok(Self::Params(params)),
            (None, Some(ladder), ..) if !spelled => Ok(Self::Ladder(ladder)),
            (Some(_), ..) => Err(E::custom(
                "`params` stands alone: a shape is derived from it",
            )),
            (_, Some(_), ..) => Err(E::custom(
                "`ladder` stands alone: shapes are derived from it",
            )),
            (None, None, Some(d_model), Some(layers)) => {
                Shape::new(d_model, layers, heads, d_head, d_ff)
                    .map(Self::Shape)
                    .map_err(E::custom)
            }
            _ => Err(E::custom(
                "a size needs `d_model` and `layers`, or `params`, or `ladder`",
            )),
        }
    }
}

/// Counts as dimensions; [`Shape::new`] knows how large each may be.
fn dimensions<const N: usize>(
    counts: [(&'static str, Option<Count>); N],
) -> Result<[Option<u32>; N], ShapeError> {
    let mut dimensions = [None; N];
    for (dimension, (name, count)) in dimensions.iter_mut().zip(counts) {
        if let Some(Count(value)) = count {
            let too_large = || ShapeError::OutOfRange {
                name,
                value,
                max: 1 << 20,
            };
            *dimension = Some(u32::try_from(value).map_err(|_| too_large())?);
        }
    }
    Ok(dimensions)
}

struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = SizeEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a size, or a mapping with `d_model` and `layers`, with `params`, or with `ladder`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<SizeEntry, E> {
        // serde's own error wants names that live for ever; theirs do.
        static NAMES: LazyLock<Vec<&'static str>> =
            LazyLock::new(|| named_rungs().chain([PAPER_SWEEP]).collect());
        if name == PAPER_SWEEP {
            return Ok(SizeEntry::PaperSweep);
        }
        name.parse().map(SizeEntry::Shape).map_err(|e| match e {
            ShapeError::Label(_) => E::unknown_variant(name, NAMES.as_slice()),
            other => E::custom(other),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SizeEntry, A::Error> {
        SizeEntry::from_fields(&Fields::deserialize(MapAccessDeserializer::new(map))?)
    }
}

written!(SizeEntry, SizeVisitor, "Size", |generator| {
    let fields = generator.subschema_for::<Fields>();
    let names: Vec<&str> = named_rungs().chain([PAPER_SWEEP]).collect();
    let label = "^d[0-9]+-l[0-9]+(-h[0-9]+x[0-9]+)?(-ff?[0-9]+)?$";
    json_schema!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": label }, fields] })
});
