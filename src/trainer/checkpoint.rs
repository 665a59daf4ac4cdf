//! Stopping anywhere: what is written of a run so that another attempt goes on from it, bit for bit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use isoflop::run::{
    FoundCheckpoints, Launch, Progress, RunDir, RunId, TrainerExit, latest_checkpoint, write_checkpoint,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use tch::Tensor;

use crate::failure::Failure;
use crate::train::Training;

/// Set when the process is asked to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that SIGTERM and SIGINT set: the step under way is finished, then a checkpoint is written.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        let flag = Self::default();
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&flag.0))
                .map_err(|e| Failure::new(TrainerExit::Crash, format!("cannot listen for signals: {e}")))?;
        }
        Ok(flag)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a run's checkpoints go, and when.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    dir: RunDir,
    run: RunId,
    every: Duration,
    last: Instant,
    stop: StopFlag,
}

impl Checkpoints {
    pub(crate) fn new(launch: &Launch, stop: StopFlag) -> Self {
        Self {
            dir: RunDir::new(launch.run_folder.clone()),
            run: launch.run.clone(),
            every: Duration::from_secs_f64(launch.checkpoint_seconds),
            last: Instant::now(),
            stop,
        }
    }

    /// The latest valid checkpoint, taken up: parameters and moments are set, what was done so far is returned.
    pub(crate) fn take_up(&self, training: &mut Training<'_>) -> Result<Option<Progress>, Failure> {
        let FoundCheckpoints { latest, passed_over } = latest_checkpoint(&self.dir, &self.run);
        for (step, reason) in passed_over {
            Failure::note(format!("the checkpoint of step {step} is passed over: {reason}"));
        }
        let Some((checkpoint, progress)) = latest else { return Ok(None) };
        let tensors = Tensor::read_safetensors(checkpoint.tensors())?;
        training.restore(&tensors, progress.step)?;
        Ok(Some(progress))
    }

