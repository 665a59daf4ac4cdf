//! Checkpoints of a run. Another attempt continues from a checkpoint to the same bits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use isoflop_core::run::{
    CheckpointsDir, Launch, RunDir, RunId, RunProgress, TakenTrunk, TimeSpent, TrainerExit, Trunk,
    latest_checkpoint, write_checkpoint,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use tch::{Device, Tensor};

use crate::failure::TrainerFailure;
use crate::readings::Readings;
use crate::training::TrainingState;

/// Flag that is set when the process receives a stop signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Registers a flag for SIGTERM and SIGINT. When it is set, the trainer finishes its step,
    /// writes a checkpoint and exits.
    pub(crate) fn on_signals() -> Result<Self, TrainerFailure> {
        let flag = Self::default();
        let deaf = |e| {
            TrainerFailure::new(
                TrainerExit::Crash,
                format!("cannot install signal handlers: {e}"),
            )
        };
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&flag.0)).map_err(deaf)?;
        }
        Ok(flag)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Progress and readings of a checkpoint. The tensors are restored into the training state.
#[derive(Debug)]
pub(crate) struct TrainingSnapshot {
    pub(crate) progress: RunProgress,
    pub(crate) readings: Readings,
}

/// Writer and reader of a run's checkpoints.
#[derive(Debug)]
pub(crate) struct CheckpointWriter {
    dir: CheckpointsDir,
    run: RunId,
    every: Duration,
    last: Instant,
    stop: StopFlag,
    /// Trunk that the run shares with others.
    trunk: Option<Trunk>,
    /// Folder of another run's trunk, from which this run may start.
    take_trunk: Option<CheckpointsDir>,
    /// Folder in which this run keeps the end of its trunk.
    keep_trunk: Option<CheckpointsDir>,
}

impl CheckpointWriter {
    pub(crate) fn new(launch: &Launch, stop: StopFlag) -> Self {
        let run = RunDir::at(&launch.run_folder);
        let trunk_of = |folder| RunDir::at(folder).trunk();
        Self {
            dir: run.checkpoints(),
            run: launch.run.clone(),
            every: Duration::from_secs_f64(launch.checkpoint_seconds),
            last: Instant::now(),
            stop,
            trunk: launch.spec.trunk(),
            take_trunk: launch.take_trunk.as_ref().map(trunk_of),
            keep_trunk: launch.keep_trunk.then(|| run.trunk()),
        }
    }

    /// Restores the run's latest valid checkpoint, or the end of its trunk, into the training
    /// state. `None` if neither exists.
    pub(crate) fn restore(
        &self,
        training: &mut TrainingState<'_>,
    ) -> Result<Option<TrainingSnapshot>, TrainerFailure> {
        if let Some(own) = read(&self.dir, &self.run, training)? {
            return Ok(Some(own));
        }
        let (Some(trunk), Some(folder)) = (&self.trunk, &self.take_trunk) else {
            return Ok(None);
        };
        let Some(mut taken) = read(folder, &trunk.id, training)? else {
            TrainerFailure::note("the trunk is missing; training every step");
            return Ok(None);
        };
        let progress = &mut taken.progress;
        let earlier = progress.trunk.map_or(0.0, |before| before.train_seconds);
        progress.trunk = Some(TakenTrunk {
            steps: progress.step,
            train_seconds: earlier + progress.seconds.train,
        });
        progress.seconds = TimeSpent::default();
        Ok(Some(taken))
    }

