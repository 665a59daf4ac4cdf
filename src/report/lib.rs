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
mod figure;
mod files;
mod frontier;
mod learning_rate;
mod markdown;
mod marks;
mod multiplier;
mod optima;
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

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use isoflop_core::run::{remove_unfinished, write_whole};
use isoflop_fit::Fits;
use isoflop_table::{CurveRow, RunRow};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Name of the sweep.
    pub sweep: &'a str,
    /// The fits of its runs.
    pub fits: &'a Fits,
    /// Its runs.
    pub runs: &'a [RunRow],
    /// Their training curves.
    pub curves: &'a [CurveRow],
    /// The command that makes the report again.
    pub command: &'a str,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The disk refuses.
    #[error("cannot write `{}`: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The drawing library refuses.
    #[error("cannot draw `{}`: {reason}", path.display())]
    NotDrawn {
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
}

/// Writes `report.md` and its figures, each as SVG and PNG, into `folder`, which is made where it is missing.
/// The path of `report.md` is returned.
///
/// A figure that would be empty is not written, and an older one of its name is removed.
///
/// # Errors
/// [`ReportError`] when a file cannot be written or drawn.
pub fn write(folder: &Path, inputs: &Inputs<'_>) -> Result<PathBuf, ReportError> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Unwritable { path, source }
    };
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    remove_unfinished(folder);
    // Without a profile there is no law to draw.
    let laws = !inputs.fits.only_direct();
    let figures = [
        ("frontier", laws.then(|| frontier::figure(inputs)).flatten()),
        ("profiles", laws.then(|| profiles::figure(inputs)).flatten()),
        ("optima", laws.then(|| optima::figure(inputs)).flatten()),
        ("multiplier", multiplier::figure(inputs)),
        (
            "predicted",
            laws.then(|| predicted::figure(inputs)).flatten(),
        ),
        (
            "residuals",
            laws.then(|| residuals::figure(inputs)).flatten(),
        ),
        ("direct", direct::figure(inputs)),
        ("seconds", seconds::figure(inputs)),
        ("curves", curves::figure(inputs)),
        ("learning_rate", learning_rate::figure(inputs)),
    ];
    let mut drawn = Vec::new();
    for (name, figure) in figures {
        match figure {
            Some(figure) => {
                files::save(folder, &figure)?;
                drawn.push(name);
            }
            None => files::remove(folder, name)?,
        }
    }
    let path = folder.join("report.md");
    write_whole(&path, markdown::page(inputs, &drawn).as_bytes()).map_err(unwritable(&path))?;
    Ok(path)
}
