//! Muon (Jordan et al. 2024) for the hidden matrices, AdamW for the rest; update sizes as in
//! arXiv:2502.16982.

use isoflop_core::run;
use tch::{Kind, Tensor};

use super::adamw::Adamw;
use crate::optimizer::update_rule::{StepSettings, UpdateRule};
use crate::parameters::{MatrixBlock, ModelParameters, TensorRole};

/// Muon with the momentum of the hidden matrices, and AdamW for the other parameters.
#[derive(Debug)]
pub(crate) struct Muon {
    settings: run::Muon,
    /// Matrices grouped by shape, for batched orthogonalisation.
    groups: Vec<Vec<MatrixBlock>>,
    momentum: Tensor, // [H], numbers of the hidden matrices
    adamw: Adamw,
}

impl Muon {
    pub(super) fn new(settings: run::Muon, parameters: &ModelParameters) -> Self {
        let mut groups: Vec<Vec<MatrixBlock>> = Vec::new();
        let blocks = parameters.blocks().into_iter();
        for block in blocks.filter(|block| block.role == TensorRole::Hidden) {
            match groups.iter_mut().find(|group| group[0].dims == block.dims) {
                Some(group) => group.push(block),
                None => groups.push(vec![block]),
            }
        }
        let hidden = parameters.len_up_to(TensorRole::Hidden);
        let momentum = parameters.flat.detach().narrow(0, 0, hidden).zeros_like();
        Self {
            settings,
            groups,
            momentum,
            adamw: Adamw::new(settings.adamw, parameters, hidden),
        }
    }

    /// Writes 0.2·sqrt(max(rows, columns))·UVᵀ of each matrix UΣVᵀ in `from` to the same position
    /// in `to`.
    fn orthogonalise(&self, from: &Tensor, to: &Tensor) {
        for group in &self.groups {
            let matrices: Vec<Tensor> = group.iter().map(|block| block.of(from)).collect();
            let most = group[0].dims.iter().max().copied().unwrap_or(1);
            let scale = 0.2 * (most as f64).sqrt(); // arXiv:2502.16982, eq. 4
            let made =
                newton_schulz(&Tensor::stack(&matrices, 0), self.settings.iterations) * scale;
            group
                .iter()
                .zip(made.unbind(0))
                .for_each(|(block, matrix)| block.of(to).copy_(&matrix));
        }
    }
}

impl UpdateRule for Muon {
    fn update(
        &mut self,
        parameters: &ModelParameters,
        gradient: &Tensor,
        with: StepSettings,
    ) -> Tensor {
        let run::Muon {
            momentum, adamw, ..
        } = self.settings;
        let hidden = self.momentum.size()[0];
        let update = parameters.flat.detach().zeros_like();

        let g = gradient.narrow(0, 0, hidden);
        let _ = self.momentum.lerp_(&g, 1.0 - momentum);
        let looked_ahead = g.lerp(&self.momentum, momentum); // Nesterov
        self.orthogonalise(&looked_ahead, &update);
        let w = parameters.flat.detach().narrow(0, 0, hidden);
        let mut decayed = update.narrow(0, 0, hidden);
        decayed += w * adamw.weight_decay;
        decayed *= with.learning_rate;

        let rest = self.adamw.update(parameters, gradient, with);
        update
            .narrow(0, hidden, update.size()[0] - hidden)
            .copy_(&rest);
        update
    }

    fn state(&self) -> Vec<(&'static str, &Tensor)> {
        let mut state = vec![("momentum", &self.momentum)];
        state.extend(self.adamw.state());
        state
    }
}

/// Approximates UVᵀ of each matrix of a batch `[n, rows, columns]` by the quintic iteration of
/// Jordan et al.
fn newton_schulz(batch: &Tensor, iterations: u32) -> Tensor {
    const A: f64 = 3.4445;
    const B: f64 = -4.7750;
    const C: f64 = 2.0315;
    let tall = batch.size()[1] > batch.size()[2];
    let turned = |x: &Tensor| {
        if tall {
            x.transpose(-2, -1)
        } else {
            x.shallow_clone()
        }
    };
    let x = turned(batch); // rows ≤ columns, so that x·xᵀ is the smaller product
    let norm = x
        .square()
        .sum_dim_intlist([-2, -1].as_slice(), true, Kind::Float)
        .sqrt();
    let mut x = x / norm.clamp_min(1e-7);
    for _ in 0..iterations {
        let gram = x.matmul(&x.transpose(-2, -1));
        let polynomial = &gram * B + gram.matmul(&gram) * C;
        x = &x * A + polynomial.matmul(&x);
    }
    turned(&x)
}
