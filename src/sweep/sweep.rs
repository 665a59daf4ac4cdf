//! The first pass: a sweep file's values, checked. What no text could mend is refused here, with its place.

use std::path::Path;

use super::arms::{Arm, arms, baseline};
use super::check::Check;
use super::file::BudgetsEntry;
use super::recipe::{Recipe, sequence_length};
use super::sizes::sizes;
use super::{At, Count, Number, SweepError, SweepFile};
use isoflop_core::arch::{Counting, ModelConfig, Shape};
use isoflop_core::run::Budget;

/// A sweep whose values make sense by themselves; [`Sweep::expand`] makes its runs.
#[derive(Clone, Debug)]
pub struct Sweep<'a> {
    /// For what makes no sense of a size, a budget and a text together.
    pub(super) check: Check<'a>,
    pub(super) name: String,
    pub(super) arms: Vec<At<Arm>>,
    /// The arm that the others are compared with.
    pub(super) baseline: String,
    pub(super) sizes: Vec<Shape>,
    /// Models of each arm, one for each size.
    pub(super) models: Vec<ModelConfig>,
    pub(super) budgets: Vec<At<Budget>>,
    /// Factors on the learning rate.
    pub(super) factors: Vec<At<f64>>,
    pub(super) seeds: Vec<At<u64>>,
    pub(super) recipe: Recipe,
    /// How near the sizes come to what was asked for.
    pub(super) notes: Vec<String>,
}

impl SweepFile {
    /// Checks the values of the file at `path`.
    ///
    /// # Errors
    /// [`SweepError`] for the first that makes no sense.
    pub fn checked<'a>(&self, path: &'a Path) -> Result<Sweep<'a>, SweepError> {
        let check = Check { path };
        check.execution(self)?;
        let arms = arms(self, &check)?;
        let baseline = baseline(self, &arms, &check)?;
        let counting = Counting {
            architecture: &baseline.architecture,
            vocabulary: self.data.tokenizer.vocabulary(),
            sequence_length: sequence_length(&self.train, &check)?,
        };
        let (sizes, notes) = sizes(self, &check, &counting)?;
        Ok(Sweep {
            check,
            name: check.name(self)?,
            baseline: baseline.name.clone(),
            models: models(&arms, &sizes, &counting, &check)?,
            budgets: budgets(&self.budgets, &check)?,
            factors: factors(&self.lr, &check)?,
            seeds: seeds(&self.seeds, &check)?,
            recipe: Recipe::checked(self, counting.sequence_length, &sizes, &check)?,
            arms,
            sizes,
            notes,
        })
    }
}

fn models(
    arms: &[At<Arm>],
    sizes: &[Shape],
    counting: &Counting<'_>,
    check: &Check<'_>,
) -> Result<Vec<ModelConfig>, SweepError> {
    let model = |(arm, size): (&At<Arm>, &Shape)| {
        let Arm {
            name, architecture, ..
        } = &arm.value;
        ModelConfig::new(
            architecture,
            size,
            counting.vocabulary,
            counting.sequence_length,
        )
        .map_err(|e| check.contradiction(arm, name, &e))
    };
    let pairs = arms
        .iter()
        .flat_map(|arm| sizes.iter().map(move |size| (arm, size)));
    pairs.map(model).collect()
}

fn budgets(entry: &BudgetsEntry, check: &Check<'_>) -> Result<Vec<At<Budget>>, SweepError> {
    let (list, budget): (_, fn(f64) -> Budget) = match entry {
        BudgetsEntry::Flops(list) => (list, Budget::Flops),
        BudgetsEntry::Tokens(list) => (list, Budget::Tokens),
        BudgetsEntry::TokensPerParam(list) => (list, Budget::TokensPerParam),
    };
    let hint = "give at least one budget, for example `flops: [1e12]`";
    check.not_empty("budgets", list, hint)?;
    check.distinct("budget", &list.value, |value| {
        let value = check.within("a budget", value, f64::MIN_POSITIVE..=1e30)?;
        Ok(budget(value))
    })
}

fn factors(list: &At<Vec<At<Number>>>, check: &Check<'_>) -> Result<Vec<At<f64>>, SweepError> {
    let hint = "give factors on the learning rate, for example `[0.5, 1, 2]`, or leave the key out";
    check.not_empty("lr", list, hint)?;
    check.distinct("factor", &list.value, |factor| {
        check.within("a factor of `lr`", factor, 1e-3..=1e3)
    })
}

fn seeds(list: &At<Vec<At<Count>>>, check: &Check<'_>) -> Result<Vec<At<u64>>, SweepError> {
    let hint = "give at least one seed, for example `[1]`";
    check.not_empty("seeds", list, hint)?;
    check.distinct("seed", &list.value, |seed| Ok(seed.value.0))
}
