//! A figure on the page, with its caption.

use super::ReportInputs;
use super::figure::Figure;

/// A figure of the page; `markdown.rs` lists them.
pub(super) struct PageFigure {
    /// Name of its files, without extension.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) caption: &'static str,
    /// Draws the figure; `None` if it would be empty.
    pub(super) draw: fn(&ReportInputs<'_>) -> Option<Figure>,
}

impl PageFigure {
    /// Returns the Markdown of the figure and its caption, to which `more` is appended; empty
    /// unless the figure was `drawn`.
    pub(super) fn markdown(&self, drawn: &[&str], more: &str) -> String {
        let Self {
            name,
            title,
            caption,
            ..
        } = self;
        if !drawn.contains(name) {
            return String::new();
        }
        format!(
            "![{title}]({name}.png)\n\n*{title}. {caption}{more} Vector graphics: [{name}.svg]({name}.svg).*\n"
        )
    }
}
