//! What every fault has in common: a sweep is hurt, then run undisturbed, and must end as if nothing had happened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::checks::{
    attempts, fences_are_right, nothing_is_left_over, processes_in, results, run_of,
};
use super::shim::Variables;
use crate::sandbox::{Sandbox, until};

/// Who trains.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trainer {
    /// `isoflop-trainer`.
    Real,
    /// `examples/noop-trainer.rs`.
    Noop,
}

impl Trainer {
    /// A program in the trainer's place.
    fn program(self) -> Option<PathBuf> {
        match self {
            Self::Real => None,
            Self::Noop => {
                let program = Path::new(env!("CARGO_BIN_EXE_isoflop"))
                    .with_file_name("examples")
                    .join("noop-trainer");
                assert!(
                    program.is_file(),
                    "build the examples first: `cargo build --release --examples`"
                );
                Some(program)
            }
        }
    }
}

/// A number that the environment may set.
fn number<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| {
        text.parse()
            .ok()
            .unwrap_or_else(|| panic!("{variable} is `{text}`, not a number"))
    })
}

/// Two runs of a few steps, one after the other: the shortest sweep in which one ends and the next begins, and the same each time.
pub(super) fn small() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("[2e8, 4e8]", "[2e8]");
    sandbox.edit("slots: 2", "slots: 1");
    sandbox
}

/// A kind of fault, tried in rounds on the same kind of sweep. Its row of the table is printed when it is dropped.
pub(super) struct Fault {
    name: &'static str,
    sweep: fn() -> Sandbox,
    trainer: Trainer,
    /// What the sweep ends with where nothing happens.
    untouched: BTreeMap<String, Value>,
    /// Seed of the next round; `ISOFLOP_FAULT_SEED` sets that of the first.
    seed: u64,
    /// The round under way, so that it can be repeated.
    label: String,
    rounds: usize,
    lost: usize,
    duplicated: usize,
}

impl Fault {
    pub(super) fn new(name: &'static str, sweep: fn() -> Sandbox, trainer: Trainer) -> Self {
        let sandbox = sweep();
        let output = command(&sandbox, trainer).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let (untouched, seed) = (results(&sandbox), number("ISOFLOP_FAULT_SEED", 1));
        let label = "none yet".to_owned();
        Self {
            name,
            sweep,
            trainer,
            untouched,
            seed,
            label,
            rounds: 0,
            lost: 0,
            duplicated: 0,
        }
    }

    /// How many rounds: the usual number, or `ISOFLOP_FAULT_ROUNDS`.
    pub(super) fn rounds(usual: usize) -> usize {
        number("ISOFLOP_FAULT_ROUNDS", usual)
    }

    /// A round with a sweep and a seed of its own; `what` says which it is.
    pub(super) fn round(&mut self, what: &str) -> Round<'_> {
        self.label = format!("{what}, ISOFLOP_FAULT_SEED={}", self.seed);
        let random = ChaCha8Rng::seed_from_u64(self.seed);
        self.seed += 1;
        Round {
            sandbox: (self.sweep)(),
            random,
            fault: self,
            acknowledged: BTreeMap::new(),
        }
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let Self {
            name,
            rounds,
            lost,
            duplicated,
            label,
            ..
        } = self;
        let failed = if std::thread::panicking() {
            format!(" FAILED in the round: {label}")
        } else {
            String::new()
        };
        #[expect(clippy::print_stdout, reason = "a row of the table of faults")]
        {
            println!(
                "fault | rounds | lost | duplicated\n{name} | {rounds} | {lost} | {duplicated}{failed}"
            );
        }
    }
}

fn command(sandbox: &Sandbox, trainer: Trainer) -> Command {
    let program = trainer.program();
    let mut words = vec!["run", "sweep.yaml"];
    words.extend(
        program
            .iter()
            .flat_map(|program| ["--trainer", program.to_str().unwrap()]),
    );
    sandbox.command(&words)
}

/// An outcome that was committed before a blow.
struct Acknowledged {
    outcome: Vec<u8>,
    attempts: usize,
}

