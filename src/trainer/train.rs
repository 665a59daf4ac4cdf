//! The training loop.

use std::time::Instant;

use isoflop_core::data::{BatchPlan, TokenFile};
use isoflop_core::metrics::Scores;
use isoflop_core::run::{CurvePoint, Ending, EventKind, Progress, RunSpec};
use isoflop_core::units::Tokens;
use tch::Device;

use crate::checkpoint::{Checkpoints, Snapshot};
use crate::evaluate::{Validation, windows};
use crate::failure::Failure;
use crate::readings::{READ_EVERY, Readings};
use crate::record::Recorder;
use crate::training::Training;

/// What training left.
#[derive(Debug)]
pub(crate) struct Trained {
    pub(crate) ending: Ending,
    pub(crate) progress: Progress,
    pub(crate) resumed_from_step: Option<u64>,
    pub(crate) loss_spikes: u64,
    /// When the first step of the attempt began.
    pub(crate) first_step: Instant,
}

/// Trains a run to its end, of whichever kind.
pub(crate) fn train(
    spec: &RunSpec,
    [train, validation]: &[TokenFile; 2],
    device: Device,
    recorder: &mut Recorder,
    checkpoints: &mut Checkpoints,
) -> Result<Trained, Failure> {
    let plan = batch_plan(spec, train)?;
    let mut run = Run {
        validation: Validation::new(spec, validation, device),
        training: Training::new(spec, device)?,
        readings: Readings::default(),
        progress: Progress::default(),
        resumed_from_step: None,
        first_step: Instant::now(),
    };

    recorder.write(EventKind::Started { steps: spec.steps })?;
    if let Some(snapshot) = checkpoints.take_up(&mut run.training)? {
        run.go_on_from(snapshot, recorder)?;
    }
    run.first_step = Instant::now();
    let begin = run.progress.step;
    if let Some(ending) = run.evaluate_if_due(recorder)? {
        return Ok(run.trained(ending));
    }
    for step in begin..spec.steps {
        if let Some(ending) = run.step(train, plan.starts(step), device) {
            return Ok(run.trained(ending));
        }
        recorder.heartbeat(step + 1, run.readings.latest_loss())?;
        // The end of the trunk is kept before this run's own evaluation there.
        run.checkpoint(|training, done, said| checkpoints.keep_trunk(training, done, said))?;
        if let Some(ending) = run.evaluate_if_due(recorder)? {
            return Ok(run.trained(ending));
        }
        run.checkpoint(|training, done, said| checkpoints.after_step(training, done, said))?;
    }
    Err(Failure::bad_launch("the run asks for no steps"))
}

/// Which tokens each step sees: none of them twice.
fn batch_plan(spec: &RunSpec, train: &TokenFile) -> Result<BatchPlan, Failure> {
    let (length, batch) = (spec.sequence_length, spec.batch_sequences);
    let plan = BatchPlan::new(train.tokens().len(), length, batch, spec.seed);
    let (available, needed) = (plan.steps_available(), spec.steps);
    if available < needed {
        let message =
            format!("the corpus holds {available} steps without repeating, the run needs {needed}");
        return Err(Failure::bad_launch(message));
    }
    Ok(plan)
}

struct Run<'a> {
    training: Training<'a>,
    validation: Validation,
    readings: Readings,
    progress: Progress,
    resumed_from_step: Option<u64>,
    first_step: Instant,
}

impl<'a> Run<'a> {
    /// One step on the windows that begin at `starts`. Returns how the run ends, if it has diverged.
    fn step(
        &mut self,
        train: &TokenFile,
        starts: impl Iterator<Item = usize>,
        device: Device,
    ) -> Option<Ending> {
        let began = Instant::now();
        let (spec, step) = (self.training.spec, self.progress.step);
        let (inputs, targets) = windows(train.tokens(), starts, spec.sequence_length, device);
        let (loss, norms) = self.training.step(&inputs, &targets, step);
        self.readings.push(&loss, &norms);
        let done = step + 1;
        self.progress.step = done;
        let reads = done.is_multiple_of(READ_EVERY) || is_evaluation(done, spec);
        if reads {
            self.readings.read();
        }
        self.progress.seconds.train += began.elapsed().as_secs_f64();
        let diverged = || self.readings.diverged(done, spec.data.vocabulary());
        reads.then(diverged).flatten()
    }

