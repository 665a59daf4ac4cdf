//! Dimensions of a model.

use serde::{Deserialize, Serialize};

/// A model's shape. Dimensions are counts of channels, layers and heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Width of the residual stream.
    pub d_model: u32,
    /// Number of blocks.
    pub layers: u32,
    /// Number of attention heads.
    pub heads: u32,
    /// Channels of one head.
    pub d_head: u32,
    /// Width of the feed-forward layer.
    pub d_ff: u32,
}

/// Reason that a shape is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Dimension that is zero, or too large for any machine.
    #[error("`{name}` is out of range: expected 1 to {max}, found {value}")]
    OutOfRange {
        /// Name of the dimension.
        name: &'static str,
        /// The value found.
        value: u64,
        /// The largest value allowed.
        max: u32,
    },
    /// Text that is not the label of a shape.
    #[error(
        "invalid shape `{0}`: expected a label such as `d64-l3`, with `-h4x16` for heads and `-ff8` or `-f512` for the feed-forward width"
    )]
    Label(String),
    /// Width that is not a multiple of the head width.
    #[error("`d_model` {d_model} is not a multiple of `d_head` {d_head}")]
    Heads {
        /// Width of the residual stream.
        d_model: u32,
        /// Width of a head.
        d_head: u32,
    },
}

impl Shape {
    /// Default head width: 64 (the paper's) from width 256, else 16. If that does not divide the
    /// width, the largest divisor down to half of it.
    pub fn default_d_head(d_model: u32) -> u32 {
        let most = if d_model >= 256 {
            64
        } else {
            d_model.clamp(1, 16)
        };
        (most.div_ceil(2)..=most)
            .rev()
            .find(|d_head| d_model.is_multiple_of(*d_head))
            .unwrap_or(most)
    }

    /// Makes a shape from its width and depth. Missing dimensions follow the paper's ratios: d_ff =
    /// 4·d_model, heads = d_model / d_head.
    ///
    /// # Errors
    /// [`ShapeError`] if a dimension is out of range or the number of heads cannot be derived.
    pub fn new(
        d_model: u32,
        layers: u32,
        heads: Option<u32>,
        d_head: Option<u32>,
        d_ff: Option<u32>,
    ) -> Result<Self, ShapeError> {
        in_range("d_model", d_model.into(), 1 << 16)?;
        in_range("layers", layers.into(), 1 << 12)?;
        let d_head = match (d_head, heads) {
            (Some(d_head), _) => d_head,
            (None, Some(heads)) if heads > 0 && d_model.is_multiple_of(heads) => d_model / heads,
            (None, _) => Self::default_d_head(d_model),
        };
        in_range("d_head", d_head.into(), 1 << 12)?;
        let heads = match heads {
            Some(heads) => heads,
            None if d_model.is_multiple_of(d_head) => d_model / d_head,
            None => return Err(ShapeError::Heads { d_model, d_head }),
        };
        in_range("heads", heads.into(), 1 << 12)?;
        let d_ff = d_ff.unwrap_or_else(|| d_model.saturating_mul(4));
        in_range("d_ff", d_ff.into(), MAX_D_FF)?;
        Ok(Self {
            d_model,
            layers,
            heads,
            d_head,
            d_ff,
        })
    }

    /// Width of all heads together, heads·d_head.
    pub fn d_attention(self) -> u32 {
        self.heads * self.d_head
    }

    /// Formats a short name: width and layers, `d64-l3`, then the dimensions that differ from the
    /// default ratios. Heads are `-h4x32`; d_ff is `-ff8` if it is a multiple of the width, else
    /// `-f100`. [`Shape::from_label`] parses it.
    pub fn label(self) -> String {
        let (d_model, layers, d_ff) = (self.d_model, self.layers, self.d_ff);
        let (heads, d_head) = (self.heads, self.d_head);
        let mut label = format!("d{d_model}-l{layers}");
        let default = Self::new(d_model, layers, None, None, None).ok();
        if default.is_none_or(|default| (default.heads, default.d_head) != (heads, d_head)) {
            label += &format!("-h{heads}x{d_head}");
        }
        match d_ff / d_model {
            4 if d_ff == 4 * d_model => {}
            ratio if d_ff == ratio * d_model => label += &format!("-ff{ratio}"),
            _ => label += &format!("-f{d_ff}"),
        }
        label
    }

