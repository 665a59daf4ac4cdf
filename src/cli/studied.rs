//! The study that a command is about.

use super::fit_foreign;
use super::study_args::StudyArgs;
use super::sweep::recorded;
use isoflop_app::{AppError, ErrorKind};
use isoflop_core::arch::{ModelConfig, Shape, between, beyond};
use isoflop_fit::{OfferedSize, Study};
use isoflop_sweep::{Plan, PlannedRun, nearest};
use isoflop_table::collect;

/// A study under a name, with the arm that others are compared with.
pub(super) struct Studied {
    /// What the user called it.
    pub(super) name: String,
    /// Its runs.
    pub(super) study: Study,
    /// The arm that others are compared with.
    pub(super) baseline: String,
    /// Where a sweep file made it, sizes that could be trained beside its own.
    pub(super) sizes: Option<Vec<OfferedSize>>,
}

/// Reads the runs of a sweep that has results, or of a table.
pub(super) fn studied(args: &StudyArgs) -> Result<Studied, AppError> {
    if let Some(path) = fit_foreign::table(args) {
        let study = fit_foreign::read(args, path)?;
        let baseline = study.arms().into_iter().next().unwrap_or_default();
        return Ok(Studied {
            name: args.sweep.clone(),
            study,
            baseline,
            sizes: None,
        });
    }
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let study = collect(&dir, &plan).study();
    Ok(Studied {
        sizes: Some(further(&plan)),
        name: plan.name,
        study,
        baseline: plan.baseline,
    })
}

/// Steps beyond the largest size.
const ABOVE: usize = 2;

/// Sizes between the plan's, two above and one below.
fn further(plan: &Plan) -> Vec<OfferedSize> {
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
        .filter_map(|shape| offered(&shape, &arms))
        .collect()
}

/// A size as each arm counts it; none where it fits one of them not.
fn offered(size: &Shape, arms: &[&PlannedRun]) -> Option<OfferedSize> {
    let of = |run: &&PlannedRun| {
        let spec = &run.spec;
        let config = ModelConfig::new(
            spec.architecture,
            size,
            spec.data.vocabulary(),
            spec.sequence_length,
        )
        .ok()?;
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

impl Studied {
    /// Refuses an arm that the study does not have.
    pub(super) fn check_arm(&self, arm: &str) -> Result<(), AppError> {
        let arms = self.study.arms();
        if arms.is_empty() {
            let message = format!(
                "no run of `{}` is finished, so that nothing can be fitted",
                self.name
            );
            return Err(AppError::new(
                ErrorKind::FitImpossible,
                message,
                "finish runs with `isoflop run`",
            ));
        }
        if arms.iter().any(|name| name == arm) {
            return Ok(());
        }
        let names: Vec<&str> = arms.iter().map(String::as_str).collect();
        let message = format!(
            "`{arm}` is none of the arms with finished runs: `{}`",
            names.join("`, `")
        );
        Err(AppError::new(
            ErrorKind::Usage,
            message,
            nearest(arm, &names, "arm"),
        ))
    }
}
