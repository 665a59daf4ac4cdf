//! `isoflop fit`

use std::path::Path;

use super::fit_args::{self, FitArgs};
use super::terminal::Terminal;
use super::{ExitReason, fit_tables, output};
use isoflop_app::{AppError, fit, fit_refusal, study};
use isoflop_core::run::unwritable;
use isoflop_fit::{StudyFits, fewer_replicates};

pub(super) fn main(args: &FitArgs) -> Result<ExitReason, AppError> {
    let studied = study(&args.study.source(), &mut Terminal::new())?;
    let baseline = args.baseline.as_ref().unwrap_or(&studied.baseline);
    let fits = fit(&studied, &fit_args::settings(args, baseline))?;
    if let Some(path) = &args.output {
        write_fits(path, &fits, &args.study.sweep)?;
    }
    if fits.is_empty() {
        fit_tables::left_out(&fits);
    } else {
        if args.study.json {
            output::json(&fits)?;
        } else {
            fit_tables::print(&fits);
        }
        if let Some(fewer) = fewer_replicates(fits.settings.replicates, args.study.replicates) {
            output::remark(fewer);
        }
    }
    fit_refusal(&studied, &fits).map_or(Ok(ExitReason::Ok), Err)
}

/// Writes the fits to a file, which must not be the input of the fits.
fn write_fits(path: &Path, fits: &StudyFits, input: &str) -> Result<(), AppError> {
    let real = |path: &Path| path.canonicalize().ok();
    if real(path).is_some_and(|path| Some(path) == real(Path::new(input))) {
        let path = path.display();
        let message = format!("`--output` would overwrite `{path}`, the input of the fits");
        let hint = "name another file with `--output`";
        return Err(AppError::usage(message, hint));
    }
    let hint = "name a writable file with `--output`";
    let written = output::file(path, fits).map_err(unwritable(path));
    written.map_err(|error| AppError::usage(error, hint))
}
