//! The layout of results on disk. Every path in it is made here.
//!
//! ```text
//! results/<sweep>/
//!   lock                 held by the coordinator; names its process and host
//!   coordinator.log      what the coordinator decided, and why; coordinator.1.log before that
//!   state.sqlite         what the coordinator remembers of each run; can be made anew
//!   plan.json            the runs this sweep asks for, with their arms and labels
//!   sweep.yaml           the sweep file as it was when they were asked for
//!   data/<digest>.tokens the corpora as tokens
//!   runs/<id>/
//!     spec.json          what decides the result
//!     outcome.json       committed once; its presence, valid, is what "done" means
//!     checkpoints/<step>/  manifest.json  state.safetensors: where a stopped run goes on; gone when it is done
//!     attempts/<n>/      what one attempt left
//!       launch.json  metrics.jsonl  outcome.json  log.txt
//!       engine  job.sh  worker.json  began.json  end.json  stop      where an engine or a worker executes it (docs/executors.md)
//!   batches/<name>/      what was given to Slurm together: which task is which attempt, and what each printed
//!     tasks.txt  job.sh  <task>.txt
//!   importing/           while runs are copied from another folder
//!   runs.parquet  curves.parquet  fit.json      rebuilt by commands
//! ```

use std::path::{Path, PathBuf};

use super::RunId;

/// The results folder of one sweep.
#[derive(Clone, Debug)]
pub struct SweepDir {
    root: PathBuf,
}

impl SweepDir {
    /// The folder of the sweep `name` under the results root.
    pub fn new(results: &Path, name: &str) -> Self {
        Self {
            root: results.join(name),
        }
    }

    /// The sweep that lies in a folder.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The sweep's name.
    pub fn name(&self) -> String {
        self.root
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// The workers that may call, of all sweeps under the results root.
    pub fn workers(&self) -> PathBuf {
        self.root.with_file_name("workers.json")
    }

    /// The coordinator's lock.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// What the coordinator decided, and why.
    pub fn coordinator_log(&self) -> PathBuf {
        self.root.join("coordinator.log")
    }

    /// What it decided before that, where it was more than a log holds.
    pub fn older_coordinator_log(&self) -> PathBuf {
        self.root.join("coordinator.1.log")
    }

    /// What the coordinator remembers.
    pub fn store(&self) -> PathBuf {
        self.root.join("state.sqlite")
    }

    /// The runs that the sweep asks for.
    pub fn plan(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// The sweep file's text.
    pub fn sweep_file(&self) -> PathBuf {
        self.root.join("sweep.yaml")
    }

    /// Token files.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// One token file.
    pub fn tokens(&self, digest: &str) -> PathBuf {
        self.data().join(format!("{digest}.tokens"))
    }

    /// All runs.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// The folder of the run of this name.
    pub fn run_named(&self, id: &str) -> RunDir {
        RunDir::new(self.runs().join(id))
    }

    /// One run.
    pub fn run(&self, id: &RunId) -> RunDir {
        RunDir::new(self.runs().join(id.as_str()))
    }

    /// What was given to Slurm together.
    pub fn batches(&self) -> PathBuf {
        self.root.join("batches")
    }

    /// One batch, by its name.
    pub fn batch(&self, name: &str) -> BatchDir {
        BatchDir {
            root: self.batches().join(name),
        }
    }

    /// Where runs are copied to before they are renamed to where runs are.
    pub fn importing(&self) -> PathBuf {
        self.root.join("importing")
    }

    /// A run that is being copied.
    pub fn run_in_the_making(&self, id: &RunId) -> RunDir {
        RunDir::new(self.importing().join(id.as_str()))
    }

    /// The table of runs.
    pub fn runs_table(&self) -> PathBuf {
        self.root.join("runs.parquet")
    }

    /// The table of training curves.
    pub fn curves_table(&self) -> PathBuf {
        self.root.join("curves.parquet")
    }

    /// The fits.
    pub fn fit(&self) -> PathBuf {
        self.root.join("fit.json")
    }
}

/// The folder of a batch of attempts that was given to Slurm as one array.
#[derive(Clone, Debug)]
pub struct BatchDir {
    root: PathBuf,
}

impl BatchDir {
    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its tasks, one a line: the attempt's tag, and what is executed for it.
    pub fn tasks(&self) -> PathBuf {
        self.root.join("tasks.txt")
    }

    /// What is executed for every task.
    pub fn job(&self) -> PathBuf {
        self.root.join("job.sh")
    }

    /// What a task printed before and beside its trainer.
    pub fn printed(&self, task: &str) -> PathBuf {
        self.root.join(format!("{task}.txt"))
    }
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// The run that lies in a folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What decides the result.
    pub fn spec(&self) -> PathBuf {
        self.root.join("spec.json")
    }

    /// The committed outcome.
    pub fn outcome(&self) -> PathBuf {
        self.root.join("outcome.json")
    }

    /// Where the run goes on when it was stopped.
    pub fn checkpoints(&self) -> CheckpointsDir {
        CheckpointsDir {
            root: self.root.join("checkpoints"),
        }
    }

    /// The end of the run's trunk, from which runs with larger budgets go on.
    pub fn trunk(&self) -> CheckpointsDir {
        CheckpointsDir {
            root: self.root.join("trunk"),
        }
    }

    /// All attempts.
    pub fn attempts(&self) -> PathBuf {
        self.root.join("attempts")
    }

    /// One attempt, from 1.
    pub fn attempt(&self, number: u32) -> AttemptDir {
        AttemptDir::new(self.attempts().join(number.to_string()))
    }
}

/// A folder of checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointsDir {
    root: PathBuf,
}

impl CheckpointsDir {
    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The checkpoint after a step.
    pub fn after(&self, step: u64) -> CheckpointDir {
        CheckpointDir {
            root: self.root.join(step.to_string()),
        }
    }

