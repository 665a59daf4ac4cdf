//! Learning rate and batch across sizes and budgets: fixed, or by a named rule with its reference.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::error::ValueError;
use super::train::{BatchEntry, BatchRuleEntry, LearningRateEntry, PowerLawEntry};
use super::{FiniteNumber, LocatedValue};
use isoflop_core::arch::Shape;

/// Quantities that rules depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleScale {
    /// N, `params_without_embedding`.
    pub(super) params: f64,
    /// D, training tokens.
    pub(super) tokens: f64,
    /// C, training FLOPs.
    pub(super) flops: f64,
}

/// coefficient·N^params·D^tokens·C^flops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PowerLaw {
    coefficient: f64,
    params: f64,
    tokens: f64,
    flops: f64,
}

/// Predictable Scale, Part I (arXiv:2503.04715): N without the vocabulary, D in tokens.
const STEP_LAW_RATE: PowerLaw = PowerLaw {
    coefficient: 1.79,
    params: -0.713,
    tokens: 0.307,
    flops: 0.0,
};
const STEP_LAW_BATCH: PowerLaw = PowerLaw {
    coefficient: 0.58,
    params: 0.0,
    tokens: 0.571,
    flops: 0.0,
};
/// DeepSeek LLM (arXiv:2401.02954, eq. 1), whose C counts FLOPs without the embedding.
const DEEPSEEK_RATE: PowerLaw = PowerLaw {
    coefficient: 0.3118,
    params: 0.0,
    tokens: 0.0,
    flops: -0.125,
};
const DEEPSEEK_BATCH: PowerLaw = PowerLaw {
    coefficient: 0.292,
    params: 0.0,
    tokens: 0.0,
    flops: 0.3271,
};
/// arXiv:2109.08668 with Adafactor: 1/sqrt(10,000).
const PRIMER_RATE: f64 = 0.01;

impl PowerLaw {
    fn checked(entry: &PowerLawEntry) -> Result<Self, ValueError> {
        Ok(Self {
            coefficient: entry
                .coefficient
                .within("`coefficient`", f64::MIN_POSITIVE..=1e12)?,
            params: entry.params.within("the exponent `params`", -4.0..=4.0)?,
            tokens: entry.tokens.within("the exponent `tokens`", -4.0..=4.0)?,
            flops: entry.flops.within("the exponent `flops`", -4.0..=4.0)?,
        })
    }

    fn at(self, scale: RuleScale) -> f64 {
        let (n, d, c) = (scale.params, scale.tokens, scale.flops);
        self.coefficient * n.powf(self.params) * d.powf(self.tokens) * c.powf(self.flops)
    }
}

/// Significant digits of a power law's result. The last bits of a power differ between machines,
/// and identities must not.
const DIGITS: i32 = 4;

fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS as usize - 1)
        .parse()
        .unwrap_or(value)
}

/// A checked rule for the peak learning rate.
#[derive(Clone, Debug)]
pub(super) enum LearningRateRule {
    Fixed(f64),
    Table(BTreeMap<String, f64>),
    InverseSqrtWidth { base: f64, at: f64 },
    Law(PowerLaw),
}

impl LearningRateRule {
    /// Checks a rule. A table must name each of `sizes`.
    pub(super) fn checked(
        entry: &LocatedValue<LearningRateEntry>,
        sizes: &[Shape],
    ) -> Result<Self, ValueError> {
        Ok(match &entry.value {
            LearningRateEntry::Fixed(value) => {
                Self::Fixed(value.within("the learning rate", RATES)?)
            }
            LearningRateEntry::Table(table) => Self::Table(checked_table(entry, table, sizes)?),
            LearningRateEntry::InverseSqrtWidth { base, at } => Self::InverseSqrtWidth {
                base: base.within("the learning rate `base`", RATES)?,
                at: at.within("the width `at`", 1.0..=65_536.0)?,
            },
            LearningRateEntry::PowerLaw(law) => Self::Law(PowerLaw::checked(law)?),
            LearningRateEntry::StepLaw => Self::Law(STEP_LAW_RATE),
            LearningRateEntry::Deepseek => Self::Law(DEEPSEEK_RATE),
            LearningRateEntry::Primer => Self::Fixed(PRIMER_RATE),
        })
    }

