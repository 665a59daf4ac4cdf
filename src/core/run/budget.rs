//! Budgets of runs.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::units::{NumberKey, si};

/// The budget that a sweep requests for a run. Budgets of one unit are ordered by value.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Budget {
    /// Training FLOPs: the runs of one value are an IsoFLOP profile.
    Flops(f64),
    /// Training tokens.
    Tokens(f64),
    /// Training tokens for each of `params_total`.
    TokensPerParam(f64),
}

impl Budget {
    /// Makes a budget from its kind and value in tables; `None` if the kind is unknown.
    pub fn from_kind(kind: &str, value: f64) -> Option<Self> {
        [Self::Flops, Self::Tokens, Self::TokensPerParam]
            .into_iter()
            .map(|of| of(value))
            .find(|budget| budget.kind() == kind)
    }

    /// The number, in the budget's unit.
    pub fn value(self) -> f64 {
        let (Self::Flops(value) | Self::Tokens(value) | Self::TokensPerParam(value)) = self;
        value
    }

    /// The unit, for display.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Flops(_) => "FLOPs",
            Self::Tokens(_) => "tokens",
            Self::TokensPerParam(_) => "tokens/param",
        }
    }

    /// The name of the unit in tables and in specs.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Flops(_) => "flops",
            Self::Tokens(_) => "tokens",
            Self::TokensPerParam(_) => "tokens_per_param",
        }
    }

    /// Reports whether runs of this budget form IsoFLOP profiles.
    pub fn is_flops(self) -> bool {
        matches!(self, Self::Flops(_))
    }

    /// Formats the number, FLOPs with `decimals` decimals: `2.00e16`, `1.50B`, `2.5`.
    pub fn number(self, decimals: usize) -> String {
        match self {
            Self::Flops(flops) => format!("{flops:.decimals$e}"),
            Self::Tokens(tokens) => si(tokens),
            Self::TokensPerParam(ratio) => ratio.to_string(),
        }
    }

    /// Formats the number with its unit: `2.00e16 FLOPs`.
    pub fn with_unit(self, decimals: usize) -> String {
        format!("{} {}", self.number(decimals), self.unit())
    }

    fn key(self) -> (&'static str, NumberKey) {
        (self.unit(), NumberKey(self.value()))
    }
}

impl Display for Budget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&self.with_unit(2))
    }
}

impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Budget {}

impl PartialOrd for Budget {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Budget {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Budget {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_with_its_unit() {
        let budgets = [
            Budget::Flops(2e16),
            Budget::Tokens(1.5e9),
            Budget::TokensPerParam(2.5),
        ];
        assert_eq!(
            budgets.map(|budget| budget.to_string()),
            ["2.00e16 FLOPs", "1.50B tokens", "2.5 tokens/param"]
        );
        assert_eq!(budgets[0].with_unit(1), "2.0e16 FLOPs");
        for budget in budgets {
            assert_eq!(
                Budget::from_kind(budget.kind(), budget.value()),
                Some(budget)
            );
        }
        assert_eq!(Budget::from_kind("seconds", 1.0), None);
    }

    #[test]
    fn budgets_are_in_the_order_of_their_values() {
        assert!(Budget::Flops(9e9) < Budget::Flops(1e10));
        assert_ne!(Budget::Flops(1e9), Budget::Tokens(1e9));
    }
}
