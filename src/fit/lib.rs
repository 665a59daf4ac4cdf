//! Laws from runs: IsoFLOP profiles, compute-optimal frontiers, compute multipliers.
//!
//! Pure: takes observations and returns fits. It reads no files, no tables and no clock. The
//! bootstrap's randomness comes from a seed.
//!
//! Symbols: N parameters, D training tokens, C training FLOPs, L validation loss in
//! nats/token. Logarithms are natural.
//!
//! A usable but doubtful answer is a value with a status. A refusal means that there is no answer.

mod answer;
mod approach;
mod arm;
mod arm_estimate;
mod arm_surface;
pub mod asymptote;
mod budget_json;
mod by_key;
mod compare;
mod comparison;
mod convention;
#[cfg(test)]
mod coverage_tests;
pub mod data_constrained;
mod diagnosis;
mod direct;
mod envelope;
mod estimates;
pub mod findings;
mod fits;
mod frontier;
mod hyper;
mod interval;
mod irreducible;
mod law;
mod least_squares;
mod line;
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
mod warnings;

pub use answer::FitAnswer;
use answer::answer;
pub use approach::Approach;
pub use arm::ArmFit;
pub use arm_surface::{ArmSurface, SurfaceHoldout, SurfaceIntervals};
pub use comparison::{
    ApproachMultiplier, Comparison, ComparisonRefusal, Growth, Influence, MultiplierAlternative,
    MultiplierPoint, MultiplierStatus,
};
pub use diagnosis::{Diagnosis, Trend};
pub use direct::{ArmDifference, DirectArm, DirectComparison};
pub use estimates::fewer_replicates;
use estimates::{ArmEstimates, fit_arms};
pub use fits::{StudyFits, fit};
pub use frontier::{Frontier, FrontierRefusal, Holdout};
pub use hyper::{HyperLaw, HyperOptimum, HyperParameter, HyperPower};
pub use interval::Interval;
pub use irreducible::IrreducibleFit;
pub use law::PowerLaw;
pub use polynomial::{Parabola, ProfileForm, ProfileRefusal};
pub use predict::{
    ArmPredictions, Band, MeasuredRange, PredictedOptimum, PredictedRun, PredictionRequest, predict,
};
pub use profile::{OtherForm, Profile, Vertex, VertexStatus};
pub use settings::{CostAxis, FitSettings, ParameterCounting};
pub use study::{
    ExcludedRun, Observation, OptionalMeasurements, Study, Trajectory, TrajectoryPoint,
};
pub use suggest::{
    OfferedSize, SuggestRefusal, SuggestedRuns, Suggestion, SuggestionRequest, SweepForm,
    SweepSize, Target, suggest,
};
pub use tuning::{TriedFactor, TunedRate};
pub use warnings::FitWarning;
