//! The tables of the page, in Markdown.

use super::Inputs;
use super::words::{
    exponent_with, flops, interval, loss, multiplier_status, profile_status, ratio,
};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::si;
use isoflop_fit::{
    Approach, ArmFit, Comparison, DirectArm, DirectComparison, MultiplierPoint, Profile, Tuned,
};

/// Rows of the multiplier's table, the headline not counted.
const POINTS: usize = 5;

/// A figure of the report with its caption; nothing where it was not drawn.
pub(super) fn figure(figures: &[&str], name: &str, title: &str, caption: &str) -> String {
    if !figures.contains(&name) {
        return String::new();
    }
    format!(
        "![{title}]({name}.png)\n\n*{title}. {caption} As vectors: [{name}.svg]({name}.svg).*\n"
    )
}

/// A table: a head and rows of as many cells.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    // A bar within a cell would end it.
    let body = rows.iter().map(|row| {
        line(
            &row.iter()
                .map(|cell| cell.replace('|', "\\|"))
                .collect::<Vec<_>>(),
        )
    });
    format!("{}{}{}", line(&head), line(&rule), body.collect::<String>())
}

/// Multipliers at a few computes, and the headline.
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
            &LOSS_VAL.titled("loss it reaches (estimate)"),
            "multiplier",
            "95% interval",
            "status",
        ],
        &chosen.into_iter().map(multiplier_row).collect::<Vec<_>>(),
    )
}

fn multiplier_row((headline, point): (bool, &MultiplierPoint)) -> Vec<String> {
    let bold = |text: String| match headline {
        true => format!("**{text}**"),
        false => text,
    };
    let ends = point.low.zip(point.high);
    let range = ends.map(|(low, high)| format!("{} to {}", ratio(low), ratio(high)));
    let (value, absent) = match point.value {
        Some(value) => (format!("{}×", ratio(value)), "no interval"),
        None => ("not given".to_owned(), "not given"),
    };
    let status = multiplier_status(point.status);
    vec![
        bold(format!("{:.2e}", point.flops)),
        bold(loss(point.loss)),
        bold(value),
        bold(range.unwrap_or(absent.to_owned())),
        match headline {
            true => format!("**headline**, {status}"),
            false => status.to_owned(),
        },
    ]
}

/// Arms at one budget and size, best first.
pub(super) fn direct(comparison: &DirectComparison) -> String {
    let row = |arm: &DirectArm| {
        let difference = arm.difference.as_ref();
        let (baseline, range) = (
            arm.arm == comparison.baseline,
            difference.and_then(|d| d.interval),
        );
        vec![
            if baseline {
                format!("**{}**", arm.arm)
            } else {
                arm.arm.clone()
            },
            si(arm.params),
            arm.runs.to_string(),
            loss(arm.loss),
            difference.map_or_else(
                || if baseline { "baseline" } else { "none" }.to_owned(),
                |d| signed_loss(d.value),
            ),
            range.map_or("none".to_owned(), |i| {
                format!("{} to {}", signed_loss(i.low), signed_loss(i.high))
            }),
        ]
    };
    let head = [
        "architecture",
        "parameters",
        "seeds",
        &LOSS_VAL.titled("loss (mean)"),
        &LOSS_VAL.titled("difference"),
        "95% interval",
    ];
    table(&head, &comparison.arms.iter().map(row).collect::<Vec<_>>())
}

fn signed_loss(value: f64) -> String {
    format!("{value:+.4}")
}

