//! `isoflop fit`

use super::args::FitArgs;
use super::sweep::recorded;
use super::{Exit, Failed, output};
use crate::fit::{ArmFit, DirectArm, Fits, Interval, Profile, Settings, fit};
use crate::run::{SweepDir, write_json};
use crate::table::{Tables, collect};
use crate::units::si;

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
    let settings = Settings {
        replicates: args.replicates,
        seed: args.seed,
        extrapolate: args.extrapolate,
        ..Settings::new(&baseline)
    };
    let fits = fitted(&dir, &tables, &settings)?;
    if args.json {
        output::json(&fits)?;
    } else {
        print(&fits);
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

fn print(fits: &Fits) {
    if !fits.only_direct() {
        laws(fits);
    }
    conclusions(fits);
    tuning(fits);
    for (reason, runs) in fits.left_out() {
        if runs.len() > FEW {
            output::note(format!("left out of the fits: {} runs: {reason}", runs.len()));
        } else {
            runs.iter().for_each(|run| output::note(format!("left out: {run}: {reason}")));
        }
    }
}

/// What became of the `lr` axis.
fn tuning(fits: &Fits) {
    let edge = fits.tuned.iter().filter(|tuned| tuned.at_edge()).count();
    if edge > 0 {
        output::warning(format!(
            "{edge} of {} tuned learning rates lie at the edge of `lr`: widen the axis, or the comparison may be one of learning rates",
            fits.tuned.len()
        ));
    }
}

/// Runs that are left out for one reason: so many are named, more are counted.
const FEW: usize = 5;

/// What a study comes to: multipliers, and losses side by side where there is no profile.
pub(super) fn conclusions(fits: &Fits) {
    if !fits.only_direct() {
        fits.comparisons
            .iter()
            .for_each(|comparison| output::paragraph(&comparison.verdict(fits.settings.cost.unit())));
    }
    for direct in &fits.direct {
        output::paragraph(&format!(
            "losses in nats/token at {}, size {}: differences from {} with 95% intervals, paired by seed",
            direct.budget_words(),
            direct.size,
            direct.baseline
        ));
        let header = ["arm", "loss", "difference", "95% interval", "seeds"];
        output::line(output::table(&header, direct.arms.iter().map(direct_row).collect(), 1));
    }
    if fits.only_direct() {
        output::paragraph(
            "no compute multiplier: that takes at least 4 sizes at each of at least 2 budgets in FLOPs; \
             `sizes` and `budgets` of the sweep file give fewer",
        );
    }
}

fn direct_row(arm: &DirectArm) -> Vec<String> {
    let difference = arm.difference.as_ref();
    let interval = difference.and_then(|d| d.interval);
    vec![
        arm.arm.clone(),
        format!("{:.4}", arm.loss),
        difference.map_or_else(|| "-".to_owned(), |d| format!("{:+.4}", d.value)),
        interval.map_or_else(|| "-".to_owned(), |i| format!("{:+.4} to {:+.4}", i.low, i.high)),
        arm.runs.to_string(),
    ]
}

fn laws(fits: &Fits) {
    let profiles = || fits.arms.iter().flat_map(|arm| arm.profiles.iter().map(|profile| (arm.arm.as_str(), profile)));
    output::line("IsoFLOP profiles: the best size N* and its loss L* at each budget, with 95% intervals\n");
    let header = ["arm", "FLOPs", "N* (parameters)", "L* (nats/token)", "status"];
    output::line(output::table(&header, profiles().map(|(arm, profile)| profile_row(arm, profile)).collect(), 1));
    for (arm, profile) in profiles() {
        if let Err(reason) = &profile.vertex {
            output::line(format!("{arm} at {:.1e} FLOPs: {reason}", profile.budget));
        }
    }
    output::line("\nFrontiers: L* = a·C^-k, N* grows as C^p, with 95% intervals\n");
    let header = ["arm", "k", "p", "profiles", "holdout", "seed noise"];
    output::line(output::table(&header, fits.arms.iter().map(frontier_row).collect(), 1));
    output::line(String::new());
}

fn profile_row(arm: &str, profile: &Profile) -> Vec<String> {
    let mut row = vec![arm.to_owned(), format!("{:.1e}", profile.budget)];
    match &profile.vertex {
        Ok(vertex) => {
            row.push(with_interval(vertex.n_opt, vertex.n_opt_interval, si));
            row.push(with_interval(vertex.loss_opt, vertex.loss_opt_interval, |loss| format!("{loss:.3}")));
            row.push(vertex.status.name().to_owned());
        }
        Err(_) => row.extend(["-", "-", "refused"].map(str::to_owned)),
    }
    row
}

fn frontier_row(arm: &ArmFit) -> Vec<String> {
    let mut row = vec![arm.arm.clone()];
    match &arm.frontier {
        Ok(frontier) => {
            let all = frontier.profiles_used + frontier.profiles_left_out;
            let miss = frontier.holdout.map(|h| format!("{:+.1}%", 100.0 * (h.predicted / h.measured - 1.0)));
            row.push(with_interval(frontier.k, frontier.k_interval, |k| format!("{k:.3}")));
            row.push(with_interval(frontier.n_exponent, frontier.n_exponent_interval, |p| format!("{p:.2}")));
            row.push(format!("{} of {all}", frontier.profiles_used));
            row.push(miss.unwrap_or_else(|| "-".to_owned()));
        }
        Err(_) => row.extend(["-", "-", "none usable", "-"].map(str::to_owned)),
    }
    row.push(arm.seed_noise.map_or_else(|| "one seed".to_owned(), |sd| format!("{sd:.4}")));
    row
}

/// `12.1k [7.5k, 14.3k]`
fn with_interval(value: f64, interval: Option<Interval>, show: impl Fn(f64) -> String) -> String {
    match interval {
        Some(Interval { low, high }) => format!("{} [{}, {}]", show(value), show(low), show(high)),
        None => format!("{} [no interval]", show(value)),
    }
}
