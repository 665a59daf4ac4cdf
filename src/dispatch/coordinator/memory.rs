//! How much memory a run will hold: what the trainer's code keeps, term by term. docs/performance.md has what was measured.
//!
//! n = B·T tokens of a step, d = d_model, D = H·h, G heads of K and V, F = d_ff, V vocabulary, P parameters;
//! e bytes of a number between matrix products: 4 in float32, 2 in bfloat16.

use isoflop_core::arch::{
    Activation, ModelConfig, Norm, Positions, QkvConvolution, QkvProjections,
};
use isoflop_core::data::EVALUATED_AT_ONCE;
use isoflop_core::run::{Precision, RunSpec};

/// A trainer before its model, bytes: libtorch's registry of operators above all. The pages of its libraries' files are not counted: the
/// system shares them between trainers and can drop them, and how many are mapped depends on how the file cache holds them.
const BASE: f64 = 72.5e6;
/// What bfloat16 adds, bytes: the matrix products' kernels, compiled as they are first used.
const BFLOAT16_KERNELS: f64 = 1.07e7;
/// A CUDA context with libtorch's kernels, bytes of the device; not measured.
const CUDA_CONTEXT: f64 = 6e8;
/// What the allocator loses between blocks, a part of what is in them.
const ALLOCATOR_SLACK: f64 = 0.04;
/// Bytes of a float32.
const FLOAT: f64 = 4.0;
/// Bytes of an input and its target, as libtorch's 64-bit indices.
const TOKEN_PAIR: f64 = 16.0;

/// Bytes of the token files of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextBytes {
    /// Training tokens.
    pub train: u64,
    /// Validation tokens.
    pub validation: u64,
}

/// Where a run's tensors are, which decides what the kernels keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the processor, by the fused kernels.
    Processor,
    /// On an accelerator, by libtorch's own operations.
    Accelerator,
}

/// Most memory that a run will hold of its own, bytes, an estimate: of the process on a processor, without pages of files; of the
/// device on an accelerator.
pub fn memory_bytes(spec: &RunSpec, text: TextBytes, place: Place) -> u64 {
    let model = spec.model();
    let kept = Kept::new(&model, spec.precision, place);
    let parameters = Parameters::new(&model, spec, place);
    // Of one pass: a batch that is split keeps one part at a time.
    let tokens = f64::from(spec.pass_sequences()) * f64::from(spec.sequence_length);
    let evaluated = windows_evaluated(spec, text).min(EVALUATED_AT_ONCE as f64)
        * f64::from(spec.sequence_length);
    // The step is at its largest where the backward pass begins or ends, or in the optimizer.
    let step = f64::max(tokens * kept.of_step(), parameters.of_update);
    let work = f64::max(step, evaluated * kept.of_evaluation());
    let held = parameters.always
        + work
        + TOKEN_PAIR * (spec.batch_tokens().0 as f64 + scored_tokens(spec, text));
    let base = match (place, spec.precision) {
        (Place::Accelerator, _) => CUDA_CONTEXT,
        (Place::Processor, Precision::Float32) => BASE + order(spec, text),
        (Place::Processor, Precision::Bfloat16) => BASE + BFLOAT16_KERNELS + order(spec, text),
    };
    (base + (1.0 + ALLOCATOR_SLACK) * held) as u64
}

fn windows_evaluated(spec: &RunSpec, text: TextBytes) -> f64 {
    (scored_tokens(spec, text) / f64::from(spec.sequence_length)).ceil()
}

fn scored_tokens(spec: &RunSpec, text: TextBytes) -> f64 {
    spec.evaluation.tokens.min(text.validation) as f64
}

/// The windows' order, a `u32` each.
fn order(spec: &RunSpec, text: TextBytes) -> f64 {
    FLOAT * text.train as f64 / f64::from(spec.sequence_length)
}

/// Bytes that go with the parameters.
struct Parameters {
    /// From step to step.
    always: f64,
    /// More, while gradients become an update.
    of_update: f64,
}

impl Parameters {
    fn new(model: &ModelConfig, spec: &RunSpec, place: Place) -> Self {
        let all = FLOAT * model.params().total().0 as f64;
        // The gradient of each tensor, and all of them side by side, which are added to the gradient that is there.
        let gathered = 2.0 * all;
        let optimizer = spec.optimizer.memory(model, place == Place::Processor);
        // In bfloat16 every matrix has a rounded copy as long as its products' gradients are not done.
        let rounded = only_if(spec.precision == Precision::Bfloat16, all / 2.0);
        Self {
            always: 2.0 * all + FLOAT * optimizer.state + rounded,
            of_update: gathered.max(FLOAT * optimizer.update),
        }
    }
}

/// Bytes for each token of a step.
struct Kept {
    /// Kept for the backward pass by all layers.
    layers: f64,
    /// The final norm's input and output.
    head: f64,
    logits: f64,
    /// What the first feed-forward layer that is differentiated holds beside all that: its gradients.
    gradients: f64,
    /// One layer without a backward pass.
    passing: f64,
}

