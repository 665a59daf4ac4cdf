//! Estimates of the memory of a run: what the trainer's code keeps, term by term.
//! docs/performance.md has the measurements.
//!
//! n = B·T tokens of a step, d = d_model, D = H·h, G heads of K and V, F = d_ff, V vocabulary, P
//! parameters; e bytes of a number between matrix products: 4 in float32, 2 in bfloat16.

use isoflop_core::arch::{
    Activation, ModelConfig, Norm, Positions, QkvConvolution, QkvProjections,
};
use isoflop_core::data::EVALUATION_BATCH;
use isoflop_core::run::{Precision, RunSpec};

/// Memory of a trainer before its model, bytes: mostly libtorch's registry of operators.
///
/// The pages of its libraries' files are not counted. The system shares them between trainers and
/// can drop them, and the file cache decides how many are mapped.
const BASE: f64 = 72.5e6;
/// Additional memory for bfloat16, bytes: the matrix products' kernels, compiled on first use.
const BFLOAT16_KERNELS: f64 = 1.07e7;
/// A CUDA context with libtorch's kernels, bytes of the device; not measured.
const CUDA_CONTEXT: f64 = 6e8;
/// Fragmentation of the allocator, as a fraction of the allocated memory.
const ALLOCATOR_SLACK: f64 = 0.04;
/// Bytes of a float32.
const FLOAT: f64 = 4.0;
/// Bytes of an input and its target, as libtorch's 64-bit indices.
const TOKEN_PAIR: f64 = 16.0;

/// Sizes of a sweep's token files, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextBytes {
    /// Training tokens.
    pub train: u64,
    /// Validation tokens.
    pub validation: u64,
}

/// The kind of device that holds a run's tensors, which decides what the kernels keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorDevice {
    /// The CPU, with the fused kernels.
    Processor,
    /// A GPU, with libtorch's own operations.
    Accelerator,
}

/// Estimates the peak memory of a run, bytes.
///
/// On a CPU this is the memory of the process, without pages of files. On a GPU it is the memory of
/// the device.
pub fn memory_bytes(spec: &RunSpec, text: TextBytes, place: TensorDevice) -> u64 {
    let model = spec.model();
    let kept = ActivationBytes::new(&model, spec.precision, place);
    let parameters = ParameterBytes::new(&model, spec, place);
    // Tokens of one pass: a split batch keeps one part at a time.
    let tokens = f64::from(spec.pass_sequences()) * f64::from(spec.sequence_length);
    let evaluated = windows_evaluated(spec, text).min(EVALUATION_BATCH as f64)
        * f64::from(spec.sequence_length);
    // Memory peaks where the backward pass begins or ends, or in the optimizer.
    let step = f64::max(tokens * kept.of_step(), parameters.of_update);
    let work = f64::max(step, evaluated * kept.of_evaluation());
    let held = parameters.always
        + work
        + TOKEN_PAIR * (spec.batch_tokens().0 as f64 + scored_tokens(spec, text));
    let base = match (place, spec.precision) {
        (TensorDevice::Accelerator, _) => CUDA_CONTEXT,
        (TensorDevice::Processor, Precision::Float32) => BASE + order(spec, text),
        (TensorDevice::Processor, Precision::Bfloat16) => {
            BASE + BFLOAT16_KERNELS + order(spec, text)
        }
    };
    (base + (1.0 + ALLOCATOR_SLACK) * held) as u64
}

fn windows_evaluated(spec: &RunSpec, text: TextBytes) -> f64 {
    (scored_tokens(spec, text) / f64::from(spec.sequence_length)).ceil()
}

fn scored_tokens(spec: &RunSpec, text: TextBytes) -> f64 {
    spec.evaluation.tokens.min(text.validation) as f64
}

/// Memory of the windows' order, bytes: a `u32` for each window.
fn order(spec: &RunSpec, text: TextBytes) -> f64 {
    FLOAT * text.train as f64 / f64::from(spec.sequence_length)
}

/// Bytes that scale with the parameters.
struct ParameterBytes {
    /// Kept from step to step.
    always: f64,
    /// Additional bytes while gradients become an update.
    of_update: f64,
}

impl ParameterBytes {
    fn new(model: &ModelConfig, spec: &RunSpec, place: TensorDevice) -> Self {
        let all = FLOAT * model.params().total().0 as f64;
        // The gradient of each tensor, and a concatenation of all, which is added to the
        // accumulated gradient.
        let gathered = 2.0 * all;
        let optimizer = spec
            .optimizer
            .memory(model, place == TensorDevice::Processor);
        // In bfloat16 every matrix has a rounded copy until its products' gradients are computed.
        let rounded = only_if(spec.precision == Precision::Bfloat16, all / 2.0);
        Self {
            always: 2.0 * all + FLOAT * optimizer.state + rounded,
            of_update: gathered.max(FLOAT * optimizer.update),
        }
    }
}

