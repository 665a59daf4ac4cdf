//! Named sizes, the paper's sweep, and shapes for target parameter counts.

use std::str::FromStr;

use super::{Architecture, ModelConfig, Shape, ShapeError};
use crate::units::{ParamCount, si};

/// The paper's sizes (arXiv:2109.08668), each with its label.
const PAPER: [(&str, &str); 3] = [
    ("small", "d512-l6"),
    ("medium", "d768-l12"),
    ("large", "d1024-l24-ff8"),
];

/// Rungs below the paper's sizes, for a CPU or a first try.
const MICRO: [&str; 11] = [
    "d12-l2", "d16-l2", "d24-l2", "d32-l2", "d40-l2", "d48-l2", "d64-l3", "d96-l3", "d128-l4",
    "d192-l5", "d256-l6",
];

/// Target aspect ratio of solved shapes, channels of width per layer: that of the paper's `medium`.
pub const ASPECT: f64 = 64.0;

/// Reason that a parameter target has no shape.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LadderError {
    /// Parameter target that no candidate is near to.
    #[error(
        "no shape has about {target} parameters: the nearest, `{nearest}`, has {nearest_params}, {miss_percent:.0}% off"
    )]
    NoShapeNear {
        /// The target.
        target: ParamCount,
        /// The nearest shape.
        nearest: String,
        /// Its count.
        nearest_params: ParamCount,
        /// Its distance from the target, %.
        miss_percent: f64,
    },
    /// Architecture that fits no candidate shape.
    #[error("the architecture fits none of the candidate shapes")]
    NoShape,
    /// Rungs so close to each other that they have the same shape.
    #[error("the rungs for {} and {} parameters have the same shape, `{shape}`", first.0, second.0)]
    TooDense {
        /// Target of a rung.
        first: ParamCount,
        /// Target of the next rung.
        second: ParamCount,
        /// Label of their shape.
        shape: String,
    },
}

/// Names of all rungs, smallest first.
pub fn named_rungs() -> impl Iterator<Item = &'static str> {
    MICRO.into_iter().chain(PAPER.map(|(name, _)| name))
}

/// The 27 shapes of the paper's sweep: layers {6, 9, 12} x d_model {384, 512, 1024} x
/// d_ff / d_model {4, 8, 12} (arXiv:2109.08668). Their labels are `d384-l6`, `d384-l6-ff8`,
/// `d384-l6-ff12`, and so on.
pub fn paper_sweep() -> impl Iterator<Item = Shape> {
    let all = [384, 512, 1024]
        .into_iter()
        .flat_map(|d| [6, 9, 12].map(|layers| (d, layers)));
    all.flat_map(|(d, layers)| {
        [4, 8, 12].map(|ratio| Shape {
            d_model: d,
            layers,
            heads: d / 64,
            d_head: 64,
            d_ff: ratio * d,
        })
    })
}

/// Model settings with which a ladder counts parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LadderBasis<'a> {
    /// The baseline's architecture.
    pub architecture: &'a Architecture,
    /// Number of distinct tokens.
    pub vocabulary: u32,
    /// Tokens in a sequence.
    pub sequence_length: u32,
}

impl LadderBasis<'_> {
    /// `params_total` at a size; `None` if the architecture does not fit it.
    pub fn params(&self, size: &Shape) -> Option<ParamCount> {
        let (vocabulary, length) = (self.vocabulary, self.sequence_length);
        let config = ModelConfig::new(self.architecture, size, vocabulary, length);
        config.ok().map(|config| config.params().total())
    }
}

/// Parses a rung's name, or a label ([`Shape::label`]).
impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(name: &str) -> Result<Self, ShapeError> {
        let paper = PAPER.iter().find(|(rung, _)| *rung == name);
        Self::from_label(paper.map_or(name, |(_, label)| label))
    }
}

/// Shape found for a parameter target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SolvedShape {
    /// The shape.
    pub shape: Shape,
    /// Target of `params_total`.
    pub target: ParamCount,
    /// `params_total` of the shape.
    pub params: ParamCount,
}

