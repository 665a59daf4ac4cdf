//! Events of a drive as JSON lines on standard output: `isoflop run --json`. docs/command-line.md
//! lists them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::output;
use isoflop_app::Session;
use isoflop_core::run::{EventKind, Outcome, TrainerEvent};
use isoflop_dispatch::coordinator::{DiskRoom, Observer};
use isoflop_dispatch::store::{AttemptFailure, RunRecord};
use isoflop_sweep::PlannedRun;

/// Prints each event as it happens.
pub(super) struct JsonEvents;

impl JsonEvents {
    pub(super) fn new(session: &Session) -> Self {
        let (plan, done) = (&session.plan, session.done());
        let slots = session.options.slots.iter();
        let devices: Vec<String> = slots.map(|slot| slot.device.to_string()).collect();
        print_event(
            "sweep_started",
            json!({ "sweep": plan.name, "runs": plan.runs.len(), "done": done, "slots": devices }),
        );
        Self
    }
}

impl Observer for JsonEvents {
    fn started(&mut self, slot: usize, run: &PlannedRun, attempt: u32, waits: bool) {
        let more = json!({ "slot": slot, "attempt": attempt, "waits": waits });
        print_run_event("run_started", run, more);
    }

    fn began(&mut self, slot: usize, run: &PlannedRun) {
        print_run_event("run_began", run, json!({ "slot": slot }));
    }

    fn advanced(&mut self, slot: usize, run: &PlannedRun, event: &TrainerEvent) {
        let (step, loss_train, loss_val) = match &event.kind {
            EventKind::Started { .. } => (0, None, None),
            EventKind::Heartbeat { step, loss_train } => (*step, *loss_train, None),
            EventKind::Evaluated(point) => {
                (point.step, point.loss_train, Some(point.scores.loss_val))
            }
        };
        let steps = run.spec.steps;
        let more = json!({ "slot": slot, "step": step, "steps": steps, "loss_train": loss_train, "loss_val": loss_val });
        print_run_event("run_advanced", run, more);
    }

    fn committed(&mut self, slot: usize, run: &PlannedRun, outcome: &Outcome) {
        let more = json!({ "slot": slot, "attempt": outcome.attempt, "loss_val": outcome.loss(), "seconds": outcome.wall_seconds });
        let event = match outcome.loss() {
            Some(_) => "run_done",
            None => "run_diverged",
        };
        print_run_event(event, run, more);
    }

    fn failed(
        &mut self,
        slot: usize,
        run: &PlannedRun,
        failure: &AttemptFailure,
        record: &RunRecord,
    ) {
        let more = json!({
            "slot": slot, "attempt": record.attempts, "failure": failure.class.name(), "message": failure.message,
            "state": record.state.name(),
        });
        print_run_event("attempt_failed", run, more);
    }

    fn changed(&mut self, run: &PlannedRun, record: &RunRecord) {
        print_run_event("run_changed", run, json!({ "state": record.state.name() }));
    }

    fn disk(&mut self, room: DiskRoom) {
        let more = json!({ "free_bytes": room.free, "reserve_bytes": room.reserve });
        print_event(
            if room.is_low() {
                "disk_low"
            } else {
                "disk_free"
            },
            more,
        );
    }

    fn outage(&mut self, engine: &str, words: &str, is_over: bool) {
        let more = json!({ "engine": engine, "message": words });
        print_event(
            if is_over {
                "engine_well"
            } else {
                "engine_trouble"
            },
            more,
        );
    }

    fn tick(&mut self) {}

    fn interrupted(&mut self, again: bool) {
        print_event("interrupted", json!({ "again": again }));
    }
}

/// Prints an event of a run: the fields that every such event has, and `more`.
fn print_run_event(event: &str, run: &PlannedRun, more: Value) {
    let run = json!({ "run": run.id, "arm": run.arm, "size": run.size, "seed": run.spec.seed });
    print_event(event, merged(run, more));
}

fn print_event(event: &str, more: Value) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = since.map_or(0.0, |since| since.as_secs_f64());
    let value = merged(json!({ "event": event, "time": time }), more);
    output::line(value.to_string());
}

/// Merges the fields of two objects.
fn merged(mut value: Value, more: Value) -> Value {
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}