/// Bytes per token of a step.
struct ActivationBytes {
    /// Kept for the backward pass by all layers.
    layers: f64,
    /// The final norm's input and output.
    head: f64,
    logits: f64,
    /// Gradients of the last feed-forward layer, the first one to be differentiated.
    gradients: f64,
    /// One layer without a backward pass.
    passing: f64,
}

impl ActivationBytes {
    fn new(model: &ModelConfig, precision: Precision, place: TensorDevice) -> Self {
        let architecture = &model.architecture;
        let number = match precision {
            Precision::Float32 => FLOAT,
            Precision::Bfloat16 => 2.0,
        };
        let fused = place == TensorDevice::Processor;
        let [d, d_ff] = [model.shape.d_model, model.shape.d_ff].map(f64::from);
        let projected: f64 = model.projection_widths().into_iter().map(f64::from).sum();

        let stream = FLOAT * d; // x [n, d], always float32
        let norm = norm_kept(architecture.norm, d) + number * d;
        let attention = attention_kept(model, number, fused);
        let hidden = number * d_ff;
        let feed_forward = hidden * hidden_kept(architecture.activation, architecture.gated, fused);
        let layers =
            f64::from(model.shape.layers) * (2.0 * (stream + norm) + attention + feed_forward);

        // With fused kernels, the loss overwrites the logits with their gradient. Otherwise float32
        // logits, log-probabilities and the gradient are kept as well.
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

/// Bytes per token that a norm keeps in addition to its input and its output: mean and deviation.
///
/// For RMSNorm, which is several operations in libtorch, also the normalised input.
fn norm_kept(norm: Norm, d: f64) -> f64 {
    match norm {
        Norm::Layer | Norm::Primer => 2.0 * FLOAT,
        Norm::Rms => FLOAT + FLOAT * d,
    }
}

/// Bytes per token and layer that attention keeps from its projections to its output.
fn attention_kept(model: &ModelConfig, number: f64, fused: bool) -> f64 {
    let architecture = &model.architecture;
    let [d_attention, heads, length] = [
        model.shape.d_attention(),
        model.shape.heads,
        model.sequence_length,
    ]
    .map(f64::from);
    let qkv = d_attention + 2.0 * key_value(model);
    let mixed = d_attention; // the input of W_o
    let before = before_attention(model, number, fused);
    let is_capped = architecture.attention_softcap.is_some();
    if fused && !is_capped {
        return number * (before + qkv + mixed) + FLOAT * heads; // and log Σ exp(scores)
    }
    // Without the kernel: contiguous Q, K and V, and for each pair of positions the weights and the
    // capped scores.
    let moves = matches!(architecture.qkv_convolution, QkvConvolution::Separable(_))
        || matches!(architecture.qkv_projections, QkvProjections::SharedQk)
        || matches!(architecture.positions, Positions::Rotary { .. });
    let (bounded, rounded) = (only_if(is_capped, number), only_if(number < FLOAT, number));
    let pairs = heads * length * (FLOAT + bounded + rounded);
    number * (before + only_if(moves, qkv) + 3.0 * d_attention + mixed) + pairs
}

/// Numbers per token and layer that the computation of Q, K and V keeps.
fn before_attention(model: &ModelConfig, number: f64, fused: bool) -> f64 {
    let architecture = &model.architecture;
    let [d, d_attention] = [model.shape.d_model, model.shape.d_attention()].map(f64::from);
    let widths = model.projection_widths().into_iter().map(f64::from);
    let (count, projected) = (widths.len() as f64, widths.sum::<f64>());
    // The input of a convolution, and its output unless that is the kernel's input unchanged.
    let convolution = match architecture.qkv_convolution {
        QkvConvolution::None => 0.0,
        QkvConvolution::Depthwise(_) => projected * if fused { 1.0 } else { 2.0 },
        QkvConvolution::Separable(_) => 2.0 * d * count,
    };
    // Primer's z, from which Q is computed, keeps the whole projection in memory, V included.
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

/// Returns `bytes` if `is_so`, else 0.
fn only_if(is_so: bool, bytes: f64) -> f64 {
    if is_so { bytes } else { 0.0 }
}

/// Hidden layers of the feed-forward that are kept.
fn hidden_kept(activation: Activation, gated: bool, fused: bool) -> f64 {
    // ReLU's gradient needs only its output. A square's needs its input, which is ReLU's output.
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
    use isoflop_core::run::example_spec;

    /// A smaller pass keeps less for the backward pass; parameters and libtorch's share stay the
    /// same.
    #[test]
    fn a_micro_batch_needs_less_memory() {
        let text = TextBytes {
            train: 1 << 20,
            validation: 1 << 18,
        };
        let held = |spec: &RunSpec| memory_bytes(spec, text, TensorDevice::Processor);
        let whole = RunSpec {
            batch_sequences: 1024,
            ..example_spec()
        };
        let split = RunSpec {
            micro_batch_sequences: Some(64),
            ..whole.clone()
        };
        assert!(2 * held(&split) < held(&whole));
        // A smaller pass adds only the batch's tokens.
        let small = RunSpec {
            batch_sequences: 64,
            ..whole.clone()
        };
        assert!(held(&split) - held(&small) < 4 << 20);
    }
}
