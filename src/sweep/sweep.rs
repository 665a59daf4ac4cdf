//! The first pass: checks of a sweep file's values. A value that is wrong for every text is an
//! error here, with its location.

use std::path::Path;

use super::arms::{SweepArm, arms, baseline, contradiction};
use super::check::distinct;
use super::error::ValueError;
use super::file::BudgetsEntry;
use super::recipe::{Recipe, sequence_length};
use super::sizes::sizes;
use super::{FiniteNumber, LocatedValue, SweepError, SweepFile, WholeNumber};
use isoflop_core::arch::{LadderBasis, ModelConfig, Shape};
use isoflop_core::run::Budget;

/// A sweep whose values are valid by themselves. [`CheckedSweep::expand`] returns its runs.
#[derive(Clone, Debug)]
pub struct CheckedSweep<'a> {
    /// Path of the file, for errors that depend on a size, a budget and a text together.
    pub(super) path: &'a Path,
    pub(super) name: String,
    pub(super) arms: Vec<LocatedValue<SweepArm>>,
    /// Name of the baseline.
    pub(super) baseline: String,
    pub(super) sizes: Vec<Shape>,
    /// Models of each arm, one for each size, in the order of the arms.
    pub(super) models: Vec<ModelConfig>,
    pub(super) budgets: Vec<LocatedValue<Budget>>,
    /// Learning-rate factors.
    pub(super) factors: Vec<LocatedValue<f64>>,
    pub(super) seeds: Vec<LocatedValue<u64>>,
    pub(super) recipe: Recipe,
    /// Distances of solved sizes from their targets, as notes for the user.
    pub(super) notes: Vec<String>,
}

impl SweepFile {
    /// Checks the values of the file at `path`.
    ///
    /// # Errors
    /// [`SweepError`] for the first invalid value.
    pub fn checked<'a>(&self, path: &'a Path) -> Result<CheckedSweep<'a>, SweepError> {
        self.values(path).map_err(|fault| fault.in_file(path))
    }

    fn values<'a>(&self, path: &'a Path) -> Result<CheckedSweep<'a>, ValueError> {
        self.check_execution_values()?;
        let arms = arms(self)?;
        let baseline = baseline(self, &arms)?;
        let counting = LadderBasis {
            architecture: &baseline.architecture,
            vocabulary: self.data.tokenizer.vocabulary(),
            sequence_length: sequence_length(&self.train)?,
        };
        let (sizes, notes) = sizes(self, &counting)?;
        Ok(CheckedSweep {
            path,
            name: self.name_or_stem(path)?,
            baseline: baseline.name.clone(),
            models: models(&arms, &sizes, &counting)?,
            budgets: budgets(&self.budgets)?,
            factors: factors(&self.lr)?,
            seeds: seeds(&self.seeds)?,
            recipe: Recipe::checked(self, counting.sequence_length, &sizes)?,
            arms,
            sizes,
            notes,
        })
    }
}

fn models(
    arms: &[LocatedValue<SweepArm>],
    sizes: &[Shape],
    counting: &LadderBasis<'_>,
) -> Result<Vec<ModelConfig>, ValueError> {
    let model = |(arm, size): (&LocatedValue<SweepArm>, &Shape)| {
        let SweepArm {
            name, architecture, ..
        } = &arm.value;
        let (vocabulary, length) = (counting.vocabulary, counting.sequence_length);
        ModelConfig::new(architecture, size, vocabulary, length)
            .map_err(|e| contradiction(arm, name, &e))
    };
    let pairs = arms
        .iter()
        .flat_map(|arm| sizes.iter().map(move |size| (arm, size)));
    pairs.map(model).collect()
}

fn budgets(entry: &BudgetsEntry) -> Result<Vec<LocatedValue<Budget>>, ValueError> {
    let (list, budget): (_, fn(f64) -> Budget) = match entry {
        BudgetsEntry::Flops(list) => (list, Budget::Flops),
        BudgetsEntry::Tokens(list) => (list, Budget::Tokens),
        BudgetsEntry::TokensPerParam(list) => (list, Budget::TokensPerParam),
    };
    let hint = "give at least one budget, for example `flops: [1e12]`";
    list.not_empty("budgets", hint)?;
    distinct("budget", &list.value, |value| {
        let value = value.within("the budget", f64::MIN_POSITIVE..=1e30)?;
        Ok(budget(value))
    })
}

fn factors(
    list: &LocatedValue<Vec<LocatedValue<FiniteNumber>>>,
) -> Result<Vec<LocatedValue<f64>>, ValueError> {
    let hint = "give learning-rate factors, for example `[0.5, 1, 2]`, or remove the key";
    list.not_empty("lr", hint)?;
    distinct("learning-rate factor", &list.value, |factor| {
        factor.within("a factor in `lr`", 1e-3..=1e3)
    })
}

fn seeds(
    list: &LocatedValue<Vec<LocatedValue<WholeNumber>>>,
) -> Result<Vec<LocatedValue<u64>>, ValueError> {
    let hint = "give at least one seed, for example `[1]`";
    list.not_empty("seeds", hint)?;
    distinct("seed", &list.value, |seed| Ok(seed.value.0))
}
