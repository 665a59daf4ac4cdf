//! `isoflop fit`

use super::args::FitArgs;
use super::sweep::recorded;
use super::{Exit, Failed, fit_args, fit_tables, output};
use crate::fit::{Fits, Settings, fit};
use crate::run::{SweepDir, write_json};
use crate::table::{Tables, collect};

pub(super) fn main(args: &FitArgs) -> Result<Exit, Failed> {
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let tables = collect(&dir, &plan);
    let baseline = args.baseline.clone().unwrap_or_else(|| plan.baseline.clone());
    let arms: Vec<&str> = tables.runs.iter().map(|run| run.arm.as_str()).collect();
    if !arms.contains(&baseline.as_str()) {
        let mut names = arms.clone();
        names.dedup();
        let message = format!("`{baseline}` is none of the sweep's architectures: `{}`", names.join("`, `"));
        return Err(Failed::new(Exit::Usage, message, "name one of them with `--baseline`"));
    }
    let settings = fit_args::settings(args, baseline);
    let fits = fitted(&dir, &tables, &settings)?;
    if args.json {
        output::json(&fits)?;
    } else {
        fit_tables::print(&fits);
    }
    if fits.direct.is_empty() && fits.arms.iter().all(|arm| arm.frontier.is_err()) {
        let reasons: Vec<String> = fits
            .arms
            .iter()
            .filter_map(|arm| Some(format!("  {}: {}", arm.arm, arm.frontier.as_ref().err()?)))
            .collect();
        let message = format!(
            "no architecture has a frontier\n{}",
            if reasons.is_empty() { "  no run is finished".to_owned() } else { reasons.join("\n") }
        );
        return Err(Failed::new(
            Exit::FitImpossible,
            message,
            "finish more runs with `isoflop run`, or add sizes on both sides of the optimum",
        ));
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
