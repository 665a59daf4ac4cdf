//! The tables of the page, in Markdown.

use std::fmt::Display;

use super::ReportInputs;
use super::format::{
    exponent_with, flops, interval, loss, multiplier_status, profile_status, ratio,
};
use super::learning_rate::factors_of;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::si;
use isoflop_fit::{
    Approach, ArmFit, Comparison, DirectArm, DirectComparison, MultiplierPoint, Profile, TunedRate,
};

/// Rows of the table of multipliers, without the headline.
const POINTS: usize = 5;

/// Formats a table with a head and rows.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = vec!["---".to_owned(); head.len()];
    // A bar would end the cell.
    let escaped = |cell: &String| cell.replace('|', "\\|");
    let row = |row: Vec<String>| line(&row.iter().map(escaped).collect::<Vec<_>>());
    let body: String = rows.into_iter().map(row).collect();
    format!("{}{}{body}", line(&head), line(&rule))
}

fn bold_if(is_bold: bool, text: impl Display) -> String {
    if is_bold {
        format!("**{text}**")
    } else {
        text.to_string()
    }
}

/// Multipliers at a few amounts of compute, and the headline.
pub(super) fn multipliers(comparison: &Comparison, unit: &str) -> String {
    let list = &comparison.multiplier;
    let place = |i: usize| i * list.len().saturating_sub(1) / (POINTS - 1);
    let mut chosen: Vec<(bool, &MultiplierPoint)> = (0..POINTS.min(list.len()))
        .map(|i| (false, &list[place(i)]))
        .collect();
    chosen.extend(comparison.headline.iter().map(|point| (true, point)));
    chosen.sort_by(|a, b| a.1.flops.total_cmp(&b.1.flops));
    table(
        &[
            &format!("compute of the baseline, {unit}"),
            &LOSS_VAL.title_for("loss of the baseline (estimate)"),
            "compute multiplier",
            "95% interval",
            "status",
        ],
        chosen.into_iter().map(multiplier_row),
    )
}

fn multiplier_row((headline, point): (bool, &MultiplierPoint)) -> Vec<String> {
    let range = point.interval().map(|interval| interval.formatted(ratio));
    let (value, absent) = match point.value {
        Some(value) => (format!("{}×", ratio(value)), "no interval"),
        None => ("none".to_owned(), "none"),
    };
    let status = multiplier_status(point.status);
    vec![
        bold_if(headline, format!("{:.2e}", point.flops)),
        bold_if(headline, loss(point.loss)),
        bold_if(headline, value),
        bold_if(headline, range.unwrap_or(absent.to_owned())),
        match headline {
            true => format!("**headline**, {status}"),
            false => status.to_owned(),
        },
    ]
}

/// Arms at one budget and size, lowest loss first.
pub(super) fn direct(comparison: &DirectComparison) -> String {
    let row = |arm: &DirectArm| {
        let is_baseline = arm.arm == comparison.baseline;
        let none = if is_baseline { "baseline" } else { "none" };
        let difference = arm.difference.as_ref();
        let interval = difference.and_then(|d| d.interval);
        vec![
            bold_if(is_baseline, &arm.arm),
            si(arm.params),
            arm.runs.to_string(),
            loss(arm.loss),
            difference.map_or(none.to_owned(), |d| signed_loss(d.value)),
            interval.map_or("none".to_owned(), |i| i.formatted(signed_loss)),
        ]
    };
    let head = [
        "arm",
        "parameters",
        "seeds",
        &LOSS_VAL.title_for("loss (mean)"),
        &LOSS_VAL.title_for("difference"),
        "95% interval",
    ];
    table(&head, comparison.arms.iter().map(row))
}

fn signed_loss(value: f64) -> String {
    format!("{value:+.4}")
}

/// The profiles of an arm.
pub(super) fn profiles(arm: &ArmFit) -> String {
    let head = [
        "budget, FLOPs",
        "sizes",
        "runs",
        "N*, parameters",
        "95% interval",
        "D* (estimate), tokens",
        &LOSS_VAL.title_for("L*"),
        "95% interval",
        &LOSS_VAL.title_for("residual (RMS)"),
        "status",
    ];
    table(&head, arm.profiles.iter().map(profile_row))
}

