//! The sweep file, as written. Unknown keys are errors. docs/sweep-reference.md explains every key.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::architecture::ArmEntry;
use super::data::{DataEntry, TextLocation};
use super::error::ValueError;
use super::executor::old_form_error;
use super::not_empty::not_empty;
use super::size::SizeEntry;
use super::train::TrainEntry;
use super::yaml::from_yaml;
use super::{
    ExecutorList, FiniteNumber, LocatedValue, QueuePolicy, RunPolicy, SweepError, WholeNumber,
};
use isoflop_core::data::DataSplit;

/// A sweep: architectures x sizes x budgets x seeds, with one set of training settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// Name of the folders in results and reports; the file's name if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub name: Option<LocatedValue<String>>,
    /// Question of the sweep, for people.
    #[serde(default, deserialize_with = "not_empty")]
    pub description: Option<String>,
    /// Training and validation text.
    pub data: DataEntry,
    /// Arms: names of presets, or presets with changes.
    pub architectures: LocatedValue<Vec<LocatedValue<ArmEntry>>>,
    /// Arm that the others are compared with; the first if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub baseline: Option<LocatedValue<String>>,
    /// Model sizes, shared by all arms.
    pub sizes: LocatedValue<Vec<LocatedValue<SizeEntry>>>,
    /// Amount of training of each run.
    pub budgets: BudgetsEntry,
    /// Seeds: each run is trained once for each (initial weights and order of the data).
    #[serde(default = "default_seeds")]
    pub seeds: LocatedValue<Vec<LocatedValue<WholeNumber>>>,
    /// Learning-rate factors: each run is trained once for each. Each arm is compared at its best
    /// factor.
    #[serde(default = "default_lr")]
    pub lr: LocatedValue<Vec<LocatedValue<FiniteNumber>>>,
    /// Training settings.
    pub train: TrainEntry,
    /// Validation.
    #[serde(default)]
    pub evaluation: EvaluationEntry,
    /// Order, retries, checkpoints and limits of runs, on every engine.
    #[serde(default)]
    pub policy: RunPolicy,
    /// Polling of engines that have a queue.
    #[serde(default)]
    pub queue: QueuePolicy,
    /// Engine or engines that execute the runs; this machine if absent.
    #[serde(default)]
    pub executor: LocatedValue<ExecutorList>,
    /// Priorities of arms: an arm with a larger number starts first; 0 if an arm is not named.
    #[serde(default)]
    pub priorities: BTreeMap<String, LocatedValue<WholeNumber>>,
}

impl SweepFile {
    /// Name of the sweep's folders in results and reports.
    ///
    /// # Errors
    /// [`SweepError`] if the name is not a valid folder name.
    pub fn folder_name(&self, path: &Path) -> Result<String, SweepError> {
        self.name_or_stem(path).map_err(|fault| fault.in_file(path))
    }

    /// Name of the sweep: its key `name`, or the file's name.
    pub(super) fn name_or_stem(&self, path: &Path) -> Result<String, ValueError> {
        let stem = || {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| LocatedValue::without_location(stem()));
        name.check_name("sweep name", &name.value)?;
        Ok(name.value)
    }

    /// Checks `policy`, `queue` and `executor`.
    ///
    /// # Errors
    /// [`SweepError`] for the first invalid setting.
    pub fn check_execution(&self, path: &Path) -> Result<(), SweepError> {
        self.check_execution_values()
            .map_err(|fault| fault.in_file(path))
    }

    pub(super) fn check_execution_values(&self) -> Result<(), ValueError> {
        self.policy.check()?;
        self.queue.check()?;
        ExecutorList::check(&self.executor)
    }

    /// Texts of the sweep. Paths are resolved against the folder of the sweep file.
    ///
    /// # Errors
    /// [`SweepError`] if their combination is not allowed, or an address is invalid.
    pub fn split(&self, path: &Path) -> Result<DataSplit<TextLocation>, SweepError> {
        self.data.split(path).map_err(|fault| fault.in_file(path))
    }

    /// An error of a text, at the location where the sweep names it.
    pub fn text_error(&self, path: &Path, text: &Path, message: String, hint: &str) -> SweepError {
        self.data
            .text_error(path, text, message, hint)
            .in_file(path)
    }
}

/// One of: training FLOPs, training tokens, training tokens for each parameter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BudgetsEntry {
    /// Training FLOPs. The runs of one value are an IsoFLOP profile.
    Flops(LocatedValue<Vec<LocatedValue<FiniteNumber>>>),
    /// Training tokens.
    Tokens(LocatedValue<Vec<LocatedValue<FiniteNumber>>>),
    /// Training tokens for each of `params_total`.
    TokensPerParam(LocatedValue<Vec<LocatedValue<FiniteNumber>>>),
}

/// Validation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationEntry {
    /// Held-out tokens that each evaluation scores.
    pub tokens: LocatedValue<WholeNumber>,
    /// Evaluations in a run, evenly spaced, the final one included.
    pub points: LocatedValue<WholeNumber>,
}

impl Default for EvaluationEntry {
    fn default() -> Self {
        Self {
            tokens: LocatedValue::without_location(WholeNumber(65_536)),
            points: LocatedValue::without_location(WholeNumber(10)),
        }
    }
}

fn default_seeds() -> LocatedValue<Vec<LocatedValue<WholeNumber>>> {
    LocatedValue::without_location(vec![LocatedValue::without_location(WholeNumber(1))])
}

fn default_lr() -> LocatedValue<Vec<LocatedValue<FiniteNumber>>> {
    LocatedValue::without_location(vec![LocatedValue::without_location(FiniteNumber(1.0))])
}

/// Reads a sweep file.
///
/// # Errors
/// [`SweepError`] with the location and a hint.
pub fn load(path: &Path) -> Result<SweepFile, SweepError> {
    parse(path, &read(path)?)
}

/// Reads the text of a sweep file, of which the results keep a copy.
///
/// # Errors
/// [`SweepError`] if it cannot be read.
pub fn read(path: &Path) -> Result<String, SweepError> {
    std::fs::read_to_string(path).map_err(|e| {
        let hint = "name a sweep file, for example `sweeps/quickstart.yaml`";
        ValueError::of_file(format!("cannot read the sweep file: {e}"), hint).in_file(path)
    })
}

/// Parses the text of a sweep file. Messages name its `path`.
///
/// # Errors
/// [`SweepError`] with the location and a hint.
pub fn parse(path: &Path, text: &str) -> Result<SweepFile, SweepError> {
    from_yaml(text).map_err(|e| {
        old_form_error(text)
            .unwrap_or_else(|| e.into())
            .in_file(path)
    })
}

/// JSON Schema of sweep files, for completion in editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(SweepFile).to_value();
    schema["title"] = "isoflop sweep".into();
    without_null(&mut schema);
    schema
}

/// Removes null from a schema. An optional key may be absent, but not null, which schemars cannot
/// express.
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
