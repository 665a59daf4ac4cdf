//! What runs that differ in their budget alone have in common.

use super::{Budget, Evaluation, RunId, RunSpec, Schedule};

/// The first steps of a run, which it shares with every longer run of the same kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trunk {
    /// Identity of all that decides these steps: equal for the runs that share them.
    pub id: RunId,
    /// How many of the run's steps are the trunk's.
    pub steps: u64,
}

impl RunSpec {
    /// The run's trunk; none where the schedule depends on the run's length from the first step on.
    ///
    /// Evaluation leaves training as it is, so that it is no part of a trunk's identity; nor are the decay after the
    /// trunk and the budget.
    pub fn trunk(&self) -> Option<Trunk> {
        let steps = self.schedule.common_steps(self.steps);
        let schedule = match self.schedule {
            Schedule::Wsd { warmup_steps, .. } => Schedule::Wsd {
                warmup_steps,
                decay: 0.0,
                floor: 0.0,
            },
            schedule => schedule,
        };
        let common = Self {
            budget: Budget::Tokens(0.0),
            steps: 0,
            schedule,
            evaluation: Evaluation {
                tokens: 0,
                points: 0,
            },
            ..self.clone()
        };
        (steps > 0).then(|| Trunk {
            id: common.id(),
            steps,
        })
    }
}