    /// A checkpoint that arrives from another machine, from the attempt of this fencing token.
    pub fn arriving(&self, fence: &str) -> CheckpointDir {
        CheckpointDir {
            root: self.root.join(format!("arriving-{fence}")),
        }
    }

    /// A checkpoint that is being written.
    pub fn in_the_making(&self) -> CheckpointDir {
        CheckpointDir {
            root: self.root.join("unfinished"),
        }
    }
}

/// The folder of one checkpoint.
#[derive(Clone, Debug)]
pub struct CheckpointDir {
    root: PathBuf,
}

impl CheckpointDir {
    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was done and said so far, with digests.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// Parameters, the optimizer's state, and what every step said.
    pub fn tensors(&self) -> PathBuf {
        self.root.join("state.safetensors")
    }
}

/// The folder of one attempt: all that the trainer is given and all that it leaves.
#[derive(Clone, Debug)]
pub struct AttemptDir {
    root: PathBuf,
}

impl AttemptDir {
    /// The attempt that lies in a folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What to run, and where: the trainer's only input.
    pub fn launch(&self) -> PathBuf {
        self.root.join("launch.json")
    }

    /// Events, one JSON object a line.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// The outcome as the trainer wrote it, not yet committed.
    pub fn outcome(&self) -> PathBuf {
        self.root.join("outcome.json")
    }

    /// What the trainer printed: the latest part.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.txt")
    }

    /// What it printed before that, where it was more than a log holds.
    pub fn older_log(&self) -> PathBuf {
        self.root.join("log.1.txt")
    }

    /// What an engine executes: its presence means that the attempt was given to one.
    pub fn job(&self) -> PathBuf {
        self.root.join("job.sh")
    }

    /// The name of the engine that it was begun by.
    pub fn engine(&self) -> PathBuf {
        self.root.join("engine")
    }

    /// The worker that has it, since it has said so.
    pub fn worker(&self) -> PathBuf {
        self.root.join("worker.json")
    }

    /// Who executes it: made once, so that a job which an engine starts twice trains once.
    pub fn began(&self) -> PathBuf {
        self.root.join("began.json")
    }

    /// Whether an engine has it, or had: it may go on without its coordinator.
    pub fn is_with_an_engine(&self) -> bool {
        self.job().exists() || self.worker().exists()
    }

    /// How its trainer ended, as the machine that executed it saw it.
    pub fn end(&self) -> PathBuf {
        self.root.join("end.json")
    }

    /// Its presence asks for a checkpoint and the end.
    pub fn stop(&self) -> PathBuf {
        self.root.join("stop")
    }

    /// Whether a later attempt at the run has begun: this one can commit nothing any more.
    pub fn is_superseded(&self) -> bool {
        let number = self
            .root
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok());
        number.is_some_and(|number| self.root.with_file_name((number + 1).to_string()).exists())
    }
}
