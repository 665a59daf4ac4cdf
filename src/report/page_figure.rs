//! A figure as it stands on the page.

use super::Inputs;
use super::figure::Figure;

/// A figure of the page; `markdown.rs` lists them.
pub(super) struct PageFigure {
    /// Name of its files, without extension.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) caption: &'static str,
    /// None where it would be empty.
    pub(super) draw: fn(&Inputs<'_>) -> Option<Figure>,
}

impl PageFigure {
    /// Markdown of the figure with its caption, to which `more` is added; empty unless it was `drawn`.
    pub(super) fn shown(&self, drawn: &[&str], more: &str) -> String {
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
            "![{title}]({name}.png)\n\n*{title}. {caption}{more} As vectors: [{name}.svg]({name}.svg).*\n"
        )
    }
}
