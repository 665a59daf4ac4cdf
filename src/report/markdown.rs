//! The page, section by section, in the order of a reader's questions: which arm is better, by how
//! much, by which data, and how certain.

use super::page_figure::PageFigure;
use super::{
    ReportInputs, curves, direct, frontier, learning_rate, multiplier, optima, predicted, profiles,
    provenance, residuals, seconds, sensitivity, surfaces, tables,
};
use isoflop_fit::ArmFit;
use isoflop_table::{RunRow, RunStatus};

/// Figures that show laws. They need profiles.
pub(super) const LAW_FIGURES: [&PageFigure; 5] = [
    &frontier::FIGURE,
    &profiles::FIGURE,
    &optima::FIGURE,
    &predicted::FIGURE,
    &residuals::FIGURE,
];

/// The other figures.
pub(super) const RUN_FIGURES: [&PageFigure; 5] = [
    &multiplier::FIGURE,
    &direct::FIGURE,
    &seconds::FIGURE,
    &curves::FIGURE,
    &learning_rate::FIGURE,
];

/// Returns the text of `report.md`. `figures` are the names of the figures that were drawn.
pub(super) fn page(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    let has_laws = !inputs.fits.arms.is_empty() && !inputs.fits.only_direct();
    let of_laws = |section: fn(&ReportInputs<'_>, &[&str]) -> String| match has_laws {
        true => section(inputs, figures),
        false => String::new(),
    };
    let sections = [
        format!("# Scaling-law report: `{}`\n", inputs.sweep),
        verdicts(inputs),
        sensitivity::warnings(inputs.fits),
        frontier::FIGURE.markdown(figures, ""),
        direct(inputs, figures),
        multipliers(inputs),
        of_laws(profiles),
        of_laws(frontiers),
        of_laws(surfaces::section),
        multiplier::FIGURE.markdown(figures, ""),
        sensitivity::section(inputs),
        time(inputs, figures),
        curves::FIGURE.markdown(figures, ""),
        learning_rates(inputs, figures),
        left_out(inputs),
        provenance::section(inputs),
    ];
    sections
        .into_iter()
        .filter(|section| !section.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

const NO_LAWS: &str = "Arms are compared at equal budget and size. A compute multiplier needs at least 4 sizes at each of at least \
                       2 budgets in FLOPs.\n";

fn verdicts(inputs: &ReportInputs<'_>) -> String {
    let fits = inputs.fits;
    match (fits.arms.as_slice(), fits.comparisons.as_slice()) {
        ([], _) if fits.direct.is_empty() => no_results(inputs),
        ([only], []) => format!(
            "The study has one arm, `{}`, and nothing to compare it with.\n",
            only.arm
        ),
        _ if fits.only_direct() => NO_LAWS.to_owned(),
        (_, comparisons) => comparisons
            .iter()
            .map(|c| format!("- **{}.**\n", c.verdict(inputs.fits.settings.cost)))
            .collect(),
    }
}

/// Reason that there is neither a law nor a comparison.
fn no_results(inputs: &ReportInputs<'_>) -> String {
    let mut runs = inputs.runs.iter();
    if runs.any(|run| run.status == RunStatus::Finished) {
        "No two arms have finished runs at the same size and budget, and no budget is in FLOPs, so there is nothing to compare or to fit.\n".to_owned()
    } else {
        "No run has finished, so there is nothing to fit, to compare or to draw.\n".to_owned()
    }
}

/// Loss against device time, with a warning if the hardware is mixed.
fn time(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    let hardware = seconds::hardware(inputs);
    let mixed = match hardware.as_slice() {
        [] | [_] => String::new(),
        names => format!(
            " Runs were timed on different hardware ({}), so their times are not comparable.",
            names.join("; ")
        ),
    };
    seconds::FIGURE.markdown(figures, &mixed)
}

/// Losses side by side, for runs without a profile.
fn direct(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    if inputs.fits.direct.is_empty() {
        return String::new();
    }
    let figure = direct::FIGURE.markdown(figures, "");
    let meaning = "A difference is the mean over seeds of an arm's loss minus the baseline's loss at the same seed. Its 95% \
                   interval uses Student's t distribution over those seeds, with a separate noise estimate for each arm. \
                   There is no correction for multiple comparisons: of twenty arms with the baseline's loss, one is \
                   expected to appear different. Two or three seeds give wide intervals.";
    let one = |direct: &isoflop_fit::DirectComparison| {
        let (budget, table) = (direct.budget_text(), tables::direct(direct));
        format!("### Size `{}` at {budget}\n\n{table}", direct.size)
    };
    let all: Vec<String> = inputs.fits.direct.iter().map(one).collect();
    format!(
        "## Losses at equal budget and size\n\n{figure}\n{meaning}\n\n{}",
        all.join("\n")
    )
}

fn multipliers(inputs: &ReportInputs<'_>) -> String {
    if inputs.fits.only_direct() {
        return String::new();
    }
    let one = |comparison: &isoflop_fit::Comparison| {
        let table = if comparison.multiplier.is_empty() {
            format!("{}.\n", comparison.verdict(inputs.fits.settings.cost))
        } else {
            tables::multipliers(comparison, inputs.fits.settings.cost.unit())
        };
        format!(
            "### `{}` against `{}`\n\n{table}",
            comparison.variant, comparison.baseline
        )
    };
    let all: Vec<String> = inputs.fits.comparisons.iter().map(one).collect();
    if all.is_empty() {
        return String::new();
    }
    let meaning = "The compute that the baseline needs divided by the compute that the variant needs, for the same loss. \
                   Above 1 the variant needs less compute.";
    format!("## Compute multipliers\n\n{meaning}\n\n{}", all.join("\n"))
}

fn profiles(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    let figure = profiles::FIGURE.markdown(figures, "");
    let meaning = "At each budget: the size N* with the lowest loss L*, and the tokens D* that the budget buys at that \
                   size.";
    let one = |arm: &ArmFit| format!("### Profiles of `{}`\n\n{}", arm.arm, tables::profiles(arm));
    let arms: Vec<String> = inputs.fits.arms.iter().map(one).collect();
    format!(
        "## IsoFLOP profiles\n\n{meaning}\n\n{figure}\n{}",
        arms.join("\n")
    )
}

/// A figure followed by an empty line; empty without a figure.
fn with_blank_line(figure: String) -> String {
    if figure.is_empty() {
        figure
    } else {
        figure + "\n"
    }
}

fn frontiers(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    let arms = &inputs.fits.arms;
    let mut text =
        "## Compute-optimal frontiers\n\nL*(C) = E + a·C^-k, with E = 0 for profiles, and N* proportional to C^p.\n\n"
            .to_owned();
    text += &with_blank_line(optima::FIGURE.markdown(figures, ""));
    if arms.iter().any(|arm| arm.frontier.is_ok()) {
        text += &format!("{}\n", tables::frontiers(inputs));
    }
    for arm in arms {
        if let Err(reason) = &arm.frontier {
            text += &format!("`{}` has no frontier: {reason}.\n\n", arm.arm);
        }
    }
    match tables::holdouts(inputs) {
        Some(table) => {
            text += &format!(
                "L* of the largest budget, predicted by a frontier that is fitted to the smaller budgets only:\n\n{table}"
            );
        }
        None => {
            text += "No budget was held out: a holdout needs an arm with three usable profiles.\n"
        }
    }
    text
}

/// Losses by learning-rate factor, and a warning for best factors at an edge.
fn learning_rates(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    let tuned = &inputs.fits.tuned;
    if tuned.is_empty() {
        return String::new();
    }
    let edge = tuned.iter().filter(|tuned| tuned.at_edge()).count();
    let warning = match edge {
        0 => "No best factor is at the edge of the factors tried.".to_owned(),
        _ => format!(
            "{edge} of {} best factors are at the edge of the factors tried: the true optimum may be outside.",
            tuned.len()
        ),
    };
    let figure = with_blank_line(learning_rate::FIGURE.markdown(figures, ""));
    format!(
        "## Tuned learning rates\n\nFactors multiply the learning rate of the rule. At each size and budget, each arm is \
         compared at its best factor (bold), by the mean loss over seeds. {warning}\n\n{figure}{}",
        tables::learning_rates(tuned)
    )
}

fn left_out(inputs: &ReportInputs<'_>) -> String {
    let excluded = &inputs.fits.excluded;
    let excluded_lines = excluded
        .iter()
        .map(|e| format!("- `{}`: {}", e.run, e.reason));
    let runs = inputs.runs.iter();
    let unfinished: Vec<&RunRow> = runs
        .filter(|run| run.status != RunStatus::Finished)
        .collect();
    let line = |run: &&RunRow| {
        let (id, arm, size, seed) = (&run.run_id, &run.arm, &run.size, run.seed);
        let (flops, status) = (run.flops, run.status.name());
        format!("- `{id}` ({arm}, {size}, {flops:.2e} FLOPs, seed {seed}): {status}")
    };
    // If the fits exclude fewer runs than are unfinished in the table, the unfinished runs are
    // listed too.
    let told = if excluded.len() < unfinished.len() {
        unfinished.as_slice()
    } else {
        &[]
    };
    let lines: Vec<String> = excluded_lines.chain(told.iter().map(line)).collect();
    if lines.is_empty() {
        return "## Runs left out\n\nNone.\n".to_owned();
    }
    let (used, lines) = (inputs.fits.runs_used, lines.join("\n"));
    format!("## Runs left out\n\nThe fits use {used} runs. These runs are left out:\n\n{lines}\n")
}
