//! The training loop.

use std::time::Instant;

use isoflop::arch::ModelConfig;
use isoflop::data::{BatchPlan, TokenFile};
use isoflop::run::{CurvePoint, Ending, EventKind, Progress, RunSpec};
use isoflop::units::Tokens;
use tch::{Device, Kind, Tensor};

use crate::checkpoint::Checkpoints;
use crate::evaluate::{Score, Validation, windows};
use crate::failure::Failure;
use crate::model::{Model, Positions};
use crate::optimizer::Optimizer;
use crate::parameters::Parameters;
use crate::record::Recorder;

/// Losses are read from the device in groups of this many steps: reading waits for the device.
const READ_EVERY: usize = 8;

/// A mean loss above this many times ln(vocabulary), the loss of knowing nothing, has exploded.
const EXPLODED: f64 = 3.0;

/// What training left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trained {
    pub(crate) ending: Ending,
    pub(crate) steps: u64,
    pub(crate) resumed_from_step: Option<u64>,
    pub(crate) train_seconds: f64,
    pub(crate) eval_seconds: f64,
}

/// A model in training: parameters, moments, and what one step needs.
#[derive(Debug)]
pub(crate) struct Training<'a> {
    pub(crate) spec: &'a RunSpec,
    pub(crate) config: ModelConfig,
    pub(crate) parameters: Parameters,
    optimizer: Optimizer,
    pub(crate) positions: Positions,
}

impl<'a> Training<'a> {
    pub(crate) fn new(spec: &'a RunSpec, device: Device) -> Result<Self, Failure> {
        let config = spec.model();
        config.architecture.check().map_err(|e| Failure::bad_launch(format!("the architecture cannot be: {e}")))?;
        let parameters = Parameters::initial(Model::slots(&config), spec.seed, device);
        if parameters.count() != spec.params_total() {
            let (own, counted) = (parameters.count().0, spec.params_total().0);
            return Err(Failure::bad_launch(format!("the model has {own} parameters where `arch` counts {counted}")));
        }
        let optimizer = Optimizer::new(spec.optimizer, &parameters);
        let positions = Positions::new(&config, device);
        Ok(Self { spec, config, parameters, optimizer, positions })
    }

    /// One optimizer step. Returns the loss `[]` and the norms of the gradient and of the update `[2]`, still on the device.
    pub(crate) fn step(&mut self, inputs: &Tensor, targets: &Tensor, step: u64) -> (Tensor, Tensor) {
        let loss = {
            let views = self.parameters.views(self.spec.precision);
            Model::bind(&self.config, &views).loss(inputs, targets, &self.positions)
        };
        loss.objective.backward();
        let learning_rate = self.learning_rate(step);
        let norms = self.optimizer.step(&mut self.parameters, learning_rate, self.spec.clip_norm);
        (loss.cross_entropy.detach(), norms)
    }

