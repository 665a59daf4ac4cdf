//! Notes on a table.

/// A note for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableNote {
    /// An assumption.
    Remark(String),
    /// A value that looks wrong.
    Warning(String),
}

impl TableNote {
    pub(super) fn text(&self) -> &str {
        let (Self::Remark(text) | Self::Warning(text)) = self;
        text
    }
}
