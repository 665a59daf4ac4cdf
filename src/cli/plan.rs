//! `isoflop plan`

use serde_json::{Value, json};

use super::args::PlanArgs;
use super::terminal::Terminal;
use super::{ExitReason, changes, output};
use isoflop_app::{AppError, PlanEstimate, PlanRequest, engine_difference, plan, slots_by_engine};
use isoflop_core::run::{Budget, RunSpec};
use isoflop_core::units::{Flops, bytes, duration, si};
use isoflop_dispatch::coordinator::ResumedRuns;
use isoflop_sweep::{Plan, PlannedRun};

/// Most runs that are listed. Longer plans are shown by arm and budget.
const MOST_ROWS: usize = 60;

pub(super) fn main(args: &PlanArgs) -> Result<ExitReason, AppError> {
    let request = PlanRequest {
        file: args.file.clone(),
        results: args.folders.results.clone(),
        trainer: args.trainer.trainer.clone(),
        calibrate: !args.no_calibration,
    };
    let outlook = plan(&request, &mut Terminal::new())?;
    if args.json {
        output::json(&as_json(&outlook))?;
    } else {
        print(&outlook);
    }
    Ok(ExitReason::Ok)
}

fn print(outlook: &PlanEstimate) {
    let (sweep, resumed) = (&outlook.sweep, &outlook.resumed);
    let runs = &sweep.plan.runs;
    if runs.len() <= MOST_ROWS {
        run_table(outlook);
    } else {
        budget_table(runs, outlook.seconds.as_deref());
    }
    let (count, total, done) = (runs.len(), outlook.flops(), outlook.done());
    output::line("");
    output::paragraph(format!(
        "{count} runs, {total} FLOPs in total; {done} are done"
    ));
    if let Some(saved) = trunk_line(outlook, total) {
        output::paragraph(saved);
    }
    let (train, held_out) = (&sweep.data.train, &sweep.data.validation);
    output::paragraph(format!(
        "text: {} training tokens, {} validation tokens ({} and {} documents)",
        si(train.tokens as f64),
        si(held_out.tokens as f64),
        train.documents,
        held_out.documents
    ));
    print_slots(outlook);
    if let (Some(seconds), Some(left)) = (&outlook.seconds, outlook.seconds_left()) {
        let (left, all) = (duration(left), duration(seconds.iter().sum()));
        output::paragraph(format!(
            "time left: {left} (estimate from a few steps on this machine); {all} of device time in total"
        ));
    }
    output::paragraph(
        "memory and time are estimates; FLOPs count attention in full and the backward pass twice",
    );
    outlook.changes.iter().for_each(changes::print);
    print_damaged(&sweep.plan, resumed);
    sweep.plan.notes.iter().for_each(output::remark);
}

/// Prints the slots of the runs.
fn print_slots(outlook: &PlanEstimate) {
    let (sweep, slots) = (&outlook.sweep, &outlook.slots);
    let mut places: Vec<String> = slots.iter().map(|slot| slot.device.to_string()).collect();
    // All slots of a queue have the same device.
    places.dedup();
    let by = slots_by_engine(&sweep.file.executor.value, slots)
        .map_or_else(String::new, |by| format!(": {by}"));
    let (count, places, threads) = (slots.len(), places.join(", "), slots[0].threads);
    output::paragraph(format!(
        "{count} runs side by side ({places}), {threads} CPU threads each{by}"
    ));
    engine_difference(slots)
        .into_iter()
        .for_each(output::remark);
}

/// Formats the FLOPs that shared trunks save, if there are any.
fn trunk_line(outlook: &PlanEstimate, total: Flops) -> Option<String> {
    let branching = outlook.branches.iter().flatten().count();
    let saved = outlook.flops_saved();
    let part = 100.0 * saved.0 / total.0;
    let spent = Flops(total.0 - saved.0);
    (branching > 0).then(|| {
        format!("trunks: {branching} runs branch from a smaller budget's run; {spent} FLOPs spent, {part:.0}% saved")
    })
}

fn print_damaged(plan: &Plan, resumed: &ResumedRuns) {
    for (run, reason) in &resumed.damaged {
        let label = plan.runs[*run].label();
        output::warning(format!("{label} will be trained again: {reason}"));
    }
    for (run, reason) in &resumed.restored {
        let label = plan.runs[*run].label();
        output::warning(format!(
            "{label}: {reason}; it is restored from the files that its attempt delivered"
        ));
    }
}

/// Warns of damaged runs, and of finished runs that are not in the plan.
pub(super) fn print_unplanned(plan: &Plan, resumed: &ResumedRuns) {
    print_damaged(plan, resumed);
    if !resumed.unwanted.is_empty() {
        let count = resumed.unwanted.len();
        let names = resumed.unwanted[..count.min(4)].join(", ");
        let more = if count > 4 { ", ..." } else { "" };
        output::warning(format!(
            "{count} finished runs in the results are not part of this sweep file; they are kept but not used ({names}{more})"
        ));
    }
}