    /// Writes the end of the trunk, from which a run with a larger budget continues. Returns true
    /// if it was written.
    pub(crate) fn write_trunk(
        &self,
        training: &TrainingState<'_>,
        progress: &RunProgress,
        readings: &mut Readings,
    ) -> Result<bool, TrainerFailure> {
        match (&self.trunk, &self.keep_trunk) {
            (Some(trunk), Some(folder)) if trunk.steps == progress.step => {
                write(folder, &trunk.id, training, progress, readings).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Writes a checkpoint after a step if one is due. Returns true if it was written. If the
    /// process received a stop signal, writes a checkpoint and ends the attempt with an error.
    pub(crate) fn after_step(
        &mut self,
        training: &TrainingState<'_>,
        progress: &RunProgress,
        readings: &mut Readings,
    ) -> Result<bool, TrainerFailure> {
        let stop = self.stop.is_set();
        if !stop && self.last.elapsed() < self.every {
            return Ok(false);
        }
        write(&self.dir, &self.run, training, progress, readings)?;
        self.last = Instant::now();
        if stop {
            let message = format!(
                "stopped after step {}; the next attempt continues from there",
                progress.step
            );
            return Err(TrainerFailure::new(TrainerExit::Preempted, message));
        }
        Ok(true)
    }
}

/// Name of the readings among a checkpoint's tensors.
const READINGS: &str = "readings";

fn read(
    dir: &CheckpointsDir,
    owner: &RunId,
    training: &mut TrainingState<'_>,
) -> Result<Option<TrainingSnapshot>, TrainerFailure> {
    let found = latest_checkpoint(dir, owner);
    for (step, reason) in found.skipped {
        TrainerFailure::note(format!("skipped the checkpoint of step {step}: {reason}"));
    }
    let Some((checkpoint, progress)) = found.latest else {
        return Ok(None);
    };
    let tensors = Tensor::read_safetensors(checkpoint.tensors())?;
    let readings = tensors.iter().find(|(name, tensor)| {
        name == READINGS && tensor.size() == [progress.step.cast_signed(), 3]
    });
    let (_, readings) = readings.ok_or_else(|| {
        TrainerFailure::bad_launch("invalid checkpoint: expected the readings of all its steps")
    })?;
    training.restore(&tensors)?;
    Ok(Some(TrainingSnapshot {
        progress,
        readings: Readings::restored(readings)?,
    }))
}

fn write(
    dir: &CheckpointsDir,
    owner: &RunId,
    training: &TrainingState<'_>,
    progress: &RunProgress,
    readings: &mut Readings,
) -> Result<(), TrainerFailure> {
    let mut tensors = training.state();
    tensors.push((READINGS, readings.tensor()));
    let tensors: Vec<_> = tensors
        .into_iter()
        .map(|(name, tensor)| (name, tensor.to_device(Device::Cpu)))
        .collect();
    let write = |path: &std::path::Path| {
        Tensor::write_safetensors(&tensors, path).map_err(|e| io::Error::other(e.to_string()))
    };
    write_checkpoint(dir, owner, progress, write)
        .map_err(|e| TrainerFailure::cannot_write(dir.root().display(), &e))
}

#[cfg(test)]
pub(crate) use tests::spec as example;

#[cfg(test)]
mod tests {
    use isoflop_core::arch::{LLAMA_STYLE, PRIMER, PRIMER_EZ, Shape};
    use isoflop_core::run::{
        Adafactor, Adamw, Budget, DataSpec, EvaluationSpec, LearningRateSchedule, Muon, Optimizer,
        Precision, RunSpec, SPEC_VERSION, Tokenizer,
    };
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use tch::{Device, Kind};

    use super::*;

    const STEPS: u64 = 40;
    /// Number of runs that are stopped at random steps.
    const ROUNDS: u32 = 100;

    /// Specs with each optimizer, each with another architecture.
    fn kinds() -> [RunSpec; 3] {
        let adafactor = Adafactor {
            factor_from: 8,
            ..Adafactor::DEFAULT
        };
        let with = |architecture, optimizer| RunSpec {
            optimizer,
            ..spec(architecture)
        };
        [
            spec(PRIMER_EZ),
            with(PRIMER, Optimizer::Adafactor(adafactor)),
            with(LLAMA_STYLE, Optimizer::Muon(Muon::DEFAULT)),
        ]
    }

    pub(crate) fn spec(architecture: isoflop_core::arch::Architecture) -> RunSpec {
        // Tests run in parallel and tensors are tiny, so more threads would only wait for each
        // other.
        tch::set_num_threads(1);
        RunSpec {
            version: SPEC_VERSION,
            architecture,
            shape: Shape {
                d_model: 8,
                layers: 1,
                heads: 2,
                d_head: 4,
                d_ff: 16,
            },
            data: DataSpec {
                tokenizer: Tokenizer::Bytes,
                train_digest: "a".into(),
                validation_digest: "b".into(),
            },
            budget: Budget::Tokens(1e4),
            sequence_length: 8,
            batch_sequences: 2,
            micro_batch_sequences: None,
            steps: STEPS,
            optimizer: Optimizer::Adamw(Adamw::DEFAULT),
            learning_rate: 1e-2,
            schedule: LearningRateSchedule::Cosine {
                warmup: 0.1,
                floor: 0.1,
            },
            clip_norm: 1.0,
            precision: Precision::Float32,
            evaluation: EvaluationSpec {
                tokens: 64,
                points: 2,
            },
            seed: 3,
        }
    }

    fn batch(step: u64) -> (Tensor, Tensor) {
        let tokens = (Tensor::arange(18, (Kind::Int64, Device::Cpu)) * 31 + step as i64 * 7)
            .remainder(251)
            .view([2, 9]);
        (tokens.narrow(1, 0, 8), tokens.narrow(1, 1, 8))
    }

    fn advance(
        training: &mut TrainingState<'_>,
        readings: &mut Readings,
        steps: std::ops::Range<u64>,
    ) {
        for step in steps {
            let (inputs, targets) = batch(step);
            let (loss, norms) = training.step(&inputs, &targets, step);
            readings.push(&loss, &norms);
        }
    }

    /// Bits of the whole state: everything that later steps depend on, and all readings.
    fn bits(training: &TrainingState<'_>, readings: &mut Readings) -> Vec<u32> {
        let values = |tensor: Tensor| Vec::<f32>::try_from(tensor.reshape([-1])).unwrap();
        let state = training
            .state()
            .into_iter()
            .map(|(_, tensor)| tensor)
            .chain([readings.tensor()]);
        state.flat_map(values).map(f32::to_bits).collect()
    }

    /// Training state, readings and progress of a new process that resumes from the folders.
    fn fresh<'a>(
        spec: &'a RunSpec,
        from: &CheckpointWriter,
    ) -> (TrainingState<'a>, Readings, RunProgress) {
        let mut training = TrainingState::new(spec, Device::Cpu).unwrap();
        let Some(TrainingSnapshot { progress, readings }) = from.restore(&mut training).unwrap()
        else {
            return (training, Readings::default(), RunProgress::default());
        };
        (training, readings, progress)
    }

    fn checkpoints(folder: &std::path::Path, spec: &RunSpec, stop: bool) -> CheckpointWriter {
        let flag = StopFlag::default();
        flag.0.store(stop, Ordering::Relaxed);
        CheckpointWriter {
            dir: RunDir::at(folder).checkpoints(),
            run: spec.id(),
            every: Duration::from_secs(3600),
            last: Instant::now(),
            stop: flag,
            trunk: None,
            take_trunk: None,
            keep_trunk: None,
        }
    }

    /// A run that is stopped after any step and resumed with fresh state has the bits of an
    /// uninterrupted run.
    #[test]
    fn stopping_at_any_step_changes_no_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for spec in kinds() {
            let (mut alone, mut readings) = (
                TrainingState::new(&spec, Device::Cpu).unwrap(),
                Readings::default(),
            );
            advance(&mut alone, &mut readings, 0..STEPS);
            let expected = bits(&alone, &mut readings);
            for _ in 0..ROUNDS.div_ceil(3) {
                let folder = tempfile::tempdir().unwrap();
                let mut step = 0;
                // Stop twice: the second attempt resumes from the first one's checkpoint.
                for _ in 0..2 {
                    let (mut training, mut readings, from) =
                        fresh(&spec, &checkpoints(folder.path(), &spec, false));
                    assert_eq!(from.step, step);
                    let to = rng.random_range(step + 1..STEPS);
                    advance(&mut training, &mut readings, step..to);
                    let mut checkpoints = checkpoints(folder.path(), &spec, true);
                    let progress = RunProgress { step: to, ..from };
                    let stopped = checkpoints.after_step(&training, &progress, &mut readings);
                    assert_eq!(stopped.unwrap_err().exit, TrainerExit::Preempted);
                    step = to;
                    if step + 1 >= STEPS {
                        break;
                    }
                }
                let (mut training, mut readings, _) =
                    fresh(&spec, &checkpoints(folder.path(), &spec, false));
                advance(&mut training, &mut readings, step..STEPS);
                assert!(
                    bits(&training, &mut readings) == expected,
                    "stopped at {step}"
                );
            }
        }
    }

    fn sharing(
        folder: &std::path::Path,
        spec: &RunSpec,
        from: Option<&std::path::Path>,
    ) -> CheckpointWriter {
        let trunk = |folder: &std::path::Path| RunDir::at(folder).trunk();
        assert!(spec.trunk().is_some());
        CheckpointWriter {
            trunk: spec.trunk(),
            take_trunk: from.map(trunk),
            keep_trunk: Some(trunk(folder)),
            ..checkpoints(folder, spec, false)
        }
    }

    /// Three budgets, each continuing from the trunk of the previous one, have the bits of separate
    /// runs. The seconds of shared steps are counted separately from a run's own, and add up.
    #[test]
    fn a_shared_trunk_changes_no_bit() {
        let schedule = LearningRateSchedule::Wsd {
            warmup_steps: 5,
            decay: 0.25,
            floor: 0.0,
        };
        for kind in kinds() {
            let (folders, mut before) = (tempfile::tempdir().unwrap(), None);
            for (steps, trunk) in [(20, 15), (30, 22), (40, 30)] {
                let spec = RunSpec {
                    steps,
                    schedule,
                    budget: Budget::Tokens(16.0 * steps as f64),
                    ..kind.clone()
                };
                assert_eq!(spec.trunk().unwrap().steps, trunk);
                let (mut alone, mut readings) = (
                    TrainingState::new(&spec, Device::Cpu).unwrap(),
                    Readings::default(),
                );
                advance(&mut alone, &mut readings, 0..steps);
                let expected = bits(&alone, &mut readings);

                let folder = folders.path().join(steps.to_string());
                let sharing = sharing(&folder, &spec, before.as_deref());
                let (mut training, mut readings, mut progress) = fresh(&spec, &sharing);
                let expected_start = match steps {
                    20 => None,
                    30 => Some(TakenTrunk {
                        steps: 15,
                        train_seconds: 1.0,
                    }),
                    _ => Some(TakenTrunk {
                        steps: 22,
                        train_seconds: 2.0,
                    }),
                };
                assert_eq!(progress.trunk, expected_start);
                assert_eq!(progress.seconds, TimeSpent::default());
                advance(&mut training, &mut readings, progress.step..trunk);
                progress.seconds.train = 1.0;
                for (step, kept) in [(trunk - 1, false), (trunk, true)] {
                    progress.step = step;
                    let is_kept = sharing.write_trunk(&training, &progress, &mut readings);
                    assert_eq!(is_kept.unwrap(), kept);
                }
                advance(&mut training, &mut readings, trunk..steps);
                assert!(bits(&training, &mut readings) == expected, "{steps} steps");
                before = Some(folder);
            }
        }
    }

    /// Another learning rate, seed or warmup is another trunk, so the run starts at step 0.
    #[test]
    fn another_runs_trunk_is_not_taken() {
        let schedule = LearningRateSchedule::Wsd {
            warmup_steps: 5,
            decay: 0.25,
            floor: 0.0,
        };
        let spec = RunSpec {
            schedule,
            ..spec(PRIMER_EZ)
        };
        let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut training, mut readings) = (
            TrainingState::new(&spec, Device::Cpu).unwrap(),
            Readings::default(),
        );
        advance(&mut training, &mut readings, 0..30);
        let progress = RunProgress {
            step: 30,
            ..RunProgress::default()
        };
        let sharer = sharing(folder.path(), &spec, None);
        let kept = sharer.write_trunk(&training, &progress, &mut readings);
        assert!(kept.unwrap());
        let longer = RunSpec {
            steps: 60,
            budget: Budget::Tokens(960.0),
            ..spec
        };
        assert_eq!(
            fresh(&longer, &sharing(own.path(), &longer, Some(folder.path())))
                .2
                .step,
            30
        );
        for other in [
            RunSpec {
                seed: 4,
                ..longer.clone()
            },
            RunSpec {
                learning_rate: 2e-2,
                ..longer.clone()
            },
            RunSpec {
                schedule: LearningRateSchedule::Wsd {
                    warmup_steps: 6,
                    decay: 0.25,
                    floor: 0.0,
                },
                ..longer.clone()
            },
        ] {
            assert_eq!(
                fresh(&other, &sharing(own.path(), &other, Some(folder.path())))
                    .2
                    .step,
                0
            );
        }
    }

