//! What was asked for while no coordinator ran.

use super::log::sweep_span;
use super::resume::{ResumeError, TakenUp, resume};
use super::schedule::{RunIndex, asked};
use crate::executor::{dropped, unwant};
use crate::store::{Change, Record, RequestKind};
use isoflop_core::run::SweepDir;
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
    let (mut changed, mut answers): (Vec<RunIndex>, Vec<_>) = (Vec::new(), Vec::new());
    for request in store.requests()? {
        let Some(run) = plan
            .runs
            .iter()
            .position(|run| run.id.as_str() == request.run)
        else {
            answers.push((request.id, "not a run of this sweep".to_owned()));
            continue;
        };
        let record: &mut Record = &mut resumed.records[run];
        if let (RequestKind::Cancel, Some(lease)) = (request.kind, record.state.lease()) {
            // An engine has it: it is asked to end, and the next coordinator sees it end, and answers.
            let attempt = sweep.run(&plan.runs[run].id).attempt(lease.attempt);
            let told = unwant(&attempt);
            info!(
                run = request.run,
                attempt = lease.attempt,
                told = told.is_ok(),
                "asked to stop"
            );
            dropped(told, "an attempt was not told to end");
            continue;
        }
        if let Some(wanted) = asked(record, request.kind) {
            *record = wanted;
            changed.push(run);
        }
        info!(
            run = request.run,
            request = request.kind.name(),
            state = record.state.name(),
            "request carried out"
        );
        answers.push((request.id, record.state.name().to_owned()));
    }
    let changes = changed.iter().map(|run| {
        let record = &resumed.records[*run];
        Change::Free {
            run: &plan.runs[*run].id,
            record,
            loss: resumed.losses[*run],
        }
    });
    store.write(&changes.collect::<Vec<_>>())?;
    store.answer(&answers)?;
    Ok(store.close()?)
}
