//! Multi-head attention, Primer's multi-DConv-head attention, and their variants.

use isoflop_core::arch::{BiasPlacement, ModelConfig, QkvConvolution, ScoreScale};
use tch::{Kind, Tensor};

use super::convolution::CausalConvolution;
use super::init;
use super::norm::HeadNorm;
use super::operations::{dense, scaled, soft_cap};
use super::positions::{PositionTerms, ScoreBias};
use crate::fused;
use crate::parameters::{TensorInit, TensorSlot, TensorViews};

#[derive(Debug)]
pub(super) struct Attention {
    projections: Tensor, // [ΣP, d]: W_q, W_k, W_v one below the other, or W_z, W_v
    projection_biases: Option<Tensor>, // [ΣP]
    query_from_key: Option<Tensor>, // W' [D, D]
    convolution: Option<CausalConvolution>,
    separable: bool,
    qk_norm: Option<[HeadNorm; 2]>,
    out: Tensor,              // W_o [d, D]
    out_bias: Option<Tensor>, // [d]
    widths: Vec<i64>,         // P: widths of Q, K, V, or of z, V
    heads: i64,
    d_head: i64,
    score_scale: Option<f64>,
    soft_cap: Option<f64>,
}

impl Attention {
    pub(super) fn slots(config: &ModelConfig, name: &str) -> Vec<TensorSlot> {
        let [d, d_attention] = [config.shape.d_model, config.shape.d_attention()].map(i64::from);
        let widths = widths(config);
        let (rows, stacked) = (widths.iter().sum(), stacked(config));
        // The first part is W_q or W_z, the others are W_k and W_v.
        let starts = [init::query(config)]
            .into_iter()
            .chain(std::iter::repeat(init::key_value(config)));
        let parts = widths.iter().map(|width| width * d).zip(starts).collect();
        let named = |part: &str| format!("{name}.{part}");
        let mut slots = vec![TensorSlot::matrix(
            &named(stacked),
            &[rows, d],
            TensorInit::Parts(parts),
        )];
        if config.shares_qk() {
            let init = init::dense(config, config.shape.d_attention());
            let dims = [d_attention, d_attention];
            slots.push(TensorSlot::matrix(&named("query_from_key"), &dims, init));
        }
        slots.extend(CausalConvolution::slot(config, &named("conv")));
        if config.architecture.qk_norm {
            slots.extend(["q_norm", "k_norm"].map(|norm| HeadNorm::slot(config, &named(norm))));
        }
        let out = init::attention_out(config);
        slots.push(TensorSlot::matrix(&named("out"), &[d, d_attention], out));
        if config.architecture.biases == BiasPlacement::All {
            let bias = |name: String, width| {
                TensorSlot::exempt(&name, &[width], TensorInit::Constant(0.0))
            };
            slots.push(bias(named(&format!("{stacked}_bias")), rows));
            slots.push(bias(named("out_bias"), d));
        }
        slots
    }

    pub(super) fn bind(config: &ModelConfig, views: &TensorViews<'_>, name: &str) -> Self {
        let architecture = &config.architecture;
        let matrix = |part: &str| views.matrix(&format!("{name}.{part}"));
        let bias = |part: &str| {
            (architecture.biases == BiasPlacement::All)
                .then(|| views.get(&format!("{name}.{part}_bias")))
        };
        let head_norm = |norm: &str| HeadNorm::bind(config, views, &format!("{name}.{norm}"));
        Self {
            projections: matrix(stacked(config)),
            projection_biases: bias(stacked(config)),
            query_from_key: config.shares_qk().then(|| matrix("query_from_key")),
            convolution: CausalConvolution::bind(config, views, &format!("{name}.conv")),
            separable: matches!(architecture.qkv_convolution, QkvConvolution::Separable(_)),
            qk_norm: architecture
                .qk_norm
                .then(|| ["q_norm", "k_norm"].map(head_norm)),
            out: matrix("out"),
            out_bias: bias("out"),
            widths: widths(config),
            heads: i64::from(config.shape.heads),
            d_head: i64::from(config.shape.d_head),
            score_scale: match architecture.score_scale {
                ScoreScale::Folded => None,
                ScoreScale::InverseSqrt => Some(1.0 / f64::from(config.shape.d_head).sqrt()),
            },
            soft_cap: architecture.attention_softcap,
        }
    }

