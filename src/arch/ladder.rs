//! Named sizes, and a shape for a target parameter count.

use super::{Architecture, Shape, params};

/// The paper's sizes (arXiv:2109.08668): d_model, layers, heads, d_head, d_ff.
const PAPER: [(&str, Shape); 3] = [
    ("small", Shape { d_model: 512, layers: 6, heads: 8, d_head: 64, d_ff: 2048 }),
    ("medium", Shape { d_model: 768, layers: 12, heads: 12, d_head: 64, d_ff: 3072 }),
    ("large", Shape { d_model: 1024, layers: 24, heads: 16, d_head: 64, d_ff: 8192 }),
];

/// Rungs below the paper's, for a CPU or a first look.
const MICRO: [(&str, u32, u32); 11] = [
    ("d12-l2", 12, 2),
    ("d16-l2", 16, 2),
    ("d24-l2", 24, 2),
    ("d32-l2", 32, 2),
    ("d40-l2", 40, 2),
    ("d48-l2", 48, 2),
    ("d64-l3", 64, 3),
    ("d96-l3", 96, 3),
    ("d128-l4", 128, 4),
    ("d192-l5", 192, 5),
    ("d256-l6", 256, 6),
];

/// Why a size has no shape.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LadderError {
    /// A parameter target below the smallest model or above the largest that is tried.
    #[error(
        "no shape has {target} parameters: the nearest, `{nearest}`, has {nearest_params}, {miss_percent:.0}% away"
    )]
    NoShapeNear {
        /// The target.
        target: crate::units::ParamCount,
        /// The nearest shape.
        nearest: String,
        /// Its count.
        nearest_params: crate::units::ParamCount,
        /// How far it is.
        miss_percent: f64,
    },
}

/// Names of all rungs, smallest first.
pub fn named_rungs() -> impl Iterator<Item = &'static str> {
    MICRO.iter().map(|(name, ..)| *name).chain(PAPER.iter().map(|(name, _)| *name))
}

/// The shape of a named rung.
pub fn rung(name: &str) -> Option<Shape> {
    let micro = MICRO.iter().find(|(rung, ..)| *rung == name);
    micro
        .and_then(|&(_, d_model, layers)| Shape::new(d_model, layers, None, None, None).ok())
        .or_else(|| PAPER.iter().find(|(rung, _)| *rung == name).map(|&(_, shape)| shape))
}

/// A shape found for a target, with the miss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solved {
    /// The shape.
    pub shape: Shape,
    /// Its `params_total` over the target, minus one.
    pub relative_miss: f64,
}

/// Finds the shape whose `params_total` is nearest to `target`.
///
/// Candidates keep d_ff = 4·d_model, whole heads, and between 8 and 128 channels of
/// width a layer; among those within 2% of the best the one nearest to 64 channels a layer wins
/// (the ratio of the paper's `medium`).
///
/// # Errors
/// [`LadderError::NoShapeNear`] when the nearest shape misses by more than 25%.
pub fn solve_params(arch: &Architecture, target: u64, vocabulary: u32) -> Result<Solved, LadderError> {
    let miss = |shape: &Shape| params(arch, shape, vocabulary).total().0 as f64 / target as f64 - 1.0;
    let candidates: Vec<(Shape, f64)> = candidate_shapes().map(|shape| (shape, miss(&shape))).collect();
    let best = candidates.iter().map(|(_, m)| m.abs()).fold(f64::INFINITY, f64::min);
    let near = candidates.iter().filter(|(_, m)| m.abs() <= best + 0.02);
    let aspect = |shape: &Shape| (f64::from(shape.d_model) / f64::from(shape.layers) / 64.0).ln().abs();
    let (shape, relative_miss) =
        near.min_by(|a, b| aspect(&a.0).total_cmp(&aspect(&b.0))).copied().unwrap_or((PAPER[0].1, f64::INFINITY));
    if relative_miss.abs() > 0.25 {
        return Err(LadderError::NoShapeNear {
            target: crate::units::ParamCount(target),
            nearest: shape.label(),
            nearest_params: params(arch, &shape, vocabulary).total(),
            miss_percent: 100.0 * relative_miss.abs(),
        });
    }
    Ok(Solved { shape, relative_miss })
}

fn candidate_shapes() -> impl Iterator<Item = Shape> {
    let widths =
        (1..32).map(|k| 8 * k).filter(|d| Shape::default_d_head(*d).is_multiple_of(4)).chain((4..=256).map(|k| 64 * k));
    widths.flat_map(|d_model| {
        let depths = (d_model / 128).max(1)..=(d_model / 8).clamp(1, 128);
        depths.filter_map(move |layers| Shape::new(d_model, layers, None, None, None).ok())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Preset;
    use super::*;

    #[test]
    fn every_name_has_a_shape() {
        for name in named_rungs() {
            let shape = rung(name).expect(name);
            if name.starts_with('d') {
                assert_eq!(shape.label(), name);
            }
        }
        assert_eq!(rung("huge"), None);
    }

    #[test]
    fn a_target_out_of_reach_is_refused() {
        let message = solve_params(&Preset::Transformer.architecture(), 10, 256).unwrap_err().to_string();
        insta::assert_snapshot!(message, @"no shape has 10 parameters: the nearest, `d8-l1`, has 2.94k, 29260% away");
    }

    proptest! {
        /// A target from a thousandfold range is met within 8% by a valid shape, and by the same one each time.
        #[test]
        fn targets_are_met(log_target in (1e5f64).ln()..(1e9f64).ln()) {
            let target = log_target.exp() as u64;
            let arch = Preset::PrimerEz.architecture();
            let solved = solve_params(&arch, target, 256).unwrap();
            let allowed = if target < 1_000_000 { 0.10 } else { 0.06 };
            prop_assert!(solved.relative_miss.abs() < allowed, "{solved:?}");
            prop_assert_eq!(solved, solve_params(&arch, target, 256).unwrap());
        }
    }
}
