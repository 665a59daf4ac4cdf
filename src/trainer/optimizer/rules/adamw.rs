//! AdamW (Loshchilov and Hutter, arXiv:1711.05101) on the flat vector.

use isoflop_core::run;
use tch::Tensor;

use crate::fused::{self, AdamwStep};
use crate::optimizer::update_rule::{StepSettings, UpdateRule};
use crate::parameters::{ModelParameters, TensorRole};

/// AdamW with the moments of all parameters, or of those from `start` on.
#[derive(Debug)]
pub(crate) struct Adamw {
    settings: run::Adamw,
    /// Index of the first parameter that it updates.
    start: i64,
    /// Number of its parameters that decay, which are the first.
    decayed: i64,
    first: Tensor,  // [P - start]
    second: Tensor, // [P - start]
}

impl Adamw {
    /// Builds AdamW for the parameters from an index on.
    pub(super) fn new(settings: run::Adamw, parameters: &ModelParameters, start: i64) -> Self {
        let last = if settings.decay_embeddings {
            TensorRole::Embedding
        } else {
            TensorRole::Hidden
        };
        let own = tail(&parameters.flat.detach(), start);
        let decayed = parameters.len_up_to(last) - start;
        Self {
            settings,
            start,
            decayed,
            first: own.zeros_like(),
            second: own.zeros_like(),
        }
    }
}

impl UpdateRule for Adamw {
    /// Returns the update of the parameters from `start` on.
    fn update(
        &mut self,
        parameters: &ModelParameters,
        gradient: &Tensor,
        with: StepSettings,
    ) -> Tensor {
        let run::Adamw { beta1, beta2, .. } = self.settings;
        let gradient = tail(gradient, self.start);
        let own = tail(&parameters.flat.detach(), self.start);
        let _ = self.first.lerp_(&gradient, 1.0 - beta1);
        let _ = self.second.lerp_(&gradient.square(), 1.0 - beta2);
        let step = i32::try_from(with.step).unwrap_or(i32::MAX);
        let (bias1, bias2) = (1.0 - beta1.powi(step), 1.0 - beta2.powi(step));
        let denominator = self.second.sqrt() / bias2.sqrt() + self.settings.eps;
        let update = (&self.first / denominator) * (with.learning_rate / bias1);
        let mut decaying = update.narrow(0, 0, self.decayed);
        let decay = with.learning_rate * self.settings.weight_decay;
        decaying += own.narrow(0, 0, self.decayed) * decay;
        update
    }

    fn fused_step(
        &self,
        parameters: &ModelParameters,
        gradient: &Tensor,
        with: StepSettings,
    ) -> Option<Tensor> {
        if !fused::supports(gradient) {
            return None;
        }
        let settings = AdamwStep {
            learning_rate: with.learning_rate,
            beta1: self.settings.beta1,
            beta2: self.settings.beta2,
            eps: self.settings.eps,
            weight_decay: self.settings.weight_decay,
            clip_norm: with.clip_norm,
            step: with.step.cast_signed(),
            decayed: self.decayed,
        };
        let (flat, moments) = (parameters.flat.detach(), [&self.first, &self.second]);
        let norms = fused::adamw(&flat, gradient, moments, settings);
        Some(Tensor::from_slice(&norms.map(|norm| norm as f32)))
    }

    fn state(&self) -> Vec<(&'static str, &Tensor)> {
        vec![
            ("first_moment", &self.first),
            ("second_moment", &self.second),
        ]
    }
}

/// Returns the part of a vector from an index on.
fn tail(flat: &Tensor, start: i64) -> Tensor {
    flat.narrow(0, start, flat.size()[0] - start)
}

#[cfg(test)]
mod tests {
    use isoflop_core::arch::{ModelConfig, TRANSFORMER};
    use tch::Device;

    use super::*;
    use crate::model::LanguageModel;
    use crate::optimizer::OptimizerState;

    /// The equations for scalars (arXiv:1711.05101, algorithm 2) give the same three steps on a
    /// quadratic.
    #[test]
    fn equals_the_equations() {
        let config = ModelConfig::new(&TRANSFORMER, &"d16-l2".parse().unwrap(), 256, 64).unwrap();
        let mut parameters =
            ModelParameters::initial(LanguageModel::slots(&config), 1, Device::Cpu);
        let settings = run::Adamw {
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            decay_embeddings: false,
        };
        let mut optimizer = OptimizerState::new(run::Optimizer::Adamw(settings), &parameters);
        // A hidden matrix decays. The embedding (by this setting) and the last bias do not.
        let embedding = parameters.len_up_to(TensorRole::Hidden);
        let len = parameters.flat.size()[0];
        let at = |parameters: &ModelParameters, i: i64| parameters.flat.double_value(&[i]);
        let mut expected: Vec<(i64, f64, f64, f64, f64)> =
            [(0, 0.1), (embedding, 0.0), (len - 1, 0.0)]
                .iter()
                .map(|&(i, decay)| (i, at(&parameters, i), 0.0, 0.0, decay))
                .collect();
        for step in 1..=3u64 {
            (&parameters.flat.square().sum(tch::Kind::Float) * 0.5
                + parameters.flat.sum(tch::Kind::Float))
            .backward();
            let norm = parameters.flat.grad().norm().double_value(&[]);
            let _ = optimizer.step(
                &mut parameters,
                StepSettings {
                    learning_rate: 0.01,
                    clip_norm: 1.0,
                    step,
                },
            );
            for (i, w, m, v, decay) in &mut expected {
                let g = (*w + 1.0) / (norm + 1e-6);
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.95 * *v + 0.05 * g * g;
                let (m_hat, v_hat) = (
                    *m / (1.0 - 0.9f64.powi(step as i32)),
                    *v / (1.0 - 0.95f64.powi(step as i32)),
                );
                *w = *w * (1.0 - 0.01 * *decay) - 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
                assert!(
                    (at(&parameters, *i) - *w).abs() < 1e-5,
                    "step {step}, {i}: {} against {w}",
                    at(&parameters, *i)
                );
            }
        }
    }
}
