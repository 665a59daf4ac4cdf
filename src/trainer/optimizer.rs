//! AdamW (Loshchilov and Hutter, arXiv:1711.05101) on the flat vector.

use isoflop::run::Adamw;
use tch::Tensor;

use crate::fused::{self, AdamwStep};
use crate::parameters::Parameters;

/// Moments of all parameters.
#[derive(Debug)]
pub(crate) struct Optimizer {
    settings: Adamw,
    first: Tensor,  // [P]
    second: Tensor, // [P]
    steps: i32,
}

impl Optimizer {
    pub(crate) fn new(settings: Adamw, parameters: &Parameters) -> Self {
        Self {
            settings,
            first: parameters.flat.detach().zeros_like(),
            second: parameters.flat.detach().zeros_like(),
            steps: 0,
        }
    }

    /// First and second moments, for a checkpoint.
    pub(crate) fn moments(&self) -> [&Tensor; 2] {
        [&self.first, &self.second]
    }

    /// Goes on after `steps` steps with these moments.
    pub(crate) fn restore(&mut self, [first, second]: [&Tensor; 2], steps: i32) {
        self.first.copy_(first);
        self.second.copy_(second);
        self.steps = steps;
    }

    /// One step with the gradient in `parameters.flat`, scaled down to `clip_norm`. Returns the
    /// norms of the gradient before clipping and of the parameters' change, `[2]`, still on the device.
    pub(crate) fn step(&mut self, parameters: &mut Parameters, learning_rate: f64, clip_norm: f64) -> Tensor {
        self.steps += 1;
        let gradient = parameters.flat.grad(); // [P]
        let norms = if fused::serves(&gradient) {
            self.fused_step(parameters, &gradient, learning_rate, clip_norm)
        } else {
            self.plain_step(parameters, &gradient, learning_rate, clip_norm)
        };
        parameters.flat.zero_grad();
        norms
    }

    fn fused_step(&self, parameters: &Parameters, gradient: &Tensor, learning_rate: f64, clip_norm: f64) -> Tensor {
        let Adamw { beta1, beta2, eps, weight_decay } = self.settings;
        let (step, decayed) = (i64::from(self.steps), parameters.decayed_len());
        let settings = AdamwStep { learning_rate, beta1, beta2, eps, weight_decay, clip_norm, step, decayed };
        let norms = fused::adamw(&parameters.flat.detach(), gradient, self.moments(), settings);
        Tensor::from_slice(&norms.map(|norm| norm as f32))
    }

    fn plain_step(
        &mut self,
        parameters: &mut Parameters,
        gradient: &Tensor,
        learning_rate: f64,
        clip_norm: f64,
    ) -> Tensor {
        tch::no_grad(|| {
            let Adamw { beta1, beta2, eps, weight_decay } = self.settings;
            let norm = gradient.norm();
            // min(1, clip / norm) without asking the device for the number.
            let gradient = gradient * (clip_norm / (&norm + 1e-6)).clamp_max(1.0);
            let _ = self.first.lerp_(&gradient, 1.0 - beta1);
            let _ = self.second.lerp_(&gradient.square(), 1.0 - beta2);
            let (bias1, bias2) = (1.0 - beta1.powi(self.steps), 1.0 - beta2.powi(self.steps));
            let denominator = self.second.sqrt() / bias2.sqrt() + eps;
            let update = (&self.first / denominator) * (learning_rate / bias1);
            let decayed = parameters.decayed_len();
            let _ = update
                .narrow(0, 0, decayed)
                .g_add_(&(parameters.flat.narrow(0, 0, decayed) * (learning_rate * weight_decay)));
            parameters.flat -= &update;
            Tensor::stack(&[norm, update.norm()], 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use isoflop::arch::{ModelConfig, TRANSFORMER, rung};
    use tch::Device;

    use super::*;
    use crate::model::Model;

    /// The equations written out for scalars (arXiv:1711.05101, algorithm 2), three steps on a quadratic.
    #[test]
    fn equals_the_equations() {
        let config = ModelConfig::new(TRANSFORMER, &rung("d16-l2").unwrap(), 256, 64).unwrap();
        let mut parameters = Parameters::initial(Model::slots(&config), 1, Device::Cpu);
        let settings = Adamw { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 };
        let mut optimizer = Optimizer::new(settings, &parameters);
        // An embedding weight decays, the last bias does not.
        let len = parameters.flat.size()[0];
        let at = |parameters: &Parameters, i: i64| parameters.flat.double_value(&[i]);
        let mut expected: Vec<(i64, f64, f64, f64, f64)> =
            [(0, 0.1), (len - 1, 0.0)].iter().map(|&(i, decay)| (i, at(&parameters, i), 0.0, 0.0, decay)).collect();
        for step in 1..=3 {
            (&parameters.flat.square().sum(tch::Kind::Float) * 0.5 + parameters.flat.sum(tch::Kind::Float)).backward();
            let norm = parameters.flat.grad().norm().double_value(&[]);
            let _ = optimizer.step(&mut parameters, 0.01, 1.0);
            for (i, w, m, v, decay) in &mut expected {
                let g = (*w + 1.0) / (norm + 1e-6);
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.95 * *v + 0.05 * g * g;
                let (m_hat, v_hat) = (*m / (1.0 - 0.9f64.powi(step)), *v / (1.0 - 0.95f64.powi(step)));
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