    /// A checkpoint is written only when it is due, and tensors of another model are rejected.
    #[test]
    fn checkpoints_wait_for_their_time_and_fit_their_model() {
        let (folder, spec) = (tempfile::tempdir().unwrap(), spec(PRIMER_EZ));
        let (mut training, mut readings) = (
            TrainingState::new(&spec, Device::Cpu).unwrap(),
            Readings::default(),
        );
        advance(&mut training, &mut readings, 0..1);
        let progress = RunProgress {
            step: 1,
            ..RunProgress::default()
        };
        let mut early = checkpoints(folder.path(), &spec, false);
        assert!(
            !early
                .after_step(&training, &progress, &mut readings)
                .unwrap(),
            "an hour has not passed"
        );
        let mut due = CheckpointWriter {
            every: Duration::ZERO,
            ..checkpoints(folder.path(), &spec, false)
        };
        assert!(due.after_step(&training, &progress, &mut readings).unwrap());
        assert_eq!(
            due.restore(&mut training).unwrap().unwrap().progress.step,
            1
        );
        let wider = RunSpec {
            shape: Shape {
                d_ff: 20,
                ..spec.shape
            },
            ..spec.clone()
        };
        let mut other = TrainingState::new(&wider, Device::Cpu).unwrap();
        assert_eq!(
            due.restore(&mut other).unwrap_err().exit,
            TrainerExit::BadLaunch
        );
    }
}
