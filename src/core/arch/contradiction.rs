//! Choices that contradict each other, or do not fit a size.

use std::ops::RangeInclusive;

use super::{
    Architecture, Convolution, ConvolutionInit, FeedForwardWidth, Initialisation, LogitScale,
    OutputHead, Positions, QkvProjections, ScoreScale, Shape, ShapeError,
};

/// Reason that choices contradict each other, or that a choice is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Contradiction {
    /// Number outside its range.
    #[error("{key} is out of range: expected {allowed}, found {value}")]
    OutOfRange {
        /// Name of the choice, with backticks, for messages.
        key: &'static str,
        /// The value found.
        value: f64,
        /// The range, as text.
        allowed: &'static str,
    },
    /// Taps that start at 0, without a residual.
    #[error(
        "`init: zero` without a residual makes Q and K zero, so that neither ever receives a gradient"
    )]
    DeadConvolution,
    /// Identity convolution with a residual, which doubles the input.
    #[error("a convolution with `init: identity` and a residual doubles Q, K and V at the start")]
    DoubledConvolution,
    /// Logits that start with a spread of sqrt(d_model).
    #[error(
        "a tied head with the paper's embedding, whose variance is 1, and `logit_scale: one` gives initial logits a spread of sqrt(d_model)"
    )]
    UnscaledLogits,
    /// Folded scale without the paper's initial W_q, which contains it.
    #[error(
        "`score_scale: folded` needs the factor d_head^-0.5 in the initial W_q, and `initialisation: normal` does not put it there"
    )]
    FoldedScaleWithoutPaperInit,
    /// Folded scale with normalised queries, which divide it out.
    #[error(
        "`qk_norm` divides out the factor d_head^-0.5 that `score_scale: folded` puts into the initial W_q"
    )]
    FoldedScaleWithQkNorm,
    /// Feed-forward width set by both the size and the architecture.
    #[error(
        "the size sets `d_ff` to {d_ff}, and the architecture sets it to {ratio} times `d_model`"
    )]
    ConflictingWidths {
        /// Width that the size sets.
        d_ff: u32,
        /// Value that the architecture sets.
        ratio: f64,
    },
    /// Head width set by both the size and the architecture.
    #[error(
        "the size sets {heads} heads of {of_size} channels, and the architecture sets `d_head` to {of_architecture}"
    )]
    ConflictingHeadWidths {
        /// Number of heads that the size sets.
        heads: u32,
        /// Width that the size sets.
        of_size: u32,
        /// Value that the architecture sets.
        of_architecture: u32,
    },
    /// Odd head width with rotary positions, which rotate pairs of channels.
    #[error(
        "rotary positions rotate pairs of channels, and `d_head` {d_head} of size `{size}` is odd"
    )]
    OddHead {
        /// Width of a head.
        d_head: u32,
        /// The size.
        size: String,
    },
    /// Number of heads that is not a multiple of the group.
    #[error("`group` {group} does not divide the number of heads of size `{size}`, {heads}")]
    IndivisibleHeads {
        /// Query heads.
        heads: u32,
        /// Query heads for each key and value head.
        group: u32,
        /// The size.
        size: String,
    },
    /// Resulting shape that is invalid.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Contradiction {
    /// Action that resolves the contradiction.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "choose a value within that range",
            Self::DeadConvolution => "set `residual: true`, or `init: paper`",
            Self::DoubledConvolution => "set `init: zero`, or `residual: false`",
            Self::UnscaledLogits => {
                "set `logit_scale: inverse_sqrt_width`, or `head: untied`, or `initialisation: normal`"
            }
            Self::FoldedScaleWithoutPaperInit => {
                "set `score_scale: inverse_sqrt`, or `initialisation: paper`"
            }
            Self::FoldedScaleWithQkNorm => "set `score_scale: inverse_sqrt`",
            Self::ConflictingWidths { .. } => {
                "remove `d_ff` from the size or from the architecture"
            }
            Self::ConflictingHeadWidths { .. } => {
                "remove the heads from the size, or `d_head` from the architecture"
            }
            Self::OddHead { .. } => "choose an even `d_head`, or another value of `positions`",
            Self::IndivisibleHeads { .. } => {
                "choose a `group` that divides the heads of every size, or give sizes their `heads`"
            }
            Self::Shape(_) => "choose another size, or another `d_head`",
        }
    }
}

