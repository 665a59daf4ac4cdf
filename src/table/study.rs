//! Conversion of runs to a study, shared by sweeps and by tables of other people's runs.

use std::collections::{HashMap, HashSet};

use isoflop_fit::{ExcludedRun, Observation, Study, Trajectory, TrajectoryPoint};

/// A run that finished.
#[derive(Clone, Debug)]
pub(super) struct FinishedRun {
    pub(super) observation: Observation,
    /// Its training curve, empty if unknown.
    pub(super) curve: Vec<TrajectoryPoint>,
}

/// Builds a study from the runs of a table, in its order. `arms` is the architecture of each row,
/// including the `excluded` rows. `notes` are shown to the user.
pub(super) fn study<A: Into<String>>(
    arms: impl IntoIterator<Item = A>,
    runs: impl IntoIterator<Item = FinishedRun>,
    excluded: Vec<ExcludedRun>,
    notes: Vec<String>,
) -> Study {
    let mut study = Study {
        excluded,
        notes,
        ..Study::default()
    };
    for FinishedRun { observation, curve } in runs {
        if !observation.budget.is_flops() {
            study.excluded.push(ExcludedRun {
                run: observation.run.clone(),
                reason: no_profile_reason(observation.budget.kind()),
            });
            study.unprofiled.push(observation);
            continue;
        }
        if !curve.is_empty() {
            study.trajectories.push(Trajectory {
                arm: observation.arm.clone(),
                run: observation.run.clone(),
                params: observation.params,
                points: curve,
            });
        }
        study.observations.push(observation);
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    for arm in arms {
        let next = places.len();
        places.entry(arm.into()).or_insert(next);
    }
    group(&places, &mut study.observations);
    group(&places, &mut study.unprofiled);
    study
}

/// Reason to leave runs with budgets of this kind out of the fits.
fn no_profile_reason(budget_kind: &str) -> String {
    let unit = budget_kind.replace('_', " ");
    format!("its budget is in {unit}, but a profile needs budgets in FLOPs")
}

/// Groups runs by architecture if the first runs of the architectures are not in the table's order.
/// The first architecture is the baseline. Otherwise a crash of its first runs would change the
/// baseline.
fn group(places: &HashMap<String, usize>, runs: &mut [Observation]) {
    let place = |run: &Observation| places.get(&run.arm).copied().unwrap_or(usize::MAX);
    let mut seen = HashSet::new();
    let firsts = runs.iter().map(place).filter(|place| seen.insert(*place));
    if !firsts.is_sorted() {
        runs.sort_by_key(place);
    }
}
