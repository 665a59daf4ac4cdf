//! The page, section by section, in the order a reader asks: which is better, by how much, where from, how sure.

use super::tables::figure;
use super::{Inputs, provenance, seconds, soundness, surfaces, tables};
use isoflop_fit::ArmFit;
use isoflop_table::RunStatus;

/// All of `report.md`; `figures` are the names of those that were drawn.
pub(super) fn page(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let sections = [
        format!("# Scaling-law report: `{}`\n", inputs.sweep),
        verdicts(inputs),
        soundness::doubts(inputs.fits),
        figure(
            figures,
            "frontier",
            "Loss against compute",
            "Lower is better. Large markers are the optima of the profiles with their 95% intervals, solid lines the \
             fitted frontiers over the compute they were measured at (dashed beyond), small points the final losses \
             of all runs, the thin stairs the best of them so far. The double arrow is the compute multiplier: both \
             ends have the same loss.",
        ),
        direct(inputs, figures),
        multipliers(inputs),
        profiles(inputs, figures),
        frontiers(inputs, figures),
        surfaces::section(inputs, figures),
        figure(
            figures,
            "multiplier",
            "Compute multiplier against the compute of the baseline, and against the loss",
            "Above 1 the variant needs less compute for the same loss. The band is the 95% interval at each compute. The small \
             markers right of the headline are what other approaches say at its compute.",
        ),
        soundness::section(inputs),
        time(inputs, figures),
        figure(
            figures,
            "curves",
            "Training curves",
            "Validation loss during training, one line a run, both axes logarithmic. Diverged runs are \
             cut off where they leave the range of the others.",
        ),
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
    if inputs
        .runs
        .iter()
        .any(|run| run.status == RunStatus::Finished)
    {
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
    let caption = format!(
        "Seconds in training steps, without start-up, evaluation and checkpoints, of the runs that trained all of their steps \
         themselves. The stairs are the best run so far of each architecture.{mixed}"
    );
    figure(figures, "seconds", "Loss against device time", &caption)
}

/// Losses side by side, where runs make no profile.
fn direct(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    if inputs.fits.direct.is_empty() {
        return String::new();
    }
    let figure = figure(
        figures,
        "direct",
        "Differences of the loss from the baseline",
        "Left of the dashed line an architecture is better than the baseline. Large dots are means over the seeds \
         that both have, lines their 95% intervals, small dots the seeds.",
    );
    let meaning = "A difference is the mean over seeds of an architecture's loss minus the baseline's at the same seed. \
                   Its interval is Student's over those seeds, each architecture by its own noise and by itself: of \
                   twenty that do not differ, one is expected to seem to. Two or three seeds give wide intervals.";
    let one = |direct: &isoflop_fit::DirectComparison| {
        format!(
            "### Size `{}` at {}\n\n{}",
            direct.size,
            direct.budget_words(),
            tables::direct(direct)
        )
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
    if inputs.fits.arms.is_empty() || inputs.fits.only_direct() {
        return String::new();
    }
    let figure = figure(
        figures,
        "profiles",
        "IsoFLOP profiles",
        "Runs of one colour spent the same compute. The parabolas are drawn over the measured sizes; a diamond is an \
         optimum, hollow where it is extrapolated and still in sight. The panels share the loss axis.",
    );
    let meaning = "At each budget the size N* that reaches the least loss L*, with the tokens D* that the budget then \
                   pays for.";
    let one = |arm: &ArmFit| format!("### Profiles of `{}`\n\n{}", arm.arm, tables::profiles(arm));
    let arms: Vec<String> = inputs.fits.arms.iter().map(one).collect();
    format!(
        "## IsoFLOP profiles\n\n{meaning}\n\n{figure}\n{}",
        arms.join("\n")
    )
}

fn optima(figures: &[&str]) -> String {
    let figure = figure(
        figures,
        "optima",
        "Best size, tokens and tokens per parameter against compute",
        "Markers are the optima of the profiles with their 95% intervals, lines the power law of N* over the compute it was \
         measured at; D* is what the compute pays for at N*.",
    );
    if figure.is_empty() {
        figure
    } else {
        figure + "\n"
    }
}

fn frontiers(inputs: &Inputs<'_>, figures: &[&str]) -> String {
    let arms = &inputs.fits.arms;
    if arms.is_empty() || inputs.fits.only_direct() {
        return String::new();
    }
    let mut text =
        "## Compute-optimal frontiers\n\nL*(C) = E + a·C^-k, with E = 0 by profiles, and N* proportional to C^p.\n\n"
            .to_owned();
    text += &optima(figures);
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
    let figure = figure(
        figures,
        "learning_rate",
        "Loss against the factor on the learning rate",
        "One line a size and budget, the mean over seeds; the best factor is filled.",
    );
    let figure = if figure.is_empty() {
        figure
    } else {
        figure + "\n"
    };
    format!(
        "## Tuned learning rates\n\nEach architecture is compared at the best factor (bold) on its rule's learning rate, \
         by the mean loss over seeds. {warning}\n\n{figure}{}",
        tables::learning_rates(tuned)
    )
}

fn left_out(inputs: &Inputs<'_>) -> String {
    let excluded = &inputs.fits.excluded;
    let mut lines: Vec<String> = excluded
        .iter()
        .map(|e| format!("- `{}`: {}", e.run, e.reason))
        .collect();
    let unfinished: Vec<_> = inputs
        .runs
        .iter()
        .filter(|run| run.status != RunStatus::Finished)
        .collect();
    // The fits name their runs as their caller chose; where they name fewer than there are, the table does it.
    if excluded.len() < unfinished.len() {
        lines.extend(unfinished.iter().map(|run| {
            let (arm, size, seed) = (&run.arm, &run.size, run.seed);
            format!(
                "- `{}` ({arm}, {size}, {:.2e} FLOPs, seed {seed}): {}",
                run.run_id,
                run.flops,
                run.status.name()
            )
        }));
    }
    if lines.is_empty() {
        return "## Runs left out\n\nNone.\n".to_owned();
    }
    let used = inputs.fits.runs_used;
    format!(
        "## Runs left out\n\n{used} runs are in the fits; these are not:\n\n{}\n",
        lines.join("\n")
    )
}