    /// All tensors that the future depends on, by name.
    pub(crate) fn state(&self) -> [(&'static str, Tensor); 3] {
        let [first, second] = self.optimizer.moments();
        [
            ("parameters", self.parameters.flat.detach().to_device(Device::Cpu)),
            ("first_moment", first.to_device(Device::Cpu)),
            ("second_moment", second.to_device(Device::Cpu)),
        ]
    }

    /// Goes on after `step` steps from [`Self::state`].
    pub(crate) fn restore(&mut self, tensors: &[(String, Tensor)], step: u64) -> Result<(), Failure> {
        let [parameters, first, second] = ["parameters", "first_moment", "second_moment"].map(|name| {
            let found = tensors.iter().find(|(found, _)| found == name).map(|(_, tensor)| tensor);
            found
                .filter(|tensor| tensor.size() == self.parameters.flat.size())
                .ok_or_else(|| Failure::bad_launch(format!("the checkpoint has no `{name}` of this model")))
        });
        tch::no_grad(|| {
            self.parameters.flat.copy_(parameters?);
            self.optimizer.restore([first?, second?], i32::try_from(step).unwrap_or(i32::MAX));
            Ok(())
        })
    }

    fn learning_rate(&self, step: u64) -> f64 {
        self.spec.learning_rate * self.spec.schedule.factor(step, self.spec.steps)
    }
}

/// Trains a run to its end, of whichever kind.
pub(crate) fn train(
    spec: &RunSpec,
    train: &TokenFile,
    validation: &TokenFile,
    device: Device,
    recorder: &mut Recorder,
    checkpoints: &mut Checkpoints,
) -> Result<Trained, Failure> {
    let plan = BatchPlan::new(train.tokens().len(), spec.sequence_length, spec.batch_sequences, spec.seed);
    if plan.steps_available() < spec.steps {
        let message = format!(
            "the corpus holds {} steps without repeating, the run needs {}",
            plan.steps_available(),
            spec.steps
        );
        return Err(Failure::bad_launch(message));
    }
    let validation = Validation::new(spec, validation, device);
    let mut run = Run {
        training: Training::new(spec, device)?,
        validation,
        readings: Readings::default(),
        train_seconds: 0.0,
        eval_seconds: 0.0,
        curve: Vec::new(),
        resumed_from_step: None,
    };

    recorder.write(EventKind::Started { steps: spec.steps })?;
    match checkpoints.take_up(&mut run.training)? {
        Some(progress) => run.go_on_from(progress, recorder)?,
        None => drop(run.evaluate(0, recorder)?),
    }
    for step in run.resumed_from_step.unwrap_or(0)..spec.steps {
        let began = Instant::now();
        let (inputs, targets) = windows(train.tokens(), plan.starts(step), spec.sequence_length, device);
        let (loss, norm) = run.training.step(&inputs, &targets, step);
        run.readings.push(loss, norm);
        let done = step + 1;
        let evaluates = is_evaluation(done, spec);
        if run.readings.pending.len() >= READ_EVERY || evaluates {
            run.readings.read();
        }
        run.train_seconds += began.elapsed().as_secs_f64();
        if let Some(ending) = run.readings.diverged(done, spec.data.vocabulary()) {
            return Ok(run.trained(ending, done));
        }
        recorder.heartbeat(done, run.readings.latest)?;
        if evaluates {
            let loss_train = run.readings.mean_loss();
            let score = run.evaluate(done, recorder)?;
            if !score.loss.is_finite() {
                return Ok(run.trained(Ending::Diverged { step: done, loss: None }, done));
            }
            if let (true, Some(loss_train)) = (done == spec.steps, loss_train) {
                let (loss_val, bits_per_byte) = (score.loss, score.bits_per_byte);
                let ending =
                    Ending::Finished { loss_val, bits_per_byte, loss_train, eval_tokens: run.validation.tokens };
                return Ok(run.trained(ending, done));
            }
        }
        checkpoints.after_step(&run.training, || run.progress(done))?;
    }
    Err(Failure::bad_launch("the run asks for no steps"))
}

struct Run<'a> {
    training: Training<'a>,
    validation: Validation,
    readings: Readings,
    train_seconds: f64,
    eval_seconds: f64,
    /// Every point that was recorded.
    curve: Vec<CurvePoint>,
    resumed_from_step: Option<u64>,
}

