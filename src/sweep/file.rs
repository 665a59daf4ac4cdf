//! The sweep file as it is written. Closed: unknown keys are errors. sweeps/README.md explains every key.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::architecture::ArmEntry;
use super::data::{DataEntry, TextPlace};
use super::error::Fault;
use super::executor::refusal;
use super::given::given;
use super::size::SizeEntry;
use super::train::TrainEntry;
use super::yaml::from_yaml;
use super::{At, Count, ExecutorList, Number, Policy, QueuePolicy, SweepError};
use isoflop_core::data::Split;

/// A sweep: architectures x sizes x budgets x seeds, trained alike.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// Name of the results and reports folders; the file's name if absent.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<At<String>>,
    /// What the sweep asks, for people.
    #[serde(default, deserialize_with = "given")]
    pub description: Option<String>,
    /// Text to train and to validate on.
    pub data: DataEntry,
    /// The arms: names of presets, or presets with changes.
    pub architectures: At<Vec<At<ArmEntry>>>,
    /// The arm that the others are compared with; the first if absent.
    #[serde(default, deserialize_with = "given")]
    pub baseline: Option<At<String>>,
    /// Model sizes, shared by all arms.
    pub sizes: At<Vec<At<SizeEntry>>>,
    /// What each run may spend.
    pub budgets: BudgetsEntry,
    /// One run a seed: initial weights and order of the data.
    #[serde(default = "default_seeds")]
    pub seeds: At<Vec<At<Count>>>,
    /// Factors on the learning rate, one run each, so that every arm can be tuned; the best are compared.
    #[serde(default = "default_lr")]
    pub lr: At<Vec<At<Number>>>,
    /// How to train.
    pub train: TrainEntry,
    /// Validation.
    #[serde(default)]
    pub evaluation: EvaluationEntry,
    /// How runs are treated, wherever they execute.
    #[serde(default)]
    pub policy: Policy,
    /// How jobs are followed, by whichever engine with a queue.
    #[serde(default)]
    pub queue: QueuePolicy,
    /// Where runs execute: this machine if absent.
    #[serde(default)]
    pub executor: At<ExecutorList>,
    /// Priority of an arm's runs: a larger number starts first; 0 where an arm is not named.
    #[serde(default)]
    pub priorities: BTreeMap<String, At<Count>>,
}

impl SweepFile {
    /// Name of the sweep's folders in results and reports.
    ///
    /// # Errors
    /// [`SweepError`] when the name is no folder's.
    pub fn folder_name(&self, path: &Path) -> Result<String, SweepError> {
        self.name_or_stem(path).map_err(|fault| fault.in_file(path))
    }

    /// The sweep's name: its own, or the file's.
    pub(super) fn name_or_stem(&self, path: &Path) -> Result<String, Fault> {
        let stem = || {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let name = self.name.clone().unwrap_or_else(|| At::nowhere(stem()));
        name.check_name("the sweep's name", &name.value)?;
        Ok(name.value)
    }

    /// Checks where runs execute, and how they are treated there.
    ///
    /// # Errors
    /// [`SweepError`] for settings that make no sense.
    pub fn check_execution(&self, path: &Path) -> Result<(), SweepError> {
        self.execution().map_err(|fault| fault.in_file(path))
    }

    pub(super) fn execution(&self) -> Result<(), Fault> {
        self.policy.check()?;
        self.queue.check()?;
        ExecutorList::check(&self.executor)
    }

    /// The texts that the sweep names; paths relative to its folder are made whole.
    ///
    /// # Errors
    /// [`SweepError`] when they are named in no allowed combination, or as nothing that can be read.
    pub fn split(&self, path: &Path) -> Result<Split<TextPlace>, SweepError> {
        self.data.split(path).map_err(|fault| fault.in_file(path))
    }

    /// A fault of a text that the sweep names, at the place where it names it.
    pub fn fault_of_text(
        &self,
        path: &Path,
        text: &Path,
        message: String,
        hint: &str,
    ) -> SweepError {
        self.data
            .fault_of_text(path, text, message, hint)
            .in_file(path)
    }
}

/// One of: training FLOPs, training tokens, training tokens for each parameter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BudgetsEntry {
    /// FLOPs: the runs of one value are an IsoFLOP profile.
    Flops(At<Vec<At<Number>>>),
    /// Tokens.
    Tokens(At<Vec<At<Number>>>),
    /// Tokens for each of `params_total`.
    TokensPerParam(At<Vec<At<Number>>>),
}

/// Validation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationEntry {
    /// Held-out tokens that each evaluation scores.
    pub tokens: At<Count>,
    /// Evaluations in a run, evenly spaced, the final one included.
    pub points: At<Count>,
}

impl Default for EvaluationEntry {
    fn default() -> Self {
        Self {
            tokens: At::nowhere(Count(65_536)),
            points: At::nowhere(Count(10)),
        }
    }
}

fn default_seeds() -> At<Vec<At<Count>>> {
    At::nowhere(vec![At::nowhere(Count(1))])
}

fn default_lr() -> At<Vec<At<Number>>> {
    At::nowhere(vec![At::nowhere(Number(1.0))])
}

/// Reads a sweep file.
///
/// # Errors
/// [`SweepError`] with the place and a hint.
pub fn load(path: &Path) -> Result<SweepFile, SweepError> {
    parse(path, &read(path)?)
}

/// The text of a sweep file, of which the results keep a copy.
///
/// # Errors
/// [`SweepError`] when it cannot be read.
pub fn read(path: &Path) -> Result<String, SweepError> {
    std::fs::read_to_string(path).map_err(|e| {
        let hint = "name a sweep file, for example `sweeps/quickstart.yaml`";
        Fault::whole(format!("the sweep file cannot be read: {e}"), hint).in_file(path)
    })
}

/// Understands the text of a sweep file; `path` is where it stands, for messages.
///
/// # Errors
/// [`SweepError`] with the place and a hint.
pub fn parse(path: &Path, text: &str) -> Result<SweepFile, SweepError> {
    from_yaml(text).map_err(|e| refusal(text).unwrap_or_else(|| e.into()).in_file(path))
}

/// The JSON Schema of sweep files, for completion in editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(SweepFile).to_value();
    schema["title"] = "isoflop sweep".into();
    without_null(&mut schema);
    schema
}

/// A key may be absent, and then it is not null: schemars cannot know that.
fn without_null(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(map) => {
            if map.get("default").is_some_and(serde_json::Value::is_null) {
                map.remove("default");
            }
            for key in ["anyOf", "type", "enum"] {
                let Some(list) = map.get_mut(key).and_then(serde_json::Value::as_array_mut) else {
                    continue;
                };
                list.retain(|item| !item.is_null() && item != "null" && item["type"] != "null");
                if let ([only], "type") = (list.as_slice(), key) {
                    let only = only.clone();
                    map.insert(key.to_owned(), only);
                }
            }
            map.values_mut().for_each(without_null);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}
