//! State of training, and one step.

use isoflop_core::arch::ModelConfig;
use isoflop_core::run::RunSpec;
use tch::{Device, Kind, Tensor};

use crate::failure::TrainerFailure;
use crate::model::{LanguageModel, PositionTerms};
use crate::optimizer::{OptimizerState, StepSettings};
use crate::parameters::ModelParameters;

/// A model in training: parameters, optimizer moments and the constants of a step.
#[derive(Debug)]
pub(crate) struct TrainingState<'a> {
    pub(crate) spec: &'a RunSpec,
    pub(crate) config: ModelConfig,
    pub(crate) parameters: ModelParameters,
    optimizer: OptimizerState,
    pub(crate) positions: PositionTerms,
}

impl<'a> TrainingState<'a> {
    pub(crate) fn new(spec: &'a RunSpec, device: Device) -> Result<Self, TrainerFailure> {
        let config = spec.model();
        let (batch, pass) = (spec.batch_sequences, spec.pass_sequences());
        if pass == 0 || !batch.is_multiple_of(pass) {
            return Err(TrainerFailure::bad_launch(format!(
                "cannot split a batch of {batch} sequences into passes of {pass}"
            )));
        }
        config
            .architecture
            .check()
            .map_err(|e| TrainerFailure::bad_launch(format!("invalid architecture: {e}")))?;
        let parameters = ModelParameters::initial(LanguageModel::slots(&config), spec.seed, device);
        if parameters.count() != spec.params_total() {
            let (own, counted) = (parameters.count().0, spec.params_total().0);
            return Err(TrainerFailure::bad_launch(format!(
                "wrong number of parameters: the model has {own}, `arch` counts {counted}"
            )));
        }
        let optimizer = OptimizerState::new(spec.optimizer, &parameters);
        let positions = PositionTerms::new(&config, device);
        Ok(Self {
            spec,
            config,
            parameters,
            optimizer,
            positions,
        })
    }

    /// Makes one optimizer step on inputs and targets `[B, T]`. Returns the loss `[]` and the norms
    /// of the gradient and of the update `[2]`, still on the device.
    pub(crate) fn step(
        &mut self,
        inputs: &Tensor,
        targets: &Tensor,
        step: u64,
    ) -> (Tensor, Tensor) {
        let loss = self.gradient(inputs, targets);
        let settings = StepSettings {
            learning_rate: self.learning_rate(step),
            clip_norm: self.spec.clip_norm,
            step: step + 1,
        };
        let norms = self.optimizer.step(&mut self.parameters, settings);
        (loss, norms)
    }

    /// Adds the gradient of the batch's mean objective to the parameters' gradient, and returns the
    /// loss `[]`. All passes have the same size, so the mean over the batch is the mean over
    /// passes. Each pass frees its activations before the next.
    fn gradient(&self, inputs: &Tensor, targets: &Tensor) -> Tensor {
        let pass = i64::from(self.spec.pass_sequences());
        let passes = inputs.size()[0] / pass;
        if passes == 1 {
            return self.backward(inputs, targets, 1.0);
        }
        let weight = 1.0 / passes as f64;
        let of = |x: &Tensor, i: i64| x.narrow(0, i * pass, pass);
        let losses: Vec<Tensor> = (0..passes)
            .map(|i| self.backward(&of(inputs, i), &of(targets, i), weight))
            .collect();
        Tensor::stack(&losses, 0).mean(Kind::Float)
    }

    /// Adds the weighted gradient of one pass to the parameters' gradient, and returns the loss
    /// `[]`.
    fn backward(&self, inputs: &Tensor, targets: &Tensor, weight: f64) -> Tensor {
        let loss = {
            let views = self.parameters.views(self.spec.precision);
            LanguageModel::bind(&self.config, &views).loss(inputs, targets, &self.positions)
        };
        // Do not multiply by one, because the bits of whole batches are pinned.
        let objective = if weight == 1.0 {
            loss.objective
        } else {
            loss.objective * weight
        };
        objective.backward();
        loss.cross_entropy.detach()
    }

    /// Returns all tensors that later steps depend on, by name.
    pub(crate) fn state(&self) -> Vec<(&'static str, Tensor)> {
        let mut state = vec![("parameters", self.parameters.flat.detach())];
        let moments = self.optimizer.state().into_iter();
        state.extend(moments.map(|(name, tensor)| (name, tensor.shallow_clone())));
        state
    }

