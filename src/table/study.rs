//! From runs to a study: one way for our own and for those of others.

use std::collections::{HashMap, HashSet};

use isoflop_fit::{Excluded, Observation, Reached, Study, Trajectory};

/// A run that finished.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub(super) observation: Observation,
    /// Its training curve; empty where none is known.
    pub(super) curve: Vec<Reached>,
}

/// Makes a study of the runs of a table, in its order. `arms` names the architecture of each row, rows that are `excluded`
/// among them; `notes` are for people.
pub(super) fn study<A: Into<String>>(
    arms: impl IntoIterator<Item = A>,
    runs: impl IntoIterator<Item = Finished>,
    excluded: Vec<Excluded>,
    notes: Vec<String>,
) -> Study {
    let mut study = Study {
        excluded,
        notes,
        ..Study::default()
    };
    for Finished { observation, curve } in runs {
        if !observation.budget.is_flops() {
            study.excluded.push(Excluded {
                run: observation.run.clone(),
                reason: no_profile(observation.budget.kind()),
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

/// The reason that runs with budgets of this kind are left out of the fits.
fn no_profile(budget_kind: &str) -> String {
    let unit = budget_kind.replace('_', " ");
    format!("its budget is in {unit}, and a profile needs budgets in FLOPs")
}

/// Groups runs by architecture where their first runs are not in the table's order: the first architecture is the baseline, and
/// that must not hang on whether its first rows have crashed.
fn group(places: &HashMap<String, usize>, runs: &mut [Observation]) {
    let place = |run: &Observation| places.get(&run.arm).copied().unwrap_or(usize::MAX);
    let mut seen = HashSet::new();
    let firsts = runs.iter().map(place).filter(|place| seen.insert(*place));
    if !firsts.is_sorted() {
        runs.sort_by_key(place);
    }
}
