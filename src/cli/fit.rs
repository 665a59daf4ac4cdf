//! `isoflop fit`

use super::fit_args::FitArgs;
use super::sweep::recorded;
use super::{Exit, Failed, fit_args, fit_foreign, fit_tables, output};
use crate::fit::{Fits, Settings, fit};
use crate::run::{SweepDir, write_json};
use crate::table::{Tables, collect};

pub(super) fn main(args: &FitArgs) -> Result<Exit, Failed> {
    if let Some(path) = fit_foreign::table(&args.study) {
        return fit_foreign::main(args, path);
    }
    let (dir, plan) = recorded(&args.study.sweep, &args.study.folders)?;
    let tables = collect(&dir, &plan);
    let baseline = args.baseline.clone().unwrap_or_else(|| plan.baseline.clone());
    let arms: Vec<&str> = tables.runs.iter().map(|run| run.arm.as_str()).collect();
    known("sweep", &arms, &baseline)?;
    let fits = fitted(&dir, &tables, &fit_args::settings(args, &baseline))?;
    show(args, &fits, "finish more runs with `isoflop run`, or add sizes on both sides of the optimum")
}

/// A baseline must be one of the arms.
pub(super) fn known(whose: &str, arms: &[&str], baseline: &str) -> Result<(), Failed> {
    if arms.contains(&baseline) {
        return Ok(());
    }
    let mut names: Vec<&str> = Vec::new();
    for arm in arms {
        if names.last() != Some(arm) {
            names.push(arm);
        }
    }
    let message = format!("`{baseline}` is none of the {whose}'s architectures: `{}`", names.join("`, `"));
    Err(Failed::new(Exit::Usage, message, "name one of them with `--baseline`"))
}

/// Prints the fits, and writes them where that is asked for. Without any, `hint` says what would bring one.
pub(super) fn show(args: &FitArgs, fits: &Fits, hint: &str) -> Result<Exit, Failed> {
    if let Some(path) = &args.output {
        write_json(path, fits).map_err(|e| {
            let message = format!("cannot write `{}`: {e}", path.display());
            Failed::new(Exit::Usage, message, "name a file with `--output` that can be written")
        })?;
    }
    if args.study.json {
        output::json(fits)?;
    } else {
        fit_tables::print(fits);
    }
    if fits.direct.is_empty() && fits.arms.iter().all(|arm| arm.frontier.is_err()) {
        let reasons: Vec<String> = fits
            .arms
            .iter()
            .filter_map(|arm| Some(format!("  {}: {}", arm.arm, arm.frontier.as_ref().err()?)))
            .collect();
        let reasons = if reasons.is_empty() { "  no run is finished".to_owned() } else { reasons.join("\n") };
        return Err(Failed::new(Exit::FitImpossible, format!("no architecture has a frontier\n{reasons}"), hint));
    }
    Ok(Exit::Ok)
}

/// Fits, and leaves `fit.json`.
pub(super) fn fitted(dir: &SweepDir, tables: &Tables, settings: &Settings) -> Result<Fits, Failed> {
    let fits = fit(&tables.study(), settings);
    write_json(&dir.fit(), &fits).map_err(|e| {
        Failed::new(
            Exit::Bug,
            format!("cannot write `{}`: {e}", dir.fit().display()),
            "free space, then run `isoflop fit`: finished runs are kept",
        )
    })?;
    Ok(fits)
}