impl Kept {
    fn new(model: &ModelConfig, precision: Precision, place: Place) -> Self {
        let architecture = &model.architecture;
        let number = match precision {
            Precision::Float32 => FLOAT,
            Precision::Bfloat16 => 2.0,
        };
        let fused = place == Place::Processor;
        let [d, d_ff] = [model.shape.d_model, model.shape.d_ff].map(f64::from);
        let projected: f64 = model.projection_widths().into_iter().map(f64::from).sum();

        let stream = FLOAT * d; // x [n, d], always float32
        let norm = norm_kept(architecture.norm, d) + number * d;
        let attention = attention_kept(model, number, fused);
        let hidden = number * d_ff;
        let feed_forward = hidden * hidden_kept(architecture.activation, architecture.gated, fused);
        let layers =
            f64::from(model.shape.layers) * (2.0 * (stream + norm) + attention + feed_forward);

        // The loss turns the fused kernels' logits into their gradient; else float32, log-probabilities and gradient stand beside.
        let copies = if fused { number } else { number + 3.0 * FLOAT };
        let capped = only_if(architecture.logit_softcap.is_some(), 2.0 * number);
        let logits = f64::from(model.vocabulary) * (copies + capped);
        let wide = hidden * if architecture.gated { 3.0 } else { 2.0 };
        let gradients = stream + number * d + wide;
        let passing = 3.0 * stream + number * d + f64::max(number * 2.0 * projected, wide);
        Self {
            layers,
            head: stream + norm,
            logits,
            gradients,
            passing,
        }
    }

    fn of_step(&self) -> f64 {
        self.layers + f64::max(self.head + self.logits, self.gradients)
    }

    fn of_evaluation(&self) -> f64 {
        f64::max(self.passing, self.head + self.logits)
    }
}

/// What a norm keeps beside its input and its output, bytes a token: mean and deviation; of RMSNorm, which is
/// several operations to libtorch, the normalised input too.
fn norm_kept(norm: Norm, d: f64) -> f64 {
    match norm {
        Norm::Layer | Norm::Primer => 2.0 * FLOAT,
        Norm::Rms => FLOAT + FLOAT * d,
    }
}

/// What attention keeps from its projections to its output, bytes a token of a layer.
fn attention_kept(model: &ModelConfig, number: f64, fused: bool) -> f64 {
    let architecture = &model.architecture;
    let [d_attention, heads, length] = [
        model.shape.d_attention(),
        model.shape.heads,
        model.sequence_length,
    ]
    .map(f64::from);
    let qkv = d_attention + 2.0 * key_value(model);
    let mixed = d_attention; // what W_o takes
    let before = before_attention(model, number, fused);
    let is_capped = architecture.attention_softcap.is_some();
    if fused && !is_capped {
        return number * (before + qkv + mixed) + FLOAT * heads; // and log Σ exp(scores)
    }
    // Without the kernel: contiguous Q, K and V, and for each pair of positions the weights, and the bounded scores.
    let moves = matches!(architecture.qkv_convolution, QkvConvolution::Separable(_))
        || matches!(architecture.qkv_projections, QkvProjections::SharedQk)
        || matches!(architecture.positions, Positions::Rotary { .. });
    let (bounded, rounded) = (only_if(is_capped, number), only_if(number < FLOAT, number));
    let pairs = heads * length * (FLOAT + bounded + rounded);
    number * (before + only_if(moves, qkv) + 3.0 * d_attention + mixed) + pairs
}

/// Numbers a token of a layer that are kept of what makes Q, K and V.
fn before_attention(model: &ModelConfig, number: f64, fused: bool) -> f64 {
    let architecture = &model.architecture;
    let [d, d_attention] = [model.shape.d_model, model.shape.d_attention()].map(f64::from);
    let widths = model.projection_widths().into_iter().map(f64::from);
    let (count, projected) = (widths.len() as f64, widths.sum::<f64>());
    // The input of a convolution, and what it gives where that is not the kernel's input as it is.
    let convolution = match architecture.qkv_convolution {
        QkvConvolution::None => 0.0,
        QkvConvolution::Depthwise(_) => projected * if fused { 1.0 } else { 2.0 },
        QkvConvolution::Separable(_) => 2.0 * d * count,
    };
    // Primer's z, which Q is made from, keeps V's place beside it.
    let is_shared = matches!(architecture.qkv_projections, QkvProjections::SharedQk);
    // QK-norm keeps its input and the normalised input, in float32.
    let normed = 2.0 * FLOAT / number * (d_attention + key_value(model));
    convolution + only_if(is_shared, projected) + only_if(architecture.qk_norm, normed)
}

/// The width of K and of V.
fn key_value(model: &ModelConfig) -> f64 {
    let widths = model.projection_widths();
    widths.last().copied().map_or(0.0, f64::from)
}

/// These bytes where something is so, else none.
fn only_if(is_so: bool, bytes: f64) -> f64 {
    if is_so { bytes } else { 0.0 }
}

/// Hidden layers of the feed-forward that are kept.
fn hidden_kept(activation: Activation, gated: bool, fused: bool) -> f64 {
    // ReLU's gradient follows from its output, a square's from its input, which is ReLU's output.
    let activated = match activation {
        Activation::Relu => 1.0,
        Activation::SquaredRelu if fused && !gated => 1.0,
        Activation::SquaredRelu | Activation::Gelu | Activation::Swish => 2.0,
    };
    // The gated layer, and the product.
    if gated { activated + 2.0 } else { activated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::example;

    /// What the backward pass keeps falls with the pass; parameters and libtorch stay.
    #[test]
    fn a_micro_batch_needs_less_memory() {
        let text = TextBytes {
            train: 1 << 20,
            validation: 1 << 18,
        };
        let held = |spec: &RunSpec| memory_bytes(spec, text, Place::Processor);
        let whole = RunSpec {
            batch_sequences: 1024,
            ..example()
        };
        let split = RunSpec {
            micro_batch_sequences: Some(64),
            ..whole.clone()
        };
        assert!(2 * held(&split) < held(&whole));
        // Only the batch's tokens themselves are held beside a small pass.
        let small = RunSpec {
            batch_sequences: 64,
            ..whole.clone()
        };
        assert!(held(&split) - held(&small) < 4 << 20);
    }
}