impl Architecture {
    /// Checks that the choices are consistent, for any size.
    ///
    /// # Errors
    /// [`Contradiction`] if they are not.
    pub fn check(&self) -> Result<(), Contradiction> {
        for (key, value, holds, allowed) in self.ranges() {
            if !holds {
                return Err(Contradiction::OutOfRange {
                    key,
                    value,
                    allowed,
                });
            }
        }
        let convolution = self.qkv_convolution.convolution();
        match convolution.map(|convolution| (convolution.init, convolution.residual)) {
            Some((ConvolutionInit::Zero, false)) => return Err(Contradiction::DeadConvolution),
            Some((ConvolutionInit::Identity, true)) => {
                return Err(Contradiction::DoubledConvolution);
            }
            _ => {}
        }
        if (self.head, self.logit_scale, self.initialisation)
            == (OutputHead::Tied, LogitScale::One, Initialisation::Paper)
        {
            return Err(Contradiction::UnscaledLogits);
        }
        match (self.score_scale, self.initialisation) {
            (ScoreScale::Folded, _) if self.qk_norm => Err(Contradiction::FoldedScaleWithQkNorm),
            (ScoreScale::Folded, Initialisation::Normal { .. }) => {
                Err(Contradiction::FoldedScaleWithoutPaperInit)
            }
            _ => Ok(()),
        }
    }

    /// Numeric choices: key, value, whether the value is in range, and the range as text.
    fn ranges(&self) -> Vec<(&'static str, f64, bool, &'static str)> {
        let positive = |key, value: f64, most: f64, allowed| {
            (key, value, 0.0 < value && value <= most, allowed)
        };
        let within = |key, value: f64, range: RangeInclusive<f64>, allowed| {
            (key, value, range.contains(&value), allowed)
        };
        let cap = |key, cap| positive(key, cap, 1e4, "above 0, up to 10000");
        let mut ranges = vec![
            positive("`norm_eps`", self.norm_eps, 0.1, "above 0, up to 0.1"),
            within("`z_loss`", self.z_loss, 0.0..=1.0, "0 to 1"),
        ];
        ranges.extend(
            self.attention_softcap
                .map(|c| cap("`attention_softcap`", c)),
        );
        ranges.extend(self.logit_softcap.map(|c| cap("`logit_softcap`", c)));
        if let Positions::Rotary { base } = self.positions {
            let key = "`base` of rotary positions";
            ranges.push(within(key, base, 2.0..=1e9, "2 to 1e9"));
        }
        if let FeedForwardWidth::Ratio(ratio) = self.d_ff {
            let key = "`ratio` of `d_ff`";
            ranges.push(within(key, ratio, 0.125..=64.0, "0.125 to 64"));
        }
        if let QkvProjections::GroupedQuery { group } = self.qkv_projections {
            let key = "`group` of `grouped_query`";
            ranges.push(within(key, group.into(), 2.0..=256.0, "2 to 256"));
        }
        if let Initialisation::Normal { std } = self.initialisation {
            let key = "`std` of `initialisation`";
            ranges.push(positive(key, std, 10.0, "above 0, up to 10"));
        }
        if let Some(Convolution { width, .. }) = self.qkv_convolution.convolution() {
            let key = "`width` of the convolution";
            ranges.push(within(key, width.into(), 2.0..=7.0, "2 to 7"));
        }
        ranges
    }

    /// The architecture's shape at a size. Widths that the architecture sets replace the size's.
    ///
    /// # Errors
    /// [`Contradiction`] if size and architecture set different widths, or do not fit each other.
    pub fn shape_at(&self, size: &Shape) -> Result<Shape, Contradiction> {
        let (heads, d_head) = self.heads_at(size)?;
        let d_ff = match self.d_ff {
            FeedForwardWidth::Full => size.d_ff,
            FeedForwardWidth::TwoThirds => two_thirds(size.d_ff),
            FeedForwardWidth::Ratio(ratio) => {
                let d_ff = (ratio * f64::from(size.d_model)).round().max(1.0) as u32;
                if size.d_ff != 4 * size.d_model && size.d_ff != d_ff {
                    return Err(Contradiction::ConflictingWidths {
                        d_ff: size.d_ff,
                        ratio,
                    });
                }
                d_ff
            }
        };
        if matches!(self.positions, Positions::Rotary { .. }) && !d_head.is_multiple_of(2) {
            return Err(Contradiction::OddHead {
                d_head,
                size: size.label(),
            });
        }
        if let QkvProjections::GroupedQuery { group } = self.qkv_projections
            && !heads.is_multiple_of(group)
        {
            return Err(Contradiction::IndivisibleHeads {
                heads,
                group,
                size: size.label(),
            });
        }
        let [heads, d_head, d_ff] = [heads, d_head, d_ff].map(Some);
        Ok(Shape::new(size.d_model, size.layers, heads, d_head, d_ff)?)
    }

    /// Number and width of heads: the size's, or the architecture's if the size follows the default
    /// ratios.
    fn heads_at(&self, size: &Shape) -> Result<(u32, u32), Contradiction> {
        let Some(d_head) = self.d_head.filter(|d_head| *d_head != size.d_head) else {
            return Ok((size.heads, size.d_head));
        };
        let default = Shape::new(size.d_model, size.layers, None, None, None)?;
        if (size.heads, size.d_head) != (default.heads, default.d_head) {
            return Err(Contradiction::ConflictingHeadWidths {
                heads: size.heads,
                of_size: size.d_head,
                of_architecture: d_head,
            });
        }
        let own = Shape::new(size.d_model, size.layers, None, Some(d_head), None)?;
        Ok((own.heads, own.d_head))
    }
}

