//! From a sweep file to runs. Pure: resuming is set difference by run id.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::check::Check;
use super::file::BudgetsEntry;
use super::plan_file::runs;
use super::rules::LearningRateRule;
use super::settings::{Named, Settings};
use super::sizes::sizes;
use super::{ArmEntry, At, Count, Number, SweepError, SweepFile};
use isoflop_core::arch::{Architecture, Contradiction};
use isoflop_core::run::{Budget, DataSpec, RunId, RunSpec};

/// What expansion must know of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpora {
    /// What runs name it by.
    pub spec: DataSpec,
    /// Training tokens there are.
    pub train_tokens: u64,
    /// Held-out tokens there are.
    pub validation_tokens: u64,
}

/// The runs of a sweep.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Plan {
    /// Name of the sweep.
    pub name: String,
    /// The arm that the others are compared with.
    pub baseline: String,
    /// By arm, budget, size and seed, as the file lists them.
    #[serde(deserialize_with = "runs")]
    pub runs: Vec<PlannedRun>,
    /// What the user should know before starting.
    pub notes: Vec<String>,
}

/// One run, with the names it has in this sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRun {
    /// Identity.
    pub id: RunId,
    /// Name of the architecture.
    pub arm: String,
    /// Name of the shape.
    pub size: String,
    /// Factor on the rule's learning rate, where the sweep has an axis of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_factor: Option<f64>,
    /// Larger starts first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u64,
    /// What decides the result.
    pub spec: RunSpec,
}

fn is_zero(priority: &u64) -> bool {
    *priority == 0
}

impl PlannedRun {
    /// A name for people: `primer_ez d32-l2 1.00e11 FLOPs seed 1`, with `lr x2` where learning rates are tuned.
    pub fn label(&self) -> String {
        let lr = self
            .lr_factor
            .map_or_else(String::new, |factor| format!(" lr x{factor}"));
        format!(
            "{} {} {}{lr} seed {}",
            self.arm, self.size, self.spec.budget, self.spec.seed
        )
    }
}

/// Expands a sweep file.
///
/// # Errors
/// [`SweepError`] for values that make no sense, or runs that the budget or the corpus do not allow.
pub fn plan(file: &SweepFile, path: &Path, corpora: &Corpora) -> Result<Plan, SweepError> {
    let check = Check { path };
    check.not_empty(
        "seeds",
        &file.seeds,
        "give at least one seed, for example `[1]`",
    )?;
    check.distinct("seed", &file.seeds.value)?;
    let factors = factors(&file.lr, &check)?;
    let settings = Settings::checked(file, &check, corpora)?;
    let mut notes = Vec::new();
    let arms = arms(file, &check)?;
    let baseline = baseline(file, &check, &arms)?;
    let priorities = priorities(file, &check, &arms)?;
    let sizes = sizes(
        file,
        &check,
        &settings.counting(arms[baseline].architecture),
        &mut notes,
    )?;
    let budgets = budgets(&file.budgets, &check)?;
    let rate_at = &file.train.learning_rate;
    let rule = LearningRateRule::checked(rate_at, &sizes, &check)?;

    let mut runs = Vec::new();
    for (arm, entry) in arms.iter().zip(&file.architectures.value) {
        let priority = priorities.get(&arm.name).copied().unwrap_or(0);
        for (budget, budget_at) in &budgets {
            for size in &sizes {
                let model = settings
                    .model(arm.architecture, size)
                    .map_err(|e| contradiction(&check, entry, &arm.name, &e))?;
                let named = Named {
                    arm: &arm.name,
                    size: size.label(),
                    model,
                };
                let spending = settings.spending(&check, &named, *budget, budget_at)?;
                for factor in factors {
                    let learning_rate = Settings::learning_rate(
                        &check,
                        &rule,
                        &named,
                        spending,
                        factor.value.0,
                        rate_at,
                    )?;
                    for seed in &file.seeds.value {
                        let spec = settings.spec(&model, spending, learning_rate, seed.value.0);
                        let lr_factor = (factors.len() > 1).then_some(factor.value.0);
                        runs.push(PlannedRun {
                            id: spec.id(),
                            arm: arm.name.clone(),
                            size: size.label(),
                            lr_factor,
                            priority,
                            spec,
                        });
                    }
                }
            }
        }
    }
    notes.extend(few_steps(&runs));
    Ok(Plan {
        name: check.name(file)?,
        baseline: arms[baseline].name.clone(),
        runs,
        notes,
    })
}

/// Below this many steps a run says little about its architecture.
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

/// An arm with its name.
struct Arm {
    name: String,
    architecture: Architecture,
}

