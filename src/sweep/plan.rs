//! The runs of a sweep, and the plan file in the results folder.
//!
//! ```text
//! {
//! "name": "quickstart",
//! "baseline": "transformer",
//! "notes": [],
//! "runs": [
//! {"id":"b2f4...","arm":"transformer","size":"d12-l2","spec":{...,"seed":1}},
//! {"id":"09ac...","seed":2}
//! ]
//! }
//! ```
//!
//! A run that has only a seed is the run before it with that seed. Most runs differ from the one
//! before in nothing else, so the plan of a hundred thousand runs is a few megabytes.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use isoflop_core::run::{RunId, RunSpec, write_streamed};

/// The runs of a sweep.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Plan {
    /// Name of the sweep.
    pub name: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Runs by arm, budget, size and seed, in the order of the sweep file.
    #[serde(deserialize_with = "runs")]
    pub runs: Vec<PlannedRun>,
    /// Notes for the user, before the start.
    pub notes: Vec<String>,
}

/// One run, with its names in this sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRun {
    /// Identity.
    pub id: RunId,
    /// Name of the arm.
    pub arm: String,
    /// Name of the size.
    pub size: String,
    /// Learning-rate factor, if the sweep has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_factor: Option<f64>,
    /// Priority. Runs with a larger number start first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u64,
    /// Spec: everything that decides the result.
    pub spec: RunSpec,
}

fn is_zero(priority: &u64) -> bool {
    *priority == 0
}

impl PlannedRun {
    /// Label for people: `primer_ez d32-l2 1.00e11 FLOPs seed 1`, with `lr x2` if learning rates
    /// are tuned.
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

impl Plan {
    /// Writes the plan through a buffer, one run on each line, so that the text is never in memory
    /// as a whole.
    ///
    /// # Errors
    /// Any failure to write or rename. The old file then remains.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_streamed(path, |out| {
            let (name, baseline, notes) = (
                serde_json::to_string(&self.name)?,
                serde_json::to_string(&self.baseline)?,
                serde_json::to_string(&self.notes)?,
            );
            write!(
                out,
                "{{\n\"name\": {name},\n\"baseline\": {baseline},\n\"notes\": {notes},\n\"runs\": ["
            )?;
            for (place, run) in self.runs.iter().enumerate() {
                out.write_all(if place == 0 { b"\n" } else { b",\n" })?;
                let before = place.checked_sub(1).map(|before| &self.runs[before]);
                let (id, seed) = (&run.id, run.spec.seed);
                if before.is_some_and(|before| with_seed(before, id.clone(), seed) == *run) {
                    serde_json::to_writer(&mut *out, &SeedRepeat { id, seed })?;
                } else {
                    serde_json::to_writer(&mut *out, run)?;
                }
            }
            out.write_all(b"\n]\n}\n")
        })
    }

    /// Reads a plan, of this version or of earlier ones, which spell out every run.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a plan ([`io::ErrorKind::InvalidData`]).
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}

/// The run of an entry that has only an identity and a seed.
fn with_seed(before: &PlannedRun, id: RunId, seed: u64) -> PlannedRun {
    let mut run = before.clone();
    (run.id, run.spec.seed) = (id, seed);
    run
}

/// An entry for the run before it, with another seed.
#[derive(Serialize)]
struct SeedRepeat<'a> {
    id: &'a RunId,
    seed: u64,
}

/// An entry of the file: all keys of a run, or only its seed.
#[derive(Deserialize)]
struct PlanEntry {
    id: RunId,
    arm: Option<String>,
    size: Option<String>,
    lr_factor: Option<f64>,
    #[serde(default)]
    priority: u64,
    spec: Option<RunSpec>,
    seed: Option<u64>,
}

impl PlanEntry {
    fn resolve(self, before: Option<&PlannedRun>) -> Result<PlannedRun, String> {
        let (id, lr_factor, priority) = (self.id, self.lr_factor, self.priority);
        match (self.arm, self.size, self.spec, self.seed, before) {
            (Some(arm), Some(size), Some(spec), None, _) => Ok(PlannedRun {
                id,
                arm,
                size,
                lr_factor,
                priority,
                spec,
            }),
            (None, None, None, Some(seed), Some(before)) if lr_factor.is_none() => {
                Ok(with_seed(before, id, seed))
            }
            _ => Err(format!(
                "run {id} is incomplete: expected `arm`, `size` and `spec`, or only `seed` after another run"
            )),
        }
    }
}

/// Deserializes the runs of a plan in order, for `#[serde(deserialize_with)]`.
fn runs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PlannedRun>, D::Error> {
    struct RunsVisitor;

    impl<'de> Visitor<'de> for RunsVisitor {
        type Value = Vec<PlannedRun>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of runs")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<PlannedRun>, A::Error> {
            let mut runs = Vec::new();
            while let Some(entry) = entries.next_element::<PlanEntry>()? {
                runs.push(entry.resolve(runs.last()).map_err(A::Error::custom)?);
            }
            Ok(runs)
        }
    }

    deserializer.deserialize_seq(RunsVisitor)
}

#[cfg(test)]
mod tests {
    use isoflop_core::run::{Budget, example_spec};

    use super::*;

    fn plan() -> Plan {
        let run = |arm: &str, budget: f64, seed: u64, lr_factor: Option<f64>| {
            let spec = RunSpec {
                budget: Budget::Flops(budget),
                seed,
                ..example_spec()
            };
            PlannedRun {
                id: spec.id(),
                arm: arm.into(),
                size: "d16-l2".into(),
                lr_factor,
                priority: 3,
                spec,
            }
        };
        let runs = vec![
            run("one", 1e10, 1, None),
            run("one", 1e10, 2, None),
            run("one", 2e10, 2, None),
            run("one", 2e10, 1, Some(0.5)),
            run("one", 2e10, 2, Some(0.5)),
            run("two", 2e10, 2, Some(0.5)),
        ];
        Plan {
            name: "s".into(),
            baseline: "one".into(),
            runs,
            notes: vec!["a \"note\"".into()],
        }
    }

    #[test]
    fn a_plan_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        plan().write(&path).unwrap();
        assert_eq!(Plan::read(&path).unwrap(), plan());
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("\"spec\"").count(), 4, "{text}");
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("{\"id\""))
                .count(),
            6,
            "{text}"
        );
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        Plan {
            runs: Vec::new(),
            ..plan()
        }
        .write(&path)
        .unwrap();
        assert!(Plan::read(&path).unwrap().runs.is_empty());
    }

    /// The plan of the committed study spells out every run.
    #[test]
    fn plans_of_earlier_versions_are_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/example/plan.json");
        let plan = Plan::read(&path).unwrap();
        assert_eq!(plan.runs.len(), 108);
        assert!(plan.runs.iter().all(|run| run.spec.id() == run.id));
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let refused = |runs: &str| {
            let text = format!(r#"{{"name":"s","baseline":"b","notes":[],"runs":{runs}}}"#);
            serde_json::from_str::<Plan>(&text).unwrap_err().to_string()
        };
        let why = "run 7 is incomplete: expected `arm`, `size` and `spec`, or only `seed` after another run at line 1 column 66";
        assert_eq!(refused(r#"[{"id":"7","seed":2}]"#), why);
        assert!(refused(r#"[{"id":"7","arm":"a"}]"#).contains("incomplete"));
        assert!(refused("3").contains("a list of runs"));
    }
}
