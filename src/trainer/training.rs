//! One step of training, and the state that it rests on.

use isoflop::arch::ModelConfig;
use isoflop::run::RunSpec;
use tch::{Device, Tensor};

use crate::failure::Failure;
use crate::model::{Model, Positions};
use crate::optimizer::{Optimizer, StepSettings};
use crate::parameters::Parameters;

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
        let settings =
            StepSettings { learning_rate: self.learning_rate(step), clip_norm: self.spec.clip_norm, step: step + 1 };
        let norms = self.optimizer.step(&mut self.parameters, settings);
        (loss.cross_entropy.detach(), norms)
    }

    /// All tensors that the future depends on, by name.
    pub(crate) fn state(&self) -> Vec<(&'static str, Tensor)> {
        let mut state = vec![("parameters", self.parameters.flat.detach())];
        state.extend(self.optimizer.state().into_iter().map(|(name, tensor)| (name, tensor.shallow_clone())));
        state
    }

    /// Goes on from [`Self::state`], and nothing is set where one of its tensors is missing.
    pub(crate) fn restore(&mut self, tensors: &[(String, Tensor)]) -> Result<(), Failure> {
        let mut pairs = Vec::new();
        for (name, own) in self.state() {
            let found = tensors.iter().find(|(found, _)| found == name).map(|(_, tensor)| tensor);
            let found = found
                .filter(|tensor| tensor.size() == own.size())
                .ok_or_else(|| Failure::bad_launch(format!("the checkpoint has no `{name}` of this model")))?;
            pairs.push((own, found));
        }
        tch::no_grad(|| pairs.into_iter().for_each(|(mut own, found)| own.copy_(found)));
        Ok(())
    }

    /// The learning rate of a step, from 0.
    pub(crate) fn learning_rate(&self, step: u64) -> f64 {
        self.spec.learning_rate * self.spec.schedule.factor(step, self.spec.steps)
    }
}
