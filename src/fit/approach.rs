//! Approaches: the ways from runs to a frontier.

use schemars::JsonSchema;
use serde::Serialize;

/// Approach from runs to L*(C), after the three of Hoffmann et al. (arXiv:2203.15556, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approach {
    /// Approach 2: the vertex of a parabola at each budget, and a power law through the vertices.
    Profiles,
    /// Approach 2 with a cubic at each budget.
    ProfilesCubic,
    /// Approach 2 with a parabola through only the sizes near the optimum.
    ProfilesWindowed,
    /// Approach 3: L(N, D) = E + A·N^-α + B·D^-β through all runs, and the best N for each C.
    Surface,
    /// Approach 1: the lower envelope of all training curves, and a power law through it.
    Envelope,
}

impl Approach {
    /// All approaches, in the order in which a comparison tries them.
    pub const ALL: [Self; 5] = [
        Self::Profiles,
        Self::Surface,
        Self::ProfilesCubic,
        Self::ProfilesWindowed,
        Self::Envelope,
    ];

    /// Returns the name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::ProfilesCubic => "profiles-cubic",
            Self::ProfilesWindowed => "profiles-windowed",
            Self::Surface => "surface",
            Self::Envelope => "envelope",
        }
    }
}
