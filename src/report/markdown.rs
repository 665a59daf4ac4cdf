//! The page, section by section, in the order a reader asks: which is better, by how much, where from, how sure.

use super::page_figure::PageFigure;
use super::{
    Inputs, curves, direct, frontier, learning_rate, multiplier, optima, predicted, profiles,
    provenance, residuals, seconds, soundness, surfaces, tables,
};
use isoflop_fit::ArmFit;
use isoflop_table::{RunRow, RunStatus};

/// Figures that show laws: there is none without a profile.
pub(super) const OF_LAWS: [&PageFigure; 5] = [
    &frontier::FIGURE,
    &profiles::FIGURE,
    &optima::FIGURE,
    &predicted::FIGURE,
    &residuals::FIGURE,
];

/// The other figures.
pub(super) const OF_RUNS: [&PageFigure; 5] = [
    &multiplier::FIGURE,
    &direct::FIGURE,
    &seconds::FIGURE,
    &curves::FIGURE,
    &learning_rate::FIGURE,
];

/// All of `report.md`; `figures` are the names of those that were drawn.
pub(super) fn page(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let has_laws = !inputs.fits.arms.is_empty() && !inputs.fits.only_direct();
    let of_laws = |section: fn(&Inputs<'_>, &[&str]) -> String| match has_laws {
        true => section(inputs, figures),
        false => String::new(),
    };
    let sections = [
        format!("# Scaling-law report: `{}`\n", inputs.sweep),
        verdicts(inputs),
        soundness::doubts(inputs.fits),
        frontier::FIGURE.shown(figures, ""),
        direct(inputs, figures),
        multipliers(inputs),
        of_laws(profiles),
        of_laws(frontiers),
        of_laws(surfaces::section),
        multiplier::FIGURE.shown(figures, ""),
        soundness::section(inputs),
        time(inputs, figures),
        curves::FIGURE.shown(figures, ""),
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

const NO_LAWS: &str = "Architectures are compared at equal budget and size. A compute multiplier would take at least 4 sizes at \
                       each of at least 2 budgets in FLOPs.\n";

fn verdicts(inputs: &Inputs<'_>) -> String {
    let fits = inputs.fits;
    match (fits.arms.as_slice(), fits.comparisons.as_slice()) {
        ([], _) if fits.direct.is_empty() => nothing(inputs),
        ([only], []) => format!(
            "There is one architecture, `{}`, and so nothing to compare it with.\n",
            only.arm
        ),
        _ if fits.only_direct() => NO_LAWS.to_owned(),
        (_, comparisons) => comparisons
            .iter()
            .map(|c| format!("- **{}.**\n", c.verdict(inputs.fits.settings.cost)))
            .collect(),
    }
}

/// Why there is neither a law nor a comparison.
fn nothing(inputs: &Inputs<'_>) -> String {
    let mut runs = inputs.runs.iter();
    if runs.any(|run| run.status == RunStatus::Finished) {
        "No two architectures have finished runs at one size and budget, and no budget is in FLOPs, so there is nothing to compare or to fit.\n".to_owned()
    } else {
        "No run has finished, so there is nothing to fit, to compare or to draw.\n".to_owned()
    }
}

/// Loss against time, and on what it was measured.
fn time(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let hardware = seconds::hardware(inputs);
    let mixed = match hardware.as_slice() {
        [] | [_] => String::new(),
        names => format!(
            " Runs were timed on different hardware ({}), whose seconds are not alike.",
            names.join("; ")
        ),
    };
    seconds::FIGURE.shown(figures, &mixed)
}

/// Losses side by side, where runs make no profile.
fn direct(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    if inputs.fits.direct.is_empty() {
        return String::new();
    }
    let figure = direct::FIGURE.shown(figures, "");
    let meaning = "A difference is the mean over seeds of an architecture's loss minus the baseline's at the same seed. \
                   Its interval is Student's over those seeds, each architecture by its own noise and by itself: of \
                   twenty that do not differ, one is expected to seem to. Two or three seeds give wide intervals.";
    let one = |direct: &isoflop_fit::DirectComparison| {
        let (budget, table) = (direct.budget_words(), tables::direct(direct));
        format!("### Size `{}` at {budget}\n\n{table}", direct.size)
    };
    let all: Vec<String> = inputs.fits.direct.iter().map(one).collect();
    format!(
        "## Losses at equal budget and size\n\n{figure}\n{meaning}\n\n{}",
        all.join("\n")
    )
}

fn multipliers(inputs: &Inputs<'_>) -> String {
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
    let meaning = "How many times the compute of the variant the baseline needs for the same loss; above 1 the variant \
                   is the better buy.";
    format!("## Compute multipliers\n\n{meaning}\n\n{}", all.join("\n"))
}

fn profiles(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let figure = profiles::FIGURE.shown(figures, "");
    let meaning = "At each budget the size N* that reaches the least loss L*, with the tokens D* that the budget then \
                   pays for.";
    let one = |arm: &ArmFit| format!("### Profiles of `{}`\n\n{}", arm.arm, tables::profiles(arm));
    let arms: Vec<String> = inputs.fits.arms.iter().map(one).collect();
    format!(
        "## IsoFLOP profiles\n\n{meaning}\n\n{figure}\n{}",
        arms.join("\n")
    )
}

/// A figure with an empty line below it, where there is one.
fn spaced(figure: String) -> String {
    if figure.is_empty() {
        figure
    } else {
        figure + "\n"
    }
}

fn frontiers(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let arms = &inputs.fits.arms;
    let mut text =
        "## Compute-optimal frontiers\n\nL*(C) = E + a·C^-k, with E = 0 by profiles, and N* proportional to C^p.\n\n"
            .to_owned();
    text += &spaced(optima::FIGURE.shown(figures, ""));
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
                "The largest budget, predicted by a frontier through the smaller ones only:\n\n{table}"
            );
        }
        None => {
            text +=
                "No budget was held out: that takes an architecture with three usable profiles.\n"
        }
    }
    text
}

/// What became of the `lr` axis.
fn learning_rates(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let tuned = &inputs.fits.tuned;
    if tuned.is_empty() {
        return String::new();
    }
    let edge = tuned.iter().filter(|tuned| tuned.at_edge()).count();
    let warning = match edge {
        0 => "None lies at the edge of what was tried.".to_owned(),
        _ => format!(
            "{edge} of {} lie at the edge of what was tried: the true optimum may be beyond.",
            tuned.len()
        ),
    };
    let figure = spaced(learning_rate::FIGURE.shown(figures, ""));
    format!(
        "## Tuned learning rates\n\nEach architecture is compared at the best factor (bold) on its rule's learning rate, \
         by the mean loss over seeds. {warning}\n\n{figure}{}",
        tables::learning_rates(tuned)
    )
}

fn left_out(inputs: &Inputs<'_>) -> String {
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
    // The fits name their runs as their caller chose; where they name fewer than there are, the table does it.
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
    format!("## Runs left out\n\n{used} runs are in the fits; these are not:\n\n{lines}\n")
}
