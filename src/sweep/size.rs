//! An entry of `sizes`: the name of a size, a shape, a target number of parameters, or a ladder.

use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, json_schema};
use serde::de::{self, Deserialize, MapAccess, Visitor, value::MapAccessDeserializer};

use super::not_empty::not_empty;
use super::{FiniteNumber, WholeNumber};
use isoflop_core::arch::{ASPECT, Shape, ShapeError, named_rungs};

/// Name of the paper's 27 shapes.
const PAPER_SWEEP: &str = "paper_sweep";

/// One size, or several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SizeEntry {
    /// A shape, named or given by its dimensions.
    Shape(Shape),
    /// The shape whose `params_total`, for the baseline, is nearest to this.
    Params(u64),
    /// Several shapes, evenly spaced.
    Ladder(Ladder),
    /// The 27 shapes of arXiv:2109.08668.
    PaperSweep,
}

/// Shapes that are evenly spaced in the logarithm of `params_total`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// `params_total` of the smallest shape, for the baseline.
    pub from: WholeNumber,
    /// `params_total` of the largest shape, for the baseline.
    pub to: WholeNumber,
    /// Number of shapes.
    pub rungs: WholeNumber,
    /// Approximate channels of width for each layer; 64 if absent.
    #[serde(default = "default_aspect")]
    pub aspect: FiniteNumber,
}

fn default_aspect() -> FiniteNumber {
    FiniteNumber(ASPECT)
}

/// The dimensions of a shape, or only `params`, or only `ladder`.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SizeFields {
    /// Target for `params_total`. The nearest shape is used, and its distance reported.
    #[serde(default, deserialize_with = "not_empty")]
    params: Option<WholeNumber>,
    /// Several shapes, evenly spaced.
    #[serde(default, deserialize_with = "not_empty")]
    ladder: Option<Ladder>,
    /// Width of the residual stream.
    #[serde(default, deserialize_with = "not_empty")]
    d_model: Option<WholeNumber>,
    /// Number of blocks.
    #[serde(default, deserialize_with = "not_empty")]
    layers: Option<WholeNumber>,
    /// Number of attention heads; d_model / d_head if absent.
    #[serde(default, deserialize_with = "not_empty")]
    heads: Option<WholeNumber>,
    /// Channels of a head; if absent, 64 from d_model 256 on and 16 below (or the nearest divisor
    /// of d_model).
    #[serde(default, deserialize_with = "not_empty")]
    d_head: Option<WholeNumber>,
    /// Width of the feed-forward layer; 4·d_model if absent.
    #[serde(default, deserialize_with = "not_empty")]
    d_ff: Option<WholeNumber>,
}

impl SizeEntry {
    fn from_fields<E: de::Error>(fields: &SizeFields) -> Result<Self, E> {
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
            (Some(WholeNumber(params)), None, ..) if !spelled => Ok(Self::Params(params)),
            (None, Some(ladder), ..) if !spelled => Ok(Self::Ladder(ladder)),
            (Some(_), ..) => Err(E::custom(
                "`params` cannot be combined with other keys, because a shape is derived from it",
            )),
            (_, Some(_), ..) => Err(E::custom(
                "`ladder` cannot be combined with other keys, because shapes are derived from it",
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

/// Converts counts to dimensions. [`Shape::new`] checks their ranges.
fn dimensions<const N: usize>(
    counts: [(&'static str, Option<WholeNumber>); N],
) -> Result<[Option<u32>; N], ShapeError> {
    let mut dimensions = [None; N];
    for (dimension, (name, count)) in dimensions.iter_mut().zip(counts) {
        if let Some(WholeNumber(value)) = count {
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
        // serde's error needs names with a static lifetime.
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
        SizeEntry::from_fields(&SizeFields::deserialize(MapAccessDeserializer::new(map))?)
    }
}

written!(SizeEntry, SizeVisitor, "Size", |generator| {
    let fields = generator.subschema_for::<SizeFields>();
    let names: Vec<&str> = named_rungs().chain([PAPER_SWEEP]).collect();
    let label = "^d[0-9]+-l[0-9]+(-h[0-9]+x[0-9]+)?(-ff?[0-9]+)?$";
    json_schema!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": label }, fields] })
});
