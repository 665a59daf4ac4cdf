//! The fused kernels: what libtorch would do in several passes over memory, done in one, on the processor.
//!
//! The C++ beside this file has the loops (`kernels.cpp`, compiled once for each instruction set) and makes them
//! functions that libtorch differentiates (`functions.cpp`). The model has each of them in libtorch's own operations
//! too, for other devices and as what the kernels are tested against.
#![expect(
    unsafe_code,
    reason = "calls into C++; every call checks its operands there and hands errors back"
)]

use std::ffi::{CStr, c_char};
use std::ptr;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

/// The activations that have a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum FusedActivation {
    Relu = 0,
    SquaredRelu = 1,
}

/// Settings of one step of AdamW.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct AdamwStep {
    pub(crate) learning_rate: f64,
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) eps: f64,
    pub(crate) weight_decay: f64,
    pub(crate) clip_norm: f64,
    /// From 1.
    pub(crate) step: i64,
    /// Parameters from the first that decay.
    pub(crate) decayed: i64,
}

unsafe extern "C" {
    fn isoflop_last_error() -> *const c_char;
    fn isoflop_keep_memory();
    fn isoflop_convolve(
        out: *mut *mut C_tensor,
        x: *const C_tensor,
        taps: *const C_tensor,
        residual: bool,
    ) -> bool;
    fn isoflop_attend(
        out: *mut *mut C_tensor,
        qkv: *const C_tensor,
        bias: *const C_tensor,
        heads: i64,
        groups: i64,
        scale: f64,
    ) -> bool;
    fn isoflop_activate(
        out: *mut *mut C_tensor,
        x: *const C_tensor,
        bias: *const C_tensor,
        activation: i64,
    ) -> bool;
    fn isoflop_cross_entropy(
        out: *mut *mut C_tensor,
        logits: *const C_tensor,
        targets: *const C_tensor,
        z: f64,
    ) -> bool;
    fn isoflop_adamw(
        parameters: *const C_tensor,
        gradient: *const C_tensor,
        first: *const C_tensor,
        second: *const C_tensor,
        settings: AdamwStep,
        norms: *mut f64,
    ) -> bool;
}

/// Whether the kernels take such a tensor.
pub(crate) fn serves(x: &Tensor) -> bool {
    #[cfg(test)]
    if tests::SWITCHED_OFF.get() {
        return false;
    }
    x.device() == Device::Cpu && matches!(x.kind(), Kind::Float | Kind::BFloat16)
}

/// Keeps freed memory in the process: a step frees what the next one takes.
pub(crate) fn keep_memory() {
    // SAFETY: sets options of the allocator; allocations made before stay valid.
    unsafe { isoflop_keep_memory() }
}

/// y\[t\] = Σ_k taps\[k\] ∘ x\[t-k\], plus x where there is a residual: x `[B, T, C]`, taps `[width, C]`.
pub(crate) fn convolve(x: &Tensor, taps: &Tensor, residual: bool) -> Tensor {
    // SAFETY: the pointers are of live tensors, `out` has room for one.
    let [y] = made(|out| unsafe { isoflop_convolve(out, x.as_ptr(), taps.as_ptr(), residual) });
    y
}

/// Causal attention from rows of Q, K and V side by side, qkv `[B, T, (H + 2G)·h]`, with a bias for each head and distance
/// `[H, T]`. Returns `[B, T, H·h]`.
pub(crate) fn attend(
    qkv: &Tensor,
    bias: Option<&Tensor>,
    heads: i64,
    groups: i64,
    scale: f64,
) -> Tensor {
    let bias = pointer(bias);
    // SAFETY: as above; a missing bias is a null pointer, which the other side looks for.
    let [mixed] =
        made(|out| unsafe { isoflop_attend(out, qkv.as_ptr(), bias, heads, groups, scale) });
    mixed
}

/// act(x + bias), written over x, whose rows the bias is as long as.
pub(crate) fn activate(x: Tensor, bias: Option<&Tensor>, activation: FusedActivation) -> Tensor {
    let bias = pointer(bias);
    // SAFETY: as above.
    let [y] = made(|out| unsafe { isoflop_activate(out, x.as_ptr(), bias, activation as i64) });
    y
}

/// Mean cross entropy, and the objective that adds z·mean(log² Σ exp(logits)). Uses the logits `[N, V]` up.
pub(crate) fn cross_entropy(logits: Tensor, targets: &Tensor, z: f64) -> [Tensor; 2] {
    // SAFETY: as above, with room for two.
    made(|out| unsafe { isoflop_cross_entropy(out, logits.as_ptr(), targets.as_ptr(), z) })
}

/// One step of AdamW in place. Returns the norms of the gradient, before clipping, and of the parameters' change.
pub(crate) fn adamw(
    parameters: &Tensor,
    gradient: &Tensor,
    moments: [&Tensor; 2],
    settings: AdamwStep,
) -> [f64; 2] {
    let mut norms = [0.0; 2];
    let [x, g] = [parameters, gradient].map(Tensor::as_ptr);
    let [first, second] = moments.map(Tensor::as_ptr);
    // SAFETY: as above; the norms have room for two.
    let ok = unsafe { isoflop_adamw(x, g, first, second, settings, norms.as_mut_ptr()) };
    assert!(ok, "{}", last_error());
    norms
}

fn pointer(tensor: Option<&Tensor>) -> *const C_tensor {
    tensor.map_or(ptr::null(), Tensor::as_ptr)
}

/// The tensors that `call` makes.
///
/// # Panics
/// With libtorch's message where it fails, as tch's own operations do.
fn made<const N: usize>(call: impl FnOnce(*mut *mut C_tensor) -> bool) -> [Tensor; N] {
    let mut out = [ptr::null_mut(); N];
    assert!(call(out.as_mut_ptr()), "{}", last_error());
    // SAFETY: the call succeeded, so each pointer is a new tensor that nobody else owns.
    out.map(|tensor| unsafe { Tensor::from_ptr(tensor) })
}

fn last_error() -> String {
    // SAFETY: a string of this thread, valid until its next failure.
    unsafe { CStr::from_ptr(isoflop_last_error()) }
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::without;
