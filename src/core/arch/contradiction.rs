//! Choices that make no model, or none that means what it says.

use std::ops::RangeInclusive;

use super::{
    Architecture, Convolution, ConvolutionInit, FeedForwardWidth, Head, Initialisation, LogitScale,
    Positions, QkvProjections, ScoreScale, Shape, ShapeError,
};

/// Why choices cannot be had together, or a choice is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Contradiction {
    /// A number that no model can have.
    #[error("{key} is {value}, allowed is {allowed}")]
    OutOfRange {
        /// The choice, as it is written.
        key: &'static str,
        /// What was found.
        value: f64,
        /// What is allowed, in words.
        allowed: &'static str,
    },
    /// Taps that start at 0 and nothing beside them.
    #[error(
        "taps that start at 0 without a residual make Q and K zero, and neither would ever get a gradient through the other"
    )]
    DeadConvolution,
    /// The input twice.
    #[error(
        "a convolution that starts as the identity, and a residual beside it, double Q, K and V at the start"
    )]
    DoubledConvolution,
    /// Logits with a spread of sqrt(d_model).
    #[error(
        "a tied head of the paper's embedding, whose variance is 1, starts with logits of spread sqrt(d_model) under `logit_scale: one`"
    )]
    WildLogits,
    /// The folded scale is a matter of the paper's W_q.
    #[error(
        "`score_scale: folded` puts d_head^-0.5 into the paper's initial W_q, and `initialisation: normal` has none of it"
    )]
    FoldedScaleWithoutPaperInit,
    /// Normalised queries have no scale of their own.
    #[error(
        "`qk_norm` divides out the factor d_head^-0.5 that `score_scale: folded` puts into the initial W_q"
    )]
    FoldedScaleWithQkNorm,
    /// Two say how wide the feed-forward layer is.
    #[error("the size spells out `d_ff` {d_ff} and the architecture sets {ratio} times `d_model`")]
    TwoWidths {
        /// The size's.
        d_ff: u32,
        /// The architecture's.
        ratio: f64,
    },
    /// Two say how wide a head is.
    #[error(
        "the size spells out {heads} heads of {of_size} channels and the architecture sets `d_head` {of_architecture}"
    )]
    TwoHeadWidths {
        /// The size's heads.
        heads: u32,
        /// The size's.
        of_size: u32,
        /// The architecture's.
        of_architecture: u32,
    },
    /// Rotation takes channels in pairs.
    #[error(
        "rotary positions turn pairs of channels, and `d_head` {d_head} of size `{size}` is odd"
    )]
    OddHead {
        /// The head's width.
        d_head: u32,
        /// The size.
        size: String,
    },
    /// Heads that do not divide among the groups.
    #[error("groups of {group} do not divide the heads of size `{size}`: {heads}")]
    Group {
        /// Query heads.
        heads: u32,
        /// Query heads for each key and value head.
        group: u32,
        /// The size.
        size: String,
    },
    /// The shape that results is none.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Contradiction {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "choose a value within that range",
            Self::DeadConvolution => "set `residual: true`, or `init: paper`",
            Self::DoubledConvolution => "set `init: zero`, or `residual: false`",
            Self::WildLogits => {
                "set `logit_scale: inverse_sqrt_width`, or `head: untied`, or `initialisation: normal`"
            }
            Self::FoldedScaleWithoutPaperInit => {
                "set `score_scale: inverse_sqrt`, or `initialisation: paper`"
            }
            Self::FoldedScaleWithQkNorm => "set `score_scale: inverse_sqrt`",
            Self::TwoWidths { .. } => "remove `d_ff` from one of the two",
            Self::TwoHeadWidths { .. } => "remove the heads from one of the two",
            Self::OddHead { .. } => "choose an even `d_head`, or other positions",
            Self::Group { .. } => {
                "choose a `group` that divides the heads of every size, or give sizes their `heads`"
            }
            Self::Shape(_) => "choose another size, or another `d_head`",
        }
    }
}

impl Architecture {
    /// Whether the choices can be had together, whatever the size.
    ///
    /// # Errors
    /// [`Contradiction`] with the reason.
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
            == (Head::Tied, LogitScale::One, Initialisation::Paper)
        {
            return Err(Contradiction::WildLogits);
        }
        match (self.score_scale, self.initialisation) {
            (ScoreScale::Folded, _) if self.qk_norm => Err(Contradiction::FoldedScaleWithQkNorm),
            (ScoreScale::Folded, Initialisation::Normal { .. }) => {
                Err(Contradiction::FoldedScaleWithoutPaperInit)
            }
            _ => Ok(()),
        }
    }

    /// Every number among the choices: its key, its value, whether that is in range, and the range in words.
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

    /// The shape that the architecture has at a size: widths that are its own, in place of the size's.
    ///
    /// # Errors
    /// [`Contradiction`] when size and architecture both set a width, or do not fit each other.
    pub fn at(&self, size: &Shape) -> Result<Shape, Contradiction> {
        let (heads, d_head) = self.heads_at(size)?;
        let d_ff = match self.d_ff {
            FeedForwardWidth::Full => size.d_ff,
            FeedForwardWidth::TwoThirds => two_thirds(size.d_ff),
            FeedForwardWidth::Ratio(ratio) => {
                let d_ff = (ratio * f64::from(size.d_model)).round().max(1.0) as u32;
                if size.d_ff != 4 * size.d_model && size.d_ff != d_ff {
                    return Err(Contradiction::TwoWidths {
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
            return Err(Contradiction::Group {
                heads,
                group,
                size: size.label(),
            });
        }
        let [heads, d_head, d_ff] = [heads, d_head, d_ff].map(Some);
        Ok(Shape::new(size.d_model, size.layers, heads, d_head, d_ff)?)
    }

    /// Heads and their width: the size's, or the architecture's in place of the ratios that a size follows when it
    /// spells out none.
    fn heads_at(&self, size: &Shape) -> Result<(u32, u32), Contradiction> {
        let Some(d_head) = self.d_head.filter(|d_head| *d_head != size.d_head) else {
            return Ok((size.heads, size.d_head));
        };
        let default = Shape::new(size.d_model, size.layers, None, None, None)?;
        if (size.heads, size.d_head) != (default.heads, default.d_head) {
            return Err(Contradiction::TwoHeadWidths {
                heads: size.heads,
                of_size: size.d_head,
                of_architecture: d_head,
            });
        }
        let own = Shape::new(size.d_model, size.layers, None, Some(d_head), None)?;
        Ok((own.heads, own.d_head))
    }
}

/// Two thirds of d_ff: the released configurations' own numbers for the paper's widths (arXiv:2109.08668),
/// else the nearest multiple of 8, which matrix units want, or below 256 the nearest whole number.
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
            .map(|(a, size)| a.at(size).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    /// The gated widths of the released configurations.
    #[test]
    fn two_thirds_are_the_papers() {
        let d_ff = |name: &str| {
            TRANSFORMER_PLUS_PLUS
                .at(&name.parse().unwrap())
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
            .at(&"small".parse().unwrap())
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
        let shape = wide.at(&"d64-l3".parse().unwrap()).unwrap();
        assert_eq!((shape.d_ff, shape.heads, shape.d_head), (768, 2, 32));
        // Where both say the same, the size's heads stay.
        let spelled: Shape = "d32-l2-h8x16".parse().unwrap();
        let own = Architecture {
            d_head: Some(16),
            ..TRANSFORMER
        };
        assert_eq!(own.at(&spelled).unwrap(), spelled);
    }
}