    /// Restores the tensors of [`Self::state`]. Changes nothing if one of them is missing.
    pub(crate) fn restore(&mut self, tensors: &[(String, Tensor)]) -> Result<(), TrainerFailure> {
        let mut pairs = Vec::new();
        for (name, own) in self.state() {
            let is_own =
                |(found, tensor): &&(String, Tensor)| found == name && tensor.size() == own.size();
            let Some((_, found)) = tensors.iter().find(is_own) else {
                let message =
                    format!("invalid checkpoint: missing `{name}` in the shape of this model");
                return Err(TrainerFailure::bad_launch(message));
            };
            pairs.push((own, found));
        }
        tch::no_grad(|| {
            for (mut own, found) in pairs {
                own.copy_(found);
            }
        });
        Ok(())
    }

    /// Returns the learning rate of a step, counted from 0.
    pub(crate) fn learning_rate(&self, step: u64) -> f64 {
        self.spec.learning_rate * self.spec.schedule.factor(step, self.spec.steps)
    }
}

#[cfg(test)]
mod tests {
    use isoflop_core::arch::{Architecture, LLAMA_STYLE, PRIMER, TRANSFORMER};
    use isoflop_core::run::TrainerExit;

    use super::*;
    use crate::checkpoint::example;
    use crate::fused;

    /// Inputs and targets of 4 sequences of 8 tokens.
    fn batch() -> [Tensor; 2] {
        let tokens = (Tensor::arange(36, (Kind::Int64, Device::Cpu)) * 31)
            .remainder(251)
            .view([4, 9]);
        [tokens.narrow(1, 0, 8), tokens.narrow(1, 1, 8)]
    }

    fn spec(architecture: Architecture, micro_batch_sequences: Option<u32>) -> RunSpec {
        RunSpec {
            batch_sequences: 4,
            micro_batch_sequences,
            ..example(architecture)
        }
    }

    /// Losses and norms of three steps, and the parameters after them.
    fn trained(architecture: &Architecture, micro_batch_sequences: Option<u32>) -> Vec<Tensor> {
        let spec = spec(architecture.clone(), micro_batch_sequences);
        let (mut training, [inputs, targets]) =
            (TrainingState::new(&spec, Device::Cpu).unwrap(), batch());
        let mut all = Vec::new();
        for step in 0..3 {
            let (loss, norms) = training.step(&inputs, &targets, step);
            all.extend([loss, norms]);
        }
        all.push(training.parameters.flat.detach());
        all
    }

    /// Loss, gradient, update and parameters of a split batch equal those of the whole batch up to
    /// rounding, with and without the kernels.
    #[test]
    fn passes_add_up_to_the_whole_batch() {
        let z_loss = Architecture {
            z_loss: 0.1,
            ..TRANSFORMER
        };
        let check = || {
            for architecture in [&z_loss, &PRIMER, &LLAMA_STYLE] {
                let whole = trained(architecture, None);
                for micro in [1, 2] {
                    let split = trained(architecture, Some(micro));
                    for (i, (ours, theirs)) in split.iter().zip(&whole).enumerate() {
                        let off = ((ours - theirs).norm() / theirs.norm()).double_value(&[]);
                        assert!(off < 1e-4, "passes of {micro}: part {i} is off by {off:e}");
                    }
                    assert!(!split[6].equal(&whole[6]), "the batch was not split");
                }
            }
        };
        check();
        fused::without_kernels(check);
    }

    /// A batch in one pass has the bits of a batch without passes.
    #[test]
    fn a_pass_of_the_whole_batch_changes_no_bit() {
        let pairs = trained(&PRIMER, Some(4))
            .into_iter()
            .zip(trained(&PRIMER, None));
        pairs.for_each(|(ours, theirs)| assert!(ours.equal(&theirs)));
    }

    #[test]
    fn passes_must_make_the_batch() {
        for micro in [0, 3, 8] {
            let refused = TrainingState::new(&spec(PRIMER, Some(micro)), Device::Cpu).unwrap_err();
            assert_eq!(refused.exit, TrainerExit::BadLaunch, "{micro}");
        }
    }
}
