//! The model's tensors: names, shapes and how they start (arXiv:2109.08668's released code).

use isoflop::arch::{Architecture, QkvConvolution, RELATIVE_BUCKETS, Shape};

use crate::parameters::{Init, Slot};

/// Every tensor of a model, in the order of its forward pass.
pub(crate) fn slots(arch: &Architecture, shape: &Shape, vocabulary: u32) -> Vec<Slot> {
    let [d, heads, d_head, d_attention, d_ff, vocabulary] =
        [shape.d_model, shape.heads, shape.d_head, shape.d_attention(), shape.d_ff, vocabulary].map(i64::from);
    let normal = |fan: i64| Init::Normal { std: (fan as f64).powf(-0.5) };
    let dense = |fan_in: i64| Init::TruncatedNormal { std: (fan_in as f64).powf(-0.5) };

    let mut slots = vec![
        matrix("embedding", &[vocabulary, d], Init::Normal { std: 1.0 }),
        // The released code's initialiser is not documented; T5's published one is N(0, 1/d_model).
        exempt("relative_bias", &[heads, i64::from(RELATIVE_BUCKETS)], normal(d)),
    ];
    for layer in 0..shape.layers {
        let attention = |part: &str| format!("layers.{layer}.attention.{part}");
        let ffn = |part: &str| format!("layers.{layer}.ffn.{part}");
        slots.extend(norm(&attention("norm"), d));
        // The scores' 1/sqrt(d_head) is folded into W_q.
        let init = Init::Parts(vec![normal(d * d_head), normal(d), normal(d)]);
        slots.push(matrix(&attention("qkv"), &[3, d_attention, d], init));
        if let QkvConvolution::Depthwise { width } = arch.qkv_convolution {
            slots.push(exempt(&attention("conv"), &[i64::from(width), 3, d_attention], taps(width)));
        }
        slots.push(matrix(&attention("out"), &[d, d_attention], normal(d_attention)));
        slots.extend(norm(&ffn("norm"), d));
        slots.push(matrix(&ffn("in.weight"), &[d_ff, d], dense(d)));
        slots.push(exempt(&ffn("in.bias"), &[d_ff], Init::Constant(0.0)));
        slots.push(matrix(&ffn("out.weight"), &[d, d_ff], dense(d_ff)));
        slots.push(exempt(&ffn("out.bias"), &[d], Init::Constant(0.0)));
    }
    slots.extend(norm("final_norm", d));
    slots
}

/// Half the weight on the present, the other half over the width: 0.5, 0.5/3, 0.5/3 for the paper's three taps.
fn taps(width: u8) -> Init {
    let past = Init::Constant(0.5 / f64::from(width));
    Init::Parts((0..width).map(|k| if k == 0 { Init::Constant(0.5) } else { past.clone() }).collect())
}

fn norm(name: &str, d: i64) -> [Slot; 2] {
    [
        exempt(&format!("{name}.scale"), &[d], Init::Constant(1.0)),
        exempt(&format!("{name}.bias"), &[d], Init::Constant(0.0)),
    ]
}

fn matrix(name: &str, dims: &[i64], init: Init) -> Slot {
    Slot { name: name.to_owned(), dims: dims.to_vec(), init, decays: true }
}

/// Exempt from weight decay: norms, biases, taps, positions.
fn exempt(name: &str, dims: &[i64], init: Init) -> Slot {
    Slot { name: name.to_owned(), dims: dims.to_vec(), init, decays: false }
}
