//! A study with a known law, L = E + A·N^-α + B·D^-β. The variant has half the FLOPs per token.

use isoflop_core::metrics::Scores;
use isoflop_core::run::Budget;
use isoflop_fit::{
    ExcludedRun, FitSettings, Observation, OptionalMeasurements, Study, StudyFits, fit,
};
use isoflop_table::{CurveRow, RunRow, RunStatus};

pub(super) const SIZES: [u32; 5] = [10_000, 22_000, 48_000, 100_000, 200_000];
pub(super) const BUDGETS: [f64; 3] = [3e10, 1e11, 3e11];

/// The tables of a study, and its fits.
pub(super) struct Example {
    pub(super) fits: StudyFits,
    pub(super) runs: Vec<RunRow>,
    pub(super) curves: Vec<CurveRow>,
}

/// All arms at all sizes and budgets. One run of the last arm has diverged.
pub(super) fn example(arms: &[&str], sizes: &[u32], budgets: &[f64]) -> Example {
    let mut runs = Vec::new();
    for (arm, name) in arms.iter().enumerate() {
        for budget in budgets {
            runs.extend(
                sizes
                    .iter()
                    .map(|size| run(name, if arm == 0 { 6.0 } else { 3.0 }, *size, *budget)),
            );
        }
    }
    runs.extend(arms.last().map(|arm| RunRow {
        scores: None,
        status: RunStatus::Diverged,
        ..run(arm, 3.0, 400_000, 3e10)
    }));
    let curves = runs.iter().flat_map(curve).collect();
    Example {
        fits: fits(&runs),
        runs,
        curves,
    }
}

/// The study of a table's rows.
pub(super) fn fits(runs: &[RunRow]) -> StudyFits {
    let observation = |run: &RunRow| {
        Some(Observation {
            run: run.run_id.clone(),
            arm: run.arm.clone(),
            size: run.size.clone(),
            seed: run.seed,
            budget: run.budget,
            lr_factor: run.lr_factor,
            flops: run.flops,
            params: run.params_total as f64,
            tokens: run.tokens as f64,
            loss: run.loss()?,
            optional: OptionalMeasurements::default(),
        })
    };
    let excluded = |run: &RunRow| ExcludedRun {
        run: run.run_id.clone(),
        reason: run.status.name().to_owned(),
    };
    let study = Study {
        observations: runs.iter().filter_map(observation).collect(),
        excluded: runs
            .iter()
            .filter(|run| run.loss().is_none())
            .map(excluded)
            .collect(),
        ..Study::default()
    };
    fit(
        &study,
        &FitSettings {
            replicates: 400,
            seed: 1,
            ..FitSettings::new("transformer")
        },
    )
}

fn surface(params: f64, tokens: f64) -> f64 {
    1.3 + 20.0 * params.powf(-0.34) + 27.0 * tokens.powf(-0.28)
}

fn run(arm: &str, flops_per_token_and_param: f64, size: u32, budget: f64) -> RunRow {
    let params = f64::from(size);
    let tokens = budget / (flops_per_token_and_param * params);
    // The variant sees twice as many tokens.
    let noise =
        0.006 * (f64::from(size) * 0.37 + budget.ln() * 7.1 + flops_per_token_and_param).sin();
    RunRow {
        run_id: format!("{arm}-{size}-{budget:e}"),
        arm: arm.to_owned(),
        architecture: "{}".to_owned(),
        size: format!("n{size}"),
        d_model: 64,
        layers: 2,
        heads: 4,
        d_head: 16,
        d_ff: 256,
        params_total: u64::from(size),
        params_without_embedding: u64::from(size) * 3 / 4,
        budget_kind: "flops",
        budget: Budget::Flops(budget),
        // As if every run had spent the same tokens itself.
        flops_per_token: (budget / 1e6) as u64,
        flops_per_token_causal_half: (flops_per_token_and_param * params) as u64,
        flops: budget,
        flops_6nd: 6.0 * params * tokens,
        tokens: tokens as u64,
        steps: (tokens / 4096.0) as u64,
        batch_tokens: 4096,
        sequence_length: 128,
        learning_rate: 1e-3,
        lr_factor: 1.0,
        seed: 1,
        status: RunStatus::Finished,
        scores: Some(scores(surface(params, tokens) + noise)),
        eval_tokens: Some(65_536),
        flops_spent: Some(budget),
        train_seconds: Some(budget / 1e10),
        device: Some("cpu".to_owned()),
        threads: Some(1),
        attempt: Some(1),
        hardware: Some("a processor".to_owned()),
        host: Some("a-host".to_owned()),
        git_revision: Some("0123abc".to_owned()),
        isoflop_version: Some("0.1.0".to_owned()),
        libtorch_version: Some("2.11.0".to_owned()),
        loss_train: None,
        trunk_steps: None,
        split_for_memory: None,
        wall_seconds: None,
        startup_seconds: None,
        eval_seconds: None,
        checkpoint_seconds: None,
        tokens_per_second: None,
        flop_per_second: None,
        matrix_flop_per_second: None,
        mfu: None,
        loss_spikes: None,
        peak_memory_bytes: None,
        resumed_from_step: None,
        started_at: None,
    }
}

/// Scores of text with three bytes per token.
pub(super) fn scores(loss: f64) -> Scores {
    Scores::new(loss, loss / 3.0)
}

fn curve(run: &RunRow) -> Vec<CurveRow> {
    let offset = run.loss().map_or(0.0, |loss| {
        loss - surface(run.params_total as f64, run.tokens as f64)
    });
    let row = |i: u32| {
        let share = if i == 0 {
            0.0
        } else {
            0.05f64.powf(1.0 - f64::from(i) / 16.0)
        };
        let tokens = share * run.tokens as f64;
        let loss = if i == 0 {
            5.5
        } else {
            (surface(run.params_total as f64, tokens) + offset).min(5.0)
        };
        CurveRow {
            run_id: run.run_id.clone(),
            arm: run.arm.clone(),
            size: run.size.clone(),
            budget: run.budget,
            seed: run.seed,
            step: (share * run.steps as f64).ceil() as u64,
            tokens: tokens as u64,
            flops: share * run.flops,
            loss_train: None,
            scores: scores(loss),
            learning_rate: 1e-3,
            grad_norm: None,
            update_norm: None,
            train_seconds: 0.0,
        }
    };
    (0..=16).map(row).collect()
}
