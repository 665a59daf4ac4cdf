//! What a reader gets: a Markdown page with figures. A function of the table and the fits; it starts nothing.
//!
//! ```text
//! Inputs -> Figure (a value) -> SVG, PNG
//!        -> report.md
//! ```
//!
//! The only home of plotters.

mod axis;
mod canvas;
mod clip;
mod cost;
mod curves;
mod direct;
mod error;
mod figure;
mod files;
mod frontier;
mod inputs;
mod learning_rate;
mod markdown;
mod marks;
mod multiplier;
mod optima;
mod page_figure;
mod palette;
mod predicted;
mod profiles;
mod provenance;
mod render;
mod residuals;
mod seconds;
mod soundness;
mod surfaces;
mod tables;
mod words;
mod write;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use error::ReportError;
pub use inputs::Inputs;
pub use write::write;
