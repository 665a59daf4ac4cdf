//! `isoflop fit`

use std::path::Path;

use super::fit_args::FitArgs;
use super::sweep::recorded;
use super::{Exit, fit_args, fit_foreign, fit_tables, output};
use isoflop_app::{AppError, ErrorKind};
use isoflop_core::run::{SweepDir, write_json};
use isoflop_fit::{
    ArmFit, Cost, Count, Fits, Profile, ProfileRefusal, Settings, fewer_replicates, fit,
};
use isoflop_table::{Tables, collect};

pub(super) fn main(args: &FitArgs) -> Result<Exit, AppError> {
    if let Some(path) = fit_foreign::table(&args.study) {
        return fit_foreign::main(args, path);
    }
    let (dir, plan) = recorded(&args.study.sweep, &args.study.folders)?;
    let tables = collect(&dir, &plan);
    let baseline = args
        .baseline
        .clone()
        .unwrap_or_else(|| plan.baseline.clone());
    let arms: Vec<&str> = tables.runs.iter().map(|run| run.arm.as_str()).collect();
    known("sweep", &arms, &baseline)?;
    let fits = fitted(&dir, &tables, &fit_args::settings(args, &baseline))?;
    show(
        args,
        &fits,
        "finish more runs with `isoflop run`, or add sizes on both sides of the optimum",
    )
}

/// A baseline must be one of the arms.
pub(super) fn known(whose: &str, arms: &[&str], baseline: &str) -> Result<(), AppError> {
    if arms.contains(&baseline) {
        return Ok(());
    }
    let mut names: Vec<&str> = Vec::new();
    for arm in arms {
        if names.last() != Some(arm) {
            names.push(arm);
        }
    }
    let message = format!(
        "`{baseline}` is none of the {whose}'s architectures: `{}`",
        names.join("`, `")
    );
    Err(AppError::new(
        ErrorKind::Usage,
        message,
        "name one of them with `--baseline`",
    ))
}

/// Prints the fits, and writes them where that is asked for. Without any, `hint` says what would bring one.
pub(super) fn show(args: &FitArgs, fits: &Fits, hint: &str) -> Result<Exit, AppError> {
    if let Some(path) = &args.output {
        leave(path, fits, &args.study.sweep)?;
    }
    if fits.runs_used == 0 && fits.direct.is_empty() && !fits.excluded.is_empty() {
        return Err(none_known(fits));
    }
    if args.study.json {
        output::json(fits)?;
    } else {
        fit_tables::print(fits);
    }
    if let Some(fewer) = fewer_replicates(fits.settings.replicates, args.study.replicates) {
        output::remark(fewer);
    }
    if !fits.direct.is_empty() || fits.arms.iter().any(|arm| arm.frontier.is_ok()) {
        return Ok(Exit::Ok);
    }
    let reason = |arm: &ArmFit| Some(format!("  {}: {}", arm.arm, arm.frontier.as_ref().err()?));
    let reasons: Vec<String> = fits.arms.iter().filter_map(reason).collect();
    let reasons = if reasons.is_empty() {
        "  no run is finished".to_owned()
    } else {
        reasons.join("\n")
    };
    let hint = if are_enough(fits) {
        "look at the losses: at each budget the least should lie between the sizes, and fall with compute"
    } else {
        hint
    };
    Err(AppError::new(
        ErrorKind::FitImpossible,
        format!("no architecture has a frontier\n{reasons}"),
        hint,
    ))
}

/// Whether the runs would carry a frontier, if their losses did.
fn are_enough(fits: &Fits) -> bool {
    let is_full =
        |profile: &&Profile| !matches!(profile.vertex, Err(ProfileRefusal::TooFew { .. }));
    fits.arms
        .iter()
        .any(|arm| arm.profiles.iter().filter(is_full).count() >= 2)
}

/// Writes the fits to a file, which must not be what they were made of.
fn leave(path: &Path, fits: &Fits, input: &str) -> Result<(), AppError> {
    let real = |path: &Path| path.canonicalize().ok();
    if real(path).is_some_and(|path| Some(path) == real(Path::new(input))) {
        let message = format!(
            "`{}` is what the fits are made of, and would be overwritten",
            path.display()
        );
        return Err(AppError::new(
            ErrorKind::Usage,
            message,
            "name another file with `--output`",
        ));
    }
    output::file(path, fits).map_err(|e| {
        let message = format!("cannot write `{}`: {e}", path.display());
        AppError::new(
            ErrorKind::Usage,
            message,
            "name a file with `--output` that can be written",
        )
    })
}

/// Every run was left out.
fn none_known(fits: &Fits) -> AppError {
    fit_tables::left_out(fits);
    let hint = match (fits.settings.cost, fits.settings.count) {
        (Cost::DeviceSeconds, _) => {
            "leave `--cost` out, or name the table's column with `--map device_seconds=COLUMN`"
        }
        (_, Count::WithoutEmbedding) => {
            "leave `--count` out, or name the table's column with `--map params_without_embedding=COLUMN`"
        }
        _ => "`isoflop status` and `isoflop logs` say what became of them",
    };
    AppError::new(ErrorKind::FitImpossible, "no run can be used", hint)
}

/// Fits, and leaves `fit.json`.
pub(super) fn fitted(
    dir: &SweepDir,
    tables: &Tables,
    settings: &Settings,
) -> Result<Fits, AppError> {
    let fits = fit(&tables.study(), settings);
    write_json(&dir.fit(), &fits).map_err(|e| {
        AppError::new(
            ErrorKind::Bug,
            format!("cannot write `{}`: {e}", dir.fit().display()),
            "free space, then run `isoflop fit`: finished runs are kept",
        )
    })?;
    Ok(fits)
}