    /// Parses a label, in the grammar of [`Shape::label`].
    ///
    /// # Errors
    /// [`ShapeError`] if the text is not a label, or its shape is invalid.
    pub fn from_label(label: &str) -> Result<Self, ShapeError> {
        let no_label = || ShapeError::Label(label.to_owned());
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| {
            text.parse::<u32>()
                .ok()
                .filter(|_| digits(text))
                .ok_or_else(no_label)
        };
        let mut parts = label.split('-');
        let mut required = |letter: char| {
            parts
                .next()
                .and_then(|part| part.strip_prefix(letter))
                .ok_or_else(no_label)
        };
        let (d_model, layers) = (number(required('d')?)?, number(required('l')?)?);
        let (mut heads, mut d_head, mut d_ff) = (None, None, None);
        for part in parts {
            if let Some(text) = part.strip_prefix('h').filter(|_| heads.is_none()) {
                let (count, width) = text.split_once('x').ok_or_else(no_label)?;
                (heads, d_head) = (Some(number(count)?), Some(number(width)?));
            } else if let Some(ratio) = part.strip_prefix("ff").filter(|_| d_ff.is_none()) {
                let product = u64::from(number(ratio)?) * u64::from(d_model);
                d_ff = Some(in_range("d_ff", product, MAX_D_FF)?);
            } else if let Some(width) = part.strip_prefix('f').filter(|_| d_ff.is_none()) {
                d_ff = Some(number(width)?);
            } else {
                return Err(no_label());
            }
        }
        Self::new(d_model, layers, heads, d_head, d_ff)
    }
}

/// Largest width of a feed-forward layer.
const MAX_D_FF: u32 = 1 << 20;

/// Checks that a dimension is between 1 and `max`, and returns it.
///
/// # Errors
/// [`ShapeError::OutOfRange`] if it is not.
pub(super) fn in_range(name: &'static str, value: u64, max: u32) -> Result<u32, ShapeError> {
    match u32::try_from(value) {
        Ok(dimension) if (1..=max).contains(&dimension) => Ok(dimension),
        _ => Err(ShapeError::OutOfRange { name, value, max }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_given_follows_the_paper() {
        let small = Shape::new(512, 6, None, None, None).unwrap();
        assert_eq!(
            small,
            Shape {
                d_model: 512,
                layers: 6,
                heads: 8,
                d_head: 64,
                d_ff: 2048
            }
        );
        assert_eq!(small.label(), "d512-l6");
        assert_eq!(
            [12, 24, 40, 48, 64, 96, 320].map(Shape::default_d_head),
            [12, 12, 10, 16, 16, 16, 64]
        );
        assert_eq!(
            Shape::new(96, 3, Some(4), None, None).unwrap().label(),
            "d96-l3-h4x24"
        );
        assert_eq!(
            Shape::new(96, 3, None, None, Some(768)).unwrap().label(),
            "d96-l3-ff8"
        );
        assert_eq!(
            Shape::new(96, 3, None, None, Some(100)).unwrap().label(),
            "d96-l3-f100"
        );
    }

    #[test]
    fn impossible_shapes_say_why() {
        let message = |e: Result<Shape, ShapeError>| e.unwrap_err().to_string();
        insta::assert_snapshot!(message(Shape::new(0, 2, None, None, None)), @"`d_model` is out of range: expected 1 to 65536, found 0");
        insta::assert_snapshot!(message(Shape::new(100, 2, None, Some(64), None)), @"`d_model` 100 is not a multiple of `d_head` 64");
        for text in [
            "",
            "d64",
            "64-3",
            "d64-l3-h4",
            "d64-l3-x",
            "d64-l3-ff4-ff4",
            "d64-l3-",
            "d+64-l3",
            "d-l3",
            "d64-l99999999999",
        ] {
            assert_eq!(
                Shape::from_label(text),
                Err(ShapeError::Label(text.to_owned()))
            );
        }
        assert!(Shape::from_label("d0-l3").is_err());
    }

    proptest! {
        #[test]
        fn labels_are_read_back(d in 1u32..400, layers in 1u32..50, heads in 1u32..20, d_head in 1u32..130, d_ff in 1u32..5000) {
            let shape = Shape { d_model: d, layers, heads, d_head, d_ff };
            prop_assert_eq!(Shape::from_label(&shape.label()), Ok(shape));
        }
    }
}
