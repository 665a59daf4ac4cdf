//! The fits as tables and sentences in the terminal.

use super::output;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::si;
use isoflop_fit::{
    Approach, ArmFit, ArmSurface, ByApproach, Comparison, DirectArm, Doubt, Fits, Hyper,
    HyperPower, Influence, Interval, MultiplierStatus, Profile, ProfileRefusal,
};

pub(super) fn print(fits: &Fits) {
    if !fits.only_direct() {
        laws(fits);
    }
    conclusions(fits);
    fits.comparisons
        .iter()
        .for_each(|comparison| soundness(comparison, fits));
    doubts(fits);
    other_laws(fits);
    tuning(fits);
    left_out(fits);
}

/// The runs that are not used, each with its reason; as a number where they are many.
pub(super) fn left_out(fits: &Fits) {
    for (reason, runs) in fits.left_out() {
        if runs.len() > FEW {
            output::note(format!(
                "left out of the fits: {} runs: {reason}",
                runs.len()
            ));
        } else {
            runs.iter()
                .for_each(|run| output::note(format!("left out: {run}: {reason}")));
        }
    }
}

/// Laws of the learning rate and the batch, and of repeated text: a sentence each.
fn other_laws(fits: &Fits) {
    for law in &fits.hyper {
        let (name, unit) = match law.of {
            Hyper::LearningRate => ("learning rate", ""),
            Hyper::BatchTokens => ("batch", " tokens a step"),
        };
        let edges = law.optima.iter().filter(|optimum| optimum.at_edge).count();
        let all = law.optima.len();
        let power = law.law.as_ref().map_or_else(
            || "no law: that takes three computes with their best within what was tried".to_owned(),
            |power| {
                let interval = power
                    .exponent_interval
                    .map_or((f64::NAN, f64::NAN), |i| (i.low, i.high));
                let HyperPower {
                    factor, exponent, ..
                } = power;
                format!(
                    "{factor:.3e}{unit}·C^{exponent:.3} (95% {:.3} to {:.3})",
                    interval.0, interval.1
                )
            },
        );
        output::paragraph(&format!(
            "best {name} of {}: {power}; {edges} of {all} optima at the edge of what was tried",
            law.arm
        ));
    }
    for arm in &fits.arms {
        if let Some(data) = &arm.data_constrained {
            output::paragraph(&format!(
                "repeated text of {}: estimates R*_D = {:.1} repetitions, R*_N = {:.1}, without intervals",
                arm.arm, data.r_star_d, data.r_star_n
            ));
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
            .for_each(|comparison| output::paragraph(&comparison.verdict(fits.settings.cost)));
    }
    for direct in &fits.direct {
        output::paragraph(&format!(
            "losses in {} at {}, size {}: differences from {} with 95% intervals, paired by seed",
            LOSS_VAL.unit,
            direct.budget_words(),
            direct.size,
            direct.baseline
        ));
        let header = ["arm", "loss", "difference", "95% interval", "seeds"];
        output::line(output::table(
            &header,
            direct.arms.iter().map(direct_row).collect(),
            1,
        ));
    }
    if fits.only_direct() {
        output::paragraph(
            "no compute multiplier: that takes at least 4 sizes at each of at least 2 budgets in FLOPs; \
             these runs have fewer",
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
        interval.map_or_else(
            || "-".to_owned(),
            |i| format!("{:+.4} to {:+.4}", i.low, i.high),
        ),
        arm.runs.to_string(),
    ]
}

fn laws(fits: &Fits) {
    profiles(fits);
    output::line("\nFrontiers: L* = a·C^-k (by surface: E + a·C^-k), N* ∝ C^p, 95% intervals\n");
    let header = ["arm", "k", "p", "profiles", "holdout", "seed noise"];
    output::line(output::table(
        &header,
        fits.arms.iter().map(frontier_row).collect(),
        1,
    ));
    output::line(String::new());
    surfaces(fits);
}

/// The profiles of each arm. Budgets with too few runs are named where they are few: a table whose runs were not planned by
/// budget has hundreds.
fn profiles(fits: &Fits) {
    let (mut rows, mut refusals) = (Vec::new(), Vec::new());
    for arm in &fits.arms {
        let too_few =
            |profile: &&Profile| matches!(profile.vertex, Err(ProfileRefusal::TooFew { .. }));
        let left_out = arm.profiles.iter().filter(too_few).count();
        let is_told = |profile: &&Profile| left_out <= FEW || !too_few(profile);
        for profile in arm.profiles.iter().filter(is_told) {
            rows.push(profile_row(&arm.arm, profile));
            let refusal = profile.vertex.as_ref().err();
            refusals.extend(
                refusal.map(|reason| format!("{} at {:.1e}: {reason}", arm.arm, profile.budget)),
            );
        }
        if left_out > FEW {
            refusals.push(format!(
                "{}: {left_out} of {} budgets have too few runs or sizes",
                arm.arm,
                arm.profiles.len()
            ));
        }
    }
    output::line("IsoFLOP profiles: best size N* and its loss L* at each budget, 95% intervals\n");
    if !rows.is_empty() {
        output::line(output::table(
            &[
                "arm",
                "FLOPs",
                "N* (parameters)",
                &format!("L* ({})", LOSS_VAL.unit),
                "status",
            ],
            rows,
            1,
        ));
    }
    refusals
        .iter()
        .for_each(|refusal| output::paragraph(refusal));
}

/// The surfaces, where an arm has one.
fn surfaces(fits: &Fits) {
    let rows: Vec<Vec<String>> = fits
        .arms
        .iter()
        .filter_map(|arm| Some(surface_row(&arm.arm, arm.surface.as_ref().ok()?)))
        .collect();
    if !rows.is_empty() {
        output::line(format!(
            "Surfaces: L = E + A·N^-α + B·D^-β, E in {}, 95% intervals\n",
            LOSS_VAL.unit
        ));
        output::line(output::table(&["arm", "E", "α", "β", "residual"], rows, 1));
    }
    for arm in &fits.arms {
        if let Err(reason) = &arm.surface {
            output::paragraph(&format!("{}: no surface: {reason}", arm.arm));
        }
    }
    output::line(String::new());
}

fn surface_row(arm: &str, surface: &ArmSurface) -> Vec<String> {
    let (s, intervals) = (&surface.surface, &surface.intervals);
    vec![
        arm.to_owned(),
        with_interval(s.e, intervals.e, |e| format!("{e:.2}")),
        with_interval(s.alpha, intervals.alpha, |alpha| format!("{alpha:.2}")),
        with_interval(s.beta, intervals.beta, |beta| format!("{beta:.2}")),
        format!("{:.1}%", 100.0 * surface.residual),
    ]
}

/// How much a multiplier owes to the approach, to other choices, and to single runs.
fn soundness(comparison: &Comparison, fits: &Fits) {
    let Ok(headline) = &comparison.headline else {
        return;
    };
    let mut rows: Vec<Vec<String>> = comparison.approaches.iter().map(approach_row).collect();
    rows.extend(
        comparison
            .alternatives
            .iter()
            .map(|other| alternative_row(&other.choice, other.value)),
    );
    rows.extend(comparison.influence.iter().map(influence_row));
    let unit = fits.settings.cost.unit();
    output::line(format!(
        "\n{} against {} at {:.2e} {unit}, otherwise\n",
        comparison.variant, comparison.baseline, headline.flops
    ));
    output::line(output::table(
        &["by", "multiplier", "95% interval"],
        rows,
        1,
    ));
}

fn approach_row(by: &ByApproach) -> Vec<String> {
    let interval = by.point.low.zip(by.point.high);
    let beyond = if by.point.status == MultiplierStatus::Extrapolated {
        ", extrapolated"
    } else {
        ""
    };
    vec![
        format!("{}{beyond}", by.approach.name()),
        by.point
            .value
            .map_or_else(|| "-".to_owned(), |value| format!("{value:.2}x")),
        interval.map_or_else(
            || "-".to_owned(),
            |(low, high)| format!("{low:.2} to {high:.2}"),
        ),
    ]
}

fn alternative_row(choice: &str, value: Option<f64>) -> Vec<String> {
    vec![
        choice.to_owned(),
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}x")),
        String::new(),
    ]
}

fn influence_row(run: &Influence) -> Vec<String> {
    alternative_row(&format!("without {}", run.name()), Some(run.value))
}

/// What a reader must know before the numbers are used.
fn doubts(fits: &Fits) {
    let (of_runs, of_methods): (Vec<&Doubt>, Vec<&Doubt>) = fits
        .doubts
        .iter()
        .partition(|doubt| doubt.is_of_these_runs());
    of_runs
        .into_iter()
        .for_each(|doubt| output::warning(doubt.to_string()));
    of_methods
        .into_iter()
        .for_each(|doubt| output::paragraph(&doubt.to_string()));
}

fn profile_row(arm: &str, profile: &Profile) -> Vec<String> {
    let mut row = vec![arm.to_owned(), format!("{:.1e}", profile.budget.value())];
    match &profile.vertex {
        Ok(vertex) => {
            row.push(with_interval(vertex.n_opt, vertex.n_opt_interval, si));
            row.push(with_interval(
                vertex.loss_opt,
                vertex.loss_opt_interval,
                |loss| format!("{loss:.3}"),
            ));
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
            let profiles = match frontier.approach {
                Approach::Surface => "by surface".to_owned(),
                _ => format!(
                    "{} of {}",
                    frontier.profiles_used,
                    frontier.profiles_used + frontier.profiles_left_out
                ),
            };
            let miss = frontier
                .holdout
                .map(|h| format!("{:+.1}%", 100.0 * (h.predicted / h.measured - 1.0)));
            row.push(with_interval(frontier.k, frontier.k_interval, |k| {
                format!("{k:.3}")
            }));
            row.push(with_interval(
                frontier.n_exponent,
                frontier.n_exponent_interval,
                |p| format!("{p:.2}"),
            ));
            row.push(profiles);
            row.push(miss.unwrap_or_else(|| "-".to_owned()));
        }
        Err(_) => row.extend(["-", "-", "none usable", "-"].map(str::to_owned)),
    }
    row.push(
        arm.seed_noise
            .map_or_else(|| "one seed".to_owned(), |sd| format!("{sd:.4}")),
    );
    row
}

/// `12.1k [7.5k, 14.3k]`
fn with_interval(value: f64, interval: Option<Interval>, show: impl Fn(f64) -> String) -> String {
    match interval {
        Some(Interval { low, high }) => format!("{} [{}, {}]", show(value), show(low), show(high)),
        None => format!("{} [no interval]", show(value)),
    }
}
