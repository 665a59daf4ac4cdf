//! The numbers that size a model.

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

/// Why a shape is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A dimension of zero, or one that no machine could hold.
    #[error("`{name}` is {value}, allowed are 1 to {max}")]
    OutOfRange {
        /// The key.
        name: &'static str,
        /// What was found.
        value: u32,
        /// The most that is accepted.
        max: u32,
    },
    /// Heads cannot be derived.
    #[error("`d_model` {d_model} is not a multiple of `d_head` {d_head}, so the number of heads is not determined")]
    Heads {
        /// The width.
        d_model: u32,
        /// The head's width.
        d_head: u32,
    },
}

impl Shape {
    /// Head dimension where none is given: 64, the paper's, from width 256 on, 16 below; where that does not
    /// divide the width, the largest divisor down to half of it.
    pub fn default_d_head(d_model: u32) -> u32 {
        let most = if d_model >= 256 { 64 } else { d_model.clamp(1, 16) };
        (most.div_ceil(2)..=most).rev().find(|d_head| d_model.is_multiple_of(*d_head)).unwrap_or(most)
    }

    /// A shape from its width and depth; what is not given follows the paper's ratios:
    /// heads = d_model / d_head, d_ff = 4·d_model.
    ///
    /// # Errors
    /// [`ShapeError`] when a dimension is out of range or the heads cannot be derived.
    pub fn new(
        d_model: u32,
        layers: u32,
        heads: Option<u32>,
        d_head: Option<u32>,
        d_ff: Option<u32>,
    ) -> Result<Self, ShapeError> {
        in_range("d_model", d_model, 1 << 16)?;
        in_range("layers", layers, 1 << 12)?;
        let d_head = match (d_head, heads) {
            (Some(d_head), _) => d_head,
            (None, Some(heads)) if heads > 0 && d_model.is_multiple_of(heads) => d_model / heads,
            (None, _) => Self::default_d_head(d_model),
        };
        in_range("d_head", d_head, 1 << 12)?;
        let heads = match heads {
            Some(heads) => heads,
            None if d_model.is_multiple_of(d_head) => d_model / d_head,
            None => return Err(ShapeError::Heads { d_model, d_head }),
        };
        in_range("heads", heads, 1 << 12)?;
        let d_ff = d_ff.unwrap_or_else(|| d_model.saturating_mul(4));
        in_range("d_ff", d_ff, 1 << 20)?;
        Ok(Self { d_model, layers, heads, d_head, d_ff })
    }

    /// Width of all heads together, heads·d_head.
    pub fn d_attention(self) -> u32 {
        self.heads * self.d_head
    }

    /// A short name, `d64-l3`; the full one, `d64-l3-h4x16-f256`, where heads or d_ff leave the default ratios.
    pub fn label(self) -> String {
        let short = format!("d{}-l{}", self.d_model, self.layers);
        match Self::new(self.d_model, self.layers, None, None, None) {
            Ok(default) if default == self => short,
            _ => format!("{short}-h{}x{}-f{}", self.heads, self.d_head, self.d_ff),
        }
    }
}

fn in_range(name: &'static str, value: u32, max: u32) -> Result<(), ShapeError> {
    if (1..=max).contains(&value) { Ok(()) } else { Err(ShapeError::OutOfRange { name, value, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_follows_the_paper() {
        let small = Shape::new(512, 6, None, None, None).unwrap();
        assert_eq!(small, Shape { d_model: 512, layers: 6, heads: 8, d_head: 64, d_ff: 2048 });
        assert_eq!(small.label(), "d512-l6");
        assert_eq!([12, 24, 40, 48, 64, 96, 320].map(Shape::default_d_head), [12, 12, 10, 16, 16, 16, 64]);
        assert_eq!(Shape::new(96, 3, Some(4), None, None).unwrap().label(), "d96-l3-h4x24-f384");
    }

    #[test]
    fn impossible_shapes_say_why() {
        let message = |e: Result<Shape, ShapeError>| e.unwrap_err().to_string();
        insta::assert_snapshot!(message(Shape::new(0, 2, None, None, None)), @"`d_model` is 0, allowed are 1 to 65536");
        insta::assert_snapshot!(message(Shape::new(100, 2, None, Some(64), None)), @"`d_model` 100 is not a multiple of `d_head` 64, so the number of heads is not determined");
    }
}
