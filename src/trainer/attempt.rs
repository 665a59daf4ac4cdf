//! Execution of one attempt, from the launch file to the outcome.

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

use crate::checkpoint::{CheckpointWriter, StopFlag};
use crate::failure::{self, TrainerFailure};
use crate::record::Recorder;
use crate::train::{TrainingResult, train};
use crate::{calibrate, cuda, host};

pub(crate) fn run(attempt: &AttemptDir, git_revision: &str) -> Result<(), TrainerFailure> {
    let began = Instant::now();
    let launch = read_launch(attempt)?;
    failure::catch(|| execute(attempt, &launch, git_revision, began)).map_err(|failure| {
        failure.with_memory_estimate(launch.memory_bytes_estimate, host::peak_memory_bytes())
    })
}

fn execute(
    attempt: &AttemptDir,
    launch: &Launch,
    git_revision: &str,
    began: Instant,
) -> Result<(), TrainerFailure> {
    end_with_coordinator(launch.parent_pid)?;
    let stop = StopFlag::on_signals()?;
    let spec = spec_of(launch)?;
    let machine = TrainingMachine::of(launch, &spec, git_revision)?;
    let files = [
        open_tokens(&launch.train, &spec.data.train_digest)?,
        open_tokens(&launch.validation, &spec.data.validation_digest)?,
    ];

    let mut recorder = Recorder::create(attempt.metrics(), began)?;
    let mut checkpoints = CheckpointWriter::new(launch, stop);
    let device = machine.device;
    let trained = train(&spec, &files, device, &mut recorder, &mut checkpoints)?;
    let outcome = outcome(launch, &spec, trained, machine, recorder.finish()?, began);
    write_json(&attempt.outcome(), &outcome)
        .map_err(|e| TrainerFailure::cannot_write(attempt.outcome().display(), &e))
}

/// Device of the attempt, with its measured speed.
struct TrainingMachine {
    device: Device,
    provenance: Provenance,
    matrix_flops_per_second: f64,
}

impl TrainingMachine {
    fn of(launch: &Launch, spec: &RunSpec, git_revision: &str) -> Result<Self, TrainerFailure> {
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
    trained: TrainingResult,
    machine: TrainingMachine,
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

/// Returns the spec to train. After an attempt ran out of memory, the batch is split into smaller
/// passes. The identity of the run remains that of the original spec.
fn spec_of(launch: &Launch) -> Result<RunSpec, TrainerFailure> {
    let (spec, run) = (&launch.spec, &launch.run);
    if spec.id() != *run {
        let message = format!(
            "invalid launch file: expected the spec of run {run}, found the spec of run {}",
            spec.id()
        );
        return Err(TrainerFailure::bad_launch(message));
    }
    let micro_batch_sequences = launch.split_for_memory.or(spec.micro_batch_sequences);
    Ok(RunSpec {
        micro_batch_sequences,
        ..spec.clone()
    })
}

fn read_launch(attempt: &AttemptDir) -> Result<Launch, TrainerFailure> {
    let path = attempt.launch();
    let bytes = std::fs::read(&path).map_err(|e| {
        TrainerFailure::bad_launch(format!("cannot read `{}`: {e}", path.display()))
    })?;
    serde_json::from_slice(&bytes).map_err(|e| {
        TrainerFailure::bad_launch(format!("invalid launch file `{}`: {e}", path.display()))
    })
}

/// Makes the kernel kill this process when the coordinator ends. Otherwise a trainer would outlive
/// a killed coordinator, and the next coordinator would start a second trainer of the same run.
fn end_with_coordinator(parent: Option<u32>) -> Result<(), TrainerFailure> {
    let Some(parent) = parent else { return Ok(()) };
    let orphaned = |message: String| TrainerFailure::new(TrainerExit::Orphaned, message);
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|e| {
        orphaned(format!(
            "cannot request the signal for the end of the coordinator: {e}"
        ))
    })?;
    // The coordinator may have ended before the call above.
    if getppid().as_raw() as u32 == parent {
        Ok(())
    } else {
        Err(orphaned(format!(
            "the coordinator (process {parent}) is not running"
        )))
    }
}

fn open_tokens(path: &std::path::Path, digest: &str) -> Result<TokenFile, TrainerFailure> {
    let unreadable =
        |e| TrainerFailure::bad_launch(format!("cannot read the tokens `{}`: {e}", path.display()));
    if read_digest(path).map_err(unreadable)? != digest {
        return Err(TrainerFailure::bad_launch(format!(
            "damaged tokens `{}`: expected the digest {digest}",
            path.display()
        )));
    }
    TokenFile::open(path).map_err(unreadable)
}