/// One sweep that is hurt.
pub(super) struct Round<'fault> {
    pub(super) sandbox: Sandbox,
    pub(super) random: ChaCha8Rng,
    fault: &'fault mut Fault,
    acknowledged: BTreeMap<String, Acknowledged>,
}

impl Round<'_> {
    /// Counts a blow.
    pub(super) fn struck(&mut self) {
        self.fault.rounds += 1;
    }

    /// The folder of results, made so that it has a path.
    pub(super) fn results(&self) -> PathBuf {
        let folder = self.sandbox.path("results");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// `isoflop run` of the sweep, saying nothing to standard output.
    pub(super) fn command(&self) -> Command {
        let mut command = command(&self.sandbox, self.fault.trainer);
        command.stdout(Stdio::null());
        command
    }

    /// Starts the sweep.
    pub(super) fn start(&self, variables: &Variables) -> Running {
        // Outside the sweep's folder, whose disk may be full.
        let said = NamedTempFile::new().unwrap();
        let mut command = self.command();
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let child = command.stderr(said.reopen().unwrap()).spawn().unwrap();
        Running { child, said }
    }

    /// Runs the sweep to the end of the process.
    pub(super) fn run(&mut self, variables: &Variables) -> Ended {
        let running = self.start(variables);
        self.end_of(running)
    }

    /// The end of the coordinator, and of all that it has started.
    pub(super) fn end_of(&mut self, running: Running) -> Ended {
        let ended = running.wait();
        until("no process of the sweep is left", || {
            processes_in(&self.sandbox).is_empty()
        });
        self.acknowledge();
        ended
    }

    /// Notes what is committed: from here on it must stay.
    pub(super) fn acknowledge(&mut self) {
        for (path, outcome) in self.sandbox.outcomes() {
            let attempts = attempts(&path).len();
            self.acknowledged
                .entry(run_of(&path))
                .or_insert(Acknowledged { outcome, attempts });
        }
    }

    /// The fault is that this run's result was damaged: it is done again.
    pub(super) fn forget(&mut self, run: &str) {
        self.acknowledged.remove(run);
    }

    /// Processes that the coordinator has started.
    pub(super) fn trainers(&self, running: &Running) -> Vec<i32> {
        processes_in(&self.sandbox)
            .into_iter()
            .filter(|pid| *pid != running.pid())
            .collect()
    }

    /// Run once more and undisturbed, the sweep has each result once, all that was acknowledged is as it was, and nothing is left
    /// over.
    pub(super) fn ends_as_if_nothing_had_happened(mut self) {
        let ended = self.run(&Variables::new());
        assert_eq!(
            ended.code,
            Some(0),
            "the undisturbed run failed: {}",
            ended.said
        );
        for (run, before) in &self.acknowledged {
            let path = self
                .sandbox
                .path(&format!("results/sweep/runs/{run}/outcome.json"));
            self.fault.lost += usize::from(fs::read(&path).ok().as_ref() != Some(&before.outcome));
            self.fault.duplicated += usize::from(attempts(&path).len() > before.attempts);
        }
        assert_eq!(self.fault.lost, 0, "a finished run was lost");
        assert_eq!(self.fault.duplicated, 0, "a finished run was trained again");
        assert_eq!(results(&self.sandbox), self.fault.untouched);
        fences_are_right(&self.sandbox);
        nothing_is_left_over(&self.sandbox);
    }
}

/// A coordinator under way.
pub(super) struct Running {
    child: Child,
    said: NamedTempFile,
}

/// How it ended.
pub(super) struct Ended {
    /// None where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) said: String,
}

impl Running {
    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Whether it has ended by itself.
    pub(super) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn wait(mut self) -> Ended {
        let code = self.child.wait().unwrap().code();
        let said = fs::read_to_string(self.said.path()).unwrap();
        assert!(!said.contains("panicked at"), "{said}");
        // Done, a file that cannot be written, runs that failed, interrupted; or killed.
        assert!(
            code.is_none_or(|code| [0, 1, 4, 130].contains(&code)),
            "exit code {code:?}: {said}"
        );
        Ended { code, said }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves none behind; one that has ended takes no signal.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that may be gone by now.
pub(super) fn signal(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}