    /// After a step: writes a checkpoint when it is time, or when the process is asked to stop, and then ends the attempt.
    pub(crate) fn after_step(
        &mut self,
        training: &Training<'_>,
        progress: impl FnOnce() -> Progress,
    ) -> Result<(), Failure> {
        let stop = self.stop.is_set();
        if !stop && self.last.elapsed() < self.every {
            return Ok(());
        }
        let progress = progress();
        let write = |path: &std::path::Path| {
            Tensor::write_safetensors(&training.state(), path).map_err(|e| io::Error::other(e.to_string()))
        };
        write_checkpoint(&self.dir, &self.run, &progress, write)
            .map_err(|e| Failure::cannot_write(self.dir.checkpoints().display(), &e))?;
        self.last = Instant::now();
        if stop {
            let message = format!("stopped after step {}; the next attempt goes on from there", progress.step);
            return Err(Failure::new(TrainerExit::Preempted, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use isoflop::arch::{LLAMA_STYLE, PRIMER, PRIMER_EZ, Shape};
    use isoflop::run::{Adamw, Budget, DataSpec, Evaluation, Precision, RunSpec, SPEC_VERSION, Schedule, Tokenizer};
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use tch::{Device, Kind};

    use super::*;

    const STEPS: u64 = 40;
    /// Runs that are stopped at random steps.
    const ROUNDS: u32 = 100;

    fn spec(architecture: isoflop::arch::Architecture) -> RunSpec {
        // Tests run side by side, and tensors are tiny: more threads would wait for each other.
        tch::set_num_threads(1);
        RunSpec {
            version: SPEC_VERSION,
            architecture,
            shape: Shape { d_model: 8, layers: 1, heads: 2, d_head: 4, d_ff: 16 },
            data: DataSpec { tokenizer: Tokenizer::Bytes, train_digest: "a".into(), validation_digest: "b".into() },
            budget: Budget::Tokens(1e4),
            sequence_length: 8,
            batch_sequences: 2,
            steps: STEPS,
            optimizer: Adamw { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 },
            learning_rate: 1e-2,
            schedule: Schedule::Cosine { warmup: 0.1, floor: 0.1 },
            clip_norm: 1.0,
            precision: Precision::Float32,
            evaluation: Evaluation { tokens: 64, points: 2 },
            seed: 3,
        }
    }

    fn batch(step: u64) -> (Tensor, Tensor) {
        let tokens =
            (Tensor::arange(18, (Kind::Int64, Device::Cpu)) * 31 + step as i64 * 7).remainder(251).view([2, 9]);
        (tokens.narrow(1, 0, 8), tokens.narrow(1, 1, 8))
    }

    fn advance(training: &mut Training<'_>, steps: std::ops::Range<u64>) {
        for step in steps {
            let (inputs, targets) = batch(step);
            let _ = training.step(&inputs, &targets, step);
        }
    }

    fn bits(training: &Training<'_>) -> Vec<u32> {
        let values = |tensor: Tensor| Vec::<f32>::try_from(tensor).unwrap();
        training.state().into_iter().flat_map(|(_, tensor)| values(tensor)).map(f32::to_bits).collect()
    }

    fn checkpoints(folder: &std::path::Path, spec: &RunSpec, stop: bool) -> Checkpoints {
        let flag = StopFlag::default();
        flag.0.store(stop, Ordering::Relaxed);
        Checkpoints {
            dir: RunDir::new(folder.to_owned()),
            run: spec.id(),
            every: Duration::from_secs(3600),
            last: Instant::now(),
            stop: flag,
        }
    }

    /// Stopped after any step and taken up by a fresh process's worth of state, a run has the bits of one that was left alone.
    #[test]
    fn stopping_at_any_step_changes_no_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for architecture in [PRIMER_EZ, PRIMER, LLAMA_STYLE] {
            let spec = spec(architecture);
            let mut alone = Training::new(&spec, Device::Cpu).unwrap();
            advance(&mut alone, 0..STEPS);
            let expected = bits(&alone);
            for _ in 0..ROUNDS.div_ceil(3) {
                let folder = tempfile::tempdir().unwrap();
                let mut step = 0;
                // Stopped twice: the second attempt goes on from the first's checkpoint.
                for _ in 0..2 {
                    let mut training = Training::new(&spec, Device::Cpu).unwrap();
                    let from = checkpoints(folder.path(), &spec, false).take_up(&mut training).unwrap();
                    assert_eq!(from.map_or(0, |progress| progress.step), step);
                    let to = rng.random_range(step + 1..STEPS);
                    advance(&mut training, step..to);
                    let mut checkpoints = checkpoints(folder.path(), &spec, true);
                    let stopped = checkpoints.after_step(&training, || Progress { step: to, ..Progress::default() });
                    assert_eq!(stopped.unwrap_err().exit, TrainerExit::Preempted);
                    step = to;
                    if step + 1 >= STEPS {
                        break;
                    }
                }
                let mut training = Training::new(&spec, Device::Cpu).unwrap();
                checkpoints(folder.path(), &spec, false).take_up(&mut training).unwrap();
                advance(&mut training, step..STEPS);
                assert!(bits(&training) == expected, "stopped at {step}");
            }
        }
    }

    /// Nothing is written before it is time, and another model's tensors are refused.
    #[test]
    fn checkpoints_wait_for_their_time_and_fit_their_model() {
        let (folder, spec) = (tempfile::tempdir().unwrap(), spec(PRIMER_EZ));
        let mut training = Training::new(&spec, Device::Cpu).unwrap();
        let mut early = checkpoints(folder.path(), &spec, false);
        early.after_step(&training, || unreachable!("an hour has not passed")).unwrap();
        let mut due = Checkpoints { every: Duration::ZERO, ..checkpoints(folder.path(), &spec, false) };
        due.after_step(&training, || Progress { step: 1, ..Progress::default() }).unwrap();
        assert_eq!(due.take_up(&mut training).unwrap().unwrap().step, 1);
        let wider = RunSpec { shape: Shape { d_ff: 20, ..spec.shape }, ..spec.clone() };
        let mut other = Training::new(&wider, Device::Cpu).unwrap();
        assert_eq!(due.take_up(&mut other).unwrap_err().exit, TrainerExit::BadLaunch);
    }
}
