//! Trunks: the steps that runs of different budgets share.

use super::{Budget, EvaluationSpec, LearningRateSchedule, RunId, RunSpec};

/// The first steps of a run, which every longer run with otherwise equal settings shares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trunk {
    /// Identity of everything that decides these steps, equal for the runs that share them.
    pub id: RunId,
    /// Number of the run's steps that belong to the trunk.
    pub steps: u64,
}

impl RunSpec {
    /// The run's trunk; `None` if the schedule depends on the run's length from the first step.
    ///
    /// Evaluation does not affect training, so it is not part of a trunk's identity. Nor are the
    /// budget and the decay after the trunk.
    pub fn trunk(&self) -> Option<Trunk> {
        let steps = self.schedule.common_steps(self.steps);
        let schedule = match self.schedule {
            LearningRateSchedule::Wsd { warmup_steps, .. } => LearningRateSchedule::Wsd {
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
            evaluation: EvaluationSpec {
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
