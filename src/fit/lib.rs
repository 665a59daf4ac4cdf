//! Laws from runs: IsoFLOP profiles, compute-optimal frontiers, compute multipliers.
//!
//! Pure: observations in, fits out. It knows no files, no tables and no clock; the
//! bootstrap's randomness comes from a seed.
//!
//! Symbols: N parameters, D training tokens, C training FLOPs, L validation loss in
//! nats/token. Logarithms are natural.
//!
//! A usable but doubtful answer is a value with a status; a refusal means there is no answer.

mod answer;
mod approach;
mod arm;
mod arm_surface;
pub mod asymptote;
mod budget_json;
mod by_key;
mod carried;
mod compare;
mod comparison;
mod convention;
#[cfg(test)]
mod coverage_tests;
pub mod data_constrained;
mod diagnosis;
mod direct;
mod doubt;
mod envelope;
pub mod findings;
mod fits;
mod frontier;
mod hyper;
mod interval;
mod irreducible;
mod law;
mod least_squares;
mod line;
mod made;
mod method;
mod minimize;
mod multiplier;
mod nonnegative;
mod numbers;
pub mod over_training;
mod path;
mod per_token;
mod polynomial;
mod predict;
#[cfg(test)]
mod predict_tests;
mod profile;
mod resample;
mod scalar;
mod sensitivity;
mod settings;
mod study;
mod suggest;
pub mod surface;
#[cfg(test)]
mod tests;
mod tuning;

pub use answer::Answer;
use answer::answer;
pub use approach::Approach;
pub use arm::ArmFit;
pub use arm_surface::{ArmSurface, SurfaceHoldout, SurfaceIntervals};
pub use carried::fewer_replicates;
use carried::{Carried, fit_arms};
pub use comparison::{
    Alternative, ByApproach, Comparison, ComparisonRefusal, Growth, Influence, MultiplierPoint,
    MultiplierStatus,
};
pub use diagnosis::{Diagnosis, Trend};
pub use direct::{Difference, DirectArm, DirectComparison};
pub use doubt::Doubt;
pub use fits::{Fits, fit};
pub use frontier::{Frontier, FrontierRefusal, Holdout};
pub use hyper::{Hyper, HyperLaw, HyperOptimum, HyperPower};
pub use interval::Interval;
pub use irreducible::Irreducible;
pub use law::PowerLaw;
pub use polynomial::{Form, Parabola, ProfileRefusal};
pub use predict::{Asked, Band, Extent, Predicted, PredictedRun, Predictions, predict};
pub use profile::{OtherForm, Profile, Vertex, VertexStatus};
pub use settings::{Cost, Count, Settings};
pub use study::{Excluded, Further, Observation, Reached, Study, Trajectory};
pub use suggest::{
    OfferedSize, Place, SuggestRefusal, Suggestion, SweepForm, SweepSize, Target, Wanted, suggest,
};
pub use tuning::{Tried, Tuned};
