//! Carrying out what the schedule decides: the store first, then processes and files.

mod active;
mod driver;
mod judge;
mod launch;
mod ledger;
mod observer;
mod options;
mod summary;
mod trace;

use super::log::sweep_span;
use super::resume::TakenUp;
use super::schedule::{Facts, RunIndex, State};
use super::trunks::with_followers;
use driver::Driver;
use isoflop_core::run::SweepDir;
use isoflop_sweep::{Plan, PlannedRun};
pub use observer::{DiskRoom, Observer};
pub use options::Options;
pub use summary::{DriveError, Summary};
use tracing::Instrument;

/// Carries out a plan: every run that waits is trained and committed.
///
/// # Errors
/// [`DriveError`]; what ran was stopped, and left checkpoints. A run's failure is no error: it stands in the summary.
pub fn drive(
    sweep: &SweepDir,
    plan: &Plan,
    taken_up: TakenUp,
    options: Options,
    observer: &mut dyn Observer,
) -> Result<Summary, DriveError> {
    // One thread: a trainer dies with the thread that started it, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let TakenUp {
        resumed,
        mut store,
        held,
        ..
    } = taken_up;
    let attempt = |run: RunIndex| resumed.records[run].attempts;
    let leases = held
        .into_iter()
        .map(|(run, fence)| (run, (attempt(run), fence)))
        .collect();
    let state = State::new(
        resumed.records,
        facts(plan, &options),
        options.machine.clone(),
        options.policy,
    );
    let driver = Driver::new(sweep, plan, &mut store, leases, options, observer);
    let driven = driver.run(state).instrument(sweep_span(sweep));
    let summary = runtime.block_on(driven)?;
    store.close()?;
    Ok(summary)
}

fn facts(plan: &Plan, options: &Options) -> Vec<Facts> {
    let worth = with_followers(&options.costs, &options.branches);
    let fact = |(i, run): (usize, &PlannedRun)| Facts {
        worth: worth[i],
        memory: options.memory[i],
        after: options.branches[i].map(|branch| branch.from),
        priority: run.priority,
        splits: launch::split_pass(&run.spec).is_some(),
        // The identity is a hash: as good as random, and the same every time.
        jitter: u64::from_str_radix(run.id.as_str(), 16).unwrap_or(i as u64),
    };
    plan.runs.iter().enumerate().map(fact).collect()
}
