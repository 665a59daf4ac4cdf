//! `isoflop status`

use super::args::SweepArgs;
use super::sweep::recorded;
use super::{Exit, Failed, output};
use crate::table::{RunRow, RunStatus, collect};

pub(super) fn main(args: &SweepArgs) -> Result<Exit, Failed> {
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let runs = collect(&dir, &plan).runs;
    if args.json {
        let rows: Vec<_> = runs.iter().map(json).collect();
        output::json(&rows)?;
        return Ok(Exit::Ok);
    }
    output::line(output::table(
        &["arm", "size", "seed", "budget", "status", "loss", "run"],
        runs.iter().map(row).collect(),
        2,
    ));
    let count = |status| runs.iter().filter(|run| run.status == status).count();
    output::line(format!(
        "\n{}: {} of {} runs finished, {} diverged, {} to do; loss is validation loss in nats/token",
        plan.name,
        count(RunStatus::Finished),
        runs.len(),
        count(RunStatus::Diverged),
        count(RunStatus::Missing)
    ));
    Ok(Exit::Ok)
}

fn row(run: &RunRow) -> Vec<String> {
    let loss = run.loss_val.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"));
    vec![
        run.arm.clone(),
        run.size.clone(),
        run.seed.to_string(),
        format!("{:.2e}", run.budget),
        run.status.name().to_owned(),
        loss,
        run.run_id.clone(),
    ]
}

fn json(run: &RunRow) -> serde_json::Value {
    serde_json::json!({
        "id": run.run_id, "arm": run.arm, "size": run.size, "seed": run.seed, "budget": run.budget,
        "budget_kind": run.budget_kind, "status": run.status.name(), "loss_val": run.loss_val,
    })
}
