//! The first pass: a sweep file's values, checked. What no text could mend is refused here, with its place.

use std::path::Path;

use super::arms::{Arm, arms, baseline, contradiction};
use super::check::distinct;
use super::error::Fault;
use super::file::BudgetsEntry;
use super::recipe::{Recipe, sequence_length};
use super::sizes::sizes;
use super::{At, Count, Number, SweepError, SweepFile};
use isoflop_core::arch::{Counting, ModelConfig, Shape};
use isoflop_core::run::Budget;

/// A sweep whose values make sense by themselves; [`Sweep::expand`] makes its runs.
#[derive(Clone, Debug)]
pub struct Sweep<'a> {
    /// The file, for what makes no sense of a size, a budget and a text together.
    pub(super) path: &'a Path,
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
        self.values(path).map_err(|fault| fault.in_file(path))
    }

    fn values<'a>(&self, path: &'a Path) -> Result<Sweep<'a>, Fault> {
        self.execution()?;
        let arms = arms(self)?;
        let baseline = baseline(self, &arms)?;
        let counting = Counting {
            architecture: &baseline.architecture,
            vocabulary: self.data.tokenizer.vocabulary(),
            sequence_length: sequence_length(&self.train)?,
        };
        let (sizes, notes) = sizes(self, &counting)?;
        Ok(Sweep {
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
    arms: &[At<Arm>],
    sizes: &[Shape],
    counting: &Counting<'_>,
) -> Result<Vec<ModelConfig>, Fault> {
    let model = |(arm, size): (&At<Arm>, &Shape)| {
        let Arm {
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

fn budgets(entry: &BudgetsEntry) -> Result<Vec<At<Budget>>, Fault> {
    let (list, budget): (_, fn(f64) -> Budget) = match entry {
        BudgetsEntry::Flops(list) => (list, Budget::Flops),
        BudgetsEntry::Tokens(list) => (list, Budget::Tokens),
        BudgetsEntry::TokensPerParam(list) => (list, Budget::TokensPerParam),
    };
    let hint = "give at least one budget, for example `flops: [1e12]`";
    list.not_empty("budgets", hint)?;
    distinct("budget", &list.value, |value| {
        let value = value.within("a budget", f64::MIN_POSITIVE..=1e30)?;
        Ok(budget(value))
    })
}

fn factors(list: &At<Vec<At<Number>>>) -> Result<Vec<At<f64>>, Fault> {
    let hint = "give factors on the learning rate, for example `[0.5, 1, 2]`, or leave the key out";
    list.not_empty("lr", hint)?;
    distinct("factor", &list.value, |factor| {
        factor.within("a factor of `lr`", 1e-3..=1e3)
    })
}

fn seeds(list: &At<Vec<At<Count>>>) -> Result<Vec<At<u64>>, Fault> {
    let hint = "give at least one seed, for example `[1]`";
    list.not_empty("seeds", hint)?;
    distinct("seed", &list.value, |seed| Ok(seed.value.0))
}
