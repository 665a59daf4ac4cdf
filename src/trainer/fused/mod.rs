//! Fused CPU kernels: one pass over memory for operations that take libtorch several.
//!
//! The C++ files in this folder contain the loops (`kernels.cpp`, compiled once for each
//! instruction set) and make them functions that libtorch differentiates (`functions.cpp`). The
//! model also implements each of them by libtorch's operations, for other devices and for the tests
//! of the kernels.
#![expect(
    unsafe_code,
    reason = "calls into C++; the C++ code checks all operands and returns errors"
)]

use std::ffi::{CStr, c_char};
use std::ptr;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

/// Activations that have a kernel.
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
    /// Number of the step, from 1.
    pub(crate) step: i64,
    /// Number of parameters that decay, which are the first.
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

/// Reports whether the kernels support the device and format of a tensor.
pub(crate) fn supports(x: &Tensor) -> bool {
    #[cfg(test)]
    if tests::SWITCHED_OFF.get() {
        return false;
    }
    x.device() == Device::Cpu && matches!(x.kind(), Kind::Float | Kind::BFloat16)
}

/// Keeps freed memory in the process, because each step allocates what the last one freed.
pub(crate) fn keep_memory() {
    // SAFETY: the call sets options of the allocator; earlier allocations remain valid.
    unsafe { isoflop_keep_memory() }
}

/// Computes y\[t\] = Σ_k taps\[k\] ∘ x\[t-k\], plus x with a residual. Shapes: x `[B, T, C]`, taps
/// `[width, C]`.
pub(crate) fn convolve(x: &Tensor, taps: &Tensor, residual: bool) -> Tensor {
    // SAFETY: the pointers are to live tensors, and `out` has space for one.
    let [y] =
        create_tensors(|out| unsafe { isoflop_convolve(out, x.as_ptr(), taps.as_ptr(), residual) });
    y
}

/// Computes causal attention from rows of Q, K and V side by side, qkv `[B, T, (H + 2G)·h]`, with a
/// bias for each head and distance `[H, T]`. Returns `[B, T, H·h]`.
pub(crate) fn attend(
    qkv: &Tensor,
    bias: Option<&Tensor>,
    heads: i64,
    groups: i64,
    scale: f64,
) -> Tensor {
    let bias = pointer(bias);
    // SAFETY: as above; a missing bias is a null pointer, which the C++ code checks.
    let [mixed] = create_tensors(|out| unsafe {
        isoflop_attend(out, qkv.as_ptr(), bias, heads, groups, scale)
    });
    mixed
}

/// Computes act(x + bias) in place. The bias is as long as a row of x.
pub(crate) fn activate(x: Tensor, bias: Option<&Tensor>, activation: FusedActivation) -> Tensor {
    let bias = pointer(bias);
    // SAFETY: as above.
    let [y] =
        create_tensors(|out| unsafe { isoflop_activate(out, x.as_ptr(), bias, activation as i64) });
    y
}

/// Computes the mean cross entropy, and the objective that adds z·mean(log² Σ exp(logits)).
/// Overwrites the logits `[N, V]`.
pub(crate) fn cross_entropy(logits: Tensor, targets: &Tensor, z: f64) -> [Tensor; 2] {
    // SAFETY: as above, with space for two tensors.
    create_tensors(|out| unsafe {
        isoflop_cross_entropy(out, logits.as_ptr(), targets.as_ptr(), z)
    })
}

/// Makes one step of AdamW in place. Returns the norms of the gradient before clipping and of the
/// parameters' change.
pub(crate) fn adamw(
    parameters: &Tensor,
    gradient: &Tensor,
    moments: [&Tensor; 2],
    settings: AdamwStep,
) -> [f64; 2] {
    let mut norms = [0.0; 2];
    let [x, g] = [parameters, gradient].map(Tensor::as_ptr);
    let [first, second] = moments.map(Tensor::as_ptr);
    // SAFETY: as above; `norms` has space for two numbers.
    let ok = unsafe { isoflop_adamw(x, g, first, second, settings, norms.as_mut_ptr()) };
    assert!(ok, "{}", last_error());
    norms
}

fn pointer(tensor: Option<&Tensor>) -> *const C_tensor {
    tensor.map_or(ptr::null(), Tensor::as_ptr)
}

/// Returns the tensors that `call` creates.
///
/// # Panics
/// If the call fails, with libtorch's message, as tch's operations do.
fn create_tensors<const N: usize>(call: impl FnOnce(*mut *mut C_tensor) -> bool) -> [Tensor; N] {
    let mut out = [ptr::null_mut(); N];
    assert!(call(out.as_mut_ptr()), "{}", last_error());
    // SAFETY: the call succeeded, so each pointer is to a new tensor without another owner.
    out.map(|tensor| unsafe { Tensor::from_ptr(tensor) })
}

fn last_error() -> String {
    // SAFETY: the string belongs to this thread and is valid until its next failure.
    unsafe { CStr::from_ptr(isoflop_last_error()) }
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::without_kernels;
