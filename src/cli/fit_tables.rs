//! Printing of fits as tables and sentences.

use super::output;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::si;
use isoflop_fit::{
    Approach, ApproachMultiplier, ArmFit, ArmSurface, Comparison, DirectArm, FitWarning,
    HyperParameter, HyperPower, Influence, Interval, Profile, ProfileRefusal, StudyFits,
};

pub(super) fn print(fits: &StudyFits) {
    if !fits.only_direct() {
        laws(fits);
    }
    conclusions(fits);
    fits.comparisons
        .iter()
        .for_each(|comparison| print_sensitivity(comparison, fits));
    print_warnings(fits);
    other_laws(fits);
    tuning(fits);
    left_out(fits);
}

/// Prints the runs that are not used, with the reasons. Many runs with one reason are only counted.
pub(super) fn left_out(fits: &StudyFits) {
    for (reason, runs) in fits.excluded_by_reason() {
        match runs.len() {
            0..=FEW => runs
                .iter()
                .for_each(|run| output::note(format!("left out: {run}: {reason}"))),
            many => output::note(format!("left out of the fits: {many} runs: {reason}")),
        }
    }
}

/// Prints the laws of the learning rate, the batch and repeated text, a sentence each.
fn other_laws(fits: &StudyFits) {
    for law in &fits.hyper {
        let (name, unit) = match law.of {
            HyperParameter::LearningRate => ("learning rate", ""),
            HyperParameter::BatchTokens => ("batch", " tokens a step"),
        };
        let edges = law.optima.iter().filter(|optimum| optimum.at_edge).count();
        let all = law.optima.len();
        let none = "no law: it needs optima inside the tried range at three amounts of compute";
        let power = law
            .law
            .map_or_else(|| none.to_owned(), |power| power_law(&power, unit));
        output::paragraph(format!(
            "best {name} of {}: {power}; {edges} of {all} optima at the edge of the tried range",
            law.arm
        ));
    }
    for arm in &fits.arms {
        if let Some(data) = &arm.data_constrained {
            output::paragraph(format!(
                "repeated text of {}: estimates R*_D = {:.1} repetitions, R*_N = {:.1}, without intervals",
                arm.arm, data.r_star_d, data.r_star_n
            ));
        }
    }
}

fn power_law(power: &HyperPower, unit: &str) -> String {
    let (factor, exponent) = (power.factor, power.exponent);
    let interval = power.exponent_interval;
    let interval = output::or_dash(interval, |i| i.formatted(|end| format!("{end:.3}")));
    format!("{factor:.3e}{unit}·C^{exponent:.3} (95% {interval})")
}

/// Warns of tuned learning rates at the edge of the `lr` axis.
fn tuning(fits: &StudyFits) {
    let edge = fits.tuned.iter().filter(|tuned| tuned.at_edge()).count();
    if edge > 0 {
        output::warning(format!(
            "{edge} of {} tuned learning rates are at the edge of `lr`; widen the axis, otherwise the comparison may be one of learning rates",
            fits.tuned.len()
        ));
    }
}

/// Most runs left out for one reason that are named. More are only counted.
const FEW: usize = 5;

