//! Learning rates that were tried at one size and budget: fits take the best of each.

use std::collections::HashMap;

use super::Note;
use super::find::Found;
use super::roles::Role;
use isoflop_fit::Observation;

/// Where no column has factors, and runs of one architecture, size and budget differ in their learning rates, these are the
/// factors: what tuning needs of them is that they differ.
pub(super) fn tell_apart(found: &Found, observations: &mut [Observation], notes: &mut Vec<Note>) {
    if found.column(Role::LrFactor).is_some() || !several(observations) {
        return;
    }
    for observation in observations {
        observation.lr_factor = observation.further.learning_rate.unwrap_or(1.0);
    }
    notes.push(Note::Remark(
        "runs of one architecture, size and budget have several learning rates: fits take the best of each".to_owned(),
    ));
}

fn several(observations: &[Observation]) -> bool {
    let mut rates: HashMap<(&str, &str, u64), f64> = HashMap::new();
    observations.iter().any(|o| {
        let Some(rate) = o.further.learning_rate else {
            return false;
        };
        *rates
            .entry((&o.arm, &o.size, o.budget.to_bits()))
            .or_insert(rate)
            != rate
    })
}
