//! What was asked for while no coordinator ran.

use super::log::sweep_span;
use super::resume::{ResumeError, TakenUp, resume};
use super::schedule::{RunIndex, asked};
use crate::exchange::dropped;
use crate::executor::unwant;
use crate::store::{Change, Lease, LeaseChange, Request, RequestKind};
use isoflop_core::run::{AttemptDir, SweepDir};
use isoflop_sweep::Plan;
use tracing::info;

/// Carries out the requests that lie in the store of a sweep, whose lock is held, and starts nothing.
///
/// # Errors
/// [`ResumeError`].
pub fn carry_out(sweep: &SweepDir, plan: &Plan) -> Result<(), ResumeError> {
    let TakenUp {
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
            stop(&request, &sweep.run(id).attempt(lease.attempt), lease);
            continue;
        }
        if let Some(wanted) = asked(record, request.kind) {
            *record = wanted.clone();
            changes.push(Change {
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

/// Asks an attempt to end that an engine has: the next coordinator sees it end, and answers.
fn stop(request: &Request, attempt: &AttemptDir, lease: Lease) {
    let told = unwant(attempt);
    let (run, attempt) = (&request.run, lease.attempt);
    info!(run, attempt, told = told.is_ok(), "asked to stop");
    dropped(told, "an attempt was not told to end");
}

/// The run that a request is about, or the answer where the plan has no such run.
pub(super) fn run_of(plan: &Plan, request: &Request) -> Result<RunIndex, (i64, String)> {
    let mut runs = plan.runs.iter();
    runs.position(|run| run.id.as_str() == request.run)
        .ok_or_else(|| (request.id, "not a run of this sweep".to_owned()))
}
