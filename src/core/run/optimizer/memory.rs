//! Memory of an optimizer.

/// Estimated memory of an optimizer, in numbers of 4 bytes. The estimate adds up, term by term,
/// what the trainer's code keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerMemory {
    /// State that is kept between steps.
    pub state: f64,
    /// Peak, in addition to the state, the parameters and their gradient, while the update is
    /// computed.
    pub update: f64,
}

/// Memory of the clipped gradient and the update, plus the memory that the tensors' gradients free:
/// its gaps are too small for a vector.
pub(super) fn vectors(all: f64) -> f64 {
    3.0 * all
}