/// Prints the conclusions of a study: multipliers, and losses side by side if there is no profile.
pub(super) fn conclusions(fits: &StudyFits) {
    if !fits.only_direct() {
        fits.comparisons
            .iter()
            .for_each(|comparison| output::verdict(&comparison.verdict(fits.settings.cost)));
    }
    for direct in &fits.direct {
        let (unit, budget) = (LOSS_VAL.unit, direct.budget_text());
        output::paragraph(format!(
            "losses in {unit} at {budget}, size {}: differences from {} with 95% intervals, paired by seed",
            direct.size, direct.baseline
        ));
        let header = ["arm", "loss", "difference", "95% interval", "seeds"];
        output::table(&header, direct.arms.iter().map(direct_row), 1);
    }
    if fits.only_direct() {
        output::paragraph(
            "no compute multiplier: it needs at least 4 sizes at each of at least 2 budgets in FLOPs; \
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
        output::or_dash(difference, |d| signed(d.value)),
        output::or_dash(interval, |i| i.formatted(signed)),
        arm.runs.to_string(),
    ]
}

fn signed(difference: f64) -> String {
    format!("{difference:+.4}")
}

fn laws(fits: &StudyFits) {
    profiles(fits);
    output::line("\nFrontiers: L* = a·C^-k (by surface: E + a·C^-k), N* ∝ C^p, 95% intervals\n");
    let header = ["arm", "k", "p", "profiles", "holdout", "noise"];
    output::table(&header, fits.arms.iter().map(frontier_row), 1);
    output::line("");
    surfaces(fits);
}

/// Prints the profiles of each arm, and the reasons for those without an optimum.
fn profiles(fits: &StudyFits) {
    output::line("IsoFLOP profiles: best size N* and its loss L* at each budget, 95% intervals\n");
    let told = fits.arms.iter().flat_map(shown_profiles);
    let rows: Vec<_> = told
        .map(|(arm, profile)| profile_row(arm, profile))
        .collect();
    if !rows.is_empty() {
        let loss = format!("L* ({})", LOSS_VAL.unit);
        let header = ["arm", "FLOPs", "N* (parameters)", &loss, "status"];
        output::table(&header, rows, 1);
    }
    for arm in &fits.arms {
        for (name, profile) in shown_profiles(arm) {
            if let Err(reason) = &profile.vertex {
                let budget = profile.budget;
                output::paragraph(format!("{name} at {}: {reason}", budget.with_unit(1)));
            }
        }
        let (left_out, all) = (too_few(arm), arm.profiles.len());
        if left_out > FEW {
            output::paragraph(format!(
                "{}: {left_out} of {all} budgets have too few runs or sizes",
                arm.arm
            ));
        }
    }
}

/// Number of budgets with too few runs or sizes.
fn too_few(arm: &ArmFit) -> usize {
    arm.profiles.iter().filter(|p| has_too_few(p)).count()
}

fn has_too_few(profile: &Profile) -> bool {
    matches!(profile.vertex, Err(ProfileRefusal::TooFew { .. }))
}

/// The profiles of an arm that are shown. If many budgets have too few runs, these are left out: a
/// table whose runs were not planned by budget has hundreds of them.
fn shown_profiles(arm: &ArmFit) -> impl Iterator<Item = (&str, &Profile)> {
    let are_few = too_few(arm) <= FEW;
    let profiles = arm.profiles.iter();
    let told = profiles.filter(move |p| are_few || !has_too_few(p));
    told.map(|profile| (arm.arm.as_str(), profile))
}

/// Prints the surface of each arm, or the reason for its absence.
fn surfaces(fits: &StudyFits) {
    let row = |arm: &ArmFit| Some(surface_row(&arm.arm, arm.surface.as_ref().ok()?));
    let rows: Vec<Vec<String>> = fits.arms.iter().filter_map(row).collect();
    if !rows.is_empty() {
        output::line(format!(
            "Surfaces: L = E + A·N^-α + B·D^-β, E in {}, 95% intervals\n",
            LOSS_VAL.unit
        ));
        output::table(&["arm", "E", "α", "β", "residual"], rows, 1);
    }
    for arm in &fits.arms {
        if let Err(reason) = &arm.surface {
            output::paragraph(format!("{}: no surface: {reason}", arm.arm));
        }
    }
    output::line("");
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

/// Prints the multiplier by each approach, by other choices, and without single runs.
fn print_sensitivity(comparison: &Comparison, fits: &StudyFits) {
    let Ok(headline) = &comparison.headline else {
        return;
    };
    let approaches = comparison.approaches.iter().map(approach_row);
    let others = comparison.alternatives.iter();
    let others = others.map(|other| alternative_row(&other.choice, other.value));
    let unit = fits.settings.cost.unit();
    output::line("");
    output::paragraph(format!(
        "sensitivity of the multiplier of {} over {} at {:.2e} {unit}",
        comparison.variant, comparison.baseline, headline.flops
    ));
    output::line("");
    let influence = comparison.influence.iter().map(influence_row);
    let rows = approaches.chain(others).chain(influence);
    output::table(&["by", "multiplier", "95% interval"], rows, 1);
}

fn approach_row(by: &ApproachMultiplier) -> Vec<String> {
    let ApproachMultiplier { approach, point } = by;
    vec![
        format!("{}{}", approach.name(), point.extrapolation_suffix()),
        output::or_dash(point.value, |value| format!("{value:.2}x")),
        output::or_dash(point.interval(), |i| i.formatted(|end| format!("{end:.2}"))),
    ]
}

fn alternative_row(choice: &str, value: Option<f64>) -> Vec<String> {
    let value = output::or_dash(value, |value| format!("{value:.2}x"));
    vec![choice.to_owned(), value, String::new()]
}

fn influence_row(run: &Influence) -> Vec<String> {
    alternative_row(&format!("without {}", run.name()), Some(run.value))
}

/// Prints the warnings about these runs, then those about the methods.
fn print_warnings(fits: &StudyFits) {
    let of_methods = |doubt: &&FitWarning| !doubt.is_about_runs();
    for doubt in fits.doubts.iter().filter(|doubt| doubt.is_about_runs()) {
        output::warning(doubt.to_string());
    }
    for doubt in fits.doubts.iter().filter(of_methods) {
        output::paragraph(doubt.to_string());
    }
}

fn profile_row(arm: &str, profile: &Profile) -> Vec<String> {
    let [size, loss, status] = match &profile.vertex {
        Ok(vertex) => [
            with_interval(vertex.n_opt, vertex.n_opt_interval, si),
            with_interval(vertex.loss_opt, vertex.loss_opt_interval, |loss| {
                format!("{loss:.3}")
            }),
            vertex.status.name().to_owned(),
        ],
        Err(_) => ["-", "-", "refused"].map(str::to_owned),
    };
    let budget = format!("{:.1e}", profile.budget.value());
    vec![arm.to_owned(), budget, size, loss, status]
}

fn frontier_row(arm: &ArmFit) -> Vec<String> {
    let [k, exponent, profiles, miss] = match &arm.frontier {
        Ok(frontier) => {
            let used = frontier.profiles_used;
            let exponent = (frontier.n_exponent, frontier.n_exponent_interval);
            [
                with_interval(frontier.k, frontier.k_interval, |k| format!("{k:.3}")),
                with_interval(exponent.0, exponent.1, |p| format!("{p:.2}")),
                match frontier.approach {
                    Approach::Surface => "by surface".to_owned(),
                    _ => format!("{used} of {}", used + frontier.profiles_left_out),
                },
                output::or_dash(frontier.holdout, |h| {
                    format!("{:+.1}%", 100.0 * (h.predicted / h.measured - 1.0))
                }),
            ]
        }
        Err(_) => ["-", "-", "none usable", "-"].map(str::to_owned),
    };
    let noise = arm.seed_noise;
    let noise = noise.map_or_else(|| "one seed".to_owned(), |sd| format!("{sd:.4}"));
    vec![arm.arm.clone(), k, exponent, profiles, miss, noise]
}

/// Formats a value with its interval: `12.1k [7.5k, 14.3k]`.
fn with_interval(value: f64, interval: Option<Interval>, show: impl Fn(f64) -> String) -> String {
    match interval {
        Some(Interval { low, high }) => format!("{} [{}, {}]", show(value), show(low), show(high)),
        None => format!("{} [no interval]", show(value)),
    }
}