/// Two thirds of d_ff. For the paper's widths, the numbers of the released configurations
/// (arXiv:2109.08668); else the nearest multiple of 8, which suits matrix units; below 256, the
/// nearest whole number.
fn two_thirds(d_ff: u32) -> u32 {
    match d_ff {
        2048 => 1364,
        8192 => 5462,
        _ => {
            let exact = f64::from(d_ff) * 2.0 / 3.0;
            let step = if exact >= 256.0 { 8.0 } else { 1.0 };
            ((exact / step).round() * step).max(1.0) as u32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LLAMA_STYLE, MDHA, QkvConvolution, TRANSFORMER, TRANSFORMER_PLUS_PLUS};
    use super::*;

    #[test]
    fn contradictions_say_why() {
        let dead = Convolution {
            width: 3,
            residual: false,
            init: ConvolutionInit::Zero,
        };
        let refused = [
            Architecture {
                qkv_convolution: QkvConvolution::Depthwise(dead),
                ..TRANSFORMER
            },
            Architecture {
                qk_norm: true,
                ..TRANSFORMER
            },
            Architecture {
                score_scale: ScoreScale::Folded,
                ..LLAMA_STYLE
            },
            Architecture {
                logit_scale: LogitScale::One,
                ..TRANSFORMER
            },
            Architecture {
                qkv_convolution: QkvConvolution::Depthwise(Convolution {
                    width: 3,
                    residual: true,
                    init: ConvolutionInit::Identity,
                }),
                ..TRANSFORMER
            },
            Architecture {
                norm_eps: 0.0,
                ..TRANSFORMER
            },
            Architecture {
                norm_eps: f64::NAN,
                ..TRANSFORMER
            },
            Architecture {
                attention_softcap: Some(-1.0),
                ..TRANSFORMER
            },
            Architecture {
                qkv_projections: QkvProjections::GroupedQuery { group: 1 },
                ..TRANSFORMER
            },
            Architecture {
                d_ff: FeedForwardWidth::Ratio(100.0),
                ..TRANSFORMER
            },
        ];
        let messages: Vec<String> = refused
            .iter()
            .map(|a| a.check().unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn architectures_that_do_not_fit_a_size_say_why() {
        let size = |label: &str| label.parse::<Shape>().unwrap();
        let grouped = Architecture {
            qkv_projections: QkvProjections::GroupedQuery { group: 4 },
            ..LLAMA_STYLE
        };
        let refused = [
            (grouped, size("d32-l2")),
            (LLAMA_STYLE, size("d30-l2-h2x15")),
            (
                Architecture {
                    d_ff: FeedForwardWidth::Ratio(12.0),
                    ..TRANSFORMER
                },
                size("d64-l3-ff8"),
            ),
            (
                Architecture {
                    d_head: Some(32),
                    ..TRANSFORMER
                },
                size("d64-l3-h8x8"),
            ),
            (
                Architecture {
                    d_head: Some(48),
                    ..TRANSFORMER
                },
                size("d64-l3"),
            ),
            (
                Architecture {
                    d_ff: FeedForwardWidth::Ratio(64.0),
                    ..TRANSFORMER
                },
                size("d65536-l1"),
            ),
        ];
        let messages: Vec<String> = refused
            .iter()
            .map(|(a, size)| a.shape_at(size).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    /// Compares with the gated widths of the released configurations.
    #[test]
    fn two_thirds_are_the_papers() {
        let d_ff = |name: &str| {
            TRANSFORMER_PLUS_PLUS
                .shape_at(&name.parse().unwrap())
                .unwrap()
                .d_ff
        };
        assert_eq!(
            ["small", "medium", "large", "d48-l2"].map(d_ff),
            [1364, 2048, 5462, 128]
        );
        assert_eq!(two_thirds(4096), 2728);
        assert_eq!(
            Architecture {
                qkv_convolution: MDHA,
                ..TRANSFORMER
            }
            .shape_at(&"small".parse().unwrap())
            .unwrap()
            .d_ff,
            2048
        );
    }

    #[test]
    fn a_width_of_the_architectures_own_replaces_the_sizes() {
        let wide = Architecture {
            d_ff: FeedForwardWidth::Ratio(12.0),
            d_head: Some(32),
            ..TRANSFORMER
        };
        let shape = wide.shape_at(&"d64-l3".parse().unwrap()).unwrap();
        assert_eq!((shape.d_ff, shape.heads, shape.d_head), (768, 2, 32));
        // If both set the same width, the size's heads are kept.
        let spelled: Shape = "d32-l2-h8x16".parse().unwrap();
        let own = Architecture {
            d_head: Some(16),
            ..TRANSFORMER
        };
        assert_eq!(own.shape_at(&spelled).unwrap(), spelled);
    }
}