impl SolvedShape {
    /// The count divided by the target, minus one.
    pub fn relative_miss(&self) -> f64 {
        self.params.0 as f64 / self.target.0 as f64 - 1.0
    }

    /// Formats a note such as ``size for 10M parameters: `d256-l10` with 9.98M, -0.2%``.
    pub fn note(&self) -> String {
        let (target, miss) = (si(self.target.0 as f64), 100.0 * self.relative_miss());
        format!(
            "size for {target} parameters: `{}` with {}, {miss:+.1}%",
            self.shape.label(),
            self.params
        )
    }
}

/// Finds the shape whose `params_total` is nearest to `target`.
///
/// Candidates have d_ff = 4·d_model, whole heads ([`Shape::default_d_head`]), and between 8 and 128
/// channels of width per layer. Of those within 2% of the best, the one nearest to `aspect`
/// channels per layer is chosen.
///
/// # Errors
/// [`LadderError`] if the nearest shape misses by more than 25%.
pub fn solve_params(
    counting: &LadderBasis<'_>,
    target: u64,
    aspect: f64,
) -> Result<SolvedShape, LadderError> {
    let candidates = candidates(counting, target);
    let best = candidates
        .iter()
        .map(|c| c.relative_miss().abs())
        .fold(f64::INFINITY, f64::min);
    let chosen = nearest_aspect(&candidates, best + 0.02, aspect)?;
    if chosen.relative_miss().abs() > 0.25 {
        return Err(LadderError::NoShapeNear {
            target: chosen.target,
            nearest: chosen.shape.label(),
            nearest_params: chosen.params,
            miss_percent: 100.0 * chosen.relative_miss().abs(),
        });
    }
    Ok(chosen)
}

/// Finds `rungs` shapes from `from` to `to` parameters, evenly spaced in the logarithm and close to
/// one aspect ratio, so that they differ in size and in little else.
///
/// For the aspect ratio, a rung may miss its target by 5%, or by a quarter of the step if that is
/// less. If no shape is that close, the nearest is taken.
///
/// # Errors
/// [`LadderError`] if a rung has no shape near it, or two rungs have the same shape.
pub fn geometric(
    counting: &LadderBasis<'_>,
    from: u64,
    to: u64,
    rungs: u32,
    aspect: f64,
) -> Result<Vec<SolvedShape>, LadderError> {
    let ratio = (to as f64 / from as f64).powf(1.0 / f64::from(rungs.max(2) - 1));
    let tolerance = (0.25 * (ratio - 1.0)).min(0.05);
    let rung = |i: u32| {
        let target = (from as f64 * ratio.powf(f64::from(i))).round() as u64;
        let near = nearest_aspect(&candidates(counting, target), tolerance, aspect);
        near.or_else(|_| solve_params(counting, target, aspect))
    };
    let solved: Vec<SolvedShape> = (0..rungs).map(rung).collect::<Result<_, _>>()?;
    match solved
        .windows(2)
        .find(|pair| pair[0].params >= pair[1].params)
    {
        Some(pair) => Err(LadderError::TooDense {
            first: pair[0].target,
            second: pair[1].target,
            shape: pair[1].shape.label(),
        }),
        None => Ok(solved),
    }
}

fn candidates(counting: &LadderBasis<'_>, target: u64) -> Vec<SolvedShape> {
    let solved = |shape| {
        Some(SolvedShape {
            shape,
            target: ParamCount(target),
            params: counting.params(&shape)?,
        })
    };
    candidate_shapes().filter_map(solved).collect()
}

/// Chooses, of the shapes that miss by at most `tolerance`, the one nearest to `aspect` channels of
/// width per layer.
fn nearest_aspect(
    candidates: &[SolvedShape],
    tolerance: f64,
    aspect: f64,
) -> Result<SolvedShape, LadderError> {
    let off = |c: &SolvedShape| {
        (f64::from(c.shape.d_model) / f64::from(c.shape.layers) / aspect)
            .ln()
            .abs()
    };
    let near = candidates
        .iter()
        .filter(|c| c.relative_miss().abs() <= tolerance);
    near.min_by(|a, b| off(a).total_cmp(&off(b)))
        .copied()
        .ok_or(LadderError::NoShape)
}

