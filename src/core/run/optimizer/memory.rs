//! Memory that an optimizer holds.

/// Numbers that an optimizer holds, of 4 bytes each, an estimate: what the trainer's code keeps, term by term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerMemory {
    /// Its state, from step to step.
    pub state: f64,
    /// Most beside the state, the parameters and their gradient, while the gradient becomes an update.
    pub update: f64,
}

/// The clipped gradient and the update, beside the room that the gradients of the tensors leave: no vector fits between
/// them.
pub(super) fn vectors(all: f64) -> f64 {
    3.0 * all
}