fn arms(file: &SweepFile, check: &Check<'_>) -> Result<Vec<Arm>, SweepError> {
    let entries = &file.architectures;
    check.not_empty(
        "architectures",
        entries,
        "name at least one architecture, for example `transformer`",
    )?;
    let mut arms: Vec<Arm> = Vec::new();
    for entry in &entries.value {
        let ArmEntry {
            name,
            preset,
            architecture,
        } = &entry.value;
        let Some(name) = name else {
            let message = format!("a changed `{preset}` needs a `name` of its own");
            return Err(check.at(entry, message, "add `name: ...`, the arm's name in tables"));
        };
        check.word("the name of an architecture", name, entry)?;
        architecture
            .check()
            .map_err(|e| contradiction(check, entry, name, &e))?;
        for earlier in &arms {
            if earlier.name == *name {
                let message = format!("two architectures are named `{name}`");
                return Err(check.at(entry, message, "give each a `name` of its own"));
            }
            if earlier.architecture == *architecture {
                let message = format!("`{}` and `{name}` are the same architecture", earlier.name);
                return Err(check.at(entry, message, "remove one of them, or change a choice"));
            }
        }
        arms.push(Arm {
            name: name.clone(),
            architecture: *architecture,
        });
    }
    Ok(arms)
}

fn baseline(file: &SweepFile, check: &Check<'_>, arms: &[Arm]) -> Result<usize, SweepError> {
    let Some(name) = &file.baseline else {
        return Ok(0);
    };
    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    names
        .iter()
        .position(|arm| *arm == name.value)
        .ok_or_else(|| {
            let message = format!(
                "the baseline `{}` is none of the architectures: `{}`",
                name.value,
                names.join("`, `")
            );
            check.at(name, message, super::nearest(&name.value, &names, "name"))
        })
}

fn priorities(
    file: &SweepFile,
    check: &Check<'_>,
    arms: &[Arm],
) -> Result<BTreeMap<String, u64>, SweepError> {
    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    for (name, priority) in &file.priorities {
        if !names.contains(&name.as_str()) {
            let message = format!(
                "`priorities` names `{name}`, which is none of the architectures: `{}`",
                names.join("`, `")
            );
            return Err(check.at(priority, message, super::nearest(name, &names, "name")));
        }
        check.count("a priority", priority, 0..=1_000_000)?;
    }
    Ok(file
        .priorities
        .iter()
        .map(|(name, priority)| (name.clone(), priority.value.0))
        .collect())
}

fn contradiction(
    check: &Check<'_>,
    entry: &At<ArmEntry>,
    name: &str,
    reason: &Contradiction,
) -> SweepError {
    check.at(
        entry,
        format!("`{name}` cannot be: {reason}"),
        reason.hint(),
    )
}

/// The `lr` axis.
fn factors<'a>(
    entry: &'a At<Vec<At<Number>>>,
    check: &Check<'_>,
) -> Result<&'a [At<Number>], SweepError> {
    check.not_empty(
        "lr",
        entry,
        "give factors on the learning rate, for example `[0.5, 1, 2]`, or leave the key out",
    )?;
    for factor in &entry.value {
        check.within("a factor of `lr`", factor, 1e-3..=1e3)?;
    }
    check.distinct("factor", &entry.value)?;
    Ok(&entry.value)
}

fn budgets<'a>(
    entry: &'a BudgetsEntry,
    check: &Check<'_>,
) -> Result<Vec<(Budget, &'a At<Number>)>, SweepError> {
    let (BudgetsEntry::Flops(list)
    | BudgetsEntry::Tokens(list)
    | BudgetsEntry::TokensPerParam(list)) = entry;
    let make = match entry {
        BudgetsEntry::Flops(_) => Budget::Flops,
        BudgetsEntry::Tokens(_) => Budget::Tokens,
        BudgetsEntry::TokensPerParam(_) => Budget::TokensPerParam,
    };
    check.not_empty(
        "budgets",
        list,
        "give at least one budget, for example `flops: [1e12]`",
    )?;
    for (i, value) in list.value.iter().enumerate() {
        check.within("a budget", value, f64::MIN_POSITIVE..=1e30)?;
        if list.value[..i]
            .iter()
            .any(|earlier| earlier.value == value.value)
        {
            return Err(check.at(
                value,
                format!("the budget {} stands twice", make(value.value.0)),
                "remove one of them",
            ));
        }
    }
    Ok(list
        .value
        .iter()
        .map(|value| (make(value.value.0), value))
        .collect())
}

/// A number, for messages that list duplicates.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A count, for the same.
impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
