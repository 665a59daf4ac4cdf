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

/// Declares a folder, with what lies in it under a fixed name.
macro_rules! folder {
    ($(#[$about:meta])+ $folder:ident { $($(#[$what:meta])+ $entry:ident: $name:literal,)* }) => {
        $(#[$about])+
        #[derive(Clone, Debug)]
        pub struct $folder {
            root: PathBuf,
        }

        impl $folder {
            /// What lies in this folder.
            pub fn at(root: impl Into<PathBuf>) -> Self {
                Self { root: root.into() }
            }

            /// The folder itself.
            pub fn root(&self) -> &Path {
                &self.root
            }

            $($(#[$what])+ pub fn $entry(&self) -> PathBuf {
                self.root.join($name)
            })*
        }
    };
}

folder! {
    /// The results folder of one sweep.
    SweepDir {
        /// The coordinator's lock.
        lock: "lock",
        /// What the coordinator decided, and why.
        coordinator_log: "coordinator.log",
        /// What it decided before that, where it was more than a log holds.
        older_coordinator_log: "coordinator.1.log",
        /// What the coordinator remembers.
        store: "state.sqlite",
        /// The runs that the sweep asks for.
        plan: "plan.json",
        /// The sweep file's text.
        sweep_file: "sweep.yaml",
        /// Token files.
        data: "data",
        /// All runs.
        runs: "runs",
        /// What was given to Slurm together.
        batches: "batches",
        /// Where runs are copied to before they are renamed to where runs are.
        importing: "importing",
        /// The table of runs.
        runs_table: "runs.parquet",
        /// The table of training curves.
        curves_table: "curves.parquet",
        /// The fits.
        fit: "fit.json",
    }
}

impl SweepDir {
    /// The folder of the sweep `name` under the results root.
    pub fn new(results: &Path, name: &str) -> Self {
        Self::at(results.join(name))
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

    /// One token file.
    pub fn tokens(&self, digest: &str) -> PathBuf {
        self.data().join(format!("{digest}.tokens"))
    }

    /// The folder of the run of this name.
    pub fn run_named(&self, id: &str) -> RunDir {
        RunDir::at(self.runs().join(id))
    }

    /// One run.
    pub fn run(&self, id: &RunId) -> RunDir {
        self.run_named(id.as_str())
    }

    /// One batch, by its name.
    pub fn batch(&self, name: &str) -> BatchDir {
        BatchDir::at(self.batches().join(name))
    }

    /// A run that is being copied.
    pub fn run_in_the_making(&self, id: &RunId) -> RunDir {
        RunDir::at(self.importing().join(id.as_str()))
    }
}

folder! {
    /// The folder of a batch of attempts that was given to Slurm as one array.
    BatchDir {
        /// Its tasks, one a line: the attempt's tag, and what is executed for it.
        tasks: "tasks.txt",
        /// What is executed for every task.
        job: "job.sh",
    }
}

impl BatchDir {
    /// What a task printed before and beside its trainer.
    pub fn printed(&self, task: &str) -> PathBuf {
        self.root.join(format!("{task}.txt"))
    }
}

folder! {
    /// The folder of one run.
    RunDir {
        /// What decides the result.
        spec: "spec.json",
        /// The committed outcome.
        outcome: "outcome.json",
        /// All attempts.
        attempts: "attempts",
    }
}

impl RunDir {
    /// Where the run goes on when it was stopped.
    pub fn checkpoints(&self) -> CheckpointsDir {
        CheckpointsDir::at(self.root.join("checkpoints"))
    }

    /// The end of the run's trunk, from which runs with larger budgets go on.
    pub fn trunk(&self) -> CheckpointsDir {
        CheckpointsDir::at(self.root.join("trunk"))
    }

    /// One attempt, from 1.
    pub fn attempt(&self, number: u32) -> AttemptDir {
        AttemptDir::at(self.attempts().join(number.to_string()))
    }
}

folder! {
    /// A folder of checkpoints.
    CheckpointsDir {}
}

impl CheckpointsDir {
    /// The checkpoint after a step.
    pub fn after(&self, step: u64) -> CheckpointDir {
        CheckpointDir::at(self.root.join(step.to_string()))
    }

    /// A checkpoint that arrives from another machine, from the attempt of this fencing token.
    pub fn arriving(&self, fence: &str) -> CheckpointDir {
        CheckpointDir::at(self.root.join(format!("arriving-{fence}")))
    }

    /// A checkpoint that is being written.
    pub fn in_the_making(&self) -> CheckpointDir {
        CheckpointDir::at(self.root.join("unfinished"))
    }
}

folder! {
    /// The folder of one checkpoint.
    CheckpointDir {
        /// What was done and said so far, with digests.
        manifest: "manifest.json",
        /// Parameters, the optimizer's state, and what every step said.
        tensors: "state.safetensors",
    }
}

folder! {
    /// The folder of one attempt: all that the trainer is given and all that it leaves.
    AttemptDir {
        /// What to run, and where: the trainer's only input.
        launch: "launch.json",
        /// Events, one JSON object a line.
        metrics: "metrics.jsonl",
        /// The outcome as the trainer wrote it, not yet committed.
        outcome: "outcome.json",
        /// What the trainer printed: the latest part.
        log: "log.txt",
        /// What it printed before that, where it was more than a log holds.
        older_log: "log.1.txt",
        /// What an engine executes: its presence means that the attempt was given to one.
        job: "job.sh",
        /// The name of the engine that it was begun by.
        engine: "engine",
        /// The worker that has it, since it has said so.
        worker: "worker.json",
        /// Who executes it: made once, so that a job which an engine starts twice trains once.
        began: "began.json",
        /// How its trainer ended, as the machine that executed it saw it.
        end: "end.json",
        /// Its presence asks for a checkpoint and the end.
        stop: "stop",
    }
}

impl AttemptDir {
    /// Whether an engine has it, or had: it may go on without its coordinator.
    pub fn is_with_an_engine(&self) -> bool {
        self.job().exists() || self.worker().exists()
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
