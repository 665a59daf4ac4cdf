//! What is told of a table.

/// A sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What was assumed.
    Remark(String),
    /// What looks wrong.
    Warning(String),
}

impl Note {
    pub(super) fn text(&self) -> &str {
        let (Self::Remark(text) | Self::Warning(text)) = self;
        text
    }
}
