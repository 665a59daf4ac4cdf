//! From a sweep file to runs. Pure: resuming is set difference by run id.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::check::Check;
use super::file::{BudgetsEntry, LearningRateEntry, OptimizerEntry};
use super::sizes::sizes;
use super::{ArmEntry, At, Count, Number, SweepError, SweepFile};
use crate::arch::{Architecture, Contradiction, Counting, ModelConfig, Shape};
use crate::run::{Adamw, Budget, DataSpec, Evaluation, RunId, RunSpec, SPEC_VERSION, Schedule};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the sweep.
    pub name: String,
    /// The arm that the others are compared with.
    pub baseline: String,
    /// By arm, budget, size and seed, as the file lists them.
    pub runs: Vec<PlannedRun>,
    /// What the user should know before starting.
    pub notes: Vec<String>,
}

/// One run, with the names it has in this sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// Identity.
    pub id: RunId,
    /// Name of the architecture.
    pub arm: String,
    /// Name of the shape.
    pub size: String,
    /// What decides the result.
    pub spec: RunSpec,
}

impl PlannedRun {
    /// A name for people: `primer_ez d32-l2 1.00e11 FLOPs seed 1`.
    pub fn label(&self) -> String {
        format!("{} {} {} seed {}", self.arm, self.size, self.spec.budget, self.spec.seed)
    }
}

/// Expands a sweep file.
///
/// # Errors
/// [`SweepError`] for values that make no sense, or runs that the budget or the corpus do not allow.
pub fn plan(file: &SweepFile, path: &Path, corpora: &Corpora) -> Result<Plan, SweepError> {
    let check = Check { path };
    let settings = Settings::checked(file, &check, corpora)?;
    let mut notes = Vec::new();
    let arms = arms(file, &check)?;
    let baseline = baseline(file, &check, &arms)?;
    let counting = settings.counting(&arms[baseline], corpora);
    let sizes = sizes(file, &check, &counting, &mut notes)?;
    let budgets = budgets(&file.budgets, &check)?;

    let mut runs = Vec::new();
    for (arm, entry) in arms.iter().zip(&file.architectures.value) {
        for (budget, budget_at) in &budgets {
            for size in &sizes {
                let model =
                    settings.model(arm, size, corpora).map_err(|e| contradiction(&check, entry, &arm.name, &e))?;
                let named = Named { arm: &arm.name, size: size.label(), model };
                let steps = settings.steps(&check, &named, *budget, budget_at, corpora)?;
                for seed in &file.seeds.value {
                    let spec = settings.spec(&model, *budget, steps, seed.value.0, corpora);
                    runs.push(PlannedRun { id: spec.id(), arm: arm.name.clone(), size: size.label(), spec });
                }
            }
        }
    }
    notes.extend(few_steps(&runs));
    Ok(Plan { name: check.name(file)?, baseline: arms[baseline].name.clone(), runs, notes })
}

/// Below this many steps a run says little about its architecture.
const FEW_STEPS: u64 = 30;

fn few_steps(runs: &[PlannedRun]) -> Option<String> {
    let few: Vec<&PlannedRun> = runs.iter().filter(|run| run.spec.steps < FEW_STEPS).collect();
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
    check.not_empty("architectures", entries, "name at least one architecture, for example `transformer`")?;
    let mut arms: Vec<Arm> = Vec::new();
    for entry in &entries.value {
        let ArmEntry { name, preset, architecture } = &entry.value;
        let Some(name) = name else {
            let message = format!("a changed `{preset}` needs a `name` of its own");
            return Err(check.at(entry, message, "add `name: ...`, the arm's name in tables"));
        };
        check.word("the name of an architecture", name, entry)?;
        architecture.check().map_err(|e| contradiction(check, entry, name, &e))?;
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
        arms.push(Arm { name: name.clone(), architecture: *architecture });
    }
    Ok(arms)
}