impl Run<'_> {
    /// What a checkpoint says of the run, beside its tensors.
    fn progress(&self, step: u64) -> Progress {
        Progress {
            step,
            losses: self.readings.losses.clone(),
            norms: self.readings.norms.clone(),
            pending: self.readings.pending.iter().map(both_numbers).collect(),
            curve: self.curve.clone(),
            train_seconds: self.train_seconds,
            eval_seconds: self.eval_seconds,
        }
    }

    /// Takes up what was done, and says again what an earlier attempt had said.
    fn go_on_from(&mut self, progress: Progress, recorder: &mut Recorder) -> Result<(), Failure> {
        self.resumed_from_step = Some(progress.step);
        (self.train_seconds, self.eval_seconds) = (progress.train_seconds, progress.eval_seconds);
        self.readings = Readings::resumed(&progress, self.training.parameters.flat.device());
        self.curve = progress.curve;
        self.curve.iter().try_for_each(|point| recorder.write(EventKind::Evaluated(*point)))
    }

    fn evaluate(&mut self, step: u64, recorder: &mut Recorder) -> Result<Score, Failure> {
        let spec = self.training.spec;
        let began = Instant::now();
        let score = self.validation.score(&self.training);
        self.eval_seconds += began.elapsed().as_secs_f64();
        let tokens = Tokens(step * spec.batch_tokens().0);
        // JSON has no NaN: a loss that is not finite is told by the ending, not by a point.
        if score.loss.is_finite() {
            let point = CurvePoint {
                step,
                tokens: tokens.0,
                flops: (spec.flops_per_token() * tokens).0,
                loss_train: self.readings.mean_loss(),
                loss_val: score.loss,
                bits_per_byte: score.bits_per_byte,
                learning_rate: if step == 0 { 0.0 } else { self.training.learning_rate(step - 1) },
                grad_norm: self.readings.mean_norm(),
                train_seconds: self.train_seconds,
            };
            self.curve.push(point);
            recorder.write(EventKind::Evaluated(point))?;
        }
        self.readings.clear();
        Ok(score)
    }

    fn trained(&self, ending: Ending, steps: u64) -> Trained {
        Trained {
            ending,
            steps,
            resumed_from_step: self.resumed_from_step,
            train_seconds: self.train_seconds,
            eval_seconds: self.eval_seconds,
        }
    }
}

/// Whether an evaluation follows `done` steps: `points` of them, evenly spaced, the last at the end.
fn is_evaluation(done: u64, spec: &RunSpec) -> bool {
    let points = u64::from(spec.evaluation.points);
    done * points / spec.steps > (done - 1) * points / spec.steps
}

/// Losses and norms since the last evaluation.
#[derive(Debug, Default)]
struct Readings {
    pending: Vec<Tensor>, // each [2]: loss, norm
    losses: Vec<f64>,
    norms: Vec<f64>,
    latest: Option<f64>,
}

/// Loss and norm of a step, which waits for the device.
fn both_numbers(both: &Tensor) -> (f64, f64) {
    (both.double_value(&[0]), both.double_value(&[1]))
}

impl Readings {
    /// As a checkpoint left them.
    fn resumed(progress: &Progress, device: Device) -> Self {
        // Float32 as they were: what was read from the device is given back to the bit.
        let both = |(loss, norm): &(f64, f64)| Tensor::from_slice(&[*loss as f32, *norm as f32]).to_device(device);
        Self {
            pending: progress.pending.iter().map(both).collect(),
            losses: progress.losses.clone(),
            norms: progress.norms.clone(),
            latest: progress.losses.last().copied(),
        }
    }

    fn push(&mut self, loss: Tensor, norm: Tensor) {
        self.pending.push(Tensor::stack(&[loss, norm.get(0)], 0));
    }

    fn read(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let both = Tensor::stack(&self.pending, 0).to_kind(Kind::Double).to_device(Device::Cpu); // [n, 2]
        self.pending.clear();
        for i in 0..both.size()[0] {
            self.losses.push(both.double_value(&[i, 0]));
            self.norms.push(both.double_value(&[i, 1]));
        }
        self.latest = self.losses.last().copied();
    }

    /// A loss that is not a number, or that exploded, as an ending.
    fn diverged(&self, step: u64, vocabulary: u32) -> Option<Ending> {
        let latest = &self.losses[self.losses.len().saturating_sub(READ_EVERY)..];
        if latest.is_empty() {
            return None;
        }
        let mean = latest.iter().sum::<f64>() / latest.len() as f64;
        let sane = mean.is_finite() && mean <= EXPLODED * f64::from(vocabulary).ln();
        (!sane).then_some(Ending::Diverged { step, loss: mean.is_finite().then_some(mean) })
    }

    fn mean_loss(&self) -> Option<f64> {
        mean(&self.losses)
    }

    fn mean_norm(&self) -> Option<f64> {
        mean(&self.norms)
    }

    fn clear(&mut self) {
        self.losses.clear();
        self.norms.clear();
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
