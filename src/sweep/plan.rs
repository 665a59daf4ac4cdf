//! The runs of a sweep, and the plan as it lies with the results.
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
//! A run that names a seed alone is the run before it with that seed: of a hundred thousand runs, most differ from
//! their neighbour in nothing else, and the file is a few megabytes.

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

impl Plan {
    /// Writes the plan, a run a line, through a buffer: no more of it is held than that.
    ///
    /// # Errors
    /// Any failure to write or rename; the old file then still stands.
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
                if before.is_some_and(|before| again(before, id.clone(), seed) == *run) {
                    serde_json::to_writer(&mut *out, &Again { id, seed })?;
                } else {
                    serde_json::to_writer(&mut *out, run)?;
                }
            }
            out.write_all(b"\n]\n}\n")
        })
    }

    /// Reads a plan; those of earlier versions, which spell out every run, too.
    ///
    /// # Errors
    /// When the file cannot be read, or is no plan ([`io::ErrorKind::InvalidData`]).
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}

/// What reading makes of an entry that names a seed alone.
fn again(before: &PlannedRun, id: RunId, seed: u64) -> PlannedRun {
    let mut run = before.clone();
    (run.id, run.spec.seed) = (id, seed);
    run
}

/// The run before it, with another seed.
#[derive(Serialize)]
struct Again<'a> {
    id: &'a RunId,
    seed: u64,
}

/// A run as it is written: whole, or by its seed.
#[derive(Deserialize)]
struct Entry {
    id: RunId,
    arm: Option<String>,
    size: Option<String>,
    lr_factor: Option<f64>,
    #[serde(default)]
    priority: u64,
    spec: Option<RunSpec>,
    seed: Option<u64>,
}

impl Entry {
    fn after(self, before: Option<&PlannedRun>) -> Result<PlannedRun, String> {
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
                Ok(again(before, id, seed))
            }
            _ => Err(format!(
                "run {id} is neither whole nor the one before it with another seed"
            )),
        }
    }
}

/// For `#[serde(deserialize_with)]`: the runs of a plan, one after another.
fn runs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PlannedRun>, D::Error> {
    struct Runs;

    impl<'de> Visitor<'de> for Runs {
        type Value = Vec<PlannedRun>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of runs")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<PlannedRun>, A::Error> {
            let mut runs = Vec::new();
            while let Some(entry) = entries.next_element::<Entry>()? {
                runs.push(entry.after(runs.last()).map_err(A::Error::custom)?);
            }
            Ok(runs)
        }
    }

    deserializer.deserialize_seq(Runs)
}

#[cfg(test)]
mod tests {
    use isoflop_core::run::{Budget, example};

    use super::*;

    fn plan() -> Plan {
        let run = |arm: &str, budget: f64, seed: u64, lr_factor: Option<f64>| {
            let spec = RunSpec {
                budget: Budget::Flops(budget),
                seed,
                ..example()
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

    /// The committed study's was written when every run was spelled out.
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
        let why =
            "run 7 is neither whole nor the one before it with another seed at line 1 column 66";
        assert_eq!(refused(r#"[{"id":"7","seed":2}]"#), why);
        assert!(refused(r#"[{"id":"7","arm":"a"}]"#).contains("neither"));
        assert!(refused("3").contains("a list of runs"));
    }
}