fn baseline(file: &SweepFile, check: &Check<'_>, arms: &[Arm]) -> Result<usize, SweepError> {
    let Some(name) = &file.baseline else { return Ok(0) };
    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    names.iter().position(|arm| *arm == name.value).ok_or_else(|| {
        let message = format!("the baseline `{}` is none of the architectures: `{}`", name.value, names.join("`, `"));
        check.at(name, message, super::nearest(&name.value, &names, "name"))
    })
}

fn contradiction(check: &Check<'_>, entry: &At<ArmEntry>, name: &str, reason: &Contradiction) -> SweepError {
    check.at(entry, format!("`{name}` cannot be: {reason}"), reason.hint())
}

/// A model with the names it has in this sweep.
struct Named<'a> {
    arm: &'a str,
    size: String,
    model: ModelConfig,
}

fn budgets<'a>(entry: &'a BudgetsEntry, check: &Check<'_>) -> Result<Vec<(Budget, &'a At<Number>)>, SweepError> {
    let (BudgetsEntry::Flops(list) | BudgetsEntry::Tokens(list) | BudgetsEntry::TokensPerParam(list)) = entry;
    let make = match entry {
        BudgetsEntry::Flops(_) => Budget::Flops,
        BudgetsEntry::Tokens(_) => Budget::Tokens,
        BudgetsEntry::TokensPerParam(_) => Budget::TokensPerParam,
    };
    check.not_empty("budgets", list, "give at least one budget, for example `flops: [1e12]`")?;
    for (i, value) in list.value.iter().enumerate() {
        check.within("a budget", value, f64::MIN_POSITIVE..=1e30)?;
        if list.value[..i].iter().any(|earlier| earlier.value == value.value) {
            return Err(check.at(
                value,
                format!("the budget {} stands twice", make(value.value.0)),
                "remove one of them",
            ));
        }
    }
    Ok(list.value.iter().map(|value| (make(value.value.0), value)).collect())
}

/// The training settings, checked.
struct Settings {
    sequence_length: u32,
    batch_sequences: u32,
    learning_rate: LearningRateEntry,
    schedule: Schedule,
    optimizer: Adamw,
    clip_norm: f64,
    evaluation: Evaluation,
    precision: crate::run::Precision,
}

impl Settings {
    fn checked(file: &SweepFile, check: &Check<'_>, corpora: &Corpora) -> Result<Self, SweepError> {
        let train = &file.train;
        check.not_empty("seeds", &file.seeds, "give at least one seed, for example `[1]`")?;
        check.distinct("seed", &file.seeds.value)?;
        let sequence_length = check.count("`sequence_length`", &train.sequence_length, 2..=1 << 20)?;
        let batch_tokens = check.count("`batch_tokens`", &train.batch_tokens, sequence_length..=1 << 30)?;
        if batch_tokens % sequence_length != 0 {
            let message =
                format!("`batch_tokens` is {batch_tokens}, not a multiple of `sequence_length` {sequence_length}");
            let down = batch_tokens / sequence_length * sequence_length;
            return Err(check.at(&train.batch_tokens, message, format!("use {down} or {}", down + sequence_length)));
        }
        check.learning_rate(&train.learning_rate)?;
        check.schedule(&train.schedule)?;
        check.executor(&file.executor)?;
        let tokens = check.count("`tokens`", &file.evaluation.tokens, sequence_length..=1 << 40)?;
        if corpora.validation_tokens < tokens + 1 {
            let found = corpora.validation_tokens;
            let message = format!("each evaluation scores {tokens} held-out tokens, the validation text has {found}");
            return Err(check.at(
                &file.evaluation.tokens,
                message,
                "lower `evaluation: tokens`, or hold out more text",
            ));
        }
        let points = check.count("`points`", &file.evaluation.points, 1..=10_000)?;
        Ok(Self {
            sequence_length: sequence_length as u32,
            batch_sequences: (batch_tokens / sequence_length) as u32,
            learning_rate: train.learning_rate.clone(),
            schedule: train.schedule.value,
            optimizer: optimizer(&train.optimizer, check)?,
            clip_norm: check.within("`clip_norm`", &train.clip_norm, f64::MIN_POSITIVE..=1e6)?,
            evaluation: Evaluation { tokens, points: points as u32 },
            precision: train.precision,
        })
    }

