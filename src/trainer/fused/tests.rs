//! Tests of the kernels against libtorch's operations, values and gradients, at sizes that do not
//! fill a register.

use std::cell::Cell;

use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use super::*;

thread_local! {
    /// True to disable the kernels in this thread.
    pub(super) static SWITCHED_OFF: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work` with libtorch's operations instead of the kernels.
pub(crate) fn without_kernels<T>(work: impl FnOnce() -> T) -> T {
    SWITCHED_OFF.set(true);
    let result = work();
    SWITCHED_OFF.set(false);
    result
}

/// Returns distinct numbers in (-2, 2).
fn numbers(dims: &[i64], phase: f64, kind: Kind) -> Tensor {
    tch::set_num_threads(1);
    let count: i64 = dims.iter().product();
    let angles = Tensor::arange(count, (Kind::Double, Device::Cpu)) * 1.7 + phase;
    (angles.sin() * 2.0).view(dims).to_kind(kind)
}

/// Returns the value of `of` at `inputs`, and the gradients of a weighted sum of that value.
fn value_and_gradients(inputs: &[Tensor], of: impl Fn(&[Tensor]) -> Tensor) -> Vec<Tensor> {
    let leaves: Vec<Tensor> = inputs
        .iter()
        .map(|x| x.copy().set_requires_grad(true))
        .collect();
    let y = of(&leaves);
    let weights = numbers(&y.size(), 0.3, Kind::Float);
    (y.to_kind(Kind::Float) * weights)
        .sum(Kind::Float)
        .backward();
    std::iter::once(y.detach())
        .chain(leaves.iter().map(Tensor::grad))
        .collect()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

/// Checks that the numbers agree within `tolerance`, relative to their size.
fn agree(ours: &[Tensor], theirs: &[Tensor], tolerance: f64) -> Result<(), TestCaseError> {
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        agree_within(&format!("part {i}"), a, b, tolerance * (1.0 + largest(b)))?;
    }
    Ok(())
}

fn agree_within(what: &str, a: &Tensor, b: &Tensor, bound: f64) -> Result<(), TestCaseError> {
    let off = largest(&(a.to_kind(Kind::Double) - b.to_kind(Kind::Double)));
    prop_assert!(
        off <= bound,
        "{what}: off by {off:e}, {bound:e} allowed, of {}",
        largest(b)
    );
    Ok(())
}

/// Relative tolerance: for float32, rounding of sums with terms larger than the sum; for bfloat16,
/// its 8 bits.
fn tolerance(kind: Kind) -> f64 {
    if kind == Kind::Float { 6e-5 } else { 5e-2 }
}

/// Largest rounding error of a sum, relative to its terms: eight half units in the last place of
/// float32, or one of bfloat16, to which the kernel's O and dO are rounded.
fn rounding(kind: Kind) -> f64 {
    if kind == Kind::Float {
        2f64.powi(-21)
    } else {
        2f64.powi(-9)
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Float, Kind::BFloat16])
}

/// Attention by the paper's equation, in float64.
struct PlainAttention {
    /// softmax(scale·QKᵀ + bias): [b, heads, t, t].
    weights: Tensor,
    /// [b, heads, t, h].
    v: Tensor,
}

impl PlainAttention {
    fn new(qkv: &Tensor, bias: Option<&Tensor>, heads: i64, groups: i64, scale: f64) -> Self {
        let (b, t, h) = (
            qkv.size()[0],
            qkv.size()[1],
            qkv.size()[2] / (heads + 2 * groups),
        );
        let parts = qkv
            .to_kind(Kind::Double)
            .view([b, t, -1, h])
            .transpose(1, 2)
            .split_with_sizes([heads, groups, groups], 1);
        let [q, k, v] = &parts[..] else {
            unreachable!("three parts")
        };
        let [k, v] = [k, v].map(|x| x.repeat_interleave_self_int(heads / groups, 1, None));
        let mut scores = q.matmul(&k.transpose(-2, -1)) * scale;
        if let Some(bias) = bias {
            let bias = bias.to_kind(Kind::Double);
            scores += bias
                .index_select(1, &distances(t).clamp_min(0).view([-1]))
                .view([heads, t, t]);
        }
        let future = Tensor::ones([t, t], (Kind::Bool, Device::Cpu)).triu(1);
        Self {
            weights: scores
                .masked_fill(&future, f64::NEG_INFINITY)
                .softmax(-1, Kind::Double),
            v,
        }
    }

    /// [b, t, heads·h].
    fn mixed(&self) -> Tensor {
        self.weights.matmul(&self.v).transpose(1, 2).flatten(2, 3)
    }

    /// Returns the size of the terms whose sum is the gradient of the bias, by head and distance,
    /// for the gradient `dout` of the output.
    ///
    /// The gradient at a distance is the sum over sequences and queries of P·(dO·V − dO·O)
    /// (arXiv:2205.14135, appendix B.2): two dot products that nearly cancel, then terms of both
    /// signs. The rounding error is relative to these terms, not to their sum.
    fn bias_terms(&self, dout: &Tensor) -> Tensor {
        let t = self.weights.size()[2];
        let dout = dout
            .abs()
            .unflatten(2, [-1, self.v.size()[3]].as_slice())
            .transpose(1, 2);
        let v = self.v.abs();
        let dots = dout.matmul(&v.transpose(-2, -1))
            + (&dout * self.weights.matmul(&v)).sum_dim_intlist(-1, true, None);
        let terms = (&self.weights * dots).sum_dim_intlist(0, false, None);
        Tensor::stack(
            &(0..t)
                .map(|distance| {
                    terms
                        .diagonal(-distance, 1, 2)
                        .sum_dim_intlist(-1, false, None)
                })
                .collect::<Vec<_>>(),
            1,
        )
    }
}

/// Returns the distance i − j at query i and key j, [t, t].
fn distances(t: i64) -> Tensor {
    let places = Tensor::arange(t, (Kind::Int64, Device::Cpu));
    places.unsqueeze(1) - places.unsqueeze(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn attention(kind in kinds(), b in 1i64..3, t in 1i64..100, groups in 1i64..4, each in 1i64..4, h in 1i64..40, biased: bool) {
        let heads = groups * each;
        let qkv = numbers(&[b, t, (heads + 2 * groups) * h], 0.0, kind);
        let bias = biased.then(|| numbers(&[heads, t], 1.0, Kind::Float));
        let scale = 1.0 / (h as f64).sqrt();
        let inputs: Vec<Tensor> = std::iter::once(qkv).chain(bias).collect();
        let ours = value_and_gradients(&inputs, |x| attend(&x[0], x.get(1), heads, groups, scale));
        let plain = |x: &[Tensor]| PlainAttention::new(&x[0], x.get(1), heads, groups, scale);
        let theirs = value_and_gradients(&inputs, |x| plain(x).mixed());
        agree(&ours[..2], &theirs[..2], tolerance(kind))?;
        if biased {
            let terms = plain(&inputs).bias_terms(&numbers(&theirs[0].size(), 0.3, Kind::Double));
            agree_within("the bias", &ours[2], &theirs[2], rounding(kind) * largest(&terms))?;
        }
    }

    #[test]
    fn convolution(kind in kinds(), b in 1i64..3, t in 1i64..20, c in 1i64..300, width in 1i64..8, residual: bool) {
        let inputs = [numbers(&[b, t, c], 0.0, kind), numbers(&[width, c], 1.0, Kind::Float)];
        let ours = value_and_gradients(&inputs, |x| convolve(&x[0], &x[1], residual));
        let theirs = value_and_gradients(&inputs, |x| {
            let from = x[0].to_kind(Kind::Float);
            let y = crate::model::plain_convolution(&from, &x[1]);
            if residual { y + from } else { y }
        });
        agree(&ours, &theirs, tolerance(kind))?;
    }

    #[test]
    fn activation(kind in kinds(), rows in 1i64..150, c in 1i64..70, squared: bool, biased: bool) {
        let inputs: Vec<Tensor> = std::iter::once(numbers(&[rows, c], 0.0, kind))
            .chain(biased.then(|| numbers(&[c], 1.0, Kind::Float)))
            .collect();
        let which = if squared { FusedActivation::SquaredRelu } else { FusedActivation::Relu };
        // A leaf cannot be overwritten.
        let ours = value_and_gradients(&inputs, |x| activate(&x[0] * 1.0, x.get(1), which));
        let theirs = value_and_gradients(&inputs, |x| {
            let from = x[0].to_kind(Kind::Float);
            let y = x.get(1).map_or_else(|| from.shallow_clone(), |bias| &from + bias).relu();
            if squared { y.square() } else { y }
        });
        agree(&ours, &theirs, tolerance(kind))?;
    }

    #[test]
    fn loss(kind in kinds(), rows in 1i64..150, c in 1i64..70, z in prop::sample::select(vec![0.0, 1e-1])) {
        let logits = numbers(&[rows, c], 0.0, kind) * 3.0;
        let targets = (Tensor::arange(rows, (Kind::Int64, Device::Cpu)) * 7).remainder(c);
        let ours = value_and_gradients(&[logits.shallow_clone()], |x| {
            let [cross_entropy, objective] = cross_entropy(&x[0] * 1.0, &targets, z);
            assert!(!cross_entropy.requires_grad());
            objective
        });
        let theirs = value_and_gradients(&[logits.shallow_clone()], |x| {
            let from = x[0].to_kind(Kind::Float);
            from.cross_entropy_for_logits(&targets) + from.logsumexp([-1i64].as_slice(), false).square().mean(Kind::Float) * z
        });
        agree(&ours, &theirs, tolerance(kind))?;
        // Without gradients, the logits do not change.
        let [scored, _] = tch::no_grad(|| cross_entropy(logits.shallow_clone(), &targets, z));
        let expected = logits.to_kind(Kind::Float).cross_entropy_for_logits(&targets);
        agree(&[scored], &[expected], tolerance(kind))?;
    }
}

/// Kernels preserve NaN, by which a diverged run is detected.
#[test]
fn what_is_not_a_number_is_not_swallowed() {
    let poisoned = |dims: &[i64]| {
        let x = numbers(dims, 0.0, Kind::Float);
        let _ = x.view([-1]).narrow(0, 0, 1).fill_(f64::NAN);
        x
    };
    let is_nan = |x: &Tensor| x.isnan().any().int64_value(&[]) == 1;
    let targets = Tensor::zeros([3], (Kind::Int64, Device::Cpu));
    assert!(is_nan(
        &tch::no_grad(|| cross_entropy(poisoned(&[3, 40]), &targets, 0.0))[0]
    ));
    assert!(is_nan(&tch::no_grad(|| attend(
        &poisoned(&[1, 20, 24]),
        None,
        1,
        1,
        1.0
    ))));
    assert!(is_nan(&tch::no_grad(|| activate(
        poisoned(&[3, 20]),
        None,
        FusedActivation::SquaredRelu
    ))));
    assert!(is_nan(&tch::no_grad(|| convolve(
        &poisoned(&[1, 3, 20]),
        &numbers(&[2, 20], 0.0, Kind::Float),
        false
    ))));
}

/// An operand that a kernel does not support is an error with a message, not a crash.
#[test]
fn foreign_operands_are_refused() {
    let doubles = numbers(&[1, 3, 4], 0.0, Kind::Double);
    let taps = numbers(&[2, 4], 0.0, Kind::Float);
    let refused = std::panic::catch_unwind(|| convolve(&doubles, &taps, false)).unwrap_err();
    assert!(
        refused
            .downcast_ref::<String>()
            .unwrap()
            .contains("float32 and bfloat16, not Double")
    );
    let (logits, foreign) = (
        numbers(&[2, 4], 0.0, Kind::Float),
        Tensor::from_slice(&[1i64, 4]),
    );
    let refused =
        std::panic::catch_unwind(|| tch::no_grad(|| cross_entropy(logits, &foreign, 0.0)))
            .unwrap_err();
    assert!(
        refused
            .downcast_ref::<String>()
            .unwrap()
            .contains("outside the vocabulary of 4 tokens")
    );
}

/// Sums do not depend on the number of threads.
#[test]
fn threads_change_no_bit() {
    let qkv = numbers(&[5, 70, 3 * 24], 0.0, Kind::Float);
    let bias = numbers(&[3, 70], 1.0, Kind::Float);
    let taps = numbers(&[3, 72], 1.0, Kind::Float);
    let all = |threads| {
        tch::set_num_threads(threads);
        let parts = value_and_gradients_on(&[
            qkv.shallow_clone(),
            bias.shallow_clone(),
            taps.shallow_clone(),
        ]);
        parts
            .iter()
            .flat_map(|x| Vec::<f32>::try_from(x.reshape([-1])).unwrap())
            .map(f32::to_bits)
            .collect::<Vec<u32>>()
    };
    let one = all(1);
    assert_eq!(one, all(2));
    tch::set_num_threads(1);
}

fn value_and_gradients_on(inputs: &[Tensor]) -> Vec<Tensor> {
    value_and_gradients(inputs, |x| {
        let mixed = attend(&convolve(&x[0], &x[2], false), Some(&x[1]), 3, 3, 0.3);
        let rows = activate(
            mixed.view([-1, 24]) * 1.0,
            None,
            FusedActivation::SquaredRelu,
        );
        let targets = Tensor::zeros([350], (Kind::Int64, Device::Cpu));
        let [_, objective] = cross_entropy(rows, &targets, 0.1);
        objective
    })
}