fn profile_row(profile: &Profile) -> Vec<String> {
    let mut sizes: Vec<&str> = profile.points.iter().map(|o| o.size.as_str()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut cells = vec![
        flops(profile.budget.value()),
        sizes.len().to_string(),
        profile.points.len().to_string(),
    ];
    let none = || "none".to_owned();
    cells.extend(profile.vertex.as_ref().map_or_else(
        |_| [(); 6].map(|()| none()),
        |vertex| {
            [
                si(vertex.n_opt),
                interval(vertex.n_opt_interval, si),
                vertex.tokens_opt.map_or_else(none, si),
                loss(vertex.loss_opt),
                interval(vertex.loss_opt_interval, loss),
                loss(vertex.residual),
            ]
        },
    ));
    cells.push(profile_status(profile));
    cells
}

/// The laws of the arms that have one.
pub(super) fn frontiers(inputs: &ReportInputs<'_>) -> String {
    let unit = inputs.fits.settings.cost.unit();
    let head = [
        "arm",
        "approach",
        &LOSS_VAL.title_for("E (estimate)"),
        &format!("{} at C = 1", LOSS_VAL.title_for("a (estimate)")),
        "k",
        "p (exponent of N*)",
        &format!("measured range, {unit}"),
        "profiles used / left out",
        &LOSS_VAL.title_for("residual of the profiles (RMS)"),
        &LOSS_VAL.title_for("noise between seeds (SD)"),
    ];
    table(&head, inputs.fits.arms.iter().filter_map(frontier_row))
}

fn frontier_row(arm: &ArmFit) -> Option<Vec<String>> {
    let frontier = arm.frontier.as_ref().ok()?;
    let (from, to) = frontier.flops_range;
    let (used, left_out) = (frontier.profiles_used, frontier.profiles_left_out);
    Some(vec![
        arm.arm.clone(),
        frontier.approach.name().to_owned(),
        if frontier.e > 0.0 {
            format!("{:.3}", frontier.e)
        } else {
            "0".to_owned()
        },
        format!("{:.3}", frontier.a),
        exponent_with(frontier.k, frontier.k_interval),
        exponent_with(frontier.n_exponent, frontier.n_exponent_interval),
        format!("{from:.2e} to {to:.2e}"),
        match frontier.approach {
            Approach::Surface => "none: from the surface".to_owned(),
            _ => format!("{used} / {left_out}"),
        },
        residual(arm).map_or("none".to_owned(), loss),
        arm.seed_noise.map_or("unknown: one seed".to_owned(), loss),
    ])
}

/// RMS residual over all runs of the profiles that the frontier uses.
fn residual(arm: &ArmFit) -> Option<f64> {
    let (mut squares, mut runs) = (0.0, 0usize);
    for profile in &arm.profiles {
        if let Some(vertex) = profile.usable_vertex() {
            squares += vertex.residual.powi(2) * profile.points.len() as f64;
            runs += profile.points.len();
        }
    }
    (runs > 0).then(|| (squares / runs as f64).sqrt())
}

/// Losses at each learning-rate factor.
pub(super) fn learning_rates(tuned: &[TunedRate]) -> String {
    let factors = factors_of(tuned);
    let heads: Vec<String> = factors.iter().map(|factor| format!("x{factor}")).collect();
    let mut head = vec!["arm", "size", "budget"];
    head.extend(heads.iter().map(String::as_str));
    let row = |cell: &TunedRate| {
        let budget = cell.budget.with_unit(1);
        let mut cells = vec![cell.arm.clone(), cell.size.clone(), budget];
        cells.extend(factors.iter().map(|factor| {
            let tried = cell.tried.iter().find(|tried| tried.factor == *factor);
            tried.map_or("none finished".to_owned(), |tried| {
                bold_if(*factor == cell.best, loss(tried.loss))
            })
        }));
        cells
    };
    table(&head, tuned.iter().map(row))
}

/// The largest budget, predicted from the others; `None` if no arm has enough profiles.
pub(super) fn holdouts(inputs: &ReportInputs<'_>) -> Option<String> {
    let unit = inputs.fits.settings.cost.unit();
    let row = |arm: &ArmFit| {
        let holdout = arm.frontier.as_ref().ok()?.holdout?;
        let error = holdout.predicted / holdout.measured - 1.0;
        Some(vec![
            arm.arm.clone(),
            format!("{:.2e}", holdout.flops),
            loss(holdout.measured),
            loss(holdout.predicted),
            format!("{:+.2}%", 100.0 * error),
        ])
    };
    let rows: Vec<Vec<String>> = inputs.fits.arms.iter().filter_map(row).collect();
    let head = [
        "arm",
        &format!("held-out compute, {unit}"),
        &LOSS_VAL.title_for("L* measured (estimate)"),
        &LOSS_VAL.title_for("L* predicted (estimate)"),
        "prediction error",
    ];
    (!rows.is_empty()).then(|| table(&head, rows))
}