    /// What sizes are counted for.
    fn counting(&self, baseline: &Arm, corpora: &Corpora) -> Counting {
        Counting {
            architecture: baseline.architecture,
            vocabulary: corpora.spec.vocabulary(),
            sequence_length: self.sequence_length,
        }
    }

    fn model(&self, arm: &Arm, size: &Shape, corpora: &Corpora) -> Result<ModelConfig, Contradiction> {
        ModelConfig::new(arm.architecture, size, corpora.spec.vocabulary(), self.sequence_length)
    }

    /// Optimizer steps that spend the budget, to the nearest one.
    fn steps(
        &self,
        check: &Check<'_>,
        Named { arm, size, model }: &Named<'_>,
        budget: Budget,
        at: &At<Number>,
        corpora: &Corpora,
    ) -> Result<u64, SweepError> {
        let per_token = model.flops_per_token().0 as f64;
        let batch = f64::from(self.sequence_length) * f64::from(self.batch_sequences);
        let tokens = match budget {
            Budget::Flops(flops) => flops / per_token,
            Budget::Tokens(tokens) => tokens,
            Budget::TokensPerParam(ratio) => ratio * model.params().total().0 as f64,
        };
        let steps = (tokens / batch).round();
        if tokens < batch {
            let need = match budget {
                Budget::Flops(_) => format!("{:.2e} FLOPs", per_token * batch),
                Budget::Tokens(_) | Budget::TokensPerParam(_) => format!("{batch} tokens"),
            };
            let message =
                format!("the budget of {budget} is too small: one batch of `{size}` for `{arm}` needs {need}");
            return Err(check.at(at, message, "raise the budget, remove this size, or lower `batch_tokens`"));
        }
        let available =
            corpora.train_tokens.saturating_sub(1) / u64::from(self.sequence_length) * u64::from(self.sequence_length);
        if steps * batch > available as f64 {
            let (needed, found) = (crate::units::si(steps * batch), crate::units::si(available as f64));
            let message = format!(
                "`{size}` for `{arm}` at {budget} needs {needed} training tokens, the corpus has {found}, and no run may repeat its data"
            );
            return Err(check.at(at, message, "lower the budget, remove this size, or use more text"));
        }
        Ok(steps as u64)
    }

    fn spec(&self, model: &ModelConfig, budget: Budget, steps: u64, seed: u64, corpora: &Corpora) -> RunSpec {
        RunSpec {
            version: SPEC_VERSION,
            architecture: model.architecture,
            shape: model.shape,
            data: corpora.spec.clone(),
            budget,
            sequence_length: self.sequence_length,
            batch_sequences: self.batch_sequences,
            steps,
            optimizer: self.optimizer,
            learning_rate: match &self.learning_rate {
                LearningRateEntry::Fixed(value) => value.value.0,
                LearningRateEntry::InverseSqrtWidth { base, at } => {
                    base.value.0 * (at.value.0 / f64::from(model.shape.d_model)).sqrt()
                }
            },
            schedule: self.schedule,
            clip_norm: self.clip_norm,
            precision: self.precision,
            // More points than steps would all fall on the same steps.
            evaluation: Evaluation {
                points: self.evaluation.points.min(u32::try_from(steps).unwrap_or(u32::MAX)),
                ..self.evaluation
            },
            seed,
        }
    }
}

fn optimizer(entry: &OptimizerEntry, check: &Check<'_>) -> Result<Adamw, SweepError> {
    let OptimizerEntry::Adamw { beta1, beta2, eps, weight_decay } = entry;
    Ok(Adamw {
        beta1: check.within("`beta1`", beta1, 0.0..=0.999_999)?,
        beta2: check.within("`beta2`", beta2, 0.0..=0.999_999)?,
        eps: check.within("`eps`", eps, f64::MIN_POSITIVE..=1.0)?,
        weight_decay: check.within("`weight_decay`", weight_decay, 0.0..=10.0)?,
    })
}

/// A count, for messages that list duplicates.
impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