/// The profiles of an arm.
pub(super) fn profiles(arm: &ArmFit) -> String {
    let row = |profile: &Profile| {
        let mut sizes: Vec<&str> = profile.points.iter().map(|o| o.size.as_str()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let mut cells = vec![
            flops(profile.budget.value()),
            sizes.len().to_string(),
            profile.points.len().to_string(),
        ];
        let none = || "none".to_owned();
        match &profile.vertex {
            Ok(vertex) => cells.extend([
                si(vertex.n_opt),
                interval(vertex.n_opt_interval, si),
                vertex.tokens_opt.map_or_else(none, si),
                loss(vertex.loss_opt),
                interval(vertex.loss_opt_interval, loss),
                loss(vertex.residual),
            ]),
            Err(_) => cells.extend(std::iter::repeat_with(none).take(6)),
        }
        cells.push(profile_status(profile));
        cells
    };
    table(
        &[
            "budget, FLOPs",
            "sizes",
            "runs",
            "N*, parameters",
            "95% interval",
            "D* (estimate), tokens",
            &LOSS_VAL.titled("L*"),
            "95% interval",
            &LOSS_VAL.titled("residual (RMS)"),
            "status",
        ],
        &arm.profiles.iter().map(row).collect::<Vec<_>>(),
    )
}

/// The laws of the arms that have one.
pub(super) fn frontiers(inputs: &Inputs<'_>) -> String {
    let unit = inputs.fits.settings.cost.unit();
    let row = |arm: &ArmFit| {
        let frontier = arm.frontier.as_ref().ok()?;
        let (from, to) = frontier.flops_range;
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
                Approach::Surface => "none: by the surface".to_owned(),
                _ => format!(
                    "{} / {}",
                    frontier.profiles_used, frontier.profiles_left_out
                ),
            },
            residual(arm).map_or("none".to_owned(), loss),
            arm.seed_noise
                .map_or("not known: one seed".to_owned(), loss),
        ])
    };
    table(
        &[
            "architecture",
            "by",
            &LOSS_VAL.titled("E (estimate)"),
            &format!("{} at C = 1", LOSS_VAL.titled("a (estimate)")),
            "k",
            "exponent of N*",
            &format!("measured over, {unit}"),
            "profiles used / left out",
            &LOSS_VAL.titled("residual of the profiles (RMS)"),
            &LOSS_VAL.titled("noise between seeds (SD)"),
        ],
        &inputs.fits.arms.iter().filter_map(row).collect::<Vec<_>>(),
    )
}

/// Over all runs of the profiles that the frontier goes through.
fn residual(arm: &ArmFit) -> Option<f64> {
    let (mut squares, mut runs) = (0.0, 0usize);
    for profile in &arm.profiles {
        if let Some(vertex) = profile.trusted() {
            squares += vertex.residual.powi(2) * profile.points.len() as f64;
            runs += profile.points.len();
        }
    }
    (runs > 0).then(|| (squares / runs as f64).sqrt())
}

/// Losses at each factor on the learning rate.
pub(super) fn learning_rates(tuned: &[Tuned]) -> String {
    let mut factors: Vec<f64> = tuned
        .iter()
        .flat_map(|cell| cell.tried.iter().map(|tried| tried.factor))
        .collect();
    factors.sort_by(f64::total_cmp);
    factors.dedup();
    let heads = factors.iter().map(|factor| format!("x{factor}"));
    let head: Vec<String> = ["architecture", "size", "budget"]
        .map(str::to_owned)
        .into_iter()
        .chain(heads)
        .collect();
    let row = |cell: &Tuned| {
        let mut cells = vec![
            cell.arm.clone(),
            cell.size.clone(),
            format!("{:.1e}", cell.budget),
        ];
        cells.extend(factors.iter().map(|factor| {
            let tried = cell.tried.iter().find(|tried| tried.factor == *factor);
            let bold = |text: String| {
                if *factor == cell.best {
                    format!("**{text}**")
                } else {
                    text
                }
            };
            tried.map_or_else(
                || "none finished".to_owned(),
                |tried| bold(loss(tried.loss)),
            )
        }));
        cells
    };
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &tuned.iter().map(row).collect::<Vec<_>>())
}

/// The largest budget predicted from the others; none where no arm has enough.
pub(super) fn holdouts(inputs: &Inputs<'_>) -> Option<String> {
    let unit = inputs.fits.settings.cost.unit();
    let row = |arm: &ArmFit| {
        let holdout = arm.frontier.as_ref().ok()?.holdout?;
        Some(vec![
            arm.arm.clone(),
            format!("{:.2e}", holdout.flops),
            loss(holdout.measured),
            loss(holdout.predicted),
            format!(
                "{:+.2}%",
                100.0 * (holdout.predicted / holdout.measured - 1.0)
            ),
        ])
    };
    let rows: Vec<Vec<String>> = inputs.fits.arms.iter().filter_map(row).collect();
    let head = [
        "architecture",
        &format!("held-out compute, {unit}"),
        &LOSS_VAL.titled("L* there (estimate)"),
        &LOSS_VAL.titled("L* predicted (estimate)"),
        "error of the prediction",
    ];
    (!rows.is_empty()).then(|| table(&head, &rows))
}