fn run_table(outlook: &PlanEstimate) {
    let (runs, seconds) = (&outlook.sweep.plan.runs, outlook.seconds.as_deref());
    let tuned = runs.iter().any(|run| run.lr_factor.is_some());
    let rows = runs.iter().enumerate().map(|(i, run)| {
        let spec = &run.spec;
        let mut row = vec![run.arm.clone(), run.size.clone(), spec.seed.to_string()];
        row.extend(tuned.then(|| format!("x{}", run.lr_factor.unwrap_or(1.0))));
        row.extend([
            spec.budget.number(2),
            spec.params_total().to_string(),
            spec.tokens().to_string(),
            spec.steps.to_string(),
            bytes(outlook.memory[i]),
            if outlook.resumed.done[i] {
                "done".to_owned()
            } else {
                output::or_dash(seconds, |seconds| duration(seconds[i]))
            },
        ]);
        row
    });
    let mut header = vec!["arm", "size", "seed"];
    header.extend(tuned.then_some("lr"));
    header.extend([
        budget_unit(runs),
        "params",
        "tokens",
        "steps",
        "memory",
        "time",
    ]);
    output::table(&header, rows, 2);
}

/// Unit of the budgets. All budgets of a sweep are of one kind.
fn budget_unit(runs: &[PlannedRun]) -> &'static str {
    match runs.first().map(|run| run.spec.budget) {
        Some(Budget::Tokens(_)) => "budget (tokens)",
        Some(Budget::TokensPerParam(_)) => "tokens/param",
        Some(Budget::Flops(_)) | None => "FLOPs",
    }
}

fn budget_table(runs: &[PlannedRun], seconds: Option<&[f64]>) {
    let key = |run: &PlannedRun| (run.arm.clone(), run.spec.budget.to_string());
    let mut first = 0;
    let rows = runs.chunk_by(|a, b| key(a) == key(b)).map(|group| {
        let range = |of: fn(&RunSpec) -> f64| {
            let values = group.iter().map(|run| of(&run.spec));
            let least = values.clone().fold(f64::INFINITY, f64::min);
            format!("{} to {}", si(least), si(values.fold(0.0, f64::max)))
        };
        let members = first..first + group.len();
        first = members.end;
        let (arm, budget) = key(&group[0]);
        vec![
            arm,
            budget,
            group.len().to_string(),
            range(|spec| spec.params_total().0 as f64),
            range(|spec| spec.tokens().0 as f64),
            range(|spec| spec.steps as f64),
            output::or_dash(seconds, |seconds| duration(seconds[members].iter().sum())),
        ]
    });
    let header = ["arm", "budget", "runs", "params", "tokens", "steps", "time"];
    output::table(&header, rows, 1);
}

fn as_json(outlook: &PlanEstimate) -> Value {
    let (sweep, slots, resumed) = (&outlook.sweep, &outlook.slots, &outlook.resumed);
    let runs = sweep.plan.runs.iter().enumerate();
    json!({
        "sweep": sweep.plan.name, "baseline": sweep.plan.baseline,
        "runs": runs.map(|(place, run)| run_json(outlook, place, run)).collect::<Vec<_>>(),
        "flops_total": outlook.flops().0, "flops_saved_by_shared_trunks": outlook.flops_saved().0,
        "slots": slots.len(), "threads_per_run": slots[0].threads, "seconds_left_estimate": outlook.seconds_left(),
        "notes": sweep.plan.notes, "finished_runs_not_in_sweep": resumed.unwanted, "changes": outlook.changes,
    })
}

fn run_json(outlook: &PlanEstimate, place: usize, run: &PlannedRun) -> Value {
    let (spec, branch) = (&run.spec, outlook.branches[place]);
    let (params, tokens) = (spec.params_total().0, spec.tokens().0);
    json!({
        "id": run.id, "arm": run.arm, "size": run.size, "seed": spec.seed, "budget": spec.budget,
        "params_total": params, "params_without_embedding": spec.params_without_embedding().0,
        "tokens": tokens, "steps": spec.steps, "flops": spec.flops().0, "flops_6nd": 6.0 * params as f64 * tokens as f64,
        "flops_taken_from_trunk": branch.map_or(0.0, |branch| branch.flops(spec).0),
        "trunk_of": branch.map(|branch| &outlook.sweep.plan.runs[branch.from].id),
        "learning_rate": spec.learning_rate, "lr_factor": run.lr_factor, "batch_tokens": spec.batch_tokens().0,
        "memory_bytes_estimate": outlook.memory[place],
        "seconds_estimate": outlook.seconds.as_ref().map(|seconds| seconds[place]),
        "done": outlook.resumed.done[place],
    })
}
