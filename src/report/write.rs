//! Writes a report.

use std::fs;
use std::path::{Path, PathBuf};

use super::figure::Figure;
use super::{
    Inputs, ReportError, curves, direct, files, frontier, learning_rate, markdown, multiplier,
    optima, predicted, profiles, residuals, seconds,
};
use isoflop_core::run::{remove_unfinished, write_whole};

/// The figure of some inputs; none where it would be empty.
type Draw = fn(&Inputs<'_>) -> Option<Figure>;

/// Figures that show laws: there is none without a profile.
const OF_LAWS: [(&str, Draw); 5] = [
    ("frontier", frontier::figure),
    ("profiles", profiles::figure),
    ("optima", optima::figure),
    ("predicted", predicted::figure),
    ("residuals", residuals::figure),
];

/// The other figures.
const OF_RUNS: [(&str, Draw); 5] = [
    ("multiplier", multiplier::figure),
    ("direct", direct::figure),
    ("seconds", seconds::figure),
    ("curves", curves::figure),
    ("learning_rate", learning_rate::figure),
];

/// Writes `report.md` and its figures, each as SVG and PNG, into `folder`, which is made where it is missing.
/// The path of `report.md` is returned.
///
/// A figure that would be empty is not written, and an older one of its name is removed.
///
/// # Errors
/// [`ReportError`] when a file cannot be written or drawn.
pub fn write(folder: &Path, inputs: &Inputs<'_>) -> Result<PathBuf, ReportError> {
    fs::create_dir_all(folder).map_err(ReportError::unwritable(folder))?;
    remove_unfinished(folder);
    let has_laws = !inputs.fits.only_direct();
    let laws = OF_LAWS.map(|(name, draw)| (name, has_laws.then(|| draw(inputs)).flatten()));
    let runs = OF_RUNS.map(|(name, draw)| (name, draw(inputs)));
    let mut drawn = Vec::new();
    for (name, figure) in laws.into_iter().chain(runs) {
        match figure {
            Some(figure) => {
                files::save(folder, name, &figure)?;
                drawn.push(name);
            }
            None => files::remove(folder, name)?,
        }
    }
    let path = folder.join("report.md");
    write_whole(&path, markdown::page(inputs, &drawn).as_bytes())
        .map_err(ReportError::unwritable(&path))?;
    Ok(path)
}
