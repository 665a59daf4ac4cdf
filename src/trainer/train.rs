//! Training loop of a run.

use std::time::Instant;

use isoflop_core::data::{BatchPlan, TokenFile};
use isoflop_core::metrics::Scores;
use isoflop_core::run::{CurvePoint, EventKind, RunEnding, RunProgress, RunSpec};
use isoflop_core::units::Tokens;
use tch::Device;

use crate::checkpoint::{CheckpointWriter, TrainingSnapshot};
use crate::evaluate::{ValidationSet, windows};
use crate::failure::TrainerFailure;
use crate::readings::{READ_EVERY, Readings};
use crate::record::Recorder;
use crate::training::TrainingState;

/// Result of the training loop.
#[derive(Debug)]
pub(crate) struct TrainingResult {
    pub(crate) ending: RunEnding,
    pub(crate) progress: RunProgress,
    pub(crate) resumed_from_step: Option<u64>,
    pub(crate) loss_spikes: u64,
    /// Start of the attempt's first step.
    pub(crate) first_step: Instant,
}

/// Trains a run until it finishes or diverges.
pub(crate) fn train(
    spec: &RunSpec,
    [train, validation]: &[TokenFile; 2],
    device: Device,
    recorder: &mut Recorder,
    checkpoints: &mut CheckpointWriter,
) -> Result<TrainingResult, TrainerFailure> {
    let plan = batch_plan(spec, train)?;
    let mut run = TrainingLoop {
        validation: ValidationSet::new(spec, validation, device),
        training: TrainingState::new(spec, device)?,
        readings: Readings::default(),
        progress: RunProgress::default(),
        resumed_from_step: None,
        first_step: Instant::now(),
    };

    recorder.write(EventKind::Started { steps: spec.steps })?;
    if let Some(snapshot) = checkpoints.restore(&mut run.training)? {
        run.resume_from(snapshot, recorder)?;
    }
    run.first_step = Instant::now();
    let begin = run.progress.step;
    if let Some(ending) = run.evaluate_if_due(recorder)? {
        return Ok(run.into_result(ending));
    }
    for step in begin..spec.steps {
        if let Some(ending) = run.step(train, plan.window_starts(step), device) {
            return Ok(run.into_result(ending));
        }
        recorder.heartbeat(step + 1, run.readings.latest_loss())?;
        // Keep the end of the trunk before this run's own evaluation, so that the trunk does not
        // contain that point of the curve.
        run.checkpoint(|training, done, said| checkpoints.write_trunk(training, done, said))?;
        if let Some(ending) = run.evaluate_if_due(recorder)? {
            return Ok(run.into_result(ending));
        }
        run.checkpoint(|training, done, said| checkpoints.after_step(training, done, said))?;
    }
    Err(TrainerFailure::bad_launch("the run has no steps"))
}

/// Returns the plan of the tokens of each step, without repetition.
fn batch_plan(spec: &RunSpec, train: &TokenFile) -> Result<BatchPlan, TrainerFailure> {
    let (length, batch) = (spec.sequence_length, spec.batch_sequences);
    let plan = BatchPlan::new(train.tokens().len(), length, batch, spec.seed);
    let (available, needed) = (plan.steps_available(), spec.steps);
    if available < needed {
        let message = format!(
            "the corpus is too small: it has tokens for {available} steps, the run needs {needed}"
        );
        return Err(TrainerFailure::bad_launch(message));
    }
    Ok(plan)
}

struct TrainingLoop<'a> {
    training: TrainingState<'a>,
    validation: ValidationSet,
    readings: Readings,
    progress: RunProgress,
    resumed_from_step: Option<u64>,
    first_step: Instant,
}

impl<'a> TrainingLoop<'a> {
    /// Makes one step on the windows that begin at `starts`. Returns the ending if the run
    /// diverged.
    fn step(
        &mut self,
        train: &TokenFile,
        starts: impl Iterator<Item = usize>,
        device: Device,
    ) -> Option<RunEnding> {
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

    /// Restores the progress of a checkpoint, and writes its points of the curve to this attempt's
    /// events.
    fn resume_from(
        &mut self,
        snapshot: TrainingSnapshot,
        recorder: &mut Recorder,
    ) -> Result<(), TrainerFailure> {
        self.resumed_from_step = Some(snapshot.progress.step);
        (self.progress, self.readings) = (snapshot.progress, snapshot.readings);
        self.progress
            .curve
            .iter()
            .try_for_each(|point| recorder.write(EventKind::Evaluated(*point)))
    }

    /// Evaluates if a point of the curve is due at this step and does not exist yet. A trunk has
    /// points at other steps. Returns the ending if the run finished or diverged.
    fn evaluate_if_due(
        &mut self,
        recorder: &mut Recorder,
    ) -> Result<Option<RunEnding>, TrainerFailure> {
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
        // JSON has no NaN, so a loss that is not finite is recorded in the ending, not in a point.
        if !scores.loss_val.is_finite() {
            return Ok(Some(RunEnding::Diverged { step, loss: None }));
        }
        let point = self.point(scores);
        self.progress.curve.push(point);
        recorder.write(EventKind::Evaluated(point))?;
        let eval_tokens = self.validation.tokens;
        let finished = |loss_train| RunEnding::Finished {
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

    /// Adds the time of a checkpoint to the progress, if `write` writes one.
    fn checkpoint(
        &mut self,
        write: impl FnOnce(
            &TrainingState<'a>,
            &RunProgress,
            &mut Readings,
        ) -> Result<bool, TrainerFailure>,
    ) -> Result<(), TrainerFailure> {
        let began = Instant::now();
        if write(&self.training, &self.progress, &mut self.readings)? {
            self.progress.seconds.checkpoint += began.elapsed().as_secs_f64();
        }
        Ok(())
    }

    fn into_result(self, ending: RunEnding) -> TrainingResult {
        TrainingResult {
            ending,
            progress: self.progress,
            resumed_from_step: self.resumed_from_step,
            loss_spikes: self.readings.loss_spikes(),
            first_step: self.first_step,
        }
    }
}

/// Reports whether an evaluation is due after `done` steps. There are `points` evaluations, evenly
/// spaced, the last one at the end.
fn is_evaluation(done: u64, spec: &RunSpec) -> bool {
    let points = u64::from(spec.evaluation.points);
    done > 0 && done * points / spec.steps > (done - 1) * points / spec.steps
}

/// Returns the step of the last evaluation before `step`.
fn previous_evaluation(step: u64, spec: &RunSpec) -> u64 {
    (0..step)
        .rev()
        .find(|earlier| *earlier == 0 || is_evaluation(*earlier, spec))
        .unwrap_or(0)
}
