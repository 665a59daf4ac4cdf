//! The declaration of a metric.

/// A quantity that runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name, as columns and JSON have it.
    pub name: &'static str,
    /// Name in words.
    pub label: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Description, as a sentence.
    pub description: &'static str,
    /// Direction of improvement.
    pub direction: Direction,
    /// How single values make one.
    pub aggregation: Aggregation,
    /// Its part in a law; none where no law is fitted to it.
    pub fitted_as: Option<FittedAs>,
}

/// Direction of improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Lower is better.
    Lower,
    /// Higher is better.
    Higher,
}

/// How single values make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Mean over the tokens that are predicted.
    MeanOverTokens,
    /// Sum over the text, divided by its bytes.
    MeanOverBytes,
    /// Mean over items, such as questions or documents.
    MeanOverItems,
    /// Sum over steps and devices.
    Sum,
}

/// The part of a metric in a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FittedAs {
    /// L, which a law predicts.
    Loss,
    /// C, which a law is a function of.
    Cost,
}

impl Metric {
    /// The label with the unit, as axes and headers have it: `validation loss, nats/token`.
    pub fn title(&self) -> String {
        self.titled(self.label)
    }

    /// Another quantity of the same unit: `L*, nats/token`.
    pub fn titled(&self, label: &str) -> String {
        format!("{label}, {}", self.unit)
    }
}

impl Direction {
    /// The better values, in a word.
    pub fn better(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

impl Aggregation {
    /// The same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::MeanOverTokens => "mean over tokens",
            Self::MeanOverBytes => "mean over bytes of text",
            Self::MeanOverItems => "mean over items",
            Self::Sum => "sum over steps and devices",
        }
    }
}

impl FittedAs {
    /// The same in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Cost => "cost",
        }
    }
}