    /// Takes up what was done, and says again what was said.
    fn go_on_from(&mut self, snapshot: Snapshot, recorder: &mut Recorder) -> Result<(), Failure> {
        self.resumed_from_step = Some(snapshot.progress.step);
        (self.progress, self.readings) = (snapshot.progress, snapshot.readings);
        self.progress
            .curve
            .iter()
            .try_for_each(|point| recorder.write(EventKind::Evaluated(*point)))
    }

    /// Evaluates where a point of the curve is due and not there yet: a trunk that was taken over was evaluated at other
    /// steps. Returns how the run ends, if it does.
    fn evaluate_if_due(&mut self, recorder: &mut Recorder) -> Result<Option<Ending>, Failure> {
        let (spec, step) = (self.training.spec, self.progress.step);
        let is_there = self
            .progress
            .curve
            .last()
            .is_some_and(|point| point.step == step);
        if is_there || !(step == 0 || is_evaluation(step, spec)) {
            return Ok(None);
        }
        let began = Instant::now();
        let scores = self.validation.score(&self.training);
        self.progress.seconds.eval += began.elapsed().as_secs_f64();
        // JSON has no NaN: a loss that is not finite is told by the ending, not by a point.
        if !scores.loss_val.is_finite() {
            return Ok(Some(Ending::Diverged { step, loss: None }));
        }
        let point = self.point(scores);
        self.progress.curve.push(point);
        recorder.write(EventKind::Evaluated(point))?;
        let eval_tokens = self.validation.tokens;
        let finished = |loss_train| Ending::Finished {
            scores,
            loss_train,
            eval_tokens,
        };
        Ok(point
            .loss_train
            .filter(|_| step == spec.steps)
            .map(finished))
    }

    fn point(&self, scores: Scores) -> CurvePoint {
        let (spec, step) = (self.training.spec, self.progress.step);
        let tokens = Tokens(step * spec.batch_tokens().0);
        let means = self.readings.means(previous_evaluation(step, spec)..step);
        let trunk_seconds = self.progress.trunk.map_or(0.0, |trunk| trunk.train_seconds);
        CurvePoint {
            step,
            tokens: tokens.0,
            flops: (spec.flops_per_token() * tokens).0,
            loss_train: means.map(|[loss, _, _]| loss),
            scores,
            learning_rate: if step == 0 {
                0.0
            } else {
                self.training.learning_rate(step - 1)
            },
            grad_norm: means.map(|[_, gradient, _]| gradient),
            update_norm: means.map(|[_, _, update]| update),
            train_seconds: trunk_seconds + self.progress.seconds.train,
        }
    }

    /// Counts the time of a checkpoint, if `write` writes one.
    fn checkpoint(
        &mut self,
        write: impl FnOnce(&Training<'a>, &Progress, &mut Readings) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        if write(&self.training, &self.progress, &mut self.readings)? {
            self.progress.seconds.checkpoint += began.elapsed().as_secs_f64();
        }
        Ok(())
    }

    fn trained(self, ending: Ending) -> Trained {
        Trained {
            ending,
            progress: self.progress,
            resumed_from_step: self.resumed_from_step,
            loss_spikes: self.readings.loss_spikes(),
            first_step: self.first_step,
        }
    }
}

/// Whether an evaluation follows `done` steps: `points` of them, evenly spaced, the last at the end.
fn is_evaluation(done: u64, spec: &RunSpec) -> bool {
    let points = u64::from(spec.evaluation.points);
    done > 0 && done * points / spec.steps > (done - 1) * points / spec.steps
}

/// The last evaluation before one at `step`.
fn previous_evaluation(step: u64, spec: &RunSpec) -> u64 {
    (0..step)
        .rev()
        .find(|earlier| *earlier == 0 || is_evaluation(*earlier, spec))
        .unwrap_or(0)
}
