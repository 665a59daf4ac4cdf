//! The second pass: from a checked sweep to runs. It is pure: a sweep resumes by set difference of
//! identities.

use super::error::ValueError;
use super::spending::{RunSpending, SpendingPoint};
use super::{CheckedSweep, Corpora, Plan, PlannedRun, SweepError};
use isoflop_core::run::{DataSpec, EvaluationSpec, RunSpec, SPEC_VERSION};

impl CheckedSweep<'_> {
    /// Returns the runs of the sweep on a text.
    ///
    /// # Errors
    /// [`SweepError`] for runs that the budget or the text does not allow.
    pub fn expand(&self, corpora: &Corpora) -> Result<Plan, SweepError> {
        self.plan(corpora).map_err(|fault| fault.in_file(self.path))
    }

    fn plan(&self, corpora: &Corpora) -> Result<Plan, ValueError> {
        self.check_held_out(corpora)?;
        let sizes: Vec<String> = self.sizes.iter().map(|size| size.label()).collect();
        let mut runs = Vec::new();
        for (arm, models) in self.arms.iter().zip(self.models.chunks(sizes.len())) {
            for budget in &self.budgets {
                for (size, model) in sizes.iter().zip(models) {
                    let point = SpendingPoint {
                        arm: &arm.value,
                        size,
                        model,
                        budget,
                    };
                    self.expand_point(&point, corpora, &mut runs)?;
                }
            }
        }
        let mut notes = self.notes.clone();
        notes.extend(few_steps(&runs));
        Ok(Plan {
            name: self.name.clone(),
            baseline: self.baseline.clone(),
            runs,
            notes,
        })
    }

    /// Adds the runs of a model and a budget, which differ in learning rate and seed.
    fn expand_point(
        &self,
        point: &SpendingPoint<'_>,
        corpora: &Corpora,
        runs: &mut Vec<PlannedRun>,
    ) -> Result<(), ValueError> {
        let spending = self.spending(point, corpora)?;
        for factor in &self.factors {
            let learning_rate = self.learning_rate(point, spending, factor.value)?;
            for seed in &self.seeds {
                let spec = self.spec(point, spending, learning_rate, seed.value, &corpora.spec);
                runs.push(PlannedRun {
                    id: spec.id(),
                    arm: point.arm.name.clone(),
                    size: point.size.to_owned(),
                    lr_factor: (self.factors.len() > 1).then_some(factor.value),
                    priority: point.arm.priority,
                    spec,
                });
            }
        }
        Ok(())
    }

    fn spec(
        &self,
        point: &SpendingPoint<'_>,
        spending: RunSpending,
        learning_rate: f64,
        seed: u64,
        data: &DataSpec,
    ) -> RunSpec {
        let (recipe, evaluation) = (&self.recipe, self.recipe.evaluation.value);
        RunSpec {
            version: SPEC_VERSION,
            architecture: point.model.architecture.clone(),
            shape: point.model.shape,
            data: data.clone(),
            budget: point.budget.value,
            sequence_length: recipe.sequence_length,
            batch_sequences: spending.batch_sequences,
            micro_batch_sequences: spending.micro_batch_sequences,
            steps: spending.steps,
            optimizer: recipe.optimizer,
            learning_rate,
            schedule: recipe.schedule,
            clip_norm: recipe.clip_norm,
            precision: recipe.precision,
            // Otherwise several points would be at the same step.
            evaluation: EvaluationSpec {
                points: evaluation
                    .points
                    .min(u32::try_from(spending.steps).unwrap_or(u32::MAX)),
                ..evaluation
            },
            seed,
        }
    }

    fn check_held_out(&self, corpora: &Corpora) -> Result<(), ValueError> {
        let evaluation = &self.recipe.evaluation;
        let (tokens, found) = (evaluation.value.tokens, corpora.validation_tokens);
        if found > tokens {
            return Ok(());
        }
        let message = format!(
            "each evaluation scores {tokens} held-out tokens, but the validation text has {found}"
        );
        let hint = "lower `evaluation: tokens`, or hold out more text";
        Err(evaluation.error(message, hint))
    }
}

/// Number of steps below which a run says little about its architecture.
const FEW_STEPS: u64 = 30;

fn few_steps(runs: &[PlannedRun]) -> Option<String> {
    let few: Vec<&PlannedRun> = runs
        .iter()
        .filter(|run| run.spec.steps < FEW_STEPS)
        .collect();
    let least = few.iter().min_by_key(|run| run.spec.steps)?;
    let (count, steps) = (few.len(), least.spec.steps);
    Some(format!(
        "{count} of {} runs have fewer than {FEW_STEPS} steps (`{}` has {steps}): consider a smaller `batch_tokens`",
        runs.len(),
        least.label()
    ))
}
