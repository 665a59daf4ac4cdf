//! Requests made while no coordinator ran.

use super::log::sweep_span;
use super::resume::{ResumeError, ResumedSweep, resume};
use super::schedule::{RunIndex, asked};
use crate::exchange::dropped;
use crate::executor::request_stop;
use crate::store::{Lease, LeaseChange, RequestKind, RunChange, UserRequest};
use isoflop_core::run::{AttemptDir, SweepDir};
use isoflop_sweep::Plan;
use tracing::info;

/// Carries out the requests in the store of a sweep, and starts nothing. The caller holds the lock.
///
/// # Errors
/// [`ResumeError`].
pub fn carry_out(sweep: &SweepDir, plan: &Plan) -> Result<(), ResumeError> {
    let ResumedSweep {
        mut resumed,
        mut store,
        ..
    } = resume(sweep, plan)?;
    let _span = sweep_span(sweep).entered();
    let (mut changes, mut answers) = (Vec::new(), Vec::new());
    for request in store.requests()? {
        let known = run_of(plan, &request);
        let Ok(run) = known.map_err(|answer| answers.push(answer)) else {
            continue;
        };
        let (id, record) = (&plan.runs[run].id, &mut resumed.records[run]);
        if let (RequestKind::Cancel, Some(lease)) = (request.kind, record.state.lease()) {
            stop_engine_attempt(&request, &sweep.run(id).attempt(lease.attempt), lease);
            continue;
        }
        if let Some(wanted) = asked(record, request.kind) {
            *record = wanted.clone();
            changes.push(RunChange {
                run: id.clone(),
                record: wanted,
                lease: LeaseChange::Absent(resumed.losses[run]),
            });
        }
        let (run, state) = (&request.run, record.state.name());
        let kind = request.kind.name();
        info!(run, request = kind, state, "request carried out");
        answers.push((request.id, state.to_owned()));
    }
    store.write(&changes)?;
    store.answer(&answers)?;
    Ok(store.close()?)
}

/// Asks an engine's attempt to stop. The next coordinator sees its end, and answers the request.
fn stop_engine_attempt(request: &UserRequest, attempt: &AttemptDir, lease: Lease) {
    let told = request_stop(attempt);
    let (run, attempt) = (&request.run, lease.attempt);
    info!(run, attempt, told = told.is_ok(), "asked to stop");
    dropped(told, "failed to ask an attempt to stop");
}

/// Finds the run of a request. The error is the answer to a request for a run that is not in the
/// plan.
pub(super) fn run_of(plan: &Plan, request: &UserRequest) -> Result<RunIndex, (i64, String)> {
    let mut runs = plan.runs.iter();
    runs.position(|run| run.id.as_str() == request.run)
        .ok_or_else(|| (request.id, "not a run of this sweep".to_owned()))
}