fn candidate_shapes() -> impl Iterator<Item = Shape> {
    let widths = (1..32)
        .map(|k| 8 * k)
        .filter(|d| Shape::default_d_head(*d).is_multiple_of(4))
        .chain((4..=256).map(|k| 64 * k));
    widths.flat_map(|d_model| {
        let depths = (d_model / 128).max(1)..=(d_model / 8).clamp(1, 128);
        depths.filter_map(move |layers| Shape::new(d_model, layers, None, None, None).ok())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{PRESETS, TRANSFORMER};
    use super::*;

    #[test]
    fn every_name_has_a_shape() {
        for name in named_rungs() {
            let shape: Shape = name.parse().expect(name);
            if name.starts_with('d') {
                assert_eq!(shape.label(), name);
            }
        }
        let large = Shape::new(1024, 24, Some(16), Some(64), Some(8192));
        assert_eq!("large".parse(), large);
        assert!("huge".parse::<Shape>().is_err());
    }

    fn counting(architecture: &Architecture) -> LadderBasis<'_> {
        LadderBasis {
            architecture,
            vocabulary: 256,
            sequence_length: 64,
        }
    }

    #[test]
    fn the_papers_sweep_has_27_shapes() {
        let labels: Vec<String> = paper_sweep().map(Shape::label).collect();
        assert_eq!(labels.len(), 27);
        insta::assert_snapshot!(labels.join(" "));
        for (label, shape) in labels.iter().zip(paper_sweep()) {
            assert_eq!(label.parse(), Ok(shape));
        }
    }

    #[test]
    fn targets_out_of_reach_are_refused() {
        let counting = counting(&TRANSFORMER);
        let message = solve_params(&counting, 10, ASPECT).unwrap_err().to_string();
        insta::assert_snapshot!(message, @"no shape has about 10 parameters: the nearest, `d8-l1`, has 2.94k, 29260% off");
        let message = geometric(&counting, 1_000_000, 1_010_000, 5, ASPECT)
            .unwrap_err()
            .to_string();
        insta::assert_snapshot!(message);
    }

    /// Rungs are evenly spaced to a few percent, and keep the aspect ratio if models are large
    /// enough for it.
    #[test]
    fn a_ladder_is_even_and_alike() {
        let ladder = geometric(
            &counting(&TRANSFORMER),
            1_000_000,
            1_000_000_000,
            10,
            ASPECT,
        )
        .unwrap();
        let rows: Vec<String> = ladder.iter().map(SolvedShape::note).collect();
        insta::assert_snapshot!(rows.join("\n"));
        for pair in ladder.windows(2) {
            let step = pair[1].params.0 as f64 / pair[0].params.0 as f64;
            assert!((step / 1000f64.powf(1.0 / 9.0) - 1.0).abs() < 0.1, "{step}");
        }
        // Between 10M and 50M parameters, heads of 64 channels leave few widths to choose from.
        for (i, allowed) in (2..ladder.len()).map(|i| (i, if i < 6 { 0.5 } else { 0.1 })) {
            let Shape {
                d_model, layers, ..
            } = ladder[i].shape;
            let off = (f64::from(d_model) / f64::from(layers) / ASPECT).ln();
            assert!(
                off.abs() < allowed,
                "{} is off the aspect ratio by {off:.2}",
                ladder[i].shape.label()
            );
        }
    }

    proptest! {
        /// A valid shape meets each target within 10%, and the same target gives the same shape.
        #[test]
        fn targets_are_met(log_target in (1e5f64).ln()..(1e9f64).ln(), preset in 0..PRESETS.len()) {
            let target = log_target.exp() as u64;
            let counting = counting(&PRESETS[preset].architecture);
            let solved = solve_params(&counting, target, ASPECT).unwrap();
            let allowed = if target < 1_000_000 { 0.10 } else { 0.06 };
            prop_assert!(solved.relative_miss().abs() < allowed, "{solved:?}");
            prop_assert_eq!(Some(solved.params), counting.params(&solved.shape));
            prop_assert_eq!(solved, solve_params(&counting, target, ASPECT).unwrap());
        }
    }
}
