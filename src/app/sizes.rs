//! Sizes that could be added to those of a sweep.

use isoflop_core::arch::{ModelConfig, Shape, between, beyond};
use isoflop_fit::OfferedSize;
use isoflop_sweep::{Plan, PlannedRun};

/// Number of sizes above the largest.
const ABOVE: usize = 2;

/// Sizes between the plan's sizes, two above and one below.
pub(crate) fn additional_sizes(plan: &Plan) -> Vec<OfferedSize> {
    let mut arms: Vec<&PlannedRun> = Vec::new();
    for run in &plan.runs {
        if !arms.iter().any(|arm| arm.arm == run.arm) {
            arms.push(run);
        }
    }
    let mut own: Vec<(u64, Shape)> = Vec::new();
    for run in plan.runs.iter().filter(|run| run.arm == plan.baseline) {
        if let Ok(shape) = run.size.parse()
            && !own.iter().any(|(_, other)| *other == shape)
        {
            own.push((run.spec.params_total().0, shape));
        }
    }
    own.sort_by_key(|(params, _)| *params);
    let own: Vec<Shape> = own.into_iter().map(|(_, shape)| shape).collect();
    let mut shapes: Vec<Shape> = own
        .windows(2)
        .filter_map(|pair| between(&pair[0], &pair[1]))
        .collect();
    if let [first, second, .., before, last] = own.as_slice() {
        shapes.extend(beyond(second, first));
        let mut ends = [*before, *last];
        for _ in 0..ABOVE {
            let Some(next) = beyond(&ends[0], &ends[1]) else {
                break;
            };
            shapes.push(next);
            ends = [ends[1], next];
        }
    }
    shapes
        .into_iter()
        .filter_map(|shape| offered_size(&shape, &arms))
        .collect()
}

/// A size with each arm's parameters and FLOPs. `None` if an arm cannot have it.
fn offered_size(size: &Shape, arms: &[&PlannedRun]) -> Option<OfferedSize> {
    let of = |run: &&PlannedRun| {
        let spec = &run.spec;
        let (vocabulary, length) = (spec.data.vocabulary(), spec.sequence_length);
        let config = ModelConfig::new(&spec.architecture, size, vocabulary, length).ok()?;
        Some((
            run.arm.clone(),
            config.params().total().0 as f64,
            config.flops_per_token().0 as f64,
        ))
    };
    Some(OfferedSize {
        label: size.label(),
        arms: arms.iter().map(of).collect::<Option<_>>()?,
    })
}