    /// The peak learning rate for a model and a budget, not yet checked against [`RATES`].
    pub(super) fn at(&self, shape: &Shape, scale: RuleScale) -> f64 {
        match self {
            Self::Fixed(rate) => *rate,
            // `checked_table` requires every size.
            Self::Table(table) => table.get(&shape.label()).copied().unwrap_or(f64::NAN),
            Self::InverseSqrtWidth { base, at } => base * (at / f64::from(shape.d_model)).sqrt(),
            Self::Law(law) => rounded(law.at(scale)),
        }
    }
}

/// Allowed learning rates.
pub(super) const RATES: RangeInclusive<f64> = f64::MIN_POSITIVE..=10.0;

fn checked_table(
    entry: &LocatedValue<LearningRateEntry>,
    table: &BTreeMap<String, LocatedValue<FiniteNumber>>,
    sizes: &[Shape],
) -> Result<BTreeMap<String, f64>, ValueError> {
    if let Some(missing) = sizes
        .iter()
        .map(|size| size.label())
        .find(|size| !table.contains_key(size))
    {
        let message = format!(
            "missing size `{missing}` in `table`, which needs a learning rate for every size"
        );
        return Err(entry.error(message, format!("add `{missing}: RATE` to `table`")));
    }
    let rate = |(size, rate): (&String, &LocatedValue<FiniteNumber>)| {
        Ok((
            size.clone(),
            rate.within(&format!("the learning rate of `{size}`"), RATES)?,
        ))
    };
    table.iter().map(rate).collect()
}

/// A checked rule for the tokens in a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum BatchRule {
    Sequences(u32),
    Law(PowerLaw),
}

/// Largest number of tokens in a step.
const MAX_TOKENS: u64 = 1 << 30;

impl BatchRule {
    pub(super) fn checked(
        entry: &LocatedValue<BatchEntry>,
        sequence_length: u64,
    ) -> Result<Self, ValueError> {
        match &entry.value {
            BatchEntry::Tokens(count) => {
                let tokens = entry
                    .with(*count)
                    .within("`batch_tokens`", sequence_length..=MAX_TOKENS)?;
                if tokens % sequence_length == 0 {
                    return Ok(Self::Sequences((tokens / sequence_length) as u32));
                }
                let message = format!(
                    "`batch_tokens` {tokens} is not a multiple of `sequence_length` {sequence_length}"
                );
                let down = tokens / sequence_length * sequence_length;
                Err(entry.error(message, format!("use {down} or {}", down + sequence_length)))
            }
            BatchEntry::Rule(BatchRuleEntry::PowerLaw(law)) => {
                PowerLaw::checked(law).map(Self::Law)
            }
            BatchEntry::Rule(BatchRuleEntry::StepLaw) => Ok(Self::Law(STEP_LAW_BATCH)),
            BatchEntry::Rule(BatchRuleEntry::Deepseek) => Ok(Self::Law(DEEPSEEK_BATCH)),
        }
    }

    /// Sequences in a step: the result of the rule, rounded to whole sequences, at least one.
    pub(super) fn sequences(self, scale: RuleScale, sequence_length: u32) -> u32 {
        match self {
            Self::Sequences(count) => count,
            Self::Law(law) => {
                let tokens = rounded(law.at(scale)).min(MAX_TOKENS as f64);
                (tokens / f64::from(sequence_length)).round().max(1.0) as u32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!(
            (value / expected - 1.0).abs() < 1e-3,
            "{value} against {expected}"
        );
    }

    /// The expected values were computed separately from the papers' formulas.
    #[test]
    fn named_rules_give_the_papers_values() {
        let scale = RuleScale {
            params: 1e8,
            tokens: 1e10,
            flops: 6e18,
        };
        close(STEP_LAW_RATE.at(scale), 4.1577e-3);
        close(STEP_LAW_BATCH.at(scale), 297_460.0);
        close(DEEPSEEK_RATE.at(scale), 1.401e-3);
        close(DEEPSEEK_BATCH.at(scale), 405_244.0);
    }

    #[test]
    fn what_a_law_gives_is_rounded() {
        assert_eq!(rounded(0.004_164_789_1), 0.004165);
        assert_eq!(rounded(297_461.3), 297_500.0);
        let scale = RuleScale {
            params: 1e4,
            tokens: 1e5,
            flops: 1e10,
        };
        assert_eq!(BatchRule::Law(STEP_LAW_BATCH).sequences(scale, 128), 3);
        assert_eq!(BatchRule::Law(STEP_LAW_BATCH).sequences(scale, 4096), 1);
    }
}
