//! One attempt: from the launch file to the outcome.

use std::time::Instant;

use isoflop_core::data::TokenFile;
use isoflop_core::run::{
    AttemptDir, Launch, Outcome, Provenance, RunSpec, TrainerExit, read_digest, write_json,
};
use isoflop_core::units::Tokens;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use tch::Device;

use crate::checkpoint::{Checkpoints, StopFlag};
use crate::failure::{self, Failure};
use crate::record::Recorder;
use crate::train::{Trained, train};
use crate::{calibrate, cuda, host};

pub(crate) fn run(attempt: &AttemptDir, git_revision: &str) -> Result<(), Failure> {
    let began = Instant::now();
    let launch = read_launch(attempt)?;
    failure::catch(|| carry_out(attempt, &launch, git_revision, began)).map_err(|failure| {
        failure.beside_estimate(launch.memory_bytes_estimate, host::peak_memory_bytes())
    })
}

fn carry_out(
    attempt: &AttemptDir,
    launch: &Launch,
    git_revision: &str,
    began: Instant,
) -> Result<(), Failure> {
    die_with_parent(launch.parent_pid)?;
    let stop = StopFlag::on_signals()?;
    let spec = spec_of(launch)?;
    let machine = Machine::of(launch, &spec, git_revision)?;
    let files = [
        open(&launch.train, &spec.data.train_digest)?,
        open(&launch.validation, &spec.data.validation_digest)?,
    ];

    let mut recorder = Recorder::create(attempt.metrics(), began)?;
    let mut checkpoints = Checkpoints::new(launch, stop);
    let device = machine.device;
    let trained = train(&spec, &files, device, &mut recorder, &mut checkpoints)?;
    let outcome = outcome(launch, &spec, trained, machine, recorder.finish()?, began);
    write_json(&attempt.outcome(), &outcome)
        .map_err(|e| Failure::cannot_write(attempt.outcome().display(), &e))
}

/// What a run is trained on.
struct Machine {
    device: Device,
    provenance: Provenance,
    matrix_flops_per_second: f64,
}

impl Machine {
    fn of(launch: &Launch, spec: &RunSpec, git_revision: &str) -> Result<Self, Failure> {
        let provenance = host::provenance(launch.device, git_revision);
        tch::set_num_threads(i32::try_from(launch.threads).unwrap_or(1));
        let device = cuda::device(launch.device)?;
        Ok(Self {
            device,
            provenance,
            matrix_flops_per_second: calibrate::matrix_flops_per_second(spec.precision, device),
        })
    }
}

fn outcome(
    launch: &Launch,
    spec: &RunSpec,
    trained: Trained,
    machine: Machine,
    metrics_digest: String,
    began: Instant,
) -> Outcome {
    let progress = trained.progress;
    let tokens = Tokens(progress.step * spec.batch_tokens().0);
    Outcome {
        run: launch.run.clone(),
        attempt: launch.attempt,
        fence: launch.fence.clone(),
        metrics_digest,
        ending: trained.ending,
        steps: progress.step,
        tokens: tokens.0,
        flops: (spec.flops_per_token() * tokens).0,
        split_for_memory: launch.split_for_memory,
        trunk: progress.trunk,
        resumed_from_step: trained.resumed_from_step,
        wall_seconds: began.elapsed().as_secs_f64(),
        startup_seconds: trained.first_step.duration_since(began).as_secs_f64(),
        seconds: progress.seconds,
        loss_spikes: trained.loss_spikes,
        matrix_flops_per_second: machine.matrix_flops_per_second,
        peak_memory_bytes: host::peak_memory_bytes(),
        device: launch.device,
        threads: launch.threads,
        provenance: machine.provenance,
    }
}

/// The spec to train. After a want of memory the same batch is passed in parts; the run stays the run.
fn spec_of(launch: &Launch) -> Result<RunSpec, Failure> {
    let (spec, run) = (&launch.spec, &launch.run);
    if spec.id() != *run {
        let message = format!(
            "the launch file's spec is of run {}, not of run {run}",
            spec.id()
        );
        return Err(Failure::bad_launch(message));
    }
    let micro_batch_sequences = launch.split_for_memory.or(spec.micro_batch_sequences);
    Ok(RunSpec {
        micro_batch_sequences,
        ..spec.clone()
    })
}

fn read_launch(attempt: &AttemptDir) -> Result<Launch, Failure> {
    let path = attempt.launch();
    let bytes = std::fs::read(&path)
        .map_err(|e| Failure::bad_launch(format!("cannot read `{}`: {e}", path.display())))?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Failure::bad_launch(format!("`{}` is no launch file: {e}", path.display())))
}

/// A trainer whose coordinator is killed must not go on: the next coordinator would start the run beside it.
fn die_with_parent(parent: Option<u32>) -> Result<(), Failure> {
    let Some(parent) = parent else { return Ok(()) };
    let orphaned = |message: String| Failure::new(TrainerExit::Orphaned, message);
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|e| orphaned(format!("cannot bind to the coordinator: {e}")))?;
    // It may have died before the call above.
    if getppid().as_raw() as u32 == parent {
        Ok(())
    } else {
        Err(orphaned(format!(
            "the coordinator, process {parent}, is gone"
        )))
    }
}

fn open(path: &std::path::Path, digest: &str) -> Result<TokenFile, Failure> {
    let unreadable =
        |e| Failure::bad_launch(format!("cannot read the tokens `{}`: {e}", path.display()));
    if read_digest(path).map_err(unreadable)? != digest {
        return Err(Failure::bad_launch(format!(
            "the tokens `{}` are damaged: their digest is not {digest}",
            path.display()
        )));
    }
    TokenFile::open(path).map_err(unreadable)
}
