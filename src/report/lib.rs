//! Reports: a Markdown page with figures, a function of the table and the fits.
//!
//! ```text
//! ReportInputs -> Figure (a value) -> SVG, PNG
//!              -> report.md
//! ```
//!
//! The only crate that uses plotters.

mod axis;
mod canvas;
mod clip;
mod cost;
mod curves;
mod direct;
mod error;
mod figure;
mod files;
mod format;
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
mod sensitivity;
mod surfaces;
mod tables;
mod write;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use error::ReportError;
pub use inputs::ReportInputs;
pub use write::write;
