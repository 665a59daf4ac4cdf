//! `isoflop predict`

use super::next_args::{PredictArgs, PredictBy};
use super::terminal::Terminal;
use super::{ExitReason, output};
use isoflop_app::{AppError, predict, prediction_refusal, study};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::si;
use isoflop_fit::{
    Approach, ArmPredictions, Band, MeasuredRange, PredictedOptimum, PredictedRun,
    PredictionRequest,
};

pub(super) fn main(args: &PredictArgs) -> Result<ExitReason, AppError> {
    let studied = study(&args.study.source(), &mut Terminal::new())?;
    let asked = PredictionRequest {
        flops: args.flops.clone(),
        runs: args.params.zip(args.tokens).into_iter().collect(),
        arm: args.arm.clone(),
        approach: args.approach.map(|by| match by {
            PredictBy::Profiles => Approach::Profiles,
            PredictBy::Surface => Approach::Surface,
        }),
    };
    let settings = args.study.settings(&studied.baseline);
    let predictions = predict(&studied, &settings, &asked)?;
    let refusal = prediction_refusal(&predictions);
    if args.study.json {
        output::json(&predictions)?;
    } else if refusal.is_none() {
        predictions.iter().for_each(print);
        explain(&predictions);
    }
    refusal.map_or(Ok(ExitReason::Ok), Err)
}

fn print(arm: &ArmPredictions) {
    if let Some(reason) = &arm.refused {
        output::paragraph(format!("{}: no prediction: {reason}", arm.arm));
        return;
    }
    let (name, approach, measured) = (&arm.arm, arm.approach.name(), extent(&arm.measured));
    output::paragraph(format!("{name} by {approach}, measured at {measured}"));
    output::line("");
    if !arm.budgets.is_empty() {
        let header = ["FLOPs", "loss", "N*", "D*", "D*/N*", "status"];
        output::table(&header, arm.budgets.iter().flat_map(budget_rows), 0);
    }
    for flops in &arm.out_of_reach {
        output::paragraph(format!(
            "{flops:.2e} FLOPs: no best size between 1 and 1e30 parameters"
        ));
    }
    if !arm.runs.is_empty() {
        let header = ["N", "D", "FLOPs", "loss", "status"];
        output::table(&header, arm.runs.iter().flat_map(run_rows), 0);
    }
    output::line("");
}

fn extent(measured: &MeasuredRange) -> String {
    let [n, d] = [measured.params, measured.tokens]
        .map(|(low, high)| format!("{} to {}", si(low), si(high)));
    let (low, high) = measured.flops;
    format!("{low:.2e} to {high:.2e} FLOPs, {n} parameters, {d} tokens")
}

/// A cell of two lines: an estimate, and its band below.
type Cell = (String, String);

/// Rows of the estimates and of their bands.
fn rows<const N: usize>(cells: [Cell; N]) -> [Vec<String>; 2] {
    let (estimates, bands) = cells.into_iter().unzip();
    [estimates, bands]
}

fn budget_rows(at: &PredictedOptimum) -> [Vec<String>; 2] {
    let flag = if at.size_measured { "" } else { "*" };
    let (size, sizes) = with_band(&at.params, si);
    rows([
        alone(format!("{:.2e}", at.flops)),
        with_band(&at.loss, loss),
        (size + flag, sizes),
        with_band(&at.tokens, si),
        with_band(&at.tokens_per_param, ratio),
        status(at.beyond),
    ])
}

fn run_rows(run: &PredictedRun) -> [Vec<String>; 2] {
    rows([
        alone(si(run.params)),
        alone(si(run.tokens)),
        alone(format!("{:.2e}", run.flops)),
        with_band(&run.loss, loss),
        status(run.beyond),
    ])
}

fn alone(text: String) -> Cell {
    (text, String::new())
}

fn loss(value: f64) -> String {
    format!("{value:.3}")
}

fn ratio(value: f64) -> String {
    if (0.1..99.95).contains(&value) {
        format!("{value:.1}")
    } else {
        si(value.round())
    }
}

fn with_band(band: &Band, show: impl Fn(f64) -> String) -> Cell {
    let below = band.interval.map(|interval| interval.formatted(&show));
    (show(band.value), below.unwrap_or("no band".to_owned()))
}

/// Formats the status: `measured`, or over two lines the factor beyond the measured range.
fn status(beyond: f64) -> Cell {
    if beyond <= 1.0 {
        return alone("measured".to_owned());
    }
    let times = if beyond < 1000.0 {
        format!("{beyond:.1}x")
    } else {
        format!("{beyond:.0e}x")
    };
    (times, "beyond".to_owned())
}

/// Explains the columns, and the limits of the bands.
fn explain(predictions: &[ArmPredictions]) {
    let budgets = || predictions.iter().flat_map(|arm| &arm.budgets);
    let runs = || predictions.iter().flat_map(|arm| &arm.runs);
    let residuals = predictions.iter().filter_map(|arm| arm.residual);
    output::paragraph(format!(
        "estimates, 95% bands below them; loss in {}, N in parameters, D in tokens",
        LOSS_VAL.unit
    ));
    if let Some(residual) = residuals.reduce(f64::max).filter(|most| most.is_finite()) {
        output::paragraph(format!(
            "bands are those of the law; single runs deviate from it by up to {:.1}% of the loss (root mean square)",
            100.0 * residual
        ));
    }
    if budgets().any(|at| !at.size_measured) {
        output::paragraph("* outside the measured sizes");
    }
    if budgets().any(|at| at.beyond > 1.0) || runs().any(|run| run.beyond > 1.0) {
        output::paragraph(
            "beyond the measured range a band is valid only if the law is: it covers noise, not a different form of the law",
        );
    }
}
