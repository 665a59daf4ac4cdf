//! Writes a report.

use std::fs;
use std::path::{Path, PathBuf};

use super::markdown::{OF_LAWS, OF_RUNS, page};
use super::{Inputs, ReportError, files};
use isoflop_core::run::{remove_unfinished, unwritable, write_whole};

/// Writes `report.md` and its figures, each as SVG and PNG, into `folder`, which is made where it is missing.
/// The path of `report.md` is returned.
///
/// A figure that would be empty is not written, and an older one of its name is removed.
///
/// # Errors
/// [`ReportError`] when a file cannot be written or drawn.
pub fn write(folder: &Path, inputs: &Inputs<'_>) -> Result<PathBuf, ReportError> {
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    remove_unfinished(folder);
    let has_laws = !inputs.fits.only_direct();
    let laws = OF_LAWS.map(|figure| (figure, has_laws));
    let runs = OF_RUNS.map(|figure| (figure, true));
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
    write_whole(&path, page(inputs, &drawn).as_bytes()).map_err(unwritable(&path))?;
    Ok(path)
}
