//! Layout of results on disk. All of its paths are defined here.
//!
//! ```text
//! results/<sweep>/
//!   lock                 held by the coordinator; names its process and host
//!   coordinator.log      decisions of the coordinator, with reasons; older: coordinator.1.log
//!   state.sqlite         the coordinator's store; can be rebuilt
//!   plan.json            the runs of the sweep, with their arms and labels
//!   sweep.yaml           the sweep file from which the plan was made
//!   data/<digest>.tokens the corpora as tokens
//!   runs/<id>/
//!     spec.json          everything that decides the result
//!     outcome.json       committed once; a run is done if this file exists and is valid
//!     checkpoints/<step>/  manifest.json  state.safetensors: removed when the run is done
//!     attempts/<n>/      files of one attempt
//!       launch.json  metrics.jsonl  outcome.json  log.txt
//!       engine  job.sh  worker.json  began.json  end.json  stop
//!                        if an engine or a worker executes it (docs/executors.md)
//!   batches/<name>/      attempts submitted to Slurm as one array, and what each task printed
//!     tasks.txt  job.sh  <task>.txt
//!   importing/           runs that are being copied from another folder
//!   runs.parquet  curves.parquet  fit.json      rebuilt by commands
//! ```

use std::path::{Path, PathBuf};

use super::RunId;

/// Declares a folder and its entries that have fixed names.
macro_rules! folder {
    ($(#[$about:meta])+ $folder:ident { $($(#[$what:meta])+ $entry:ident: $name:literal,)* }) => {
        $(#[$about])+
        #[derive(Clone, Debug)]
        pub struct $folder {
            root: PathBuf,
        }

        impl $folder {
            /// The folder at a path.
            pub fn at(root: impl Into<PathBuf>) -> Self {
                Self { root: root.into() }
            }

            /// Path of the folder.
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
        /// Decisions of the coordinator, with reasons: the latest part.
        coordinator_log: "coordinator.log",
        /// Older part of the coordinator's log, if it outgrew one file.
        older_coordinator_log: "coordinator.1.log",
        /// The coordinator's store.
        store: "state.sqlite",
        /// The runs of the sweep.
        plan: "plan.json",
        /// Copy of the sweep file.
        sweep_file: "sweep.yaml",
        /// Token files.
        data: "data",
        /// All runs.
        runs: "runs",
        /// Batches of attempts, each submitted to Slurm as one array.
        batches: "batches",
        /// Runs that are being copied, before they are renamed into `runs`.
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

    /// The workers that may connect, for all sweeps under the results root.
    pub fn workers(&self) -> PathBuf {
        self.root.with_file_name("workers.json")
    }

    /// The token file of a digest.
    pub fn tokens(&self, digest: &str) -> PathBuf {
        self.data().join(format!("{digest}.tokens"))
    }

    /// The folder of the run with this name.
    pub fn run_named(&self, id: &str) -> RunDir {
        RunDir::at(self.runs().join(id))
    }

    /// The folder of a run.
    pub fn run(&self, id: &RunId) -> RunDir {
        self.run_named(id.as_str())
    }

    /// The folder of a batch, by its name.
    pub fn batch(&self, name: &str) -> BatchDir {
        BatchDir::at(self.batches().join(name))
    }

    /// The folder of a run that is being copied.
    pub fn importing_run(&self, id: &RunId) -> RunDir {
        RunDir::at(self.importing().join(id.as_str()))
    }
}

folder! {
    /// The folder of a batch of attempts that was submitted to Slurm as one array.
    BatchDir {
        /// Tasks, one per line: the attempt's tag and its script.
        tasks: "tasks.txt",
        /// The script that every task executes.
        job: "job.sh",
    }
}

impl BatchDir {
    /// Output of a task, apart from its trainer's.
    pub fn task_output(&self, task: &str) -> PathBuf {
        self.root.join(format!("{task}.txt"))
    }
}

folder! {
    /// The folder of one run.
    RunDir {
        /// Everything that decides the result.
        spec: "spec.json",
        /// The committed outcome.
        outcome: "outcome.json",
        /// All attempts.
        attempts: "attempts",
    }
}

impl RunDir {
    /// Checkpoints of the run, from which its next attempt resumes.
    pub fn checkpoints(&self) -> CheckpointsDir {
        CheckpointsDir::at(self.root.join("checkpoints"))
    }

    /// Checkpoint at the end of the run's trunk, from which runs with larger budgets continue.
    pub fn trunk(&self) -> CheckpointsDir {
        CheckpointsDir::at(self.root.join("trunk"))
    }

    /// The folder of an attempt. Attempts count from 1.
    pub fn attempt(&self, number: u32) -> AttemptDir {
        AttemptDir::at(self.attempts().join(number.to_string()))
    }
}

folder! {
    /// A folder of checkpoints.
    CheckpointsDir {}
}

impl CheckpointsDir {
    /// The folder of the checkpoint after a step.
    pub fn checkpoint(&self, step: u64) -> CheckpointDir {
        CheckpointDir::at(self.root.join(step.to_string()))
    }

    /// The folder of a checkpoint that is arriving from another machine, of the attempt with this
    /// fencing token.
    pub fn arriving(&self, fence: &str) -> CheckpointDir {
        CheckpointDir::at(self.root.join(format!("arriving-{fence}")))
    }

    /// The folder of a checkpoint that is being written.
    pub fn incomplete(&self) -> CheckpointDir {
        CheckpointDir::at(self.root.join("unfinished"))
    }
}

folder! {
    /// The folder of one checkpoint.
    CheckpointDir {
        /// Progress of the run, with digests.
        manifest: "manifest.json",
        /// Parameters, the optimizer's state, and each step's readings.
        tensors: "state.safetensors",
    }
}

folder! {
    /// The folder of one attempt, with all inputs and outputs of the trainer.
    AttemptDir {
        /// Settings of the attempt: the trainer's only input.
        launch: "launch.json",
        /// Events, one JSON object per line.
        metrics: "metrics.jsonl",
        /// The outcome as the trainer wrote it, not yet committed.
        outcome: "outcome.json",
        /// Output of the trainer: the latest part.
        log: "log.txt",
        /// Older part of the trainer's output, if it outgrew one file.
        older_log: "log.1.txt",
        /// Script that an engine executes. It exists only if the attempt was given to an engine.
        job: "job.sh",
        /// Name of the engine that started the attempt.
        engine: "engine",
        /// The worker that has confirmed that it has the attempt.
        worker: "worker.json",
        /// Claim of the process that executes the attempt. It is made once, so that a job which an
        /// engine starts twice trains once.
        began: "began.json",
        /// End of the trainer, as the machine that executed it observed it.
        end: "end.json",
        /// Request to write a checkpoint and exit, made by the file's existence.
        stop: "stop",
    }
}

impl AttemptDir {
    /// Reports whether an engine has or had the attempt, which may then continue without its
    /// coordinator.
    pub fn was_submitted(&self) -> bool {
        self.job().exists() || self.worker().exists()
    }

    /// Reports whether a later attempt at the run has begun, so that this one cannot commit any
    /// more.
    pub fn is_superseded(&self) -> bool {
        let number = self
            .root
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok());
        number.is_some_and(|number| self.root.with_file_name((number + 1).to_string()).exists())
    }
}