    /// Computes softmax(Q·Kᵀ + bias)·V·W_o for each head (arXiv:1706.03762, equation 1), with
    /// scores scaled and soft-capped according to the architecture.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        bias: &ScoreBias,
        positions: &PositionTerms,
    ) -> Tensor {
        let mixed = match bias {
            ScoreBias::ByDistance(bias) => {
                let groups = self.widths[self.widths.len() - 1] / self.d_head;
                let scale = self.score_scale.unwrap_or(1.0);
                let packed = self.packed(x, positions);
                fused::attend(&packed, bias.as_ref(), self.heads, groups, scale)
            }
            ScoreBias::Masked(mask) => self.attend(self.qkv(x, positions), mask.as_ref()),
            ScoreBias::Square(bias) => self.attend_composed(self.qkv(x, positions), bias),
        }; // [B, T, D]
        dense(&mixed, &self.out, self.out_bias.as_ref()) // [B, T, d]
    }

    /// Computes attention by libtorch's operation, on `[B, T, H, h]`, and `[B, T, G, h]` for K and
    /// V. Repeats the heads of K and V, because most of its kernels need as many of them as of Q.
    fn attend(&self, qkv: [Tensor; 3], mask: Option<&Tensor>) -> Tensor {
        let (b, t) = (qkv[0].size()[0], qkv[0].size()[1]);
        let [q, k, v] = qkv.map(|x| repeat_heads(x.transpose(1, 2), self.heads)); // [B, H, T, h]
        let scale = self.score_scale.unwrap_or(1.0);
        let mixed = Tensor::scaled_dot_product_attention(
            &q,
            &k,
            &v,
            mask,
            0.0,
            mask.is_none(),
            scale,
            false,
        );
        mixed.transpose(1, 2).reshape([b, t, -1]) // [B, T, D]
    }

    /// Computes attention by products and a softmax, on `[B, T, H, h]`, and `[B, T, G, h]` for K
    /// and V.
    fn attend_composed(&self, qkv: [Tensor; 3], bias: &Tensor) -> Tensor {
        let (b, t) = (qkv[0].size()[0], qkv[0].size()[1]);
        let [q, k, v] = qkv.map(|x| repeat_heads(x.transpose(1, 2), self.heads)); // [B, H, T, h]
        let scores = scaled(q.matmul(&k.transpose(-2, -1)), self.score_scale); // [B, H, T, T]
        let weights = (soft_cap(scores, self.soft_cap) + bias)
            .softmax(-1, Kind::Float)
            .to_kind(v.kind());
        weights.matmul(&v).transpose(1, 2).reshape([b, t, -1]) // [B, T, D]
    }

    /// Returns Q, K and V side by side, `[B, T, (H + 2G)·h]`.
    fn packed(&self, x: &Tensor, positions: &PositionTerms) -> Tensor {
        let as_projected = !self.separable
            && self.query_from_key.is_none()
            && self.qk_norm.is_none()
            && !positions.rotates();
        if as_projected {
            return self.stacked(x);
        }
        let (b, t) = (x.size()[0], x.size()[1]);
        Tensor::cat(&self.qkv(x, positions), 2).view([b, t, -1])
    }

    /// Returns normalised and rotated queries and keys, and values. Shapes: `[B, T, H, h]`, and
    /// `[B, T, G, h]` for K and V.
    fn qkv(&self, x: &Tensor, positions: &PositionTerms) -> [Tensor; 3] {
        let parts = self.project(x);
        let [q, k, v] = match (&self.query_from_key, parts.as_slice()) {
            // K = z, Q = z·W': shared representation of Q and K (arXiv:2109.08668, released code,
            // `share_qk_rep`).
            (Some(query_from_key), [z, v]) => {
                [&dense(z, query_from_key, None), z, v].map(Tensor::shallow_clone)
            }
            (None, [q, k, v]) => [q, k, v].map(Tensor::shallow_clone),
            _ => unreachable!("two projections if Q and K share one, otherwise three"),
        };
        let [q, k, v] = [q, k, v].map(|x| x.view([x.size()[0], x.size()[1], -1, self.d_head]));
        let [q, k] = match &self.qk_norm {
            Some([q_norm, k_norm]) => [q_norm.forward(&q), k_norm.forward(&k)],
            None => [q, k],
        };
        let [q, k] = [q, k].map(|x| positions.rotate(x));
        [q, k, v]
    }

    /// Computes the projections with their convolutions, each `[B, T, P]`.
    fn project(&self, x: &Tensor) -> Vec<Tensor> {
        let Some(convolution) = self.convolution.as_ref().filter(|_| self.separable) else {
            return self.stacked(x).split_with_sizes(&self.widths, -1);
        };
        let each = self.widths.len() as i64;
        let inputs = convolution.forward(&x.repeat([1, 1, each])).chunk(each, -1); // each [B, T, d]
        let matrices = self.projections.split_with_sizes(&self.widths, 0); // each [P, d]
        let biases = self
            .projection_biases
            .as_ref()
            .map(|biases| biases.split_with_sizes(&self.widths, 0));
        let project = |i: usize| {
            dense(
                &inputs[i],
                &matrices[i],
                biases.as_ref().map(|biases| &biases[i]),
            )
        };
        (0..inputs.len()).map(project).collect()
    }

    /// Computes the projections side by side, followed by their convolutions, `[B, T, ΣP]`.
    fn stacked(&self, x: &Tensor) -> Tensor {
        let all = dense(x, &self.projections, self.projection_biases.as_ref());
        match &self.convolution {
            Some(convolution) => convolution.forward(&all),
            None => all,
        }
    }
}

/// Repeats each key or value head for its query heads (arXiv:2305.13245, section 2.2).
fn repeat_heads(x: Tensor, heads: i64) -> Tensor {
    let [b, groups, t, h] = x.size()[..] else {
        unreachable!("heads have four dimensions")
    };
    if groups == heads {
        return x;
    }
    x.unsqueeze(2)
        .expand([b, groups, heads / groups, t, h], false)
        .reshape([b, heads, t, h])
}

/// Returns the name of the stacked projections.
fn stacked(config: &ModelConfig) -> &'static str {
    if config.shares_qk() { "zv" } else { "qkv" }
}

fn widths(config: &ModelConfig) -> Vec<i64> {
    config
        .projection_widths()
        .into_iter()
        .map(i64::from)
        .collect()
}
