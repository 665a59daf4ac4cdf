//! Methods and provenance of the numbers, for readers who check them.

use super::ReportInputs;
use super::tables::table;
use isoflop_core::units::{duration, si};
use isoflop_fit::{CostAxis, FitSettings, ParameterCounting, StudyFits};
use isoflop_table::{RunRow, RunStatus};

/// The section "Methods and provenance".
pub(super) fn section(inputs: &ReportInputs<'_>) -> String {
    let ended: Vec<&RunRow> = inputs
        .runs
        .iter()
        .filter(|run| run.status != RunStatus::Missing)
        .collect();
    let mut text = format!(
        "## Methods and provenance\n\n{}\n",
        conventions(inputs.fits)
    );
    let command = inputs.command;
    text += &format!("This command reproduces the report:\n\n    {command}\n\n");
    text += &cost(inputs.runs, &ended);
    if !ended.is_empty() {
        text += &format!("\n{}", programs(&ended));
    }
    text
}

/// Meaning of the numbers, and the methods of those in this report.
fn conventions(fits: &StudyFits) -> String {
    let mut text = counts(&fits.settings);
    if !fits.only_direct() {
        text += &laws(&fits.settings);
    }
    if !fits.direct.is_empty() {
        text += DIFFERENCES;
    }
    text
}

fn counts(settings: &FitSettings) -> String {
    let params = match settings.count {
        ParameterCounting::Total => {
            "`params_total`: all trained parameters, a tied embedding counted once"
        }
        ParameterCounting::WithoutEmbedding => {
            "`params_without_embedding`: all trained parameters except the embedding"
        }
    };
    let cost = match settings.cost {
        CostAxis::Flops => EXACT,
        CostAxis::SixNd => {
            "6·N·D (Kaplan et al., arXiv:2001.08361), not the exact count of FLOPs, which is a column of the table (`flops`)"
        }
        CostAxis::DeviceSeconds => {
            "seconds in training steps times devices; runs that continued from a trunk are left out"
        }
    };
    format!(
        "\
- **Parameters.** N is {params}.
- **Compute.** C is {cost}.
- **Loss.** L is the mean over the held-out text at the end of a run, nats/token.
"
    )
}

const EXACT: &str = "the exact count of training FLOPs from the shapes: a multiply-add is two, attention is counted in full (not \
                     halved for the causal mask), the backward pass counts as twice the forward pass. The approximation 6ND is a column of the \
                     table (`flops_6nd`) and is used only where it is named";

const DIFFERENCES: &str = "\
- **Differences.** Runs of one budget, size and seed share the order of the text and the initial weights of the parts \
that they have in common, so that the difference of two runs varies less than either. Its 95% interval uses Student's t \
distribution over the seeds.
";

fn laws(settings: &FitSettings) -> String {
    let FitSettings {
        replicates,
        seed,
        extrapolate,
        ..
    } = settings;
    let beyond = if *extrapolate {
        "reported, and marked as extrapolated"
    } else {
        "refused"
    };
    format!(
        "\
- **Profiles.** At each budget, a parabola of L in log N (approach 2 of Hoffmann et al., arXiv:2203.15556), with equal \
weights for all runs. It is biased on wide or off-centre grids when the exponents of N and D differ \
(arXiv:2603.22339).
- **Frontiers.** L*(C) = a·C^-k and N* proportional to C^p, fitted by least squares in logarithms to the optima of the \
profiles. This form (So et al., arXiv:2109.08668) has no irreducible loss, so it is valid over the measured compute \
and biased far beyond it.
- **Surfaces.** L = E + A·N^-α + B·D^-β (approach 3 of Hoffmann et al.), fitted to all runs of an arm, with all five \
parameters at or above zero. If the profiles give no frontier, the best N for each C on the surface gives one, with the \
surface's E.
- **Multiplier.** Compute of the baseline divided by compute of the variant at equal loss, on the two fitted \
frontiers. Outside the losses measured in both arms it is {beyond}.
- **Intervals.** 95%, from a Bayesian bootstrap over runs ({replicates} replicates, seed {seed}), paired: arms share \
the weight of a (size, budget, seed). They are widened for the parameters of the parabolas and for the small number of \
runs. In simulated studies of the quickstart's size, drawn from a known law, 91 to 95% of them contain the true value. They \
cover the noise of the runs, not the bias of the functional form.
"
    )
}

fn cost(runs: &[RunRow], ended: &[&RunRow]) -> String {
    let count = |status: RunStatus| runs.iter().filter(|run| run.status == status).count();
    let spent: f64 = ended.iter().filter_map(|run| run.flops_spent).sum();
    let tokens: u64 = ended.iter().filter_map(|run| run.tokens_spent()).sum();
    let seconds: f64 = ended.iter().filter_map(|run| run.train_seconds).sum();
    let said_of = |is_one: fn(&RunRow) -> bool, words: &str| {
        let count = ended.iter().filter(|run| is_one(run)).count();
        (count > 0).then(|| format!(" {count} runs {words}"))
    };
    let shared = said_of(
        |run| run.trunk_steps.is_some(),
        "continued from the trunk of a smaller budget, whose cost is counted once, in the run that trained it.",
    );
    let split = said_of(
        |run| run.split_for_memory.is_some(),
        "ran out of memory and were trained in smaller passes (`split_for_memory`), so the last bits of their results differ \
         from those of their specs.",
    );
    format!(
        "{} runs were planned: {} finished, {} diverged, {} missing. The runs with an outcome spent {spent:.3e} training \
         FLOPs on {} tokens, and {} ({seconds:.0} s) of device time in training steps.{}{}\n",
        runs.len(),
        count(RunStatus::Finished),
        count(RunStatus::Diverged),
        count(RunStatus::Missing),
        si(tokens as f64),
        duration(seconds),
        shared.unwrap_or_default(),
        split.unwrap_or_default()
    )
}

fn programs(ended: &[&RunRow]) -> String {
    let row = |name: &str, of: fn(&RunRow) -> Option<String>| {
        let mut values: Vec<String> = ended.iter().filter_map(|run| of(run)).collect();
        values.sort();
        values.dedup();
        vec![name.to_owned(), values.join(", ")]
    };
    let rows = [
        row("isoflop", |run| run.isoflop_version.clone()),
        row("git revision", |run| run.git_revision.clone()),
        row("libtorch", |run| run.libtorch_version.clone()),
        row("host", |run| run.host.clone()),
        row("hardware", |run| run.hardware.clone()),
        row("device", |run| run.device.clone()),
        row("CPU threads per run", |run| Some(run.threads?.to_string())),
    ];
    table(&["provenance", "value"], rows)
}
