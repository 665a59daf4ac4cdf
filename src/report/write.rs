//! Writing of a report.

use std::fs;
use std::path::{Path, PathBuf};

use super::markdown::{LAW_FIGURES, RUN_FIGURES, page};
use super::{ReportError, ReportInputs, files};
use isoflop_core::run::{remove_incomplete, unwritable, write_atomic};

/// Writes `report.md` and its figures, each as SVG and PNG, into `folder`, which is created if it
/// is missing. Returns the path of `report.md`.
///
/// A figure that would be empty is not written, and an older figure with its name is removed.
///
/// # Errors
/// [`ReportError`] if a file cannot be written or drawn.
pub fn write(folder: &Path, inputs: &ReportInputs<'_>) -> Result<PathBuf, ReportError> {
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    remove_incomplete(folder);
    let has_laws = !inputs.fits.only_direct();
    let laws = LAW_FIGURES.map(|figure| (figure, has_laws));
    let runs = RUN_FIGURES.map(|figure| (figure, true));
    let mut drawn = Vec::new();
    for (figure, wanted) in laws.into_iter().chain(runs) {
        match wanted.then(|| (figure.draw)(inputs)).flatten() {
            Some(image) => {
                files::save(folder, figure.name, &image)?;
                drawn.push(figure.name);
            }
            None => files::remove(folder, figure.name)?,
        }
    }
    let path = folder.join("report.md");
    write_atomic(&path, page(inputs, &drawn).as_bytes()).map_err(unwritable(&path))?;
    Ok(path)
}
