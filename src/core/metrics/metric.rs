//! Declaration of a metric.

/// A quantity that runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name in columns and JSON.
    pub name: &'static str,
    /// Name for axes and headers.
    pub label: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Description, as a sentence.
    pub description: &'static str,
    /// Direction of improvement.
    pub direction: Direction,
    /// Aggregation of single values into one.
    pub aggregation: Aggregation,
    /// Role in a law; `None` if no law is fitted to it.
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

/// Aggregation of single values into one.
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

/// Role of a metric in a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FittedAs {
    /// L, the value that a law predicts.
    Loss,
    /// C, the variable that a law is a function of.
    Cost,
}

impl Metric {
    /// The label with the unit, for axes and headers: `validation loss, nats/token`.
    pub fn title(&self) -> String {
        self.title_for(self.label)
    }

    /// The label of another quantity, with this metric's unit: `L*, nats/token`.
    pub fn title_for(&self, label: &str) -> String {
        format!("{label}, {}", self.unit)
    }
}

impl Direction {
    /// Name of the direction, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

impl Aggregation {
    /// Name of the aggregation, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanOverTokens => "mean over tokens",
            Self::MeanOverBytes => "mean over bytes of text",
            Self::MeanOverItems => "mean over items",
            Self::Sum => "sum over steps and devices",
        }
    }
}

impl FittedAs {
    /// Name of the role, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Cost => "cost",
        }
    }
}
